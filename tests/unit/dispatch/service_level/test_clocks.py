"""An order's promises: accepted in time, begun within its window, done without overrunning."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.service_level.clocks import LATE_LOOK, newly_broken, next_look, visit_clocks

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def order(**changed: Any) -> dict[str, Any]:
    return {
        "accept_due_at": NOW + 10 * MINUTE,
        "accepted_at": None,
        "window_to": NOW + 90 * MINUTE,
        "checked_in_at": None,
        "phone_times": {},
        "duration_minutes": 30,
        "overrun_seconds": 600,
        "completed_at": None,
        "ended_at": None,
        "breaches": [],
        "is_test": False,
    } | changed


def broken(row: dict[str, Any], at: datetime) -> list[str]:
    return [clock.promise for clock in newly_broken(row, at)]


def test_a_new_order_is_looked_at_when_it_should_be_accepted() -> None:
    assert next_look(order(), NOW) == NOW + 10 * MINUTE
    assert broken(order(), NOW + 10 * MINUTE) == []
    assert broken(order(), NOW + 11 * MINUTE) == ["accept"]


def test_an_accepted_one_is_looked_at_when_its_window_ends() -> None:
    accepted = order(accepted_at=NOW + MINUTE)
    assert next_look(accepted, NOW + 5 * MINUTE) == NOW + 90 * MINUTE
    assert broken(accepted, NOW + 91 * MINUTE) == ["arrive"]


def test_while_somebody_is_late_the_clock_of_the_finish_is_looked_for() -> None:
    late = order(accepted_at=NOW, breaches=["arrive"])
    assert next_look(late, NOW + 100 * MINUTE) == NOW + 100 * MINUTE + LATE_LOOK
    there = late | {"checked_in_at": NOW + 101 * MINUTE}
    assert next_look(there, NOW + 115 * MINUTE) == NOW + 141 * MINUTE
    assert broken(there, NOW + 142 * MINUTE) == ["finish"]


def test_what_was_met_late_is_broken_though_nobody_looked_between() -> None:
    met = order(accepted_at=NOW + 12 * MINUTE, checked_in_at=NOW + 80 * MINUTE, completed_at=NOW + 100 * MINUTE)
    assert broken(met | {"ended_at": NOW + 100 * MINUTE}, NOW + 400 * MINUTE) == ["accept"]
    assert next_look(met | {"ended_at": NOW + 100 * MINUTE}, NOW + 400 * MINUTE) is None


def test_who_checked_in_without_a_network_arrived_when_her_phone_says() -> None:
    there = order(accepted_at=NOW, checked_in_at=NOW + 200 * MINUTE)
    assert broken(there, NOW + 201 * MINUTE) == ["arrive"]
    assert broken(there | {"phone_times": {"checked_in": (NOW + 89 * MINUTE).isoformat()}}, NOW + 201 * MINUTE) == []
    late = there | {"phone_times": {"checked_in": (NOW + 91 * MINUTE).isoformat()}}
    assert broken(late, NOW + 201 * MINUTE) == ["arrive"]
    assert broken(there | {"phone_times": {"departed": NOW.isoformat()}}, NOW + 201 * MINUTE) == ["arrive"]


def test_a_cancelled_order_breaks_nothing_that_was_not_due() -> None:
    assert broken(order(ended_at=NOW + 5 * MINUTE), NOW + 400 * MINUTE) == []


@pytest.mark.parametrize("told", [["accept"], ["accept", "arrive"]])
def test_a_breach_is_told_once(told: list[str]) -> None:
    assert not {*told} & {*broken(order(breaches=told), NOW + 400 * MINUTE)}


def test_a_test_is_never_looked_at() -> None:
    assert next_look(order(is_test=True), NOW) is None


@given(st.integers(0, 500), st.none() | st.integers(0, 500), st.none() | st.integers(0, 500))
def test_an_order_is_looked_at_again_until_it_ends(at: int, accepted: int | None, begun: int | None) -> None:
    row = order(
        accepted_at=None if accepted is None else NOW + accepted * MINUTE,
        checked_in_at=None if begun is None else NOW + begun * MINUTE,
    )
    now = NOW + at * MINUTE
    row["breaches"] = [clock.promise for clock in visit_clocks(row, now) if clock.broken]
    looked = next_look(row, now)
    assert looked is not None and looked >= now
