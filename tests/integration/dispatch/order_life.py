"""Orders in everybody's hands: what may be done to them, and what must hold whatever was done."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from dispatch import orders, replies
from dispatch.orders import elder_state_changed
from dispatch.placing import Wish
from dispatch.pool import admission, certificates
from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.service import checking_in, completing, visits
from dispatch.service.vital_checks import measure
from schemas.database import Row, Transaction, rows, transaction
from schemas.statements import statement
from schemas.states import ElderState, FailReason, OrderState
from tests.integration.dispatch.one_engine import sweep_until_quiet
from tests.integration.dispatch.workforce import HOME, HOUR, Worker, Workforce
from tests.integration.district import Connection

TERMINAL: frozenset[OrderState] = frozenset({"settled", "cancelled", "failed"})
HEALTHY = {"sbp": 125.0, "dbp": 80.0, "hr": 72.0, "temp": 36.5, "spo2": 97.0}
ORDERS = statement("SELECT * FROM service_order ORDER BY id")
OFFERS = statement("SELECT id, worker_id FROM offer WHERE state = 'open' ORDER BY id")
HOLDERS = statement("""
    SELECT service_order.id, service_order.worker_id, service_order.state, service_order.worker_sex,
           service_order.sex_required, provider.state AS provider_state, worker.sex, provider.id AS provider_id,
           EXISTS (SELECT FROM offer WHERE offer.order_id = service_order.id AND offer.state = 'accepted'
                   AND offer.worker_id = service_order.worker_id) AS won,
           NOT EXISTS (
               SELECT FROM unnest(service_order.skills) AS needed WHERE NOT EXISTS (
                   SELECT FROM worker_skill
                   WHERE worker_skill.worker_id = worker.id AND worker_skill.skill = needed AND revoked_at IS NULL
                     AND worker_skill.valid_from <= (service_order.window_from AT TIME ZONE interval '8 hours')::date
                     AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to
                          >= (service_order.window_from AT TIME ZONE interval '8 hours')::date))) AS certified
    FROM service_order
    JOIN worker ON worker.id = service_order.worker_id
    JOIN provider ON provider.id = worker.provider_id
    WHERE service_order.ended_at IS NULL
    ORDER BY service_order.id
""")
UNBALANCED = statement("""
    SELECT entry_id FROM ledger_line GROUP BY entry_id HAVING sum(amount_fen) <> 0
""")
CHARGED = statement("""
    SELECT service_order.id, count(ledger_entry.id) AS entries FROM service_order
    LEFT JOIN ledger_entry ON ledger_entry.order_id = service_order.id AND ledger_entry.kind = 'charge'
    WHERE service_order.state IN ('confirmed', 'settled')
    GROUP BY service_order.id
""")
NEXT = statement("""
    SELECT min(at) AS at FROM (
        SELECT unnest(ARRAY[due_at, sla_due_at]) AS at FROM service_order
        UNION ALL SELECT due_at FROM task WHERE done_at IS NULL AND overdue_at IS NULL) AS deadline
    WHERE at > %(now)s::timestamptz
