"""A worker's stops in their order, as far as anybody can reckon: when each begins, and where one more fits in; pure.

The baselines plan with it; so does whoever has to tell a worker of the engine which of her visits comes next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from load_tests.dispatch_bench.day import Kitchen, Order, Site, Worker
from load_tests.dispatch_bench.roads import SECONDS_PER_METRE, estimate
from load_tests.dispatch_bench.rules import HOT, LOADING

MARGIN: Final = 240.0
"""A plan that is to hold in traffic ends every window so many seconds early, and lets every meal cool for as much."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A visit, or the loading of meals at a kitchen before it; seconds of the day."""

    site: Site
    earliest: float
    latest: float
    lasts: float
    order: int | None = None
    is_meal: bool = False
    kitchen: int | None = None
    meals: frozenset[int] = frozenset()
    """What is loaded."""
    is_under_way: bool = False
    """She is on her way to the kitchen, or there."""


def visit(order: Order, earliest: float | None = None, latest: float | None = None) -> Planned:
    """The stop that an order makes, perhaps in a narrower window than it was promised."""
    return Planned(
        site=order.site,
        earliest=order.window[0] if earliest is None else earliest,
        latest=order.window[1] - MARGIN if latest is None else latest,
        lasts=order.duration,
        order=order.number,
        is_meal=order.kitchen is not None,
    )


def loading(kitchen: Kitchen, order: Order) -> Planned:
    """Fetching an order's meal."""
    ready = float(order.ready)
    return Planned(kitchen.site, ready, float("inf"), 0.0, kitchen=kitchen.number, meals=frozenset({order.number}))


def schedule(stops: Sequence[Planned], worker: Worker, origin: Site, at: float) -> list[tuple[float, float]]:
    """When each stop begins and is left, however late; a kitchen is left so that the first meal does not wait at the
    door."""
    found = []
    for index, stop in enumerate(stops):
        way = estimate(origin, stop.site, worker.means)
        if stop.kitchen is not None:
            begins = at + way
            leaves = max(begins + LOADING, stop.earliest)
            if index + 1 < len(stops):
                following = stops[index + 1]
                leaves = max(leaves, following.earliest - estimate(stop.site, following.site, worker.means))
        else:
            begins = max(at + way, stop.earliest)
            leaves = begins + stop.lasts
        found.append((begins, leaves))
        origin, at = stop.site, leaves
    return found


def is_kept(
    stops: Sequence[Planned],
    times: Sequence[tuple[float, float]],
    worker: Worker,
    carried: dict[int, float],
    late: dict[int, float],
) -> bool:
    """Whether the stops begin in their windows, the meals are hot and not too many, and the shift is not over before.

    `late`: until when those orders may begin that are late whatever happens.
    """
    left = dict(carried)
    for stop, (begins, leaves) in zip(stops, times, strict=True):
        if stop.kitchen is not None:
            left |= dict.fromkeys(stop.meals, leaves)
            if len(left) > worker.meals:
                return False
            continue
        assert stop.order is not None  # noqa: S101
        may_be_late = late.get(stop.order)
        if begins > (stop.latest if may_be_late is None else max(stop.latest, may_be_late)):
            return False
        if stop.is_meal and begins > left.pop(stop.order, -2.0 * HOT) + HOT - MARGIN and may_be_late is None:
            return False
    return not times or times[-1][1] <= worker.shift[1]


