"""The order in which a worker makes the visits that the engine gave her, as her phone shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from load_tests.dispatch_bench.day import Kitchen, Order
from load_tests.dispatch_bench.roads import estimate
from load_tests.dispatch_bench.routes import Planned, Route, loading, places_for_visit, rounds_for_meal, visit


@dataclass(frozen=True, slots=True)
class Given:
    """An order that a worker has, and when she is expected to begin and to leave the kitchen, where the engine said so;
    seconds of the day."""

    order: Order
    planned_at: float | None
    pickup_at: float | None


def stops_of(
    route: Route, given: Sequence[Given], kitchens: Sequence[Kitchen], now: float, *, under_way: int | None
) -> list[Planned]:
    """What she still has before her: as it was promised, and what was promised no time where it costs least.

    `under_way`: the kitchen she is on her way to, or at; it stays the first stop.
    """
    promised = sorted(
        (one for one in given if one.planned_at is not None), key=lambda one: (one.planned_at, one.order.number)
    )
    stops = _with_kitchens(route, promised, kitchens)
    if under_way is not None:
        stops = _begun(stops, kitchens[under_way])
    rest = sorted(
        (one.order for one in given if one.planned_at is None), key=lambda order: (order.window, order.number)
    )
    for order in rest:
        planned = Route(route.worker, route.origin, route.free_at, stops, dict(route.carried))
        planned.reckon(now)
        stops = _put(planned, order, kitchens, now)
    return stops


def _with_kitchens(route: Route, promised: Sequence[Given], kitchens: Sequence[Kitchen]) -> list[Planned]:
    """A loading before the first of the meals that leave a kitchen together."""
    stops: list[Planned] = []
    at: dict[tuple[int, float], int] = {}
    for one in promised:
        order = one.order
        if order.kitchen is not None and order.number not in route.carried:
            key = (order.kitchen, round(one.pickup_at or one.planned_at or 0.0))
            if key in at:
                index = at[key]
                stops[index] = replace(stops[index], meals=stops[index].meals | {order.number})
            else:
                at[key] = len(stops)
                fetch = loading(kitchens[order.kitchen], order)
                stops.append(replace(fetch, earliest=max(fetch.earliest, one.pickup_at or 0.0)))
        together = one.planned_at if order.workers > 1 else None
        stops.append(visit(order, earliest=together))
    return stops


def _begun(stops: list[Planned], kitchen: Kitchen) -> list[Planned]:
    """The same with the kitchen first to which she has set out already."""
    index = next((place for place, stop in enumerate(stops) if stop.kitchen == kitchen.number), None)
    if index is None:
        return [Planned(kitchen.site, 0.0, float("inf"), 0.0, kitchen=kitchen.number, is_under_way=True), *stops]
    return [replace(stops[index], is_under_way=True), *stops[:index], *stops[index + 1 :]]


def _put(route: Route, order: Order, kitchens: Sequence[Kitchen], now: float) -> list[Planned]:
    """The stops with one more, where it adds the least travel and nothing gets late; else where its window says."""
    stop = visit(order)
    if order.kitchen is None or order.number in route.carried:
        ways = [route.with_visit(stop, index) for _, index in places_for_visit(route, stop, now)]
        anyhow = [stop]
    else:
        fetch = loading(kitchens[order.kitchen], order)
        ways = [stops for _, stops in rounds_for_meal(route, stop, fetch, now)]
        anyhow = [fetch, stop]
    kept = [stops for stops in ways if route.fits(stops, now)]
    if kept:
        return min(kept, key=lambda stops: _travel(route, stops))
    index = next((place for place, other in enumerate(route.stops) if other.earliest > stop.earliest), len(route.stops))
    while 0 < index < len(route.stops) and route.stops[index - 1].kitchen is not None:
        index += 1
    index = max(index, route.first_free)
    return [*route.stops[:index], *anyhow, *route.stops[index:]]


def _travel(route: Route, stops: Sequence[Planned]) -> float:
    here, total = route.origin, 0.0
    for stop in stops:
        total += estimate(here, stop.site, route.worker.means)
        here = stop.site
    return total
