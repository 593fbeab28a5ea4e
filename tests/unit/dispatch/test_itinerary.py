"""A plan keeps every window, and is found exactly when there is one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.itinerary import Leg, Stop, plan
from dispatch.travel import Place, travel_time
from schemas.states import Travel

NOW = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
BASE = Place(29.81, 106.40)
MINUTE = timedelta(minutes=1)
means = st.sampled_from(["walk", "scooter", "car"])


@st.composite
def stops(draw: st.DrawFn, hours: int = 10) -> Stop:
    """A visit somewhere in the district on one day."""
    earliest = NOW + draw(st.integers(0, hours * 60)) * MINUTE
    return Stop(
        Place(29.81 + draw(st.integers(-20, 20)) / 500, 106.40 + draw(st.integers(-20, 20)) / 500),
        earliest,
        draw(st.one_of(st.none(), st.integers(0, 120).map(lambda minutes: earliest + minutes * MINUTE))),
        draw(st.integers(5, 180)) * MINUTE,
    )


def _kept(legs: Sequence[Leg], by: Travel) -> bool:
    """Walk the plan as the worker would, without believing anything it says."""
    place: Place | None = BASE
    at = NOW
    for leg in legs:
        begins = max(at + travel_time(place, leg.stop.place, by), leg.stop.earliest)
        if leg.stop.latest is not None and begins > leg.stop.latest:
            return False
        if (leg.origin, leg.starts_at) != (place, begins):
            return False
        place, at = leg.stop.place, begins + leg.stop.duration
    return True


def _possible(visits: Sequence[Stop], by: Travel) -> bool:
    """Whether any order at all can be kept, by trying every one."""
    for order in permutations(visits):
        place, at, kept = BASE, NOW, True
        for stop in order:
            assert stop.place is not None
            begins = max(at + travel_time(place, stop.place, by), stop.earliest)
            kept = kept and (stop.latest is None or begins <= stop.latest)
            place, at = stop.place, begins + stop.duration
        if kept:
            return True
    return False


@given(st.lists(stops(hours=4), max_size=5), means)
@settings(max_examples=200, deadline=None)
def test_a_plan_is_found_exactly_when_some_order_can_be_kept(visits: list[Stop], by: Travel) -> None:
    legs = plan(BASE, NOW, visits, by)
    assert (legs is not None) == _possible(visits, by)
    if legs is not None:
        assert _kept(legs, by)
        assert sorted(map(id, visits)) == sorted(id(leg.stop) for leg in legs)


@given(st.lists(stops(), max_size=14), means)
@settings(max_examples=200, deadline=None)
def test_an_accepted_set_of_visits_always_stays_feasible(wanted: list[Stop], by: Travel) -> None:
    accepted: list[Stop] = []
    for stop in wanted:
        if plan(BASE, NOW, [*accepted, stop], by) is not None:
            accepted.append(stop)
            legs = plan(BASE, NOW, accepted, by)
            assert legs is not None
            assert len(legs) == len(accepted)
            assert _kept(legs, by)


@given(st.permutations([Stop(BASE, NOW + n * MINUTE, NOW + (60 + n) * MINUTE, 15 * MINUTE) for n in range(4)]))
def test_the_same_visits_give_the_same_plan_in_whatever_order_they_are_read(visits: list[Stop]) -> None:
    legs = plan(BASE, NOW, visits, "walk")
    assert legs is not None
    assert [leg.stop.earliest for leg in legs] == [NOW + n * MINUTE for n in range(4)]


def test_a_visit_fits_between_two_others_only_with_the_way_to_it() -> None:
    far = Place(BASE.lat + 3000 / 111_195, BASE.lon)
    first = Stop(BASE, NOW, NOW, 10 * MINUTE)
    last = Stop(BASE, NOW + 60 * MINUTE, NOW + 60 * MINUTE, 10 * MINUTE)
    between = Stop(far, NOW, NOW + 60 * MINUTE, 15 * MINUTE)
    assert plan(None, NOW - MINUTE, [first, last, between], "scooter") is not None
    assert plan(None, NOW - MINUTE, [first, last, between], "walk") is None


def test_a_visit_whose_window_has_passed_does_not_make_the_whole_day_impossible() -> None:
    overdue = Stop(BASE, NOW - 90 * MINUTE, None, 15 * MINUTE)
    next_one = Stop(BASE, NOW, NOW + 30 * MINUTE, 15 * MINUTE)
    legs = plan(BASE, NOW, [next_one, overdue], "walk")
    assert legs is not None
    assert [leg.stop for leg in legs] == [overdue, next_one]
    assert plan(BASE, NOW, [overdue, Stop(BASE, NOW, NOW + MINUTE, 9 * MINUTE)], "walk") is not None


def test_a_day_too_full_to_be_searched_counts_as_full_and_ends_soon() -> None:
    crowd = [
        Stop(Place(29.7 + (n * 37 % 20) / 80, 106.3 + (n * 53 % 20) / 80), NOW, NOW + 600 * MINUTE, 31 * MINUTE)
        for n in range(20)
    ]
    assert plan(BASE, NOW, crowd, "scooter") is None
    assert plan(BASE, NOW, [], "walk") == []


def test_the_quicker_way_to_the_same_stops_is_not_given_up_for_the_first_one_found() -> None:
    def at_km(km: int, earliest: int, latest: int) -> Stop:
        place = Place(BASE.lat + km * 1000 / 111_195, BASE.lon)
        return Stop(place, NOW + earliest * MINUTE, NOW + latest * MINUTE, 10 * MINUTE)

    second, first, third = at_km(2, -2, 49), at_km(1, -1, 49), at_km(3, 0, 49)
    on_the_minute = at_km(3, 50, 50)
    legs = plan(BASE, NOW, [second, first, third, on_the_minute], "scooter")
    assert legs is not None
    assert [leg.stop for leg in legs] == [first, second, third, on_the_minute]
