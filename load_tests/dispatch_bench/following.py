"""Keeping every worker's route in step with what the world says of her: the same for all who plan in memory."""

from dataclasses import replace

from load_tests.dispatch_bench.day import Order
from load_tests.dispatch_bench.dispatcher import Desk, Step, Stop
from load_tests.dispatch_bench.roads import estimate
from load_tests.dispatch_bench.routes import Route


class Following:
    """Routes by worker. A stop whose worker has not answered yet is `pending`: its place is kept, nobody goes there."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.routes = {
            number: Route(worker, worker.base, float(worker.shift[0])) for number, worker in desk.staff.items()
        }
        self.pending: set[tuple[int, int]] = set()
        """Order and worker."""
        self._heading: dict[int, int] = {}

    def set_stops(self, now: float, worker: int, route: Route) -> None:
        """A route has changed: reckon it anew, and let its worker see it."""
        route.reckon(now)
        self.desk.look_at(worker)

    def remove(self, now: float, order: int, worker: int) -> None:
        """An order is not this worker's, or not any more."""
        route = self.routes[worker]
        self.pending.discard((order, worker))
        if self._heading.get(worker) == order:
            del self._heading[worker]
        route.carried.pop(order, None)
        route.stops = route.without(order)
        self.set_stops(now, worker, route)

    def holders(self, order: int) -> list[int]:
        """In whose routes an order is."""
        return [number for number, route in self.routes.items() if any(stop.order == order for stop in route.stops)]

    def unbegun(self, worker: int) -> list[int]:
        """The orders she has and has not begun."""
        found = [stop.order for stop in self.routes[worker].stops if stop.order is not None]
        return [*found, self._heading[worker]] if worker in self._heading else found

    def stepped(self, now: float, worker: int, step: Step, order: int | None) -> None:
        """What the world said she did."""
        route = self.routes[worker]
        here = self.desk.whereabouts(worker)
        if step != "arrived":
            self._heading.pop(worker, None)
        if step == "departed" and order is not None:
            about = self.desk.order(order)
            way = estimate(here, about.site, route.worker.means)
            route.stops = [stop for stop in route.stops if stop.order != order]
            route.origin, route.free_at = about.site, max(now + way, about.window[0]) + about.duration
            route.carried.pop(order, None)
            self._heading[worker] = order
        elif step == "departed":
            route.stops[0] = replace(route.stops[0], is_under_way=True)
        elif step == "loaded":
            route.stops = route.stops[1:]
            route.carried = self.desk.carried(worker)
            route.origin, route.free_at = here, now
        elif step == "begun" and order is not None:
            route.origin, route.free_at = self.desk.order(order).site, now + self.desk.order(order).duration
        elif step == "completed":
            route.origin, route.free_at = here, now
        route.reckon(now)

    def next_stop(self, now: float, worker: int) -> Stop | None:
        """Where she goes next, by her route."""
        route = self.routes[worker]
        route.reckon(now)
        if not route.stops:
            return None
        first = route.stops[0]
        if first.order is not None:
            # A meal that is not on board was loaded without it: it needs a round of its own.
            if (first.order, worker) in self.pending or (first.is_meal and first.order not in route.carried):
                return None
            return Stop(order=first.order, not_before=first.earliest)
        if all((order, worker) in self.pending for order in first.meals):
            return None
        return Stop(kitchen=first.kitchen, not_before=route.times[0][1])

    def loads(self, worker: int) -> list[int]:
        """The meals she takes from the kitchen she is at."""
        route = self.routes[worker]
        mine = sorted(route.stops[0].meals) if route.stops and route.stops[0].kitchen is not None else []
        return [order for order in mine if (order, worker) not in self.pending]

    def left_behind(self, worker: int) -> list[Order]:
        """Meals whose round left without them, because she had not answered yet."""
        route = self.routes[worker]
        fetched = set(route.carried).union(*(stop.meals for stop in route.stops))
        return [
            self.desk.order(stop.order)
            for stop in route.stops
            if stop.is_meal and stop.order is not None and stop.order not in fetched
        ]
