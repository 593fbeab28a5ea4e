"""What people and the engine do for the cast, one transaction each, so that tests can watch the feed meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from dispatch import orders, replies, responders
from dispatch.answering import acknowledge, resolve
from dispatch.order_deadlines import sweep_orders
from dispatch.placing import Wish
from dispatch.positions import Spot
from dispatch.refusals import RefusalCode
from dispatch.service import checking_in, completing, visits
from schemas.database import Transaction, transaction
from schemas.events import Event
from schemas.states import ElderState
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, one
from tests.integration.members import Cast

Result = TypeVar("Result")
AT_HOME = Spot(29.8301, 106.4402, 10)
"""The door of 桂 and 张."""


class Hands:
    """Acts at the clock's time as members of the cast."""

    def __init__(self, conn: Connection, cast: Cast, clock: MovableClock) -> None:
        self.conn = conn
        self.cast = cast
        self.clock = clock

    def do(self, command: Callable[[Transaction], Result]) -> Result:
        """Run one command in a transaction of its own."""
        with transaction(self.conn) as tx:
            return command(tx)

    def order(
        self, elder: str, item: str = "meal", *, minutes: float = 60, by: str = "operator", skills: tuple[str, ...] = ()
    ) -> int:
        """Order something whose window begins in so many minutes."""
        begins = self.clock.now + timedelta(minutes=minutes)
        wish = Wish(self.cast.elders[elder], item, begins, begins + timedelta(hours=2), skills, "敲门要响")
        return self.do(lambda tx: orders.request_order(tx, self.clock.now, self.cast.accounts[by], wish))

    def offered(self, elder: str, item: str = "meal", *, minutes: float = 60) -> int:
        """An order that the engine has found somebody to ask for. Of those who could come to 桂 only the one who is
        asked speaks her dialect: the other, who is with her anyhow, would add less travel."""
        skills = ("dialect",) if elder == "gui" else ()
        self.conn.execute(
            "INSERT INTO worker_skill (worker_id, skill, valid_from) VALUES (%s, 'dialect', '2020-01-01')"
            " ON CONFLICT DO NOTHING",
            (self.cast.workers["asked_worker"],),
        )
        order = self.order(elder, item, minutes=minutes, skills=skills)
        self.look()
        return order

    def ask_at_once(self, count: int) -> None:
        """From now on so many workers are asked about an order at once."""
        self.conn.execute("UPDATE order_policy SET mode = 'best', offers_at_once = %s", (count,))

    def look(self) -> int:
        """The engine's turn over orders' deadlines."""
        return self.do(lambda tx: sweep_orders(tx, self.clock.now))

    def offer(self, worker: str, *, order: int | None = None, alarm: int | None = None) -> int:
        """The last offer to a worker about an order or an alarm."""
        return one(
            self.conn,
            "SELECT max(id) FROM offer WHERE worker_id = %s AND (order_id = %s OR alarm_id = %s)",
            self.cast.workers[worker],
            order,
            alarm,
        )

    def accept(self, worker: str, offer: int) -> RefusalCode | None:
        """A worker says yes."""
        return self.do(lambda tx: replies.accept(tx, self.clock.now, offer, self.cast.accounts[worker]))

    def decline(self, worker: str, offer: int) -> RefusalCode | None:
        """A worker says no."""
        return self.do(lambda tx: replies.decline(tx, self.clock.now, offer, self.cast.accounts[worker], "other"))

    def depart(self, worker: str, order: int) -> None:
        """A worker sets out."""
        self.do(lambda tx: visits.depart(tx, self.clock.now, order, self.cast.accounts[worker]))

    def check_in(self, worker: str, order: int) -> None:
        """A worker stands at the door."""
        self.do(lambda tx: checking_in.check_in(tx, self.clock.now, order, self.cast.accounts[worker], AT_HOME))

    def begin(self, worker: str, order: int) -> None:
        """A worker begins the service."""
        self.do(lambda tx: visits.begin(tx, self.clock.now, order, self.cast.accounts[worker]))

    def complete(self, worker: str, order: int) -> None:
        """A worker is done."""
        account = self.cast.accounts[worker]
        self.do(lambda tx: completing.complete(tx, self.clock.now, order, account, AT_HOME, None, reason="提前结束"))

    def fail(self, worker: str, order: int) -> None:
        """A worker cannot do it."""
        account = self.cast.accounts[worker]
        self.do(lambda tx: visits.fail(tx, self.clock.now, order, account, "elder_absent", None))

    def cancel(self, order: int, by: str = "operator") -> None:
        """Staff call an order off."""
        self.do(lambda tx: orders.cancel(tx, self.clock.now, order, self.cast.accounts[by], "不需要了"))

    def reassign(self, order: int, by: str = "operator") -> None:
        """Staff take an order from its worker."""
        self.do(lambda tx: orders.reassign(tx, self.clock.now, order, self.cast.accounts[by], "换人"))

    def search_again(self, order: int, by: str = "operator") -> None:
        """Staff have everybody asked anew."""
        self.do(lambda tx: orders.search_again(tx, self.clock.now, order, self.cast.accounts[by]))

    def confirm(self, order: int, by: str = "operator") -> None:
        """Staff or a relative confirm a visit."""
        self.do(lambda tx: orders.confirm(tx, self.clock.now, order, self.cast.accounts[by]))

    def move(self, elder: str, state: ElderState) -> None:
        """An elder goes away or comes back."""
        elder_id = self.cast.elders[elder]

        def change(tx: Transaction) -> None:
            tx.conn.execute("UPDATE elder SET state = %s WHERE id = %s", (state, elder_id))
            tx.emit(Event("elder.changed", self.clock.now, elder_id=elder_id))
            orders.elder_state_changed(tx, self.clock.now, elder_id, state)

        self.do(change)

    def send_to(self, alarm: int, by: str = "operator") -> None:
        """Staff look for somebody to go to an answered alarm."""
        self.do(lambda tx: responders.send(tx, self.clock.now, alarm, self.cast.accounts[by]))

    def search_on(self) -> int:
        """The engine's turn over searches for responders."""
        return self.do(lambda tx: responders.sweep_searches(tx, self.clock.now))

    def arrive(self, worker: str, alarm: int) -> None:
        """A responder is there."""
        self.do(lambda tx: responders.arrive(tx, self.clock.now, alarm, self.cast.accounts[worker]))

    def answer(self, alarm: int, by: str = "operator") -> None:
        """Staff answer an alarm."""
        self.do(lambda tx: acknowledge(tx, self.clock.now, alarm, self.cast.accounts[by]))

    def resolve(self, alarm: int, by: str = "operator") -> None:
        """Staff end an alarm."""
        self.do(lambda tx: resolve(tx, self.clock.now, alarm, self.cast.accounts[by], "helped_on_site", None))
