"""Whether a worker will be in time follows from where she is and what she has to do before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.assignment import FRESH
from dispatch.service_level.forecasts import Due, Whereabouts, forecast
from dispatch.travel import Place, travel_time

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOME = Place(29.81, 106.40)
BASE = Place(29.82, 106.40)
FAR = Place(29.95, 106.40)
MINUTE = timedelta(minutes=1)
TIGHT = 10 * MINUTE


def visit(order_id: int, begins: int = 30, lasts: int = 30, place: Place | None = HOME, **changed: object) -> Due:
    window_from = NOW + begins * MINUTE
    values = {
        "order_id": order_id,
        "state": "accepted",
        "place": place,
        "window_from": window_from,
        "window_to": window_from + 60 * MINUTE,
        "duration": lasts * MINUTE,
    } | changed
    return Due(**values)  # type: ignore[arg-type]


def test_who_can_be_early_waits_for_the_window() -> None:
    [told] = forecast(Whereabouts(BASE, "scooter"), [visit(1)], NOW, TIGHT)
    assert (told.begins_at, told.slack, told.risk) == (NOW + 30 * MINUTE, 60 * MINUTE, "none")


def test_whoever_has_not_set_out_when_the_window_ends_will_be_late() -> None:
    [told] = forecast(Whereabouts(FAR, "walk"), [visit(1, begins=-50)], NOW, TIGHT)
    assert told.risk == "late" and told.begins_at == NOW + travel_time(FAR, HOME, "walk")


def test_a_visit_that_overruns_makes_the_next_one_late() -> None:
    at_it = visit(1, begins=-120, lasts=90, state="in_service", checked_in_at=NOW - 30 * MINUTE)
    following = visit(2, begins=-10, lasts=15, place=HOME)
    [told] = forecast(Whereabouts(BASE, "scooter"), [following, at_it], NOW, TIGHT)
    assert told.order_id == 2
    assert told.begins_at == NOW + 60 * MINUTE + travel_time(HOME, HOME, "scooter")
    assert told.risk == "late"


def test_little_slack_is_tight_and_not_late() -> None:
    way = travel_time(BASE, HOME, "scooter")
    [told] = forecast(Whereabouts(BASE, "scooter"), [visit(1, begins=0, window_to=NOW + way + MINUTE)], NOW, TIGHT)
    assert (told.slack, told.risk) == (MINUTE, "tight")


def test_a_fresh_position_counts_and_an_old_one_does_not() -> None:
    near = Whereabouts(FAR, "walk", position=HOME, age=MINUTE)
    stale = Whereabouts(FAR, "walk", position=HOME, age=FRESH + MINUTE)
    begun = visit(1, begins=-10)
    assert forecast(near, [begun], NOW, TIGHT)[0].risk == "none"
    assert forecast(stale, [begun], NOW, TIGHT)[0].risk == "late"


def test_whoever_set_out_and_says_nothing_has_come_as_far_as_the_time_took_her() -> None:
    way = travel_time(FAR, HOME, "scooter")
    gone = visit(1, begins=-10, state="en_route", departed_at=NOW - way + 5 * MINUTE)
    [told] = forecast(Whereabouts(FAR, "scooter"), [gone], NOW, TIGHT)
    assert told.begins_at == NOW + 5 * MINUTE


def test_nobody_sets_out_before_her_shift() -> None:
    where = Whereabouts(BASE, "scooter", free_from=NOW + 120 * MINUTE)
    [told] = forecast(where, [visit(1, begins=0)], NOW, TIGHT)
    assert told.risk == "late" and told.begins_at > NOW + 120 * MINUTE


@given(
    st.lists(st.tuples(st.integers(-120, 240), st.integers(5, 90), st.sampled_from([HOME, BASE, FAR])), max_size=6),
    st.integers(0, 90),
)
def test_lost_time_makes_nothing_earlier(visits: list[tuple[int, int, Place]], lost: int) -> None:
    due = [visit(number, begins, lasts, place) for number, (begins, lasts, place) in enumerate(visits)]
    where = Whereabouts(BASE, "scooter")
    before = {told.order_id: told for told in forecast(where, due, NOW, TIGHT)}
    after = forecast(where, due, NOW + lost * MINUTE, TIGHT)
    assert {told.order_id for told in after} == set(before)
    assert all(told.begins_at >= before[told.order_id].begins_at for told in after)
