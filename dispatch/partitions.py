"""Room for readings and hours: partitions made ahead, and dropped when they have served their time.

TimescaleDB makes its own chunks; the widths and times are the row of `storage_policy` either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from schemas.database import Transaction
from schemas.statements import statement

DAY: Final = timedelta(days=1)
TIME_COLUMN: Final = {"reading": "at", "vitals_hour": "hour"}

PARTITIONED = statement("SELECT relkind = 'p' AS partitioned FROM pg_class WHERE oid = to_regclass(%(table)s::text)")
# The default partition has no bounds.
PARTITIONS = statement("""
    SELECT name, bounds[1]::timestamptz AS since, bounds[2]::timestamptz AS until
    FROM (
        SELECT child.relname AS name, regexp_match(
            pg_get_expr(child.relpartbound, child.oid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS bounds
        FROM pg_inherits
        JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = to_regclass(%(table)s::text)
    ) AS partition
    WHERE bounds IS NOT NULL
    ORDER BY since
""")
SHORT_LOCKS = statement("SELECT set_config('lock_timeout', '2s', true)")
POLICY = statement("SELECT * FROM storage_policy")
FORGET_DAYS = statement("DELETE FROM vitals_day WHERE day < %(before)s::timestamptz")
_ADD: Final = (
    psycopg.sql.SQL("LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE"),
    psycopg.sql.SQL("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)"),
    psycopg.sql.SQL(
        "WITH moved AS (DELETE FROM {default} WHERE {column} >= {since} AND {column} < {until} RETURNING *) "
        "INSERT INTO {name} SELECT * FROM moved"
    ),
    psycopg.sql.SQL("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({since}) TO ({until})"),
)
_DROP: Final = psycopg.sql.SQL("DROP TABLE {}")
_EMPTY_DEFAULT: Final = psycopg.sql.SQL("DELETE FROM {} WHERE {} < {}")


@dataclass(frozen=True)
class Span:
    """From `since` (included) to `until` (not included)."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class StoragePolicy:
    """How readings are laid out and how long they are kept; see the columns of `storage_policy`."""

    chunk_width: timedelta
    made_ahead: timedelta
    pack_after: timedelta
    compress_after: timedelta
    keep_readings: timedelta
    keep_hourly: timedelta
    keep_daily: timedelta


def read_policy(tx: Transaction) -> StoragePolicy:
    """The policy that holds now."""
    row = tx.row(POLICY)
    if row is None:
        raise LookupError("storage_policy has no row")
    del row["only_row"]
    return StoragePolicy(**row)


def missing_days(existing: list[Span], now: datetime, width: timedelta, ahead: timedelta) -> list[Span]:
    """The spans of `width` (a whole part of a day) from now to `now + ahead` that no existing one covers.

    Where the width has changed, a span begins where the last of the old ones ends and reaches to its own grid.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    cursor, horizon = midnight + (now - midnight) // width * width, now + ahead
    found: list[Span] = []
    while cursor < horizon:
        covering = next((span for span in existing if span.since <= cursor < span.until), None)
        if covering:
            cursor = covering.until
            continue
        grid_end = midnight + ((cursor - midnight) // width + 1) * width
        found.append(Span(cursor, min([grid_end, *(span.since for span in existing if span.since > cursor)])))
        cursor = found[-1].until
    return found


def missing_months(existing: list[Span], now: datetime) -> list[Span]:
    """This month and the next in UTC, without those that are there."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    second = (first + timedelta(days=32)).replace(day=1)
    third = (second + timedelta(days=32)).replace(day=1)
    there = {span.since for span in existing}
    return [span for span in (Span(first, second), Span(second, third)) if span.since not in there]


def is_partitioned(tx: Transaction, table: str) -> bool:
    """Whether a table is PostgreSQL's own kind of partitioned table; False where it is missing."""
    found = tx.row(PARTITIONED, {"table": table})
    return bool(found and found["partitioned"])


def partitions_of(tx: Transaction, table: str) -> dict[str, Span]:
    """The partitions of a table by name, without the default one, oldest first."""
    return {row["name"]: Span(row["since"], row["until"]) for row in tx.rows(PARTITIONS, {"table": table})}


def ensure_partitions(tx: Transaction, now: datetime) -> None:
    """Make the coming partitions where the server has no TimescaleDB to make them.

    Raises psycopg.errors.LockNotAvailable when long queries hold the readings: waiting would hold up ingest behind us.
    """
    policy = read_policy(tx)
    if is_partitioned(tx, "reading"):
        existing = list(partitions_of(tx, "reading").values())
        for span in missing_days(existing, now, policy.chunk_width, policy.made_ahead):
            whole_day = span.until - span.since == DAY
            _add(tx, "reading", span, f"{span.since:%Y%m%d}" if whole_day else f"{span.since:%Y%m%d_%H}")
    if is_partitioned(tx, "vitals_hour"):
        for span in missing_months(list(partitions_of(tx, "vitals_hour").values()), now):
            _add(tx, "vitals_hour", span, f"{span.since:%Y%m}")


def _add(tx: Transaction, table: str, span: Span, suffix: str) -> None:
    """Rows that came before their partition stand in the default one and move into their own."""
    tx.execute(SHORT_LOCKS)
    names = {
        "table": psycopg.sql.Identifier(table),
        "default": psycopg.sql.Identifier(f"{table}_default"),
        "name": psycopg.sql.Identifier(f"{table}_{suffix}"),
        "column": psycopg.sql.Identifier(TIME_COLUMN[table]),
        "since": psycopg.sql.Literal(span.since.isoformat()),
        "until": psycopg.sql.Literal(span.until.isoformat()),
    }
    for step in _ADD:
        tx.conn.execute(step.format(**names))


def expiries(policy: StoragePolicy, now: datetime, summed_until: datetime) -> dict[str, datetime]:
    """Before which time each table's rows have served: readings that were not summed up yet stay."""
    return {"reading": min(now - policy.keep_readings, summed_until), "vitals_hour": now - policy.keep_hourly}


def drop_expired(tx: Transaction, before: Mapping[str, datetime]) -> list[str]:
    """Drop the partitions whose time is over, and such rows of the default ones; returns the names of the dropped.

    Does nothing to what is not PostgreSQL's own kind of partitioned table. Raises psycopg.errors.LockNotAvailable when
    long queries hold them and the transaction's lock time-out is short.
    """
    return [
        name for table, limit in before.items() if is_partitioned(tx, table) for name in _drop_before(tx, table, limit)
    ]


def _drop_before(tx: Transaction, table: str, before: datetime) -> list[str]:
    expired = [name for name, span in partitions_of(tx, table).items() if span.until <= before]
    for name in expired:
        tx.conn.execute(_DROP.format(psycopg.sql.Identifier(name)))
    default, wanted = psycopg.sql.Identifier(f"{table}_default"), psycopg.sql.Identifier(TIME_COLUMN[table])
    tx.conn.execute(_EMPTY_DEFAULT.format(default, wanted, psycopg.sql.Literal(before.isoformat())))
    return expired
