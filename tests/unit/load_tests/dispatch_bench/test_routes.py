"""A worker's route keeps windows, hot meals and shifts, however a stop is put into it."""

from hypothesis import given
from hypothesis import strategies as st

from load_tests.dispatch_bench.routes import (
    Route,
    is_kept,
    loading,
    places_for_visit,
    rounds_for_meal,
    schedule,
    visit,
)
from load_tests.dispatch_bench.rules import HOT, LOADING
from tests.unit.load_tests.dispatch_bench.days import SMALL


@given(st.lists(st.sampled_from(SMALL.orders), max_size=12, unique_by=lambda order: order.number), st.data())
def test_whatever_fits_is_kept(orders: list, data: st.DataObject) -> None:  # type: ignore[type-arg]
    worker = data.draw(st.sampled_from(SMALL.workers))
    route = Route(worker, worker.base, float(worker.shift[0]))
    for order in orders:
        if order.kitchen is None:
            stop = visit(order)
            fits = [route.with_visit(stop, index) for _, index in places_for_visit(route, stop, 0.0)]
        else:
            fetch = loading(SMALL.kitchens[order.kitchen], order)
            fits = [stops for _, stops in rounds_for_meal(route, visit(order), fetch, 0.0)]
        kept = [stops for stops in fits if route.fits(stops, 0.0)]
        if kept:
            route.stops = data.draw(st.sampled_from(kept))
            route.reckon(0.0)
    assert not route.late
    left: dict[int, float] = {}
    at = float(worker.shift[0])
    for stop, (begins, leaves) in zip(route.stops, route.times, strict=True):
        assert begins >= at
        if stop.kitchen is not None:
            assert leaves >= begins + LOADING
            left |= dict.fromkeys(stop.meals, leaves)
            assert len(left) <= worker.meals
        elif stop.order is not None:
            assert stop.earliest <= begins <= stop.latest
            if stop.is_meal:
                assert begins - left.pop(stop.order) <= HOT
        at = leaves
    assert at <= worker.shift[1]


def test_a_meal_that_was_never_fetched_is_not_kept() -> None:
    meal = next(order for order in SMALL.orders if order.kitchen is not None)
    worker = next(one for one in SMALL.workers if "meal_delivery" in one.skills)
    stops = [visit(meal)]
    times = schedule(stops, worker, meal.site, meal.window[0])
    assert not is_kept(stops, times, worker, {}, {})
    assert is_kept(stops, times, worker, {meal.number: float(meal.window[0])}, {})
