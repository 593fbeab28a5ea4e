"""How much room readings take: tables and their indexes, before and after those of quiet chunks are packed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.storage import keep_storage
from schemas.database import row
from schemas.statements import statement

# With the maps of free and visible room, and what is too long for a row.
ROOM = statement("""
    SELECT sum(pg_table_size(inhrelid))::bigint AS heap, sum(pg_indexes_size(inhrelid))::bigint AS indexes
    FROM pg_inherits WHERE inhparent = 'reading'::regclass
""")
SUMS = statement("""
    SELECT pg_total_relation_size('vitals_day') + (
        SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'vitals_hour'::regclass
    )::bigint AS bytes
""")
ROWS = statement("SELECT count(*) AS rows FROM reading")
POINTS = statement("""
    SELECT avg(num_nonnulls(hr, spo2, rr, temp, sbp, dbp, steps, lat, lon, battery))::float8 AS points FROM (
        SELECT * FROM reading ORDER BY device_key LIMIT 100000) AS sample
""")
_GIB: Final = 2**30


@dataclass(frozen=True)
class Room:
    """Bytes of all readings: their tables, and the indexes of these."""

    heap: int
    indexes: int

    def a_row(self, rows: int) -> dict[str, float]:
        """The same for one row."""
        each = {"heap": self.heap / rows, "indexes": self.indexes / rows, "all": (self.heap + self.indexes) / rows}
        return {name: round(value, 1) for name, value in each.items()}


def measure_room(conn: psycopg.Connection[TupleRow]) -> Room:
    """The room that readings take now."""
    found = row(conn, ROOM)
    return Room(int(found["heap"]), int(found["indexes"])) if found else Room(0, 0)


def sums_bytes(conn: psycopg.Connection[TupleRow]) -> int:
    """The room that hours and days take beside them."""
    found = row(conn, SUMS)
    return int(found["bytes"]) if found else 0


def count_rows(conn: psycopg.Connection[TupleRow]) -> int:
    """All readings, whoever stored them."""
    found = row(conn, ROWS)
    return int(found["rows"]) if found else 0


def points_a_row(conn: psycopg.Connection[TupleRow]) -> float:
    """How many values a reading holds, by a sample of them."""
    found = row(conn, POINTS)
    return float(found["points"]) if found and found["points"] else 0.0


def gib_per_billion_points(bytes_a_row: float, points: float) -> float:
    """What a billion values take, in GiB."""
    return round(bytes_a_row / points * 1e9 / _GIB, 1)


def settle(conn: psycopg.Connection[TupleRow]) -> None:
    """Let happen what the clock would let happen: statistics, sums, packed indexes. Raises StillBusy."""
    conn.execute("VACUUM (ANALYZE) reading")
    if not keep_storage(conn, datetime.now(UTC)):
        raise StillBusy("another process keeps the storage: try again when it has ended")
    conn.execute("VACUUM (ANALYZE) vitals_hour")
    conn.execute("VACUUM (ANALYZE) vitals_day")


class StillBusy(RuntimeError):
    """The service's own housekeeping is at it."""
