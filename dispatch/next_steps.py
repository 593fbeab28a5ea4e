"""What a deadline that came does to an alarm: pure decisions, without a clock and without a database."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.policies import Policy, PolicyStep, Target
from schemas.events import EventKind
from schemas.states import AlarmState

TEST_PAUSE: Final = timedelta(hours=1)
"""A test alarm bothers nobody else; it is only looked at again after this time."""
LATE: Final = timedelta(seconds=5)
"""A new round that would have begun longer ago than this begins now: nobody is called three times in one second because
no engine lived for a while."""


@dataclass(frozen=True)
class Standing:
    """What of an alarm decides: its state and deadline, how far it was escalated, since when the steps' seconds are
    counted (None before the first), and the words under which somebody was called."""

    state: AlarmState
    due_at: datetime
    due_reason: str
    is_test: bool
    position: int = 0
    round: int = 0
    counted_from: datetime | None = None
    level: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """What becomes of the alarm; `event` None changes only the deadline. `calls` are to be called, `planned_at` is when
    the policy says so. `restarts` takes the acknowledgement back, and another policy may be chosen. `skippable`: there
    is a further step, to be taken at once where this one calls nobody."""

    state: AlarmState
    due_at: datetime | None
    due_reason: str | None
    event: EventKind | None
    position: int = 0
    round: int = 0
    counted_from: datetime | None = None
    level: int = 0
    words: tuple[str, ...] = ()
    calls: tuple[Target, ...] = ()
    planned_at: datetime | None = None
    restarts: bool = False
    skippable: bool = False


def word_of(target: Target) -> str:
    """Under which word the cards say that a target was called."""
    match target.kind:
        case "seat":
            return "seat" if target.number == 1 else "second_seat"
        case "role":
            return target.role or "operator"
        case "contact":
            return "family"
        case kind:
            return kind


def next_step(alarm: Standing, policy: Policy, stale: timedelta, now: datetime) -> Step:
    """Decide what happens to an alarm whose deadline has come; `stale` is its severity's time without progress."""
    match alarm.due_reason:
        case "close":
            return _as_it_was(alarm, "closed", None, None, "alarm.closed")
        case "confirm":
            return _afresh(alarm.due_at, "alarm.confirmed")
        case "unshelve":
            return replace(_afresh(now, "alarm.unshelved"), restarts=True)
        case "escalate" if alarm.is_test:
            return _as_it_was(alarm, "raised", now + TEST_PAUSE, "escalate", None)
        case "escalate":
            return _escalated(alarm, policy, stale, now)
        case _ if alarm.state == "raised":
            return _rung_again(alarm, policy, stale, now)
        case _:
            return replace(_afresh(now, "alarm.realarmed"), restarts=True)


def goes_on(step: Step, now: datetime) -> Step:
    """The same step when it called nobody, or nobody who can be reached: the one after it is due now."""
    return replace(step, due_at=now) if step.skippable else step


def _as_it_was(
    alarm: Standing, state: AlarmState, due_at: datetime | None, due_reason: str | None, event: EventKind | None
) -> Step:
    return Step(
        state, due_at, due_reason, event, alarm.position, alarm.round, alarm.counted_from, alarm.level, alarm.words
    )


def _afresh(due_at: datetime, event: EventKind) -> Step:
    return Step("raised", due_at, "escalate", event)


def _escalated(alarm: Standing, policy: Policy, stale: timedelta, now: datetime) -> Step:
    above = [step for step in policy.steps if step.position > alarm.position]
    if alarm.counted_from is not None and above:
        return _taken(alarm, policy, alarm.counted_from, above, alarm.round, stale, now)
    if not policy.steps:
        return _rung_again(alarm, policy, stale, now)
    if alarm.counted_from is None:
        return _begun(alarm, policy, alarm.due_at, 0, stale, now)
    if alarm.round >= policy.repeats:
        return _rung_again(alarm, policy, stale, now)
    start = alarm.due_at if now - alarm.due_at <= LATE else now
    return _begun(alarm, policy, start, alarm.round + 1, stale, now)


def _begun(alarm: Standing, policy: Policy, start: datetime, round_: int, stale: timedelta, now: datetime) -> Step:
    """A round begins: with its first step, if that is due already."""
    first = start + timedelta(seconds=policy.steps[0].after_seconds)
    if first <= now:
        return _taken(alarm, policy, start, list(policy.steps), round_, stale, now)
    return Step("raised", first, "escalate", "alarm.planned", 0, round_, start, alarm.level, alarm.words)


def _taken(
    alarm: Standing,
    policy: Policy,
    start: datetime,
    above: list[PolicyStep],
    round_: int,
    stale: timedelta,
    now: datetime,
) -> Step:
    step, further = above[0], above[1:]
    due_at, due_reason = _after(policy, step, further, start, round_, stale, now)
    first_call = step.after_seconds == 0 and round_ == 0
    return Step(
        "raised",
        due_at,
        due_reason,
        "alarm.summoned" if first_call else "alarm.escalated",
        step.position,
        round_,
        start,
        max(alarm.level, sum(1 for one in policy.steps if one.position <= step.position and one.after_seconds > 0)),
        alarm.words if first_call else _joined(alarm.words, step.targets),
        step.targets,
        start + timedelta(seconds=step.after_seconds),
        skippable=bool(further),
    )


def _after(
    policy: Policy,
    step: PolicyStep,
    further: list[PolicyStep],
    start: datetime,
    round_: int,
    stale: timedelta,
    now: datetime,
) -> tuple[datetime, str]:
    if further:
        return start + timedelta(seconds=further[0].after_seconds), "escalate"
    if round_ < policy.repeats:
        return start + timedelta(seconds=step.after_seconds + policy.repeat_seconds), "escalate"
    return now + stale, "realarm"


def _rung_again(alarm: Standing, policy: Policy, stale: timedelta, now: datetime) -> Step:
    """The steps are at their end and nobody answers: whom the last one calls is called again, for ever."""
    last = policy.steps[-1].targets if policy.steps else ()
    step = _as_it_was(alarm, "raised", now + stale, "realarm", "alarm.realarmed")
    return replace(step, round=alarm.round + 1, calls=last, planned_at=alarm.due_at)


def _joined(words: tuple[str, ...], targets: tuple[Target, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*words, *map(word_of, targets))))


def describe(step: Step) -> dict[str, Any]:
    """What the timeline says of a step that calls somebody."""
    planned_at = step.planned_at.isoformat() if step.planned_at else None
    return {
        "position": step.position,
        "round": step.round,
        "level": step.level,
        "roles": list(step.words),
        "due_at": planned_at,
    }
