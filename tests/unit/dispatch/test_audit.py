"""What the audit concludes from what it saw."""

from datetime import UTC, datetime, timedelta

from dispatch.audit import HELD_AT_MOST, Violation, confirmed, unattended

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _late(name: str, seconds: float = 20) -> Violation:
    return Violation("alarm", "overdue", name, NOW - seconds * SECOND)


def test_a_late_row_that_nobody_has_locked_is_unattended() -> None:
    assert unattended([_late("1"), _late("2")], [_late("2")], NOW) == [_late("2")]


def test_a_row_is_in_nobodys_hands_when_it_is_locked_for_longer_than_any_work_takes() -> None:
    stuck = _late("1", HELD_AT_MOST.total_seconds() + 1)
    assert unattended([stuck, _late("2")], [], NOW) == [stuck]


def test_a_row_without_a_deadline_is_left_to_whoever_has_it() -> None:
    blank = Violation("alarm", "no_deadline", "1", None)
    assert unattended([blank], [], NOW) == []
    assert unattended([blank], [blank], NOW) == [blank]


def test_only_what_did_not_move_between_two_looks_is_found() -> None:
    acted_on = [_late("1"), _late("2", 30)]
    again = [_late("1"), _late("2", 15), _late("3")]
    assert confirmed(acted_on, again) == (_late("1"),)
    assert confirmed([], again) == ()


def test_a_step_that_failed_again_in_between_and_an_engine_that_hangs_are_found() -> None:
    failing, failed_again = (Violation("step", "failing", "alarm.7", NOW + one * SECOND) for one in (0, 30))
    hanging = Violation("engine", "hangs", "host/1", NOW)
    assert confirmed([failing, hanging], [failed_again, hanging]) == (failed_again, hanging)
