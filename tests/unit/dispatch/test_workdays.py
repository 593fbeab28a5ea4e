"""A day keeps every window and every meal hot, and one more visit is put where it costs least."""

from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.travel import Place, travel_seconds
from dispatch.workdays import LOADING, At, Beginning, Call, Day, Meal, rearranged, walk

BASE = Place(29.81, 106.40)
KITCHEN = Place(29.82, 106.41)
MINUTE, HOUR = 60.0, 3600.0
MEAL = Meal(1, KITCHEN, HOUR)
DAY = Beginning(BASE, 0, BASE, "scooter", 3)


def north(metres: float) -> Place:
    return Place(BASE.lat + metres / 111_195, BASE.lon)


@st.composite
def calls(draw: st.DrawFn, meals: bool = True) -> Call:
    """A visit somewhere in the district within ten hours."""
    earliest = draw(st.integers(0, 600)) * MINUTE
    return Call(
        Place(29.81 + draw(st.integers(-20, 20)) / 500, 106.40 + draw(st.integers(-20, 20)) / 500),
        earliest,
        earliest + draw(st.integers(0, 120)) * MINUTE,
        draw(st.integers(5, 90)) * MINUTE,
        draw(st.sampled_from([None, MEAL, MEAL._replace(kitchen_id=2, kitchen=north(3000))])) if meals else None,
    )


def _kept(steps: Sequence[At], beginning: Beginning = DAY) -> None:
    """Walk the day as the worker would, and carry the meals, without believing anything it says but the times."""
    place, at = beginning.place, beginning.at
    aboard: dict[int, tuple[float, int]] = {}
    for step in steps:
        call = step.call
        assert call.earliest <= step.starts <= call.latest
        assert step.over == step.starts + call.duration
        way = travel_seconds(step.origin, call.place, beginning.means)
        assert step.origin in (place, beginning.base)
        if call.meal is not None and step.fetched:
            assert step.left_at is not None
            at_kitchen = at + travel_seconds(step.origin, call.meal.kitchen, beginning.means) + LOADING
            assert step.left_at >= at_kitchen - 1e-6
            assert step.starts >= step.left_at + travel_seconds(call.meal.kitchen, call.place, beginning.means) - 1e-6
            aboard[call.meal.kitchen_id] = (step.left_at, 0)
        else:
            assert step.starts >= at + way - 1e-6
        if call.meal is not None:
            left_at, delivered = aboard[call.meal.kitchen_id]
            assert step.starts - left_at <= call.meal.hot + 1e-6
            assert delivered < beginning.carries
            aboard[call.meal.kitchen_id] = (left_at, delivered + 1)
        place, at = call.place, step.over


