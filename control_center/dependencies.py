"""What routes ask for: the time, the database, bounded parameters; all replaceable by the factory's arguments."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import psycopg
from fastapi import Depends, Path, Query, Request
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from schemas.clock import Clock
from schemas.database import VIGILANT, Transaction, transaction

Connection = psycopg.Connection[TupleRow]
LARGEST_BIGINT: Final = 2**63 - 1
LARGEST_INTEGER: Final = 2**31 - 1


def storable(text: str) -> str:
    """Refuse what PostgreSQL cannot store as text: NUL and lone surrogates."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise PydanticCustomError("bad_characters", "contains characters that cannot be stored")
    return text


Storable: Final = AfterValidator(storable)
"""Comes last, so that the other constraints name what they refuse."""


def _written(moment: object) -> object:
    """Refuse numbers, which would be taken for seconds or milliseconds by their size."""
    if not isinstance(moment, str):
        raise PydanticCustomError("not_a_time", "is not a date and time")
    return moment


def _in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. The ends of the calendar are refused: whoever adds to them falls off."""
    if not 1 < moment.year < 9999:
        raise PydanticCustomError("not_a_time", "is at the end of the calendar")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]
"""A time in a body: ISO 8601 with its time zone."""
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
Accuracy = Annotated[float, Field(strict=True, ge=0, le=100_000, allow_inf_nan=False)]
"""Metres."""
AlarmId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
OrderId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
OfferId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
ElderId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT, description="Only rows with a smaller id")]


class Nothing(BaseModel):
    """A command that needs no words."""


class Database:
    """Connections on loan, checked before use so that a restarted server is noticed here and not in a query."""

    def __init__(self, url: str, application: str, size: int, patience_seconds: float = 3.0) -> None:
        # The short reconnect time-out keeps the pool's own back-off short; the next request tries again.
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            open=False,
            min_size=1,
            max_size=size,
            timeout=patience_seconds,
            reconnect_timeout=2.0,
            check=ConnectionPool.check_connection,
            name=application,
            kwargs={
                "autocommit": True,
                "application_name": f"anban-{application}",
                **VIGILANT,
                "options": "-c timezone=UTC -c statement_timeout=15000 -c lock_timeout=5000",
            },
        )

    def open(self) -> None:
        """Start connecting in the background; the database may be away."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """Give everything back; waits for loans to end, at most 5 s."""
        self._pool.close(timeout=5)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Borrow an autocommit connection. Raises psycopg.OperationalError while the database is away."""
        with self._pool.connection() as conn:
            yield conn

    @contextmanager
    def transaction(self, seat_id: int | None = None) -> Iterator[Transaction]:
        """Borrow a connection for one transaction, in which somebody at that seat acts. Raises psycopg.OperationalError
        while the database is away."""
        with self._pool.connection() as conn, transaction(conn, seat_id) as tx:
            yield tx

    def answers(self) -> bool:
        """Whether the database does its work now."""
        try:
            with self._pool.connection(timeout=2) as conn:
                conn.execute("SELECT 1")
        except (psycopg.Error, OSError):
            return False
        return True


async def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock()


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Now = Annotated[datetime, Depends(_now)]
Db = Annotated[Database, Depends(_database)]