""")


class OrderLife:
    """The acts of staff, relatives, workers, providers and engines, and the rules that hold whatever they do."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.street = street = Workforce(conn, now)
        other = street.add_provider("北泉养老")
        self.providers = [street.provider, other]
        self.workers = [
            street.add_worker("王", 300, shift=(-HOUR, 60 * HOUR)),
            street.add_worker("陈", 900, shift=(-HOUR, 60 * HOUR)),
            street.add_worker("李", 1_500, shift=(-HOUR, 60 * HOUR), provider=other),
        ]
        conn.execute("UPDATE worker SET sex = CASE WHEN id = %s THEN 'male' ELSE 'female' END", (self.workers[0].id,))
        heavy = street.add_neighbour(400)
        conn.execute(
            "INSERT INTO service_profile (elder_id, two_workers, changed_at) VALUES (%s, true, %s)", (heavy, now)
        )
        self.elders = [street.elder, street.add_neighbour(200), heavy]
        self.refused: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self._ended: dict[int, str] = {}

    @property
    def orders(self) -> list[Row]:
        """Every order there ever was."""
        return rows(self.conn, ORDERS)

    def do(self, name: str, act: Callable[[Transaction], object]) -> None:
        """Do it, or be told why not: a refusal changes nothing."""
        before = self.orders
        try:
            with transaction(self.conn) as tx:
                act(tx)
            self.taken[name] += 1
        except Refused as refused:
            self.refused[f"{name}: {refused.code}"] += 1
            assert self.orders == before

    def request(self, elder: int, item: str, minutes: int, mode: Any) -> None:
        """Something is ordered whose window of two hours begins in so many minutes."""
        begins = self.now + timedelta(minutes=minutes)
        wish = Wish(self.elders[elder], item, begins, begins + 2 * HOUR, (), None, mode=mode)
        self.do("request", lambda tx: orders.request_order(tx, self.now, self.street.operator, wish))

    def reply(self, number: int, *, accept: bool) -> None:
        """A worker answers one of the offers that stand open."""
        offers = rows(self.conn, OFFERS)
        if not offers:
            return
        offer = offers[number % len(offers)]
        account = self._worker(offer["worker_id"]).account
        if accept:
            self.do("accept", lambda tx: replies.accept(tx, self.now, offer["id"], account))
        else:
            self.do("decline", lambda tx: replies.decline(tx, self.now, offer["id"], account, "busy"))

    def _worker(self, worker_id: int | None) -> Worker:
        return next((one for one in self.workers if one.id == worker_id), self.workers[0])

    def step(self, order: Row, name: str) -> None:
        """The worker who has an order, or one who has not, takes a step of a visit."""
        account, order_id, spot = self._worker(order["worker_id"]).account, order["id"], Spot(*HOME, 20)
        acts: dict[str, Callable[[Transaction], object]] = {
            "depart": lambda tx: visits.depart(tx, self.now, order_id, account),
            "check_in": lambda tx: checking_in.check_in(tx, self.now, order_id, account, spot),
            "measure": lambda tx: measure(tx, self.now, order_id, account, HEALTHY),
            "begin": lambda tx: visits.begin(tx, self.now, order_id, account),
            "complete": lambda tx: completing.complete(
                tx, self.now, order_id, account, spot, None, reason="老人要休息"
            ),
        }
        self.do(name, acts[name])

    def walk(self, order: Row) -> None:
        """The whole visit, as far as it goes."""
        for name in ("depart", "check_in", "measure", "begin", "complete"):
            self.step(order, name)

    def fail(self, order: Row, reason: FailReason) -> None:
        """Whoever has an order sets out, if she has not, and cannot do what she came for."""
        self.step(order, "depart")
        account = self._worker(order["worker_id"]).account
        self.do("fail", lambda tx: visits.fail(tx, self.now, order["id"], account, reason, None))

    def confirm(self, order: Row) -> None:
        self.do("confirm", lambda tx: orders.confirm(tx, self.now, order["id"], self.street.supervisor))

    def cancel(self, order: Row, *, for_elder: bool) -> None:
        staff = self.street.operator
        self.do("cancel", lambda tx: orders.cancel(tx, self.now, order["id"], staff, "不需要", for_elder=for_elder))

    def reassign(self, order: Row) -> None:
        self.do("reassign", lambda tx: orders.reassign(tx, self.now, order["id"], self.street.operator, "换人"))

    def search_again(self, order: Row) -> None:
        self.do("search", lambda tx: orders.search_again(tx, self.now, order["id"], self.street.operator))

    def decide(self, provider: int, to: Any) -> None:
        """A provider is suspended or admitted again."""
        which, who = self.providers[provider], self.street.supervisor
        self.do(f"provider {to}", lambda tx: admission.decide(tx, self.now, which, who, to, "抽查"))

    def revoke(self, number: int) -> None:
        """A worker's certificate is taken away."""
        worker = self.workers[number]
        found = self.conn.execute(
            "SELECT id FROM worker_skill WHERE worker_id = %s AND revoked_at IS NULL ORDER BY id LIMIT 1", (worker.id,)
        ).fetchone()
        if found is not None:
            who = self.street.supervisor
            self.do("revoke", lambda tx: certificates.revoke(tx, self.now, worker.id, who, found[0], "过期未审"))

    def elder_is(self, elder: int, state: ElderState) -> None:
        which = self.elders[elder]
        with transaction(self.conn) as tx:
            tx.conn.execute("UPDATE elder SET state = %s WHERE id = %s", (state, which))
            elder_state_changed(tx, self.now, which, state)

    def wait(self, seconds: float | None) -> None:
        """Time passes, until the next deadline or so many seconds; then one of the engines acts on all that is due."""
        following = rows(self.conn, NEXT, {"now": self.now})[0]["at"]
        if seconds is not None:
            self.now += timedelta(seconds=seconds)
        elif following is not None:
            self.now = following
        sweep_until_quiet(self.conn, self.now)

    def check(self) -> None:
        """Everything that must hold at every moment."""
        found = self.orders
        for order in found:
            if order["state"] not in TERMINAL:
                assert order["due_at"] is not None, f"an order waits for nothing: {order['state']}"
            if order["id"] in self._ended:
                assert self._ended[order["id"]] == order["state"], "an order went on after its end"
            elif order["state"] in TERMINAL:
                self._ended[order["id"]] = order["state"]
        self._check_holders()
        self._check_days(found)
        self._check_pairs(found)
        assert rows(self.conn, UNBALANCED) == [], "money appeared or vanished"
        assert all(one["entries"] == 1 for one in rows(self.conn, CHARGED)), "a visit was not charged once"

    def _check_holders(self) -> None:
        for one in rows(self.conn, HOLDERS):
            assert one["won"], "somebody has an order that she did not win"
            if one["state"] == "accepted":
                assert one["provider_state"] == "admitted", "a suspended provider keeps a promise"
                assert one["certified"], "somebody without a certificate is promised"
                assert not one["sex_required"] or one["sex"] == one["worker_sex"]

    def _check_days(self, found: list[Row]) -> None:
        """Nobody is promised in two places at once."""
        ahead = [one for one in found if one["state"] == "accepted" and one["planned_at"] is not None]
        for one, other in combinations(ahead, 2):
            if one["worker_id"] == other["worker_id"]:
                first, then = sorted((one, other), key=lambda order: order["planned_at"])
                over = first["planned_at"] + timedelta(minutes=first["duration_minutes"])
                assert over <= then["planned_at"], f"{first['id']} and {then['id']} are booked at once"

    def _check_pairs(self, found: list[Row]) -> None:
        by_id = {one["id"]: one for one in found}
        for one in found:
            lead = by_id.get(one["lead_id"])
            if lead is None:
                continue
            if one["worker_id"] is not None and one["ended_at"] is None:
                assert one["worker_id"] != lead["worker_id"], "two workers are one"
            if lead["state"] in TERMINAL:
                assert one["ended_at"] is not None, "a companion comes to a visit that does not take place"