@given(st.lists(calls(), max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_day_filled_call_by_call_keeps_every_window_and_every_meal_hot(wanted: list[Call]) -> None:
    day = Day(DAY, ())
    for call in wanted:
        found = day.cheapest(call)
        if found is not None:
            before = sum(step.travel for step in day.steps)
            day = Day(DAY, found.calls)
            _kept(day.steps)
            assert sum(step.travel for step in day.steps) == pytest.approx(before + found.added)
            assert found.slack >= -1e-6
            assert not day.late


@given(st.lists(calls(meals=False), max_size=7), calls(meals=False))
@settings(max_examples=200, deadline=None)
def test_no_other_place_in_the_day_adds_less(accepted: list[Call], call: Call) -> None:
    day = Day(DAY, ())
    for one in accepted:
        found = day.cheapest(one)
        if found is not None:
            day = Day(DAY, found.calls)
    before = sum(step.travel for step in day.steps)
    added = []
    for index in range(len(day.calls) + 1):
        steps = walk(DAY, [*day.calls[:index], call, *day.calls[index:]])
        if steps is not None:
            added.append(sum(step.travel for step in steps) - before)
    found = day.cheapest(call)
    assert (found is None) == (not added)
    if found is not None:
        assert found.added == pytest.approx(min(added))


@given(st.lists(calls(), max_size=8))
@settings(max_examples=100, deadline=None)
def test_another_order_is_one_that_can_be_kept(wanted: list[Call]) -> None:
    found = rearranged(DAY, wanted)
    if found is not None:
        steps = walk(DAY, found)
        assert steps is not None
        _kept(steps)
        assert sorted(map(id, found)) == sorted(map(id, wanted))


def test_meals_of_one_round_share_the_way_to_the_kitchen() -> None:
    lunch = [Call(north(metres), HOUR, 2 * HOUR, 10 * MINUTE, MEAL) for metres in (500, 700, 900)]
    steps = walk(DAY, lunch)
    assert steps is not None
    assert [step.fetched for step in steps] == [True, False, False]
    assert len({step.left_at for step in steps}) == 1
    assert steps[0].left_at == HOUR - travel_seconds(KITCHEN, north(500), "scooter")


def test_who_can_carry_no_more_goes_to_the_kitchen_again() -> None:
    lunch = [Call(north(500 + n), HOUR, 3 * HOUR, 5 * MINUTE, MEAL) for n in range(4)]
    steps = walk(DAY, lunch)
    assert steps is not None
    assert [step.fetched for step in steps] == [True, False, False, True]


def test_a_meal_that_would_be_cold_is_fetched_in_a_round_of_its_own() -> None:
    early = Call(north(500), HOUR, HOUR, 10 * MINUTE, MEAL)
    late = Call(north(600), HOUR + 70 * MINUTE, 3 * HOUR, 10 * MINUTE, MEAL)
    steps = walk(DAY, [early, late])
    assert steps is not None
    assert [step.fetched for step in steps] == [True, True]


def test_rounds_that_were_planned_apart_stay_apart() -> None:
    times = (50 * MINUTE, 50 * MINUTE, 80 * MINUTE)
    lunch = [Call(north(500), HOUR, 2 * HOUR, 5 * MINUTE, MEAL._replace(planned=at)) for at in times]
    assert [step.fetched for step in Day(DAY, lunch).steps] == [True, False, True]


def test_a_further_meal_joins_a_planned_round() -> None:
    lunch = [Call(north(500), HOUR, 2 * HOUR, 5 * MINUTE, MEAL._replace(planned=50 * MINUTE))]
    found = Day(DAY, lunch).cheapest(Call(north(510), HOUR, 2 * HOUR, 5 * MINUTE, MEAL))
    assert found is not None
    steps = walk(DAY, found.calls)
    assert steps is not None and [step.fetched for step in steps] == [True, False]


def test_no_further_call_cools_the_meals_of_a_round() -> None:
    lunch = [
        Call(north(metres), HOUR, 2 * HOUR, 15 * MINUTE, MEAL._replace(planned=50 * MINUTE, wanted=45 * MINUTE))
        for metres in (500, 600, 700)
    ]
    between = Call(north(550), HOUR, 80 * MINUTE, 15 * MINUTE)
    day = Day(DAY, lunch)
    assert day.cheapest(between._replace(latest=3 * HOUR)) is not None
    assert day.cheapest(between) is None


def test_a_meal_that_has_left_the_kitchen_is_not_fetched_again() -> None:
    aboard = Call(north(500), 0, HOUR, 10 * MINUTE, MEAL._replace(left_at=-5 * MINUTE))
    steps = walk(DAY, [aboard])
    assert steps is not None
    assert (steps[0].fetched, steps[0].travel) == (False, travel_seconds(BASE, north(500), "scooter"))


def test_what_is_late_already_may_stay_as_late_and_no_later() -> None:
    late = Call(north(3000), 0, MINUTE, 10 * MINUTE)
    day = Day(DAY, [late])
    assert day.late
    assert day.cheapest(Call(north(100), 0, HOUR, 30 * MINUTE)) is not None
    before = day.cheapest(Call(north(100), 0, 5 * MINUTE, 30 * MINUTE))
    assert before is None


def test_what_is_overdue_is_to_begin_as_soon_as_possible() -> None:
    steps = walk(DAY, [Call(north(3000), -HOUR, inf, 10 * MINUTE)])
    assert steps is not None
    assert steps[0].starts == travel_seconds(BASE, north(3000), "scooter")


def test_whoever_has_half_a_day_between_two_visits_sets_out_from_her_base() -> None:
    steps = walk(DAY, [Call(north(9000), 0, HOUR, MINUTE), Call(north(100), 9 * HOUR, 9 * HOUR, MINUTE)])
    assert steps is not None
    assert [step.origin for step in steps] == [BASE, BASE]
