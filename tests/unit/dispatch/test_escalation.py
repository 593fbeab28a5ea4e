"""What happens to an alarm when its deadline comes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.alarms import FALL_WINDOW, fall_confirmation
from dispatch.commands import next_try
from dispatch.escalation import Level, Policy, Step, goes_stale, next_step

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STALE = timedelta(seconds=300)
CHAIN = (Level(1, 20, ("second_seat",)), Level(2, 40, ("second_seat", "supervisor")), Level(3, 60, ("family",)))
POLICY = Policy(first=timedelta(seconds=20), stale=STALE, chain=CHAIN)


def _step(policy: Policy = POLICY, **alarm: Any) -> Step:
    given = {"state": "raised", "due_at": NOW, "due_reason": "escalate", "escalation_level": 0,
             "escalation_roles": [], "is_test": False} | alarm  # fmt: skip
    return next_step(given, policy, NOW)


def test_an_unanswered_alarm_climbs_the_chain_on_time() -> None:
    first = _step()
    assert (first.level, first.roles, first.event) == (1, ("second_seat",), "alarm.escalated")
    assert first.due_at == NOW + timedelta(seconds=20)
    second = _step(escalation_level=1)
    assert (second.level, second.due_at) == (2, NOW + timedelta(seconds=20))


def test_after_a_pause_of_the_engine_the_chain_catches_up() -> None:
    due = NOW - timedelta(minutes=5)
    step = _step(due_at=due)
    assert step.due_at == due + timedelta(seconds=20)
    assert step.due_at < NOW


def test_at_the_top_it_rings_again_and_never_expires() -> None:
    top = _step(escalation_level=2)
    assert (top.level, top.due_reason, top.due_at) == (3, "realarm", NOW + STALE)
    again = _step(escalation_level=3, due_reason="realarm", escalation_roles=["family"])
    assert (again.state, again.event, again.roles, again.due_at) == (
        "raised",
        "alarm.realarmed",
        ("family",),
        NOW + STALE,
    )


def test_a_gap_in_the_chain_is_passed_over() -> None:
    gap = Policy(POLICY.first, STALE, (CHAIN[0], CHAIN[2]))
    first = _step(gap)
    assert (first.level, first.due_at) == (1, NOW + timedelta(seconds=40))
    second = _step(gap, escalation_level=1)
    assert (second.level, second.due_reason) == (3, "realarm")
    without_first = Policy(timedelta(seconds=40), STALE, CHAIN[1:])
    assert (_step(without_first).level, _step(without_first).due_at) == (2, NOW + timedelta(seconds=20))


@pytest.mark.parametrize("level", [0, 3])
def test_without_a_further_level_it_rings_again(level: int) -> None:
    step = _step(Policy(POLICY.first, STALE, CHAIN if level else ()), escalation_level=level)
    assert (step.state, step.event, step.level) == ("raised", "alarm.realarmed", level)
    assert (step.due_at, step.due_reason) == (NOW + STALE, "realarm")


@pytest.mark.parametrize("state", ["acknowledged", "dispatched", "on_scene"])
def test_an_acknowledgement_without_progress_raises_it_again(state: str) -> None:
    step = _step(state=state, due_reason="realarm", escalation_level=2)
    assert (step.state, step.event, step.level, step.restarts) == ("raised", "alarm.realarmed", 0, True)
    assert step.due_at == NOW + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("responder", "on_scene", "promised", "expected"),
    [
        (None, None, 900, 300),
        (7, None, 900, 900),
        (7, None, 200, 300),
        (7, None, -60, 300),
        (7, None, None, 300),
        (7, -30, 900, 300),
    ],
)
def test_whoever_is_on_the_way_has_until_the_promised_arrival_before_it_rings_again(
    responder: int | None, on_scene: int | None, promised: int | None, expected: int
) -> None:
    def at(seconds: int | None) -> datetime | None:
        return None if seconds is None else NOW + timedelta(seconds=seconds)

    alarm = {"responder_id": responder, "on_scene_at": at(on_scene), "on_scene_due_at": at(promised)}
    assert goes_stale(alarm, STALE, NOW) == at(expected)


def test_a_fall_that_was_not_cancelled_becomes_an_alarm() -> None:
    step = _step(state="pending", due_reason="confirm")
    assert (step.state, step.event, step.due_at) == ("raised", "alarm.confirmed", NOW + timedelta(seconds=20))


def test_a_test_alarm_bothers_nobody_else() -> None:
    step = _step(is_test=True)
    assert (step.event, step.level, step.due_reason) == (None, 0, "escalate")
    assert step.due_at is not None
    assert step.due_at > NOW


def test_a_resolved_alarm_is_closed() -> None:
    step = _step(state="resolved", due_reason="close")
    assert (step.state, step.due_at, step.due_reason) == ("closed", None, None)


def test_a_fall_waits_thirty_seconds_from_the_fall_itself() -> None:
    assert fall_confirmation(NOW, NOW) == NOW + FALL_WINDOW
    assert fall_confirmation(NOW - timedelta(seconds=10), NOW) == NOW + timedelta(seconds=20)
    assert fall_confirmation(NOW - timedelta(seconds=30), NOW) is None
    assert fall_confirmation(NOW + timedelta(hours=1), NOW) == NOW + FALL_WINDOW


def test_a_command_is_repeated_ever_more_slowly_until_it_expires() -> None:
    expires = NOW + timedelta(minutes=10)
    waits = [(due - NOW).total_seconds() for tries in range(6) if (due := next_try(NOW, tries, expires))]
    assert waits == [2, 4, 8, 16, 30, 30]
    assert next_try(NOW, 0, NOW + timedelta(seconds=1)) is None
