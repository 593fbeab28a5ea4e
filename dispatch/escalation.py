"""Deadlines that came: falls confirmed, unanswered alarms escalated, stale ones raised again, old ones closed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter

from dispatch.alarms import record
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement
from schemas.states import AlarmState

TEST_PAUSE: Final = timedelta(hours=1)
"""A test alarm bothers nobody else; it is only looked at again after this time."""


@dataclass(frozen=True)
class Level:
    """One step of the escalation chain, in seconds after the alarm was raised."""

    level: int
    after_seconds: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """What a deadline that came does to an alarm; `event` None changes only the deadline."""

    state: AlarmState
    due_at: datetime | None
    due_reason: str | None
    level: int
    roles: tuple[str, ...]
    event: EventKind | None
    restarts: bool = False


@dataclass(frozen=True)
class Policy:
    """What holds for a severity; `chain` rises by level, may have gaps, and may be empty."""

    first: timedelta
    """From the alarm to its first escalation."""
    stale: timedelta
    """Without progress for this long it rings again."""
    chain: tuple[Level, ...]


def next_step(alarm: Row, policy: Policy, now: datetime) -> Step:
    """Decide what happens to an alarm whose deadline has come; pure.

    `alarm` has state, due_at, due_reason, escalation_level, escalation_roles, is_test; `policy` is its severity's.
    """
    level, roles = int(alarm["escalation_level"]), tuple(alarm["escalation_roles"])
    match alarm["due_reason"]:
        case "close":
            return Step("closed", None, None, level, roles, "alarm.closed")
        case "confirm":
            return Step("raised", alarm["due_at"] + policy.first, "escalate", 0, (), "alarm.confirmed")
        case "escalate" if alarm["is_test"]:
            return Step("raised", now + TEST_PAUSE, "escalate", level, roles, None)
        case "escalate" if any(step.level > level for step in policy.chain):
            return _escalated(alarm["due_at"], level, policy, now)
        case _ if alarm["state"] == "raised":
            return Step("raised", now + policy.stale, "realarm", level, roles, "alarm.realarmed")
        case _:
            return Step("raised", now + policy.first, "escalate", 0, (), "alarm.realarmed", restarts=True)


def goes_stale(alarm: Row, stale: timedelta, now: datetime) -> datetime:
    """When an answered alarm rings again unless there is progress; pure. It needs responder_id, on_scene_at and
    on_scene_due_at: whoever is on the way has at least until the promised arrival."""
    promised: datetime | None = alarm["on_scene_due_at"]
    on_the_way = alarm["responder_id"] is not None and alarm["on_scene_at"] is None
    return max(now + stale, promised) if on_the_way and promised is not None else now + stale


def _escalated(due_at: datetime, level: int, policy: Policy, now: datetime) -> Step:
    reached, *above = (step for step in policy.chain if step.level > level)
    if not above:
        return Step("raised", now + policy.stale, "realarm", reached.level, reached.roles, "alarm.escalated")
    due = due_at + timedelta(seconds=above[0].after_seconds - reached.after_seconds)
    return Step("raised", due, "escalate", reached.level, reached.roles, "alarm.escalated")


POLICIES = statement("SELECT severity, first_seconds, stale_seconds FROM severity_policy")
LEVELS = statement("SELECT severity, level, after_seconds, roles FROM escalation_policy ORDER BY severity, level")
CLAIM_DUE = statement("""
    SELECT id, state, severity, elder_id, due_at, due_reason, escalation_level, escalation_roles, is_test
    FROM alarm WHERE due_at <= %(now)s::timestamptz
    ORDER BY due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
TAKE_STEP = statement("""
    UPDATE alarm
    SET state = %(state)s::text, due_at = %(due_at)s::timestamptz, due_reason = %(due_reason)s::text,
        escalation_level = %(level)s::smallint, escalation_roles = %(roles)s::text[],
        raised_at = CASE WHEN %(confirmed)s::boolean THEN %(now)s::timestamptz ELSE raised_at END,
        acknowledged_at = CASE WHEN %(restarts)s::boolean THEN NULL ELSE acknowledged_at END,
        acknowledged_by = CASE WHEN %(restarts)s::boolean THEN NULL ELSE acknowledged_by END
    WHERE id = %(id)s::bigint
""")
POSTPONE = statement("UPDATE alarm SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM alarm WHERE due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "alarm",
    POSTPONE,
    OVERDUE,
    Counter("anban_alarm_steps_failed_total", "Alarm deadlines whose step failed and was put off by 30 s"),
)


def _policies(tx: Transaction) -> dict[str, Policy]:
    levels: dict[str, list[Level]] = {}
    for row in tx.rows(LEVELS):
        step = Level(row["level"], row["after_seconds"], tuple(row["roles"]))
        levels.setdefault(row["severity"], []).append(step)
    return {
        row["severity"]: Policy(
            first=timedelta(seconds=row["first_seconds"]),
            stale=timedelta(seconds=row["stale_seconds"]),
            chain=tuple(levels.get(row["severity"], [])),
        )
        for row in tx.rows(POLICIES)
    }


def sweep_deadlines(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Act on every alarm whose deadline has come; returns how many were dealt with.

    An alarm whose step fails is tried again half a minute later and holds up no other.
    """
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    policies = _policies(tx) if due else {}

    def act(alarm: Row) -> None:
        _take(tx, now, alarm, next_step(alarm, policies[alarm["severity"]], now))

    return act_on_each(tx, now, due, act, SWEEP)


def _take(tx: Transaction, now: datetime, alarm: Row, step: Step) -> None:
    tx.execute(
        TAKE_STEP,
        {
            "id": alarm["id"],
            "state": step.state,
            "due_at": step.due_at,
            "due_reason": step.due_reason,
            "level": step.level,
            "roles": list(step.roles),
            "confirmed": step.event == "alarm.confirmed",
            "restarts": step.restarts,
            "now": now,
        },
    )
    if step.event is None:
        return
    detail: dict[str, Any] = {"level": step.level, "roles": list(step.roles)} if step.event == "alarm.escalated" else {}
    record(tx, now, alarm["id"], step.event.removeprefix("alarm."), detail=detail)
    tx.emit(Event(step.event, now, alarm_id=alarm["id"], elder_id=alarm["elder_id"]))
