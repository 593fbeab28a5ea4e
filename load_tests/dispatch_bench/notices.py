"""What the service told the workers of a simulated day: offers, visits that are theirs, and the order of these."""

from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from load_tests.dispatch_bench.dispatcher import Desk
from load_tests.dispatch_bench.following import Following
from load_tests.dispatch_bench.phone import Given, stops_of
from load_tests.dispatch_bench.stage import Stage
from schemas.database import rows
from schemas.statements import statement

_TILL_MORNING: Final = 12 * 3600.0
_OFFERS = statement("""
    SELECT offer.id, offer.order_id, offer.worker_id, offer.expires_at, offer.state
    FROM offer
    WHERE offer.id > %(after)s::bigint AND offer.order_id IS NOT NULL AND offer.state IN ('open', 'accepted')
    ORDER BY offer.id
""")
_HAS = statement("""
    SELECT id, planned_at, pickup_at FROM service_order
    WHERE worker_id = %(worker)s::integer AND state = 'accepted'
""")
_WHO = statement("SELECT id, worker_id FROM service_order WHERE id = ANY(%(ids)s::bigint[])")


class Notices:
    """Keeps the day's numbers and the database's ids apart, and the phones in step with the database."""

    def __init__(self, conn: psycopg.Connection[TupleRow], stage: Stage, desk: Desk) -> None:
        self.following = Following(desk)
        self.held: dict[tuple[int, int], int] = {}
        """The id of the order that a worker has, by the day's numbers of both."""
        self.offers: dict[int, tuple[int, int]] = {}
        """The ids of an offer and its order, by the world's number of the offer."""
        self._conn, self._stage, self._desk = conn, stage, desk
        self._numbers: dict[int, int] = {}
        self._workers = {id_: number for number, id_ in stage.workers.items()}
        self._last_offer = 0

    def knows(self, ids: list[int], number: int) -> None:
        """These orders of the database are the day's order of this number."""
        self._numbers |= dict.fromkeys(ids, number)

    def ask(self, now: float) -> None:
        """Hand over the offers that were made since the last time, and what a plan promised."""
        for made in rows(self._conn, _OFFERS, {"after": self._last_offer}):
            self._last_offer = made["id"]
            number, worker = self._numbers[made["order_id"]], self._workers[made["worker_id"]]
            is_given = made["state"] == "accepted"
            expires_at = now + _TILL_MORNING if is_given else self._stage.second(made["expires_at"])
            offer = self._desk.offer(number, worker, expires_at)
            if offer is not None:
                self.offers[offer.number] = (made["id"], made["order_id"])

    def forget(self, now: float, order: int) -> None:
        """An order of the day is no more."""
        for worker in self.following.holders(order):
            self.following.remove(now, order, worker)
        for key in [key for key in self.held if key[0] == order]:
            del self.held[key]

    def release(self, now: float, order_id: int) -> None:
        """The engine took an order from its worker: she need not go there."""
        for (order, worker), held in list(self.held.items()):
            if held == order_id:
                del self.held[order, worker]
                self.following.remove(now, order, worker)
                if worker in self._desk.crew(order):
                    self._desk.release(order, worker)

    def follow(self, now: float) -> None:
        """A plan was carried out: whoever has an order no more need not go there, and the others see their days."""
        found = {one["id"]: one["worker_id"] for one in rows(self._conn, _WHO, {"ids": list(self.held.values())})}
        for (_, worker), order_id in list(self.held.items()):
            if found[order_id] != self._stage.workers[worker]:
                self.release(now, order_id)
        for worker in sorted({worker for _, worker in self.held}):
            self.arrange(now, worker)

    def arrange(self, now: float, worker: int) -> None:
        """Let a worker's phone show her visits as they are now."""
        route = self.following.routes[worker]
        route.reckon(now)
        given = []
        for found in rows(self._conn, _HAS, {"worker": self._stage.workers[worker]}):
            number = self._numbers[found["id"]]
            if (number, worker) in self.held:
                begins, fetches = self._second(found["planned_at"]), self._second(found["pickup_at"])
                given.append(Given(self._desk.order(number), begins, fetches))
        first = route.stops[0] if route.stops and route.stops[0].is_under_way else None
        kitchen = None if first is None else first.kitchen
        route.stops = stops_of(route, given, self._desk.kitchens, now, under_way=kitchen)
        self.following.set_stops(now, worker, route)

    def _second(self, at: datetime | None) -> float | None:
        return None if at is None else self._stage.second(at)

    def arrange_all(self, now: float, ids: set[int | None]) -> None:
        """The same for everybody who has one of these orders of the database."""
        for worker in sorted({worker for (_, worker), held in self.held.items() if held in ids}):
            self.arrange(now, worker)
