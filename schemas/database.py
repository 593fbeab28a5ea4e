"""Connections and the one way to change anything: a transaction that ends by appending its events."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow, dict_row

from schemas.events import Event, append

Row = dict[str, Any]


@dataclass
class Transaction:
    """An open transaction, the events it will append when it ends, and the seat of the person who acts in it."""

    conn: psycopg.Connection[TupleRow]
    events: list[Event] = field(default_factory=list)
    seat_id: int | None = None

    def emit(self, event: Event) -> None:
        """Remember an event for the end of the transaction."""
        self.events.append(event)

    def rows(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> list[Row]:
        """Run a query and return all its rows as dictionaries."""
        return rows(self.conn, query, params)

    def row(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> Row | None:
        """Run a query and return its first row, or None."""
        return row(self.conn, query, params)

    def execute(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        return self.conn.execute(query, params).rowcount

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What the block wrote and emitted is taken back when it raises; the rest of the transaction stays."""
        emitted = len(self.events)
        try:
            with self.conn.transaction():
                yield
        except BaseException:
            del self.events[emitted:]
            raise


@contextmanager
def transaction(conn: psycopg.Connection[TupleRow], seat_id: int | None = None) -> Iterator[Transaction]:
    """Begin, yield, append the events, commit; rolls everything back when the block raises.

    `seat_id` is the seat from which a person acts: the timelines name it.
    """
    with conn.transaction():
        tx = Transaction(conn, seat_id=seat_id)
        yield tx
        append(conn, tx.events)


def rows(conn: psycopg.Connection[TupleRow], query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> list[Row]:
    """Run a query on a connection and return all its rows as dictionaries."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchall()


def row(conn: psycopg.Connection[TupleRow], query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> Row | None:
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


def connect(url: str, application: str, *, patience_seconds: int = 0) -> psycopg.Connection[TupleRow]:
    """Open an autocommit connection; transactions are opened explicitly. Raises psycopg.OperationalError.

    A server that vanishes without a word is noticed after about ten seconds. With `patience_seconds` a statement that
    takes longer, or waits for a lock for a third of it, fails.
    """
    options = f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    if patience_seconds:
        options += f" -c statement_timeout={patience_seconds}s -c lock_timeout={patience_seconds * 1000 // 3}"
    return psycopg.connect(
        url,
        autocommit=True,
        application_name=f"anban-{application}",
        **VIGILANT,
        tcp_user_timeout=10_000,
        options=options,
    )
