"""The second yardstick: how fast one connection stores the same rows from memory by binary COPY."""

import time
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from ingest.reading_rows import COPY, store

MOST_ROWS: Final = 100_000
_BATCH: Final = 1000
_BOOT: Final = "yardstick"
_COLUMNS: Final = COPY[COPY.index("(") + 1 : COPY.index(")")]
_BOOT_AT: Final = [name.strip() for name in _COLUMNS.split(",")].index("boot")


def measure(conn: psycopg.Connection[TupleRow], boot: str) -> float:
    """Rows a second when rows stored under `boot` are stored again, a thousand a transaction; 0 when there are none.

    The copies stay, under a boot of their own.
    """
    rows = in_memory(conn, boot, _BOOT)
    if not rows:
        return 0.0
    begun = time.perf_counter()
    for start in range(0, len(rows), _BATCH):
        with conn.transaction():
            store(conn, rows[start : start + _BATCH])
    return len(rows) / (time.perf_counter() - begun)


def in_memory(conn: psycopg.Connection[TupleRow], boot: str, renamed: str) -> list[tuple[Any, ...]]:
    """Rows stored under a boot, as COPY takes them, under another boot; at most 100,000."""
    query = sql.SQL("SELECT {} FROM reading WHERE boot = {} AND extra IS NULL LIMIT {}")
    found = conn.execute(query.format(sql.SQL(_COLUMNS), boot, MOST_ROWS)).fetchall()
    return [(*row[:_BOOT_AT], renamed, *row[_BOOT_AT + 1 :]) for row in found]
