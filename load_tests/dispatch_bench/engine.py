"""Our dispatch engine in the simulated day: the service's own functions on a database of its own, with the day's time.

Orders come in as staff order them, the engine's sweeps run whenever something is due, workers answer and walk through
their visits as their phones do. With a plan, what is known in the evening waits for it and is promised by it.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.towns import DISTRICT_CODE
from dispatch import orders, replies
from dispatch.day_plans import asking
from dispatch.day_plans.making import PlanMaker
from dispatch.order_deadlines import sweep_orders
from dispatch.placing import Wish
from dispatch.pool.leaves import report_leave
from dispatch.pool.watching import sweep_workers
from dispatch.positions import Spot, report
from dispatch.refusals import Refused
from dispatch.service import checking_in, completing, visits
from load_tests.dispatch_bench.day import Answer, Order
from load_tests.dispatch_bench.demand import EVENING
from load_tests.dispatch_bench.desk import DAY_BEGINS
from load_tests.dispatch_bench.dispatcher import Desk, Offer, Step, Stop
from load_tests.dispatch_bench.notices import Notices
from load_tests.dispatch_bench.stage import Stage, item_of
from load_tests.dispatch_bench.watching import WATCH_SECONDS, watch
from schemas.database import Transaction, row, rows, transaction
from schemas.district_time import today
from schemas.events import Event
from schemas.statements import statement

_ACCURACY_M: Final = 20.0
_DECIDED: Final = frozenset({"offer.made", "order.attention"})
_IDS = statement("SELECT id FROM service_order WHERE id = %(id)s::bigint OR lead_id = %(id)s::bigint ORDER BY id")
_COOK = statement("""
    UPDATE service_order SET kitchen_id = %(kitchen)s::integer WHERE id = %(id)s::bigint AND kitchen_id IS NULL
