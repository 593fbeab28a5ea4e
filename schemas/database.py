"""Connections and the one way to change anything: a transaction that ends by appending its events."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, dict_row
from psycopg.sql import SQL

from schemas.events import Event, append

Row = dict[str, Any]
BEGIN: Final = SQL("BEGIN")
COMMIT: Final = SQL("COMMIT")


@dataclass
class Transaction:
    """An open transaction, the events it will append when it ends, and the seat of the person who acts in it."""

    conn: psycopg.Connection[TupleRow]
    events: list[Event] = field(default_factory=list)
    seat_id: int | None = None
    _gathered: dict[int, tuple[SQL, list[Row]]] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        """Remember an event for the end of the transaction."""
        self.events.append(event)

    def rows(self, query: SQL, params: dict[str, Any] | None = None) -> list[Row]:
        """Run a query and return all its rows as dictionaries."""
        return rows(self.conn, query, params)

    def row(self, query: SQL, params: dict[str, Any] | None = None) -> Row | None:
        """Run a query and return its first row, or None."""
        return row(self.conn, query, params)

    def tuples(self, query: SQL, params: dict[str, Any] | None = None) -> list[TupleRow]:
        """Run a query and return all its rows as tuples: for thousands of them dictionaries take half of the time."""
        return self.conn.execute(query, params).fetchall()

    def execute(self, query: SQL, params: dict[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        return self.conn.execute(query, params).rowcount

    def gather(self, query: SQL, values: Row) -> None:
        """Remember one row for a statement that writes many: it runs once, with a list of each value in the order in
        which they were given, at the end of the savepoint or the transaction. Nothing read before shows the row."""
        self._gathered.setdefault(id(query), (query, []))[1].append(values)

    def write_gathered(self) -> None:
        """Run what was gathered."""
        gathered, self._gathered = self._gathered, {}
        for query, given in gathered.values():
            self.conn.execute(query, {name: [values[name] for values in given] for name in given[0]})

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What the block wrote, gathered and emitted is taken back when it raises; the rest of the transaction
        stays."""
        self.write_gathered()
        emitted = len(self.events)
        try:
            with self.conn.transaction():
                yield
                self.write_gathered()
        except BaseException:
            del self.events[emitted:]
            self._gathered = {}
            raise


@contextmanager
def transaction(conn: psycopg.Connection[TupleRow], seat_id: int | None = None) -> Iterator[Transaction]:
    """Begin, yield, append the events, commit; rolls everything back when the block raises.

    `seat_id` is the seat from which a person acts: the timelines name it. The connection is in autocommit mode; inside
    a transaction of its own this is a savepoint.
    """
    outermost = conn.info.transaction_status == TransactionStatus.IDLE
    with _begun(conn) if outermost else conn.transaction():
        tx = Transaction(conn, seat_id=seat_id)
        yield tx
        tx.write_gathered()
        append(conn, tx.events)


@contextmanager
def _begun(conn: psycopg.Connection[TupleRow]) -> Iterator[None]:
    """A transaction that is not psycopg's: its rollback forgets every prepared statement, and after each refusal all
    would be planned anew. They stay valid, because no table is made or dropped in such a transaction."""
    conn.execute(BEGIN)
    try:
        yield
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            conn.pgconn.exec_(b"ROLLBACK")
        raise
    conn.execute(COMMIT)


def rows(conn: psycopg.Connection[TupleRow], query: SQL, params: dict[str, Any] | None = None) -> list[Row]:
    """Run a query on a connection and return all its rows as dictionaries."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchall()


def row(conn: psycopg.Connection[TupleRow], query: SQL, params: dict[str, Any] | None = None) -> Row | None:
    """Run a query on a connection and return its first row, or None."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchone()


IDLE_SECONDS: Final = 5
"""A transaction whose process has stopped in the middle is ended by the server after this time: it may hold the lock
that every alarm needs."""


VIGILANT: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""Connection parameters by which a server that vanishes without a word is noticed after about ten seconds."""


def connect(
    url: str, application: str, *, patience_seconds: int = 0, plans_once: bool = False
) -> psycopg.Connection[TupleRow]:
    """Open an autocommit connection; transactions are opened explicitly. Raises psycopg.OperationalError.

    A server that vanishes without a word is noticed after about ten seconds. With `patience_seconds` a statement that
    takes longer, or waits for a lock for a third of it, fails. `plans_once` is for whoever runs the same short
    statements all the time: the server does not plan them anew for the length of each list they are given.
    """
    options = f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    if patience_seconds:
        options += f" -c statement_timeout={patience_seconds}s -c lock_timeout={patience_seconds * 1000 // 3}"
    if plans_once:
        options += " -c plan_cache_mode=force_generic_plan"
    return psycopg.connect(
        url,
        autocommit=True,
        application_name=f"anban-{application}",
        **VIGILANT,
        tcp_user_timeout=10_000,
        options=options,
    )
