"""A street whose visits are sold, done and confirmed, with the ledger that follows."""

from datetime import date, datetime, timedelta
from typing import Any

from dispatch.money import settlements
from dispatch.order_rows import locked_order
from dispatch.orders import confirm, confirmed
from schemas.database import transaction
from schemas.district_time import DISTRICT_TIME
from tests.integration.dispatch.workforce import Worker, Workforce
from tests.integration.district import Connection, one

NOVEMBER = date(2026, 11, 1)
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=DISTRICT_TIME)
AFTER = datetime(2026, 12, 3, 9, 0, tzinfo=DISTRICT_TIME)
"""When November can be settled."""


class Books(Workforce):
    """The usual street at NOW, with one worker of its provider and a second supervisor."""

    def __init__(self, conn: Connection, now: datetime = NOW) -> None:
        super().__init__(conn, now)
        self.worker = self.add_worker("one")
        self.other_supervisor = self._account("supervisor2", "王主管", "supervisor")

    def tag(self, *tags: str, elder: int | None = None) -> None:
        """Say by which categories an elder is subsidised."""
        self.conn.execute("UPDATE elder SET tags = %s WHERE id = %s", (list(tags), elder or self.elder))

    def done(
        self, item: str = "meal", *, worker: Worker | None = None, at: datetime | None = None, **about: Any
    ) -> int:
        """An order whose visit is over and waits for somebody to confirm it."""
        order = self.request(item, **about)
        self.finish(order, worker or self.worker, at or self.now)
        return order

    def finish(self, order: int, worker: Worker, at: datetime) -> None:
        """Let a visit have taken place."""
        self.conn.execute(
            "UPDATE service_order SET state = 'completed', worker_id = %s, accepted_at = %s, departed_at = %s,"
            " checked_in_at = %s, begun_at = %s, completed_at = %s, ended_at = %s, due_at = %s, due_reason = 'confirm'"
            " WHERE id = %s",
            (worker.id, at, at, at, at, at, at, at + timedelta(days=1), order),
        )

    def confirm(self, order: int, at: datetime | None = None) -> None:
        """A relative says that it took place."""
        with transaction(self.conn) as tx:
            confirm(tx, at or self.now, order, self.relative)

    def confirm_by_silence(self, order: int, at: datetime | None = None) -> None:
        """The time for objections has passed."""
        with transaction(self.conn) as tx:
            confirmed(tx, at or self.now, locked_order(tx, order), None, "silence")

    def confirmed(self, item: str = "meal", *, at: datetime | None = None, **about: Any) -> int:
        """An order that somebody confirmed."""
        order = self.done(item, at=at, **about)
        self.confirm(order, at)
        return order

    def draft(self, now: datetime = AFTER) -> int:
        """The first supervisor drafts the provider's November."""
        with transaction(self.conn) as tx:
            return settlements.draft(tx, now, self.supervisor, "500109", self.provider, NOVEMBER)

    def approve(self, settlement: int, now: datetime = AFTER) -> settlements.Totals:
        """The second supervisor approves it."""
        with transaction(self.conn) as tx:
            return settlements.approve(tx, now, self.other_supervisor, settlement)

    def balance(self, kind: str) -> int:
        """What all accounts of a kind come to."""
        return one(
            self.conn,
            "SELECT COALESCE(sum(amount_fen), 0) FROM ledger_line JOIN ledger_account ON ledger_account.id = account_id"
            " WHERE kind = %s",
            kind,
        )

    def entries(self, columns: str = "kind") -> list[tuple[Any, ...]]:
        """The ledger's entries, oldest first."""
        return self.conn.execute(f"SELECT {columns} FROM ledger_entry ORDER BY id".encode()).fetchall()  # noqa: S608
