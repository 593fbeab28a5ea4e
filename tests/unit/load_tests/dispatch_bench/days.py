"""Small made-up days on which one thing at a time can be tried."""

# ruff: noqa: ARG002  A dispatcher is told more than this one cares for.

from dataclasses import replace
from typing import Any, Final

from load_tests.dispatch_bench.day import Answer, Day, Order
from load_tests.dispatch_bench.demand import make_day
from load_tests.dispatch_bench.dispatcher import Desk, Offer, Step, Stop

HOUR: Final = 3600
SMALL: Final = make_day(3, 60, 8)


def with_orders(*orders: Order) -> Day:
    """The small day with these orders alone, which nobody calls off and nobody is ill for."""
    return replace(SMALL, orders=orders, called_off_at={}, ill_at={})


def some_order(**columns: Any) -> Order:
    """One from the small day, changed."""
    return replace(SMALL.orders[0], number=1, placed_at=7 * HOUR, workers=1, sex=None, **columns)


class Idle:
    """A dispatcher who does nothing but what a test wants when an order is placed."""

    def __init__(self, *asked: int) -> None:
        self.asked = asked
        self.offers: list[Offer | None] = []
        self.answers: list[tuple[int, int, Answer]] = []
        self.gone: list[int] = []
        self.stops: dict[int, list[Stop]] = {}

    def start(self, desk: Desk) -> None:
        self.desk = desk

    def placed(self, now: float, order: Order) -> None:
        self.offers += [self.desk.offer(order.number, worker, now + 600) for worker in self.asked]

    def called_off(self, now: float, order: int) -> None:
        self.gone.append(order)

    def answered(self, now: float, offer: Offer, answer: Answer) -> bool:
        self.answers.append((offer.order, offer.worker, answer))
        if answer == "accepted":
            order = self.desk.order(offer.order)
            way = [Stop(kitchen=order.kitchen)] if order.kitchen is not None else []
            self.stops.setdefault(offer.worker, []).extend([*way, Stop(order=offer.order)])
        return answer == "accepted"

    def absent(self, now: float, worker: int) -> None:
        self.gone.append(-worker)

    def lost(self, now: float, order: int, worker: int, *, is_ill: bool) -> None:
        self.gone.append(order)

    def failed(self, now: float, order: int) -> None:
        self.gone.append(order)

    def stepped(self, now: float, worker: int, step: Step, order: int | None) -> None:
        if step == "departed":
            self.stops[worker].pop(0)

    def next_stop(self, now: float, worker: int) -> Stop | None:
        stops = self.stops.get(worker)
        return stops[0] if stops else None

    def loads(self, now: float, worker: int, kitchen: int) -> list[int]:
        return [stop.order for stop in self.stops[worker] if stop.order is not None]

    def wake(self, now: float) -> None:
        raise AssertionError
