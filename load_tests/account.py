"""Compares every message that a fleet offered with the rows of the database, by identity."""

import asyncio
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from load_tests.fleet.ledger import EVENT, TELEMETRY, FleetLedger
from schemas.database import row
from schemas.statements import statement

_READINGS = statement("""
    SELECT device_key, COALESCE(long_seq, seq), extract(epoch FROM pg_xact_commit_timestamp(xmin))::double precision
    FROM reading WHERE boot = %(boot)s::text
""")
_EVENTS = statement("""
    SELECT device_key, seq, extract(epoch FROM pg_xact_commit_timestamp(xmin))::double precision
    FROM device_event WHERE boot = %(boot)s::text
""")
_COUNT = statement("""
    SELECT (SELECT count(*) FROM reading WHERE boot = %(boot)s::text)
         + (SELECT count(*) FROM device_event WHERE boot = %(boot)s::text) AS stored
""")
_PAGE: Final = 20_000
_STORED_SECONDS: Final = 120.0
_STANDSTILL: Final = 10
"""So many looks without one more row, and no more is waited for."""


@dataclass
class Account:
    """Every message of a fleet against the rows: `committed` by message number (Unix seconds, 0: not stored)."""

    committed: "array[float]"
    lost: list[int] = field(default_factory=list)
    """Numbers of messages that the broker acknowledged and the database does not hold."""
    duplicated: int = 0
    unknown: int = 0
    """Rows of the fleet's boot that nobody sent."""

    @property
    def holds(self) -> bool:
        """Whether every acknowledged message is stored exactly once."""
        return not (self.lost or self.duplicated or self.unknown)

    @property
    def stored(self) -> int:
        """How many different messages are stored."""
        return sum(moment > 0 for moment in self.committed)


def count_stored(conn: psycopg.Connection[TupleRow], ledger: FleetLedger) -> int:
    """How many rows there are of a fleet's messages."""
    found = row(conn, _COUNT, {"boot": ledger.boot})
    return int(found["stored"]) if found else 0


async def until_stored(conn: psycopg.Connection[TupleRow], ledger: FleetLedger) -> None:
    """Wait while rows still come and some are missing; lost messages are none to wait for."""
    last, still, deadline = -1, 0, time.monotonic() + _STORED_SECONDS
    while still < _STANDSTILL and time.monotonic() < deadline:
        stored = await asyncio.to_thread(count_stored, conn, ledger)
        if stored >= ledger.acknowledged:
            return
        still = still + 1 if stored == last else 0
        last = stored
        await asyncio.sleep(1)


def take_account(conn: psycopg.Connection[TupleRow], ledger: FleetLedger, keys: list[int]) -> Account:
    """Compare what was offered and acknowledged with the rows, by identity; `keys` are the devices' in fleet order."""
    account = Account(array("d", bytes(8 * len(ledger))))
    numbers = _numbers(ledger)
    index_of = {key: index for index, key in enumerate(keys)}
    for lane, query in ((TELEMETRY, _READINGS), (EVENT, _EVENTS)):
        for key, seq, committed in _stream(conn, query, ledger.boot):
            seqs = numbers[lane].get(index_of.get(key, -1))
            if seqs is None or not 0 <= seq < len(seqs):
                account.unknown += 1
            elif account.committed[seqs[seq]]:
                account.duplicated += 1
            else:
                account.committed[seqs[seq]] = committed
    account.lost = [
        number for number, moment in enumerate(account.committed) if not moment and ledger.is_acknowledged(number)
    ]
    return account


def _numbers(ledger: FleetLedger) -> list[dict[int, "array[int]"]]:
    """By lane and device: the message number of each seq, which count from 0 without gaps."""
    numbers: list[dict[int, array[int]]] = [{}, {}]
    for number, (device, lane) in enumerate(zip(ledger.device, ledger.lane, strict=True)):
        numbers[lane].setdefault(device, array("I")).append(number)
    return numbers


def _stream(conn: psycopg.Connection[TupleRow], query: sql.SQL, boot: str) -> Iterator[tuple[int, int, float]]:
    with conn.transaction(), conn.cursor(name="account") as cursor:
        cursor.itersize = _PAGE
        cursor.execute(query, {"boot": boot})
        yield from cursor
