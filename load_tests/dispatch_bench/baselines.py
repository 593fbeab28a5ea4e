"""Two ways of dispatching that need no engine: to whoever is nearest, and to whoever comes first on the list.

Both decide about an order when they must: about one that was known the evening before at six in the morning, by the
order of their windows, about any other at once. Both give it only to somebody who, by what anybody can reckon, keeps
its window and those of all she has already; both let a meal join a round that has not left its kitchen; both ask the
next when somebody declines, hand over what its worker cannot reach in time to somebody who can, and when nobody can
come in time look again every five minutes, and after the window for whoever can come at all.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from load_tests.dispatch_bench.day import Answer, Order
from load_tests.dispatch_bench.dispatcher import Desk, Offer, Step, Stop
from load_tests.dispatch_bench.following import Following
from load_tests.dispatch_bench.routes import MARGIN, Planned, loading, places_for_visit, rounds_for_meal, visit
from load_tests.dispatch_bench.rules import PATIENCE, broken_by, exclude_each_other

MORNING: Final = 6 * 3600.0
OFFER_SECONDS: Final = 90.0
LOOK_AGAIN: Final = 300.0
_TOGETHER: Final = 600.0
"""Two workers of one visit are planned to be there within so many seconds."""
_STALE: Final = 60.0
"""Seconds after which the times of somebody who waits are reckoned anew."""
Fit = tuple[float, int, list[Planned]]
"""Seconds of travel to the order, the worker, and her stops with it."""


class Baseline:
    """What both have in common; a policy says in which order it tries the places where an order fits in."""

    def __init__(self) -> None:
        self.decisions: list[float] = []
        """Seconds that each search took."""
        self._asked: dict[int, set[int]] = defaultdict(set)
        self._early: list[Order] = []
        self._again: dict[int, float] = {}

    def tried(self, fits: Iterable[Fit]) -> Iterable[Fit]:
        """The same places in the order in which they are tried."""
        raise NotImplementedError

    def start(self, desk: Desk) -> None:
        """See `Dispatcher`."""
        self.desk = desk
        self.following = Following(desk)
        desk.wake_at(MORNING)

    def placed(self, now: float, order: Order) -> None:
        """See `Dispatcher`."""
        if now < MORNING:
            self._early.append(order)
        else:
            self._give(now, order)

    def called_off(self, now: float, order: int) -> None:
        """See `Dispatcher`."""
        self._again.pop(order, None)
        self._early = [one for one in self._early if one.number != order]
        for worker in self.following.holders(order):
            self.following.remove(now, order, worker)

    def failed(self, now: float, order: int) -> None:
        """See `Dispatcher`."""
        self.called_off(now, order)

    def answered(self, now: float, offer: Offer, answer: Answer) -> bool:
        """See `Dispatcher`."""
        if answer == "accepted":
            self.following.pending.discard((offer.order, offer.worker))
            self._fetch_what_was_left(now, offer.worker)
            self.desk.look_at(offer.worker)
            return True
        self.following.remove(now, offer.order, offer.worker)
        self._give(now, self.desk.order(offer.order))
        return False

    def absent(self, now: float, worker: int) -> None:
        """See `Dispatcher`: the desk knows who is ill."""

    def lost(self, now: float, order: int, worker: int, *, is_ill: bool) -> None:  # noqa: ARG002
        """See `Dispatcher`."""
        self.following.remove(now, order, worker)
        self._give(now, self.desk.order(order))

    def stepped(self, now: float, worker: int, step: Step, order: int | None) -> None:
        """See `Dispatcher`."""
        self.following.stepped(now, worker, step, order)
        if step in ("loaded", "begun", "completed"):
            self._fetch_what_was_left(now, worker)
            self._hand_over(now, worker)

    def next_stop(self, now: float, worker: int) -> Stop | None:
        """See `Dispatcher`."""
        return self.following.next_stop(now, worker)

    def loads(self, now: float, worker: int, kitchen: int) -> list[int]:  # noqa: ARG002
        """See `Dispatcher`."""
        return self.following.loads(worker)

    def wake(self, now: float) -> None:
        """See `Dispatcher`."""
        if now >= MORNING and self._early:
            early, self._early = sorted(self._early, key=lambda order: (order.window, order.number)), []
            for order in early:
                self._give(now, order)
        due = sorted(number for number, at in self._again.items() if at <= now)
        for number in due:
            del self._again[number]
            if self.desk.is_open(number):
                self._give(now, self.desk.order(number))

    def _give(self, now: float, order: Order) -> None:
        """Offer an order to as many as it still needs, or look again later."""
        began = time.perf_counter()
        waiting = sum(number == order.number for number, _ in self.following.pending)
        missing = order.workers - len(self.desk.crew(order.number)) - waiting
        given = self._pair(now, order) if missing == 2 else [self._one(now, order, ())] if missing == 1 else []
        self.decisions.append(time.perf_counter() - began)
        for worker, stops in (one for one in given if one is not None):
            self._asked[order.number].add(worker)
            route = self.following.routes[worker]
            if self.desk.offer(order.number, worker, now + OFFER_SECONDS) is None:
                continue
            self.following.pending.add((order.number, worker))
            route.stops = stops
            self.following.set_stops(now, worker, route)
        if missing and (not given or None in given):
            self._asked[order.number].clear()
            self._again[order.number] = now + LOOK_AGAIN
            self.desk.wake_at(now + LOOK_AGAIN)

    def _one(
        self, now: float, order: Order, but: Sequence[int], stop: Planned | None = None
    ) -> tuple[int, list[Planned]] | None:
        """The first who fits, with her stops."""
        together = self._as_agreed(order) if stop is None else stop
        for _, worker, stops in self.tried(self._fits(now, order, together, but)):
            if self.following.routes[worker].fits(stops, now) and not self._is_double(now, order, worker):
                return worker, stops
        return None

    def _is_double(self, now: float, order: Order, worker: int) -> bool:
        """Whether somebody who is late anyway would have two at once."""
        before_her = self.following.unbegun(worker)
        return any(exclude_each_other(order, self.desk.order(one), now) for one in before_her)

    def _as_agreed(self, order: Order) -> Planned:
        """The stop of an order; of one that somebody else has too, at her time."""
        for worker in self.following.holders(order.number):
            for stop in self.following.routes[worker].stops:
                if stop.order == order.number:
                    return stop
        return visit(order)

    def _pair(self, now: float, order: Order) -> list[tuple[int, list[Planned]] | None]:
        """Two who can be there together: the first at the earliest, the middle or the latest of the window."""
        begins, ends = order.window
        for share in (0.0, 0.25, 0.5, 0.75):
            at = max(now, begins) + share * (ends - max(now, begins))
            stop = visit(order, at, min(at + _TOGETHER, ends - MARGIN))
            first = self._one(now, order, (), stop)
            second = None if first is None else self._one(now, order, (first[0],), stop)
            if first is not None and second is not None:
                return [first, second]
        return [None]

    def _fits(self, now: float, order: Order, stop: Planned, but: Sequence[int]) -> Iterator[Fit]:
        if now > stop.latest:
            stop = visit(order, latest=order.window[1] + PATIENCE - MARGIN)
        kitchen = None if order.kitchen is None else self.desk.kitchens[order.kitchen]
        elder, asked = self.desk.elder(order.number), self._asked[order.number]
        for number, worker in self.desk.staff.items():
            if number in asked or number in but or self.desk.is_ill(number):
                continue
            if broken_by(worker, order, elder, kitchen, now) is not None:
                continue
            route = self.following.routes[number]
            if now > route.free_at + _STALE:
                route.reckon(now)
            if kitchen is None:
                for way, index in places_for_visit(route, stop, now):
                    yield way, number, route.with_visit(stop, index)
            else:
                for way, stops in rounds_for_meal(route, stop, loading(kitchen, order), now):
                    yield way, number, stops

    def _fetch_what_was_left(self, now: float, worker: int) -> None:
        """A meal accepted after its round had left is given anew."""
        for order in self.following.left_behind(worker):
            if (order.number, worker) in self.following.pending:
                continue
            self.following.remove(now, order.number, worker)
            if worker in self.desk.crew(order.number):
                self.desk.release(order.number, worker)
            self._give(now, order)

    def _hand_over(self, now: float, worker: int) -> None:
        """Orders that are late by now go to somebody who can still keep their window, if there is anybody."""
        route = self.following.routes[worker]
        for number, begins in list(route.late.items()):
            order = self.desk.order(number)
            is_hers = worker in self.desk.crew(number) and number not in route.carried and order.workers == 1
            if not is_hers or begins <= order.window[1] or now > order.window[1] - MARGIN:
                continue
            self._asked[number].add(worker)
            if self._one(now, order, (worker,)) is not None:
                self.following.remove(now, number, worker)
                self.desk.release(number, worker)
                self._give(now, order)


class NearestAvailable(Baseline):
    """To the eligible worker with the least travel to it."""

    def tried(self, fits: Iterable[Fit]) -> Iterable[Fit]:
        """Nearest first; of those as near as each other the lower number."""
        return sorted(fits, key=lambda fit: fit[:2])


class FirstCome(Baseline):
    """To the first eligible worker of the list who has the time."""

    def tried(self, fits: Iterable[Fit]) -> Iterable[Fit]:
        """As they are found: workers by number, places by time."""
        return fits
