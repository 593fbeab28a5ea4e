"""Which way an order is given to somebody now, by what it says, its policy and the clock."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from dispatch.modes import Method, method, planned_by

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def order(**differs: Any) -> dict[str, Any]:
    return {
        "mode": None,
        "policy_mode": "sequence",
        "window_from": NOW + 30 * HOUR,
        "offers_at_once": 1,
        "hall_seconds": 600,
        "hall_until": None,
        "plan_cutoff": time(18),
        "plan_minutes": 60,
        "plan_id": None,
        "plan_left_at": None,
    } | differs


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({}, Method("sequence")),
        ({"policy_mode": "best"}, Method("best", number=2)),
        ({"policy_mode": "best", "offers_at_once": 4}, Method("best", number=4)),
        ({"policy_mode": "best", "mode": "sequence", "offers_at_once": 4}, Method("sequence")),
        ({"mode": "hall"}, Method("hall", NOW + 10 * MINUTE)),
        ({"mode": "hall", "hall_until": NOW + 3 * MINUTE}, Method("hall", NOW + 3 * MINUTE)),
        ({"mode": "hall", "hall_until": NOW}, Method("sequence")),
        ({"mode": "hall", "window_from": NOW + 5 * MINUTE}, Method("sequence")),
        ({"mode": "plan"}, Method("plan", datetime(2026, 11, 22, 11, 0, tzinfo=UTC))),
        ({"mode": "plan", "plan_left_at": NOW}, Method("sequence")),
        ({"mode": "plan", "plan_id": 3}, Method("sequence")),
        ({"mode": "plan", "window_from": NOW + HOUR}, Method("sequence")),
    ],
)
def test_each_way_holds_while_its_time_lasts(differs: dict[str, Any], expected: Method) -> None:
    assert method(order(**differs), NOW) == expected


def test_the_plan_of_a_day_is_made_by_the_clock_of_the_day_before_where_the_elders_live() -> None:
    early = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)  # 00:30 on the 24th in the district
    assert planned_by(early, time(18), 60) == datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
