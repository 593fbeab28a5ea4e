"""When an answered alarm rings again, a fall becomes one, and a command is repeated."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.alarms import FALL_WINDOW, fall_confirmation
from dispatch.commands import next_try
from dispatch.escalation import goes_stale

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STALE = timedelta(seconds=300)


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


def test_a_fall_waits_thirty_seconds_from_the_fall_itself() -> None:
    assert fall_confirmation(NOW, NOW) == NOW + FALL_WINDOW
    assert fall_confirmation(NOW - timedelta(seconds=10), NOW) == NOW + timedelta(seconds=20)
    assert fall_confirmation(NOW - timedelta(seconds=30), NOW) is None
    assert fall_confirmation(NOW + timedelta(hours=1), NOW) == NOW + FALL_WINDOW


def test_a_command_is_repeated_ever_more_slowly_until_it_expires() -> None:
    expires = NOW + timedelta(minutes=10)
    waits = [(next_try(NOW, tries, expires) - NOW).total_seconds() for tries in range(6)]
    assert waits == [2, 4, 8, 16, 30, 30]
    assert next_try(NOW, 0, NOW + timedelta(seconds=1)) == NOW + timedelta(seconds=1)
