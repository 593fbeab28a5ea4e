"""Every limit turns somebody away under its own name, and the ranking is the same whoever reads the list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.assignment import Candidate, Task, Visit, WorkingTime, assess
from dispatch.ranking import RankingPolicy, choose
from dispatch.travel import Place

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
POLICY = RankingPolicy(travel_weight=1, load_minutes=5, familiarity_minutes=6)
ORDER = Task(
    kind="order",
    place=Place(29.81, 106.40),
    org_path="500109/500109001/",
    skills=frozenset({"bathing"}),
    window_from=NOW + HOUR,
    window_to=NOW + 2 * HOUR,
    duration=HOUR,
    elder_id=7,
)
ALARM = replace(ORDER, kind="alarm", window_from=NOW, window_to=NOW, duration=timedelta())


def north(metres: float) -> Place:
    return Place(29.81 + metres / 111_195, 106.40)


def worker(worker_id: int = 1, **differs: Any) -> Candidate:
    usual: dict[str, Any] = {
        "worker_id": worker_id,
        "account_id": 100 + worker_id,
        "name": f"w{worker_id}",
        "means": "scooter",
        "base": north(1000),
        "position": None,
        "admitted": True,
        "skilled": True,
        "covers": True,
        "shifts": (WorkingTime(NOW - HOUR, NOW + 8 * HOUR),),
        "responding": False,
        "load": 0,
        "familiarity": 0,
    }
    return Candidate(**(usual | differs))


def visit(begins: timedelta = HOUR, **differs: Any) -> Visit:
    usual: dict[str, Any] = {
        "order_id": 1,
        "state": "accepted",
        "window_from": NOW + begins,
        "window_to": NOW + begins + 10 * MINUTE,
    }
    place, duration = differs.pop("place", north(0)), differs.pop("duration", HOUR)
    usual |= {"lat": place.lat, "lon": place.lon, "minutes": duration // MINUTE}
    return Visit(**(usual | differs))


def test_who_passes_every_limit_is_eligible_for_both_kinds() -> None:
    assert assess(ORDER, worker(), NOW).missing == ()
    assert assess(ALARM, worker(), NOW).missing == ()


@pytest.mark.parametrize(
    ("differs", "missing"),
    [
        ({"admitted": False}, ("provider",)),
        ({"skilled": False}, ("skill",)),
        ({"covers": False}, ("area",)),
        ({"shifts": ()}, ("shift",)),
        ({"shifts": (WorkingTime(NOW - HOUR, NOW + 119 * MINUTE),)}, ("shift",)),
        ({"shifts": (WorkingTime(NOW + 121 * MINUTE, NOW + 8 * HOUR),)}, ("shift",)),
        ({"shifts": (WorkingTime(NOW, NOW + 90 * MINUTE), WorkingTime(NOW + 91 * MINUTE, NOW + 2 * HOUR))}, ("shift",)),
        ({"responding": True}, ("busy",)),
        ({"visits": (visit(HOUR + 30 * MINUTE),), "means": "walk"}, ("busy",)),
        ({"admitted": False, "shifts": ()}, ("provider", "shift")),
    ],
)
def test_each_limit_of_an_order_turns_away_under_its_name(differs: dict[str, Any], missing: tuple[str, ...]) -> None:
    task = replace(ORDER, window_to=NOW + HOUR + 45 * MINUTE) if "visits" in differs else ORDER
    assert assess(task, worker(**differs), NOW).missing == missing


@pytest.mark.parametrize(
    ("shift", "fits"),
    [((60, 120), True), ((60, 119), False), ((120, 180), True), ((121, 300), False), ((0, 119), False)],
)
def test_the_whole_visit_lies_inside_one_shift(shift: tuple[int, int], fits: bool) -> None:
    working = WorkingTime(NOW + shift[0] * MINUTE, NOW + shift[1] * MINUTE)
    assert ("shift" not in assess(ORDER, worker(shifts=(working,)), NOW).missing) is fits


def test_an_alarm_outranks_a_visit_that_has_not_begun_and_no_other() -> None:
    assert assess(ALARM, worker(visits=(visit(timedelta()),)), NOW).missing == ()
    assert assess(ALARM, worker(visits=(visit(timedelta(), state="en_route"),)), NOW).missing == ()
    there = visit(timedelta(), state="checked_in", checked_in_at=NOW)
    assert assess(ALARM, worker(visits=(there,)), NOW).missing == ("busy",)
    assert assess(ALARM, worker(responding=True), NOW).missing == ("busy",)
    assert assess(ALARM, worker(shifts=(WorkingTime(NOW + MINUTE, NOW + HOUR),)), NOW).missing == ("shift",)


def test_a_visit_under_way_holds_its_worker_until_it_is_over() -> None:
    there = visit(-HOUR, state="in_service", checked_in_at=NOW - 50 * MINUTE, duration=2 * HOUR)
    soon = replace(ORDER, window_from=NOW + 30 * MINUTE, window_to=NOW + 69 * MINUTE)
    assert assess(soon, worker(visits=(there,)), NOW).missing == ("busy",)
    assert assess(replace(soon, window_to=NOW + 72 * MINUTE), worker(visits=(there,)), NOW).missing == ()
    going = visit(timedelta(), state="en_route", place=north(0), duration=HOUR)
    assert assess(soon, worker(visits=(going,)), NOW).missing == ()
    assert assess(replace(soon, window_to=NOW + HOUR), worker(visits=(going,)), NOW).missing == ("busy",)


def test_the_way_begins_at_the_phone_soon_at_the_base_later_and_at_the_visit_before() -> None:
    candidate = worker(position=north(200))
    assert assess(ORDER, candidate, NOW).origin == north(200)
    tomorrow = replace(ORDER, window_from=NOW + 3 * HOUR, window_to=NOW + 4 * HOUR)
    assert assess(tomorrow, candidate, NOW).origin == north(1000)
    before = visit(HOUR, place=north(700), duration=15 * MINUTE)
    assert assess(tomorrow, replace(candidate, visits=(before,)), NOW).origin == north(700)


def test_the_nearest_miss_lacks_only_one_thing() -> None:
    near_but_two = worker(1, skilled=False, covers=False, base=north(0))
    far_but_one = worker(2, shifts=(), base=north(2990))
    farther = worker(3, skilled=False, base=north(5000))
    choice = choose(ORDER, [farther, far_but_one, near_but_two], POLICY, NOW)
    assert choice.ranked == ()
    assert choice.detail() == {
        "turned_away": {"skill": 2, "shift": 1},
        "nearest_miss": {"worker": "w2", "missing": "shift", "travel_minutes": 15},
    }


def test_travel_load_and_familiarity_are_weighed_in_minutes() -> None:
    near, busy, friend = worker(1, base=north(500)), worker(2, base=north(0), load=1), worker(3, familiarity=9)
    ranked = choose(ORDER, [near, busy, friend], POLICY, NOW).ranked
    assert [one.candidate.worker_id for one in ranked] == [3, 1, 2]
    assert [one.cost for one in ranked] == [pytest.approx(5.67 - 30, abs=0.01), pytest.approx(3.33, abs=0.01), 6]
    assert ranked[0].reasons() == {
        "rank": 1, "candidates": 3, "travel_minutes": 6, "distance_m": 1000, "load": 0, "familiarity": 9,
        "cost": ranked[0].cost, "kind": "station", "circle": 1, "skilled": True, "paired": False, "on_shift": True,
        "position_seconds": None, "trust": 0, "parts": {"travel": 5.67, "familiarity": -30}, "added_minutes": 5.7,
        "slack_minutes": 60, "starts_at": "2026-11-22T02:00:00+00:00",
    }  # fmt: skip
    far = RankingPolicy(travel_weight=0, load_minutes=1, familiarity_minutes=0)
    assert [one.candidate.worker_id for one in choose(ORDER, [busy, friend, near], far, NOW).ranked] == [1, 3, 2]


def test_a_round_is_over_when_the_only_thing_anybody_lacks_is_that_she_was_asked() -> None:
    workers = [worker(1), worker(2), worker(3, skilled=False)]
    assert not choose(replace(ORDER, asked=frozenset({1})), workers, POLICY, NOW).everybody_asked
    assert choose(replace(ORDER, asked=frozenset({1, 2})), workers, POLICY, NOW).everybody_asked
    unwell = choose(replace(ORDER, asked=frozenset({1, 2}), excluded=frozenset({1, 2})), workers, POLICY, NOW)
    assert (unwell.everybody_asked, unwell.turned_away) == (False, {"skill": 1, "asked": 2})
    assert not choose(ORDER, [], POLICY, NOW).everybody_asked


def test_a_home_that_nobody_can_find_on_the_map_is_near_to_everybody() -> None:
    [ranked] = choose(replace(ORDER, place=None), [worker(base=north(9000))], POLICY, NOW).ranked
    assert (ranked.travel_minutes, ranked.distance_m) == (1, 0)


candidates = st.builds(
    lambda number, metres, load, familiarity: worker(number, base=north(metres), load=load, familiarity=familiarity),
    st.integers(1, 10**6),
    st.integers(0, 3) | st.integers(0, 9000),
    st.integers(0, 3),
    st.integers(0, 9),
)


@given(st.lists(candidates, unique_by=lambda one: one.worker_id, max_size=12), st.randoms())
def test_the_ranking_is_the_same_in_whatever_order_workers_are_read(pool: list[Candidate], random: Any) -> None:
    shuffled = list(pool)
    random.shuffle(shuffled)
    ranked = choose(ORDER, pool, POLICY, NOW).ranked
    assert choose(ORDER, shuffled, POLICY, NOW).ranked == ranked
    assert [one.rank for one in ranked] == list(range(1, len(pool) + 1))
    assert all(one.cost <= next_one.cost for one, next_one in pairwise(ranked))


def test_a_tie_goes_to_the_lower_id() -> None:
    ranked = choose(ORDER, [worker(9), worker(2), worker(5)], POLICY, NOW).ranked
    assert [one.candidate.worker_id for one in ranked] == [2, 5, 9]
