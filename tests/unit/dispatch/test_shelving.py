"""Who may put which alarm aside, and for how long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.shelving import why_not_shelved

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def why_not(until: datetime = NOW + timedelta(hours=1), **about: Any) -> str | None:
    """The reason for an urgent alarm that an operator has taken, but for what a test says."""
    alarm = {"state": "acknowledged", "severity": "urgent", "response_state": None, "role": "operator"} | about
    return why_not_shelved(alarm, NOW, until, DAY)


@pytest.mark.parametrize("state", ["raised", "acknowledged", "shelved"])
def test_what_nobody_is_sent_to_can_be_put_aside_and_again(state: str) -> None:
    assert why_not(state=state) is None


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"state": "pending"}, "not_yet_raised"),
        ({"state": "dispatched", "response_state": "found"}, "responder_on_the_way"),
        ({"state": "on_scene", "response_state": "found"}, "responder_on_the_way"),
        ({"response_state": "searching"}, "responder_on_the_way"),
        ({"state": "raised", "response_state": "found"}, "responder_on_the_way"),
        ({"state": "resolved"}, "already_ended"),
        ({"state": "closed"}, "already_ended"),
        ({"state": "cancelled"}, "already_ended"),
        ({"severity": "emergency"}, "emergency_not_shelved"),
        ({"severity": "emergency", "role": "supervisor"}, None),
    ],
)
def test_what_cannot_be_put_aside_says_why(about: dict[str, str], reason: str | None) -> None:
    assert why_not(**about) == reason


@pytest.mark.parametrize(
    ("until", "reason"),
    [(NOW, "in_the_past"), (NOW + DAY, None), (NOW + DAY + timedelta(seconds=1), "too_far_ahead")],
)
def test_it_is_for_a_day_at_most(until: datetime, reason: str | None) -> None:
    assert why_not(until) == reason