""")
_DUE = statement("SELECT min(due_at) AS due_at FROM service_order WHERE due_at IS NOT NULL")
_OPEN = statement("SELECT id FROM service_order WHERE id = ANY(%(ids)s::bigint[]) AND ended_at IS NULL ORDER BY id")
_HAS_IT = statement("SELECT worker_id FROM service_order WHERE id = %(id)s::bigint")
Act = Callable[[Transaction], object]


class Engine:
    """The dispatcher that drives the service."""

    def __init__(
        self, conn: psycopg.Connection[TupleRow], url: str, stage: Stage, *, plans: bool, until: float = 24 * 3600.0
    ) -> None:
        """`plans`: what is known the evening before is planned together. `until`: when the day's account is closed."""
        self.decisions: list[float] = []
        """Seconds from claiming an order to the commit of its offers, or of why there are none."""
        self.plan_seconds: float | None = None
        self.faults: dict[str, int] = {}
        """Commands of workers and staff that the service refused, by the reason."""
        self._conn, self._url, self._stage, self._plans, self._until = conn, url, stage, plans, until
        self._now = 0.0
        self._ids: dict[int, list[int]] = {}
        self._woken_at = float("inf")
        self._watches_at = DAY_BEGINS

    def start(self, desk: Desk) -> None:
        """See `Dispatcher`."""
        self.desk = desk
        self.notices = Notices(self._conn, self._stage, desk)
        if self._plans:
            desk.wake_at(EVENING + 60)
        desk.wake_at(DAY_BEGINS)

    def placed(self, now: float, order: Order) -> None:
        """See `Dispatcher`."""
        wish = Wish(
            elder_id=self._stage.elders[order.elder],
            item_code=item_of(order),
            window_from=self._stage.at(order.window[0]),
            window_to=self._stage.at(order.window[1]),
            skills=(),
            note=None,
            mode="plan" if self._plans and now <= EVENING else None,
        )
        at = self._stage.at(now)
        with transaction(self._conn) as tx:
            id_ = orders.request_order(tx, at, self._stage.supervisor, wish)
            ids = [found["id"] for found in tx.rows(_IDS, {"id": id_})]
            if order.kitchen is not None:
                tx.execute(_COOK, {"id": id_, "kitchen": self._stage.kitchens[order.kitchen]})
        self._ids[order.number] = ids
        self.notices.knows(ids, order.number)
        self._sweep(now)

    def called_off(self, now: float, order: int) -> None:
        """See `Dispatcher`."""
        self._end(now, order, "老人取消")

    def failed(self, now: float, order: int) -> None:
        """See `Dispatcher`."""
        self._end(now, order, "无人上门")

    def _end(self, now: float, order: int, why: str) -> None:
        for found in rows(self._conn, _OPEN, {"ids": self._ids[order]}):
            self._command(now, partial(self._cancel, found["id"], why))
        self.notices.forget(now, order)
        self._sweep(now)

    def _cancel(self, order_id: int, why: str, tx: Transaction) -> None:
        orders.cancel(tx, self._at, order_id, self._stage.supervisor, why)

    def answered(self, now: float, offer: Offer, answer: Answer) -> bool:
        """See `Dispatcher`."""
        id_, order_id = self.notices.offers.pop(offer.number)
        account = self._stage.accounts[offer.worker]
        taken = False
        self._now = now
        if answer == "accepted":
            with transaction(self._conn) as tx:
                said = replies.accept(tx, self._at, id_, account)
            taken = said in (None, "already_accepted")
            if not taken:
                self._count(f"accept {said}")
        elif answer == "declined":
            with transaction(self._conn) as tx:
                said = replies.decline(tx, self._at, id_, account, "busy")
            if said == "already_accepted":
                # The plan had given it to her.
                self._command(now, lambda tx: orders.reassign(tx, self._at, order_id, self._stage.supervisor, "谢绝"))
        if taken:
            self.notices.held[offer.order, offer.worker] = order_id
            self.notices.arrange(now, offer.worker)
        self._sweep(now)
        # The engine may have thought better of it at once.
        return taken and (offer.order, offer.worker) in self.notices.held

    def absent(self, now: float, worker: int) -> None:
        """See `Dispatcher`."""
        ill, supervisor = self._stage.workers[worker], self._stage.supervisor
        until = self._stage.at(self._until)
        self._command(now, lambda tx: report_leave(tx, self._at, ill, supervisor, "sick", self._at, until, None))
        with transaction(self._conn) as tx:
            sweep_workers(tx, self._at, 10)
        self._heed(now, tx.events)

    def lost(self, now: float, order: int, worker: int, *, is_ill: bool) -> None:
        """See `Dispatcher`."""
        self.notices.following.remove(now, order, worker)
        order_id = self.notices.held.pop((order, worker), None)
        found = None if order_id is None else row(self._conn, _HAS_IT, {"id": order_id})
        if order_id is not None and found is not None and found["worker_id"] == self._stage.workers[worker]:
            why = "因病" if is_ill else "下班"
            self._command(now, lambda tx: orders.reassign(tx, self._at, order_id, self._stage.supervisor, why))
        self._sweep(now)

    def stepped(self, now: float, worker: int, step: Step, order: int | None) -> None:
        """See `Dispatcher`."""
        self.notices.following.stepped(now, worker, step, order)
        here = self.desk.whereabouts(worker)
        spot = Spot(here.lat, here.lon, _ACCURACY_M)
        account = self._stage.accounts[worker]
        order_id = None if order is None else self.notices.held.get((order, worker))

        def act(tx: Transaction) -> None:
            report(tx, self._at, account, spot)
            if order_id is None:
                return
            if step == "departed":
                visits.depart(tx, self._at, order_id, account)
            elif step == "begun":
                checking_in.check_in(tx, self._at, order_id, account, spot)
                visits.begin(tx, self._at, order_id, account)
            elif step == "completed":
                completing.complete(tx, self._at, order_id, account, spot, None)

        self._command(now, act)
        if step == "completed" and order is not None:
            self.notices.held.pop((order, worker), None)
            self.notices.arrange(now, worker)
        self._sweep(now)

    def next_stop(self, now: float, worker: int) -> Stop | None:
        """See `Dispatcher`."""
        return self.notices.following.next_stop(now, worker)

    def loads(self, now: float, worker: int, kitchen: int) -> list[int]:  # noqa: ARG002
        """See `Dispatcher`."""
        return self.notices.following.loads(worker)

    def wake(self, now: float) -> None:
        """See `Dispatcher`."""
        if now >= self._woken_at:
            self._woken_at = float("inf")
        if self._plans and self.plan_seconds is None and now > EVENING:
            self._plan(now)
        self._sweep(now)
        if self._watches_at <= now < self._until:
            self._watches_at = now + WATCH_SECONDS
            self.desk.wake_at(self._watches_at)
            self._watch(now)

    def _watch(self, now: float) -> None:
        """Let the engine look at the whole, and phones show what it changed."""
        self._now = now
        told = watch(self._conn, self._at)
        self._heed(now, told)
        self.notices.arrange_all(now, {event.order_id for event in told if event.kind == "order.changed"})
        self._sweep(now)

    def _plan(self, now: float) -> None:
        """Have tomorrow planned, and carry the plan out."""
        self._now = now
        began = time.perf_counter()
        with transaction(self._conn) as tx:
            asking.ask(tx, self._at, DISTRICT_CODE, today(self._stage.at(12 * 3600)), "nightly")
        while PlanMaker(self._url, lambda: self._at).make_one(self._conn):
            pass
        self.plan_seconds = time.perf_counter() - began
        self.notices.follow(now)
        self.notices.ask(now)

    @property
    def _at(self) -> datetime:
        return self._stage.at(self._now)

    def _command(self, now: float, act: Act) -> None:
        """What somebody does in a transaction of its own; a refusal is counted and changes nothing."""
        self._now = now
        try:
            with transaction(self._conn) as tx:
                act(tx)
        except Refused as refused:
            self._count(str(refused.code))

    def _count(self, what: str) -> None:
        self.faults[what] = self.faults.get(what, 0) + 1

    def _sweep(self, now: float) -> None:
        """What the engine does when it is woken: act on every order that is due, one in a transaction; then the offers
        it made go to their workers."""
        self._now = now
        while (due := self._due()) <= now:
            began = time.perf_counter()
            with transaction(self._conn) as tx:
                acted = sweep_orders(tx, self._at, 1)
            if not acted:
                break
            if any(event.kind in _DECIDED for event in tx.events):
                self.decisions.append(time.perf_counter() - began)
            self._heed(now, tx.events)
            self.notices.ask(now)
        if now < due < min(self._woken_at, self._until):
            self._woken_at = due
            self.desk.wake_at(due)

    def _heed(self, now: float, told: Iterable[Event]) -> None:
        """Whoever the service took an order from need not go there."""
        for event in told:
            if event.kind == "order.unassigned" and event.order_id is not None:
                self.notices.release(now, event.order_id)

    def _due(self) -> float:
        """The second at which the first order is due."""
        found = row(self._conn, _DUE)
        return self._stage.second(found["due_at"]) if found and found["due_at"] else float("inf")
