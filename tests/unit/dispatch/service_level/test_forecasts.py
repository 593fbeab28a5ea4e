"""Whether a worker will be in time follows from where she is and what she has to do before."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatch.assignment import FRESH, Candidate, Visit
from dispatch.service_level.forecasts import Forecast, foresee, to_hand_over
from dispatch.travel import Place, travel_time

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOME = Place(29.81, 106.40)
BASE = Place(29.82, 106.40)
FAR = Place(29.95, 106.40)
MINUTE = timedelta(minutes=1)
TIGHT = 10 * MINUTE


def visit(order_id: int, begins: int = 30, lasts: int = 30, place: Place = HOME, **changed: Any) -> Visit:
    window_from = NOW + begins * MINUTE
    values: dict[str, Any] = {
        "order_id": order_id,
        "state": "accepted",
        "lat": place.lat,
        "lon": place.lon,
        "window_from": window_from,
        "window_to": window_from + 60 * MINUTE,
        "minutes": lasts,
    } | changed
    return Visit(**values)


def worker(*visits: Visit, base: Place = BASE, **changed: Any) -> Candidate:
    values: dict[str, Any] = {
        "worker_id": 1, "account_id": 1, "name": "甲", "means": "scooter", "base": base, "position": None,
        "admitted": True, "skilled": True, "covers": True, "shifts": (), "responding": False, "load": 0,
        "familiarity": 0, "visits": visits,
    } | changed  # fmt: skip
    return Candidate(**values)


def forecast(one: Candidate, at: datetime = NOW, **free: datetime) -> tuple[Forecast, ...]:
    return foresee(one, at, TIGHT, **free).forecasts


def test_who_can_be_early_waits_for_the_window() -> None:
    [told] = forecast(worker(visit(1)))
    assert (told.begins_at, told.slack, told.risk) == (NOW + 30 * MINUTE, 60 * MINUTE, "none")


def test_whoever_has_not_set_out_when_the_window_ends_will_be_late() -> None:
    [told] = forecast(worker(visit(1, begins=-50), base=FAR, means="walk"))
    assert told.risk == "late" and told.begins_at == NOW + travel_time(FAR, HOME, "walk")


def test_a_visit_that_overruns_makes_the_next_one_late() -> None:
    at_it = visit(1, begins=-120, lasts=90, state="in_service", checked_in_at=NOW - 30 * MINUTE)
    following = visit(2, begins=-10, lasts=15, place=HOME)
    [told] = forecast(worker(following, at_it))
    assert told.order_id == 2
    assert told.begins_at == NOW + 60 * MINUTE + travel_time(HOME, HOME, "scooter")
    assert told.risk == "late"


def test_little_slack_is_tight_and_not_late() -> None:
    way = travel_time(BASE, HOME, "scooter")
    [told] = forecast(worker(visit(1, begins=0, window_to=NOW + way + MINUTE)))
    assert (told.slack, told.risk) == (MINUTE, "tight")


def test_a_fresh_position_counts_and_an_old_one_does_not() -> None:
    begun = visit(1, begins=-10)
    near = worker(begun, base=FAR, means="walk", position=HOME, position_age=MINUTE)
    stale = worker(begun, base=FAR, means="walk", position=HOME, position_age=FRESH + MINUTE)
    assert forecast(near)[0].risk == "none"
    assert forecast(stale)[0].risk == "late"


def test_whoever_set_out_and_says_nothing_has_come_as_far_as_the_time_took_her() -> None:
    way = travel_time(FAR, HOME, "scooter")
    gone = visit(1, begins=-10, state="en_route", departed_at=NOW - way + 5 * MINUTE)
    [told] = forecast(worker(gone, base=FAR))
    assert told.begins_at == NOW + 5 * MINUTE


def test_on_the_way_the_last_position_counts_from_when_it_was_told() -> None:
    way = travel_time(FAR, HOME, "scooter")
    gone = visit(1, begins=-10, state="en_route", departed_at=NOW - 8 * MINUTE)
    told_lately = worker(gone, position=FAR, position_age=5 * MINUTE)
    told_before = worker(gone, position=FAR, position_age=12 * MINUTE)
    assert forecast(told_lately)[0].begins_at == NOW - 5 * MINUTE + way
    assert forecast(told_before)[0].begins_at == NOW - 8 * MINUTE + way


def test_nobody_sets_out_before_her_shift() -> None:
    [told] = forecast(worker(visit(1, begins=0)), free_from=NOW + 120 * MINUTE)
    assert told.risk == "late" and told.begins_at > NOW + 120 * MINUTE


def test_a_meal_is_fetched_on_the_way() -> None:
    kitchen = {"kitchen_id": 1, "kitchen_lat": FAR.lat, "kitchen_lon": FAR.lon, "hot_minutes": 60}
    [told] = forecast(worker(visit(1, begins=0, **kitchen)))
    ways = travel_time(BASE, FAR, "scooter") + travel_time(FAR, HOME, "scooter")
    assert told.begins_at == NOW + ways + 3 * MINUTE


def test_a_day_that_is_in_time_in_another_order_only_is_told_in_that_order() -> None:
    first = visit(1, begins=0, lasts=50, window_to=NOW + 200 * MINUTE, planned_at=NOW)
    second = visit(2, begins=0, lasts=10, window_to=NOW + 30 * MINUTE, planned_at=NOW + 20 * MINUTE)
    outlook = foresee(worker(first, second), NOW, TIGHT)
    assert outlook.rearranged and [told.order_id for told in outlook.forecasts] == [2, 1]
    assert not any(told.risk == "late" for told in outlook.forecasts)


def test_the_visit_without_which_she_is_in_time_is_handed_over_first() -> None:
    first = visit(1, begins=-30, lasts=30, window_to=NOW + 10 * MINUTE, place=BASE)
    second = visit(2, begins=-20, lasts=60, window_to=NOW + 60 * MINUTE, planned_at=NOW)
    third = visit(3, begins=-10, lasts=30, window_to=NOW + 50 * MINUTE, planned_at=NOW + 30 * MINUTE)
    assert to_hand_over(worker(first, second, third), NOW)[0] == 2
    assert to_hand_over(worker(first, third), NOW) == []


def test_what_cannot_be_given_away_stays() -> None:
    window = {"begins": -60, "window_to": NOW + MINUTE}
    together = visit(1, together=True, planned_at=NOW - 30 * MINUTE, **window)
    kitchen = {"kitchen_id": 1, "kitchen_lat": FAR.lat, "kitchen_lon": FAR.lon, "hot_minutes": 60}
    fetched = visit(2, pickup_at=NOW - 5 * MINUTE, **kitchen, **window)
    gone = visit(3, state="en_route", departed_at=NOW, **window)
    over = visit(4, begins=-60, window_to=NOW - MINUTE)
    for one in (together, fetched, gone, over):
        assert to_hand_over(worker(one, base=FAR), NOW) == []
    assert to_hand_over(worker(visit(5, **window), base=FAR), NOW) == [5]


@given(
    st.lists(st.tuples(st.integers(-120, 240), st.integers(5, 90), st.sampled_from([HOME, BASE, FAR])), max_size=6),
    st.integers(0, 90),
)
def test_what_is_in_time_after_losing_time_was_before(visits: list[tuple[int, int, Place]], lost: int) -> None:
    day = worker(*(visit(number, begins, lasts, place) for number, (begins, lasts, place) in enumerate(visits)))
    before, after = forecast(day), forecast(day, NOW + lost * MINUTE)
    assert {told.order_id for told in after} == {told.order_id for told in before}
    if not any(told.risk == "late" for told in after):
        assert not any(told.risk == "late" for told in before)
