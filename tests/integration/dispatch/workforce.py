"""A small street with those who serve it: providers, workers with skills and shifts, an elder to go to, her family."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from dispatch import pairings, replies
from dispatch.order_deadlines import sweep_orders
from dispatch.orders import elder_state_changed, request_order
from dispatch.placing import Wish
from schemas.database import transaction
from schemas.states import DeclineReason, ElderState, ProviderState, ResponderKind, Role, Travel
from tests.integration.district import Connection, add_elder, add_household, add_operator, one

HOME = (29.8100, 106.4000)
"""The elder's home; a hundredth of a degree of latitude is 1,112 m."""
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SKILLS = ("meal_delivery", "bathing", "medical_escort", "first_aid")


@dataclass(frozen=True)
class Worker:
    """Who comes: the worker's and the account's id."""

    id: int
    account: int
    name: str


class Workforce:
    """天生街道 with an elder at HOME, an operator, a supervisor, a relative and an admitted provider."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.household = add_household(conn)
        self.move(self.household, *HOME)
        self.elder = add_elder(conn, self.household, now)
        self.operator = add_operator(conn, "operator1", now)
        self.supervisor = add_operator(conn, "supervisor1", now)
        conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (self.supervisor,))
        self.relative = self._account("family1", "李红", "family")
        conn.execute(
            "INSERT INTO membership (account_id, elder_id, valid_from) VALUES (%s, %s, %s)",
            (self.relative, self.elder, now - timedelta(days=1)),
        )
        self.provider = self.add_provider("缙云家政")

    def _account(self, username: str, name: str, role: Role) -> int:
        return one(
            self.conn,
            "INSERT INTO account (username, name, role, password_hash, created_at) VALUES (%s, %s, %s, '-', %s)"
            " RETURNING id",
            username,
            name,
            role,
            self.now,
        )

    def move(self, household: int, lat: float | None, lon: float | None) -> None:
        """Put a home on the map, or take it off."""
        self.conn.execute("UPDATE household SET lat = %s, lon = %s WHERE id = %s", (lat, lon, household))

    def add_neighbour(self, north_m: float = 0, state: str = "home") -> int:
        """A further elder in a home of her own, so many metres north of HOME."""
        household = add_household(self.conn)
        self.move(household, HOME[0] + north_m / 111_195, HOME[1])
        return add_elder(self.conn, household, self.now, state)

    def add_provider(self, name: str, state: ProviderState = "admitted", area: str = "500109001") -> int:
        """A provider that serves one area."""
        provider = one(
            self.conn,
            "INSERT INTO provider (name, state, state_since) VALUES (%s, %s, %s) RETURNING id",
            name,
            state,
            self.now,
        )
        self.conn.execute("INSERT INTO provider_area VALUES (%s, %s)", (provider, area))
        return provider

    def add_worker(
        self,
        name: str,
        north_m: float = 0,
        *,
        skills: tuple[str, ...] = SKILLS,
        travel: Travel = "scooter",
        provider: int | None = None,
        shift: tuple[timedelta, timedelta] | None = (-HOUR, 10 * HOUR),
        kind: ResponderKind = "station",
    ) -> Worker:
        """A worker based so many metres north of HOME; the shift's times are counted from now."""
        account = self._account(f"worker-{name}", name, "worker")
        worker = one(
            self.conn,
            "INSERT INTO worker (account_id, provider_id, kind, phone, travel, base_lat, base_lon)"
            " VALUES (%s, %s, %s, '13800000000', %s, %s, %s) RETURNING id",
            account,
            provider or self.provider,
            kind,
            travel,
            HOME[0] + north_m / 111_195,
            HOME[1],
        )
        for skill in skills:
            self.certify(worker, skill, date(2020, 1, 1), None)
        if shift is not None:
            self.roster(worker, *shift)
        return Worker(worker, account, name)

    def certify(self, worker: int, skill: str, first: date, last: date | None) -> None:
        """A certificate from its first to its last day."""
        self.conn.execute(
            "INSERT INTO worker_skill (worker_id, skill, certificate, valid_from, valid_to)"
            " VALUES (%s, %s, 'C', %s, %s)",
            (worker, skill, first, last),
        )

    def roster(self, worker: int, begins: timedelta, ends: timedelta) -> None:
        """A shift, counted from now."""
        self.conn.execute(
            "INSERT INTO worker_shift (worker_id, starts_at, ends_at) VALUES (%s, %s, %s)",
            (worker, self.now + begins, self.now + ends),
        )

    def pair(self, worker: Worker, now: datetime, elder: int | None = None) -> None:
        """Let a worker look after the elder, as the operator agreed with her."""
        with transaction(self.conn) as tx:
            pairings.pair(tx, now, self.operator, elder or self.elder, worker.id, "邻居")

    def locate(self, worker: int, north_m: float, at: datetime) -> None:
        """What the worker's phone said then."""
        self.conn.execute(
            "INSERT INTO worker_position VALUES (%s, %s, %s, 10, %s) ON CONFLICT (worker_id) DO UPDATE"
            " SET lat = EXCLUDED.lat, lon = EXCLUDED.lon, at = EXCLUDED.at",
            (worker, HOME[0] + north_m / 111_195, HOME[1], at),
        )

    def request(
        self,
        item: str = "meal",
        begins: timedelta = HOUR,
        lasts: timedelta | None = None,
        *,
        elder: int | None = None,
        skills: tuple[str, ...] = (),
        now: datetime | None = None,
        priority: int = 0,
    ) -> int:
        """The operator orders something whose window begins so long after now."""
        begins_at = self.now + begins
        window_to = begins_at + lasts if lasts else None
        wish = Wish(elder or self.elder, item, begins_at, window_to, skills, None, priority=priority)
        with transaction(self.conn) as tx:
            return request_order(tx, now or self.now, self.operator, wish)

    def sweep(self, now: datetime) -> int:
        """Let the engine act on the orders' deadlines."""
        with transaction(self.conn) as tx:
            return sweep_orders(tx, now)

    def offered(self, *workers: Worker, **about: Any) -> int:
        """An order that the engine has offered to exactly these workers."""
        order = self.request(**about)
        assert self.sweep(self.now) == 1
        waiting = {worker for worker, state in self.offers(order=order) if state == "open"}
        assert waiting == {worker.id for worker in workers}
        return order

    def accept(self, worker: Worker, now: datetime, *, order: int | None = None, alarm: int | None = None) -> object:
        """A worker says yes to the offer that waits for her; returns what she is told."""
        offer = self.open_offer(worker, order=order, alarm=alarm)
        with transaction(self.conn) as tx:
            return replies.accept(tx, now, offer, worker.account)

    def decline(self, worker: Worker, now: datetime, reason: DeclineReason = "busy", **about: int) -> object:
        """A worker says no to the offer that waits for her (of `order=` or `alarm=`); returns what she is told."""
        offer = self.open_offer(worker, **about)
        with transaction(self.conn) as tx:
            return replies.decline(tx, now, offer, worker.account, reason)

    def accepted(self, worker: Worker, **about: Any) -> int:
        """An order that this worker, the only one who was asked, has accepted."""
        order = self.offered(worker, **about)
        assert self.accept(worker, self.now, order=order) is None
        return order

    def timeline(self, order: int) -> list[str]:
        """What happened to an order."""
        rows = self.conn.execute("SELECT kind FROM order_event WHERE order_id = %s ORDER BY id", (order,))
        return [row[0] for row in rows]

    def events(self) -> list[str]:
        """What the feed was told."""
        return [row[0] for row in self.conn.execute("SELECT kind FROM event ORDER BY id")]

    def order(self, columns: str, order: int) -> tuple[object, ...]:
        """Some columns of an order."""
        row = self.conn.execute(f"SELECT {columns} FROM service_order WHERE id = %s".encode(), (order,)).fetchone()  # noqa: S608
        assert row is not None
        return row

    def offers(self, *, order: int | None = None, alarm: int | None = None) -> list[tuple[int, str]]:
        """Worker and state of every offer made, oldest first."""
        rows = self.conn.execute(
            "SELECT worker_id, state FROM offer WHERE order_id = %s OR alarm_id = %s ORDER BY id", (order, alarm)
        )
        return [(row[0], row[1]) for row in rows]

    def open_offer(self, worker: Worker, *, order: int | None = None, alarm: int | None = None) -> int:
        """The id of the offer that waits for a worker's answer."""
        return one(
            self.conn,
            "SELECT id FROM offer WHERE state = 'open' AND worker_id = %s AND (order_id = %s OR alarm_id = %s)",
            worker.id,
            order,
            alarm,
        )

    def elder_becomes(self, state: ElderState, now: datetime) -> None:
        """Somebody writes down that the elder is away or back."""
        self.conn.execute("UPDATE elder SET state = %s, state_since = %s WHERE id = %s", (state, now, self.elder))
        with transaction(self.conn) as tx:
            elder_state_changed(tx, now, self.elder, state)
