"""The third yardstick: what a message pays for being stored exactly once."""

import time
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from ingest.admission import Arrival, admit
from ingest.devices import KnownDevice
from ingest.journal import Journal
from ingest.reading_rows import store
from ingest.received import Received
from load_tests.ingest_bench.bare_copy import in_memory
from schemas.database import transaction
from schemas.messages import Measurement
from schemas.topics import SHARDS

BATCH: Final = 150
"""Rows in a transaction: about what ingest commits at once at 6,000 messages/s."""
_BOOT: Final = "watermarks"
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def measure(conn: psycopg.Connection[TupleRow], boot: str) -> float | None:
    """Microseconds a message for judging it, advancing its watermark and journalling it beside its COPY.

    Rows stored under `boot` are stored again, every other transaction with watermarks; None when they are too few. The
    copies stay, under a boot of their own.
    """
    rows = in_memory(conn, boot, _BOOT)
    batches = [rows[start : start + BATCH] for start in range(0, len(rows) - BATCH + 1, BATCH)]
    if len(batches) < 2:
        return None
    journal = Journal()
    spent, number = [0.0, 0.0], [0, 0]
    for index, batch in enumerate(batches):
        marked = index % 2
        arrivals = [_arrival(row) for row in batch]
        begun = time.perf_counter()
        with transaction(conn) as tx:
            store(conn, batch)
            if marked:
                known = journal.recall(tx, _NOW, {arrival.message.shard for arrival in arrivals})
                _, added, marks = admit(tx, _NOW, arrivals, known)
                said = journal.say(tx, added, marks)
        if marked:
            journal.keep(said)
        spent[marked] += time.perf_counter() - begun
        number[marked] += len(batch)
    return 1e6 * (spent[1] / number[1] - spent[0] / number[0])


def _arrival(row: tuple[Any, ...]) -> Arrival:
    at, _, long_seq, key, seq = row[:5]
    body = Measurement(v=1, boot=_BOOT, seq=seq if long_seq is None else long_seq, at=0)
    message = Received(key % SHARDS, "", b"", False, at, 0, 0, 1)
    return Arrival(message, body, KnownDevice(key, False, (), 0), [])