@dataclass
class Route:
    """What a worker still has before her, from where and when she is next free."""

    worker: Worker
    origin: Site
    free_at: float
    stops: list[Planned] = field(default_factory=list)
    carried: dict[int, float] = field(default_factory=dict)
    times: list[tuple[float, float]] = field(default_factory=list)
    late: dict[int, float] = field(default_factory=dict)
    limits: list[float] = field(default_factory=list)
    """Until when each stop must have begun, for the windows after it and the shift, however cold a meal gets."""

    def reckon(self, now: float) -> None:
        """Bring the times up to date."""
        self.free_at = max(self.free_at, now)
        self.times = schedule(self.stops, self.worker, self.origin, self.free_at)
        self.late = {}
        left = dict(self.carried)
        for stop, (begins, leaves) in zip(self.stops, self.times, strict=True):
            if stop.kitchen is not None:
                left |= dict.fromkeys(stop.meals, leaves)
            elif stop.order is not None:
                cold = stop.is_meal and begins > left.get(stop.order, begins) + HOT - MARGIN
                if begins > stop.latest or cold:
                    self.late[stop.order] = begins
        self._limit()

    def _limit(self) -> None:
        limits, after, there = [], float(self.worker.shift[1]), None
        for stop in reversed(self.stops):
            lasts = float(LOADING) if stop.kitchen is not None else stop.lasts
            onward = 0.0 if there is None else estimate(stop.site, there, self.worker.means)
            latest = max(stop.latest, self.late.get(stop.order or 0, 0.0))
            after, there = min(latest, after - onward - lasts), stop.site
            limits.append(after)
        self.limits = limits[::-1]

    def leaves_time(self, index: int, here: Site, at: float) -> bool:
        """Whether whoever leaves a place then is in time for the stop that is at this place of the route, if any."""
        if index >= len(self.stops):
            return at <= self.worker.shift[1]
        first, limit = self.times[index][0], self.limits[index]
        return at + estimate(here, self.stops[index].site, self.worker.means) <= max(limit, first)

    def place_before(self, index: int, now: float) -> tuple[Site, float]:
        """Where and when she is free for whatever would come at this place."""
        if index == 0:
            return self.origin, max(self.free_at, now)
        return self.stops[index - 1].site, self.times[index - 1][1]

    def fits(self, stops: Sequence[Planned], now: float) -> bool:
        """Whether she could keep these instead."""
        times = schedule(stops, self.worker, self.origin, max(self.free_at, now))
        return is_kept(stops, times, self.worker, self.carried, self.late)

    def with_visit(self, stop: Planned, index: int) -> list[Planned]:
        """The stops with one more."""
        return [*self.stops[:index], stop, *self.stops[index:]]

    def without(self, order: int) -> list[Planned]:
        """The stops without an order, and without a kitchen for which nothing is left."""
        kept = []
        for stop in self.stops:
            if stop.order == order:
                continue
            fewer = replace(stop, meals=stop.meals - {order}) if order in stop.meals else stop
            if fewer.kitchen is None or fewer.meals or fewer.is_under_way:
                kept.append(fewer)
        return kept

    @property
    def first_free(self) -> int:
        """The first place at which a stop may be put in."""
        return 1 if self.stops and self.stops[0].is_under_way else 0


def places_for_visit(route: Route, stop: Planned, now: float) -> Iterator[tuple[float, int]]:
    """Where a visit may fit in, by a quick look: seconds of travel to it, and the place."""
    seconds, x, y = SECONDS_PER_METRE[route.worker.means], stop.site.x, stop.site.y
    for index in range(route.first_free, len(route.stops) + 1):
        origin, at = route.place_before(index, now)
        if at > stop.latest:
            return
        way = 60.0 + ((origin.x - x) ** 2 + (origin.y - y) ** 2) ** 0.5 * seconds
        begins = max(at + way, stop.earliest)
        if begins <= stop.latest and route.leaves_time(index, stop.site, begins + stop.lasts):
            yield way, index


def rounds_for_meal(route: Route, stop: Planned, fetch: Planned, now: float) -> Iterator[tuple[float, list[Planned]]]:
    """Where a meal may fit in: seconds of travel to it, and the stops with it; on a round that has not left its
    kitchen, or on one of its own."""
    assert stop.order is not None  # noqa: S101
    for index, begun in enumerate(route.stops):
        if begun.kitchen != fetch.kitchen or len(begun.meals) >= route.worker.meals or begun.kitchen is None:
            continue
        if route.times[index][1] + HOT < stop.earliest or route.times[index][1] > stop.latest:
            continue
        fuller = replace(begun, meals=begun.meals | {stop.order}, earliest=max(begun.earliest, fetch.earliest))
        for place in range(index + 1, len(route.stops) + 1):
            if place > index + 1 and route.stops[place - 1].kitchen is not None:
                break
            site, at = route.place_before(place, now)
            if at > stop.latest:
                break
            way = estimate(site, stop.site, route.worker.means)
            over = max(at + way, stop.earliest) + stop.lasts
            if over - stop.lasts > stop.latest or not route.leaves_time(place, stop.site, over):
                continue
            rest = [*route.stops[:index], fuller, *route.stops[index + 1 : place], stop, *route.stops[place:]]
            yield way, rest
    ride = estimate(fetch.site, stop.site, route.worker.means)
    for place in range(route.first_free, len(route.stops) + 1):
        site, at = route.place_before(place, now)
        if at > stop.latest:
            return
        way = estimate(site, fetch.site, route.worker.means)
        begins = max(at + way + LOADING + ride, fetch.earliest + ride, stop.earliest)
        if begins <= stop.latest and route.leaves_time(place, stop.site, begins + stop.lasts):
            yield way + ride, [*route.stops[:place], fetch, stop, *route.stops[place:]]
