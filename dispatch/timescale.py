"""What TimescaleDB is told to do by itself, and what is done for it where its licence does not let it.

The statements name functions that only TimescaleDB has, so they are not made with `statement`, which every server has
to understand; each is run behind `edition`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg.sql import SQL

from dispatch.partitions import StoragePolicy
from schemas.database import Transaction
from schemas.statements import statement

Edition = Literal["licensed", "apache"]

EDITION = statement("""
    SELECT current_setting('timescaledb.license', true) AS license
    FROM pg_extension WHERE extname = 'timescaledb'
""")
SAME = statement("SELECT %(said)s::interval = %(wanted)s::interval AS same")
_WIDTH: Final = SQL("""
    SELECT set_chunk_time_interval('reading', %(width)s::interval)
    FROM timescaledb_information.dimensions
    WHERE hypertable_name = 'reading' AND time_interval <> %(width)s::interval
""")
_DROP_CHUNKS: Final = SQL("SELECT drop_chunks(%(table)s::regclass, older_than => %(before)s::timestamptz) AS chunk")
_QUIET: Final = SQL("""
    SELECT format('%%I.%%I', chunk_schema, chunk_name) AS chunk FROM timescaledb_information.chunks
    WHERE hypertable_name = 'reading' AND range_end <= %(before)s::timestamptz ORDER BY range_start
""")
_UNCOMPRESSED: Final = SQL("""
    SELECT format('%%I.%%I', chunk_schema, chunk_name) AS chunk FROM timescaledb_information.chunks
    WHERE hypertable_name = 'reading' AND range_end <= %(before)s::timestamptz AND NOT is_compressed
    ORDER BY range_start
""")
_JOBS: Final = SQL("""
    SELECT jobs.proc_name AS kind, COALESCE(aggregates.view_name, jobs.hypertable_name) AS about, jobs.config
    FROM timescaledb_information.jobs AS jobs
    LEFT JOIN timescaledb_information.continuous_aggregates AS aggregates
      ON jobs.hypertable_name IN (aggregates.materialization_hypertable_name, aggregates.view_name)
    WHERE jobs.proc_name LIKE 'policy\\_%%'
""")
_ADD: Final = {
    "policy_retention": SQL("SELECT add_retention_policy(%(about)s::regclass, drop_after => %(drop_after)s::interval)"),
    "policy_compression": SQL(
        "SELECT add_compression_policy(%(about)s::regclass, compress_after => %(compress_after)s::interval)"
    ),
    "policy_refresh_continuous_aggregate": SQL(
        "SELECT add_continuous_aggregate_policy(%(about)s::regclass, start_offset => %(start_offset)s::interval, "
        "end_offset => %(end_offset)s::interval, schedule_interval => %(every)s::interval)"
    ),
}
_REMOVE: Final = {
    "policy_retention": SQL("SELECT remove_retention_policy(%(about)s::regclass, if_exists => true)"),
    "policy_compression": SQL("SELECT remove_compression_policy(%(about)s::regclass, if_exists => true)"),
    "policy_refresh_continuous_aggregate": SQL(
        "SELECT remove_continuous_aggregate_policy(%(about)s::regclass, if_exists => true)"
    ),
}
_LATEST: Final = timedelta(days=36)
"""Longer than a reading can be late: the past that is summed up again when something came into it."""

Key = tuple[str, str]


def edition(tx: Transaction) -> Edition | None:
    """Which TimescaleDB this database uses: with its own licence's features or without; None for plain PostgreSQL."""
    found = tx.row(EDITION)
    if found is None:
        return None
    return "licensed" if found["license"] == "timescale" else "apache"


def set_chunk_width(tx: Transaction, policy: StoragePolicy) -> None:
    """The width of chunks that are yet to be made."""
    tx.rows(_WIDTH, {"width": policy.chunk_width})


def quiet_chunks(tx: Transaction, before: datetime, kind: Edition) -> list[str]:
    """The chunks of readings that ended before a time and hold rows in an index, oldest first."""
    found = tx.rows(_UNCOMPRESSED if kind == "licensed" else _QUIET, {"before": before})
    return [row["chunk"] for row in found]


def drop_old_chunks(tx: Transaction, before: Mapping[str, datetime]) -> list[str]:
    """Drop the chunks of each table that ended before its time, as retention policies would; returns their names."""
    return [
        row["chunk"]
        for table, limit in before.items()
        for row in tx.rows(_DROP_CHUNKS, {"table": table, "before": limit})
    ]


def wanted_jobs(policy: StoragePolicy) -> dict[Key, dict[str, timedelta]]:
    """What the licensed TimescaleDB shall do by itself: (kind of policy, table) and its settings."""
    refresh = "policy_refresh_continuous_aggregate"
    return {
        ("policy_retention", "reading"): {"drop_after": policy.keep_readings},
        ("policy_retention", "vitals_hour"): {"drop_after": policy.keep_hourly},
        ("policy_retention", "vitals_day"): {"drop_after": policy.keep_daily},
        ("policy_compression", "reading"): {"compress_after": policy.compress_after},
        (refresh, "vitals_hour"): {"start_offset": _LATEST, "end_offset": timedelta(minutes=15)},
        (refresh, "vitals_day"): {"start_offset": _LATEST + timedelta(days=2), "end_offset": timedelta(days=1)},
    }


def align_jobs(tx: Transaction, policy: StoragePolicy) -> list[Key]:
    """Make the licensed TimescaleDB's policies what `storage_policy` says; returns those that were set."""
    there = {(job["kind"], job["about"]): job["config"] for job in tx.rows(_JOBS)}
    changed: list[Key] = []
    for key, settings in wanted_jobs(policy).items():
        kind, about = key
        if key in there and _says(tx, there[key], settings):
            continue
        tx.rows(_REMOVE[kind], {"about": about})
        tx.rows(_ADD[kind], {"about": about, "every": timedelta(minutes=10), **settings})
        changed.append(key)
    return changed


def _says(tx: Transaction, config: dict[str, Any], settings: dict[str, timedelta]) -> bool:
    """Whether a policy has these settings; the server tells them as it writes intervals."""
    for name, wanted in settings.items():
        found = tx.row(SAME, {"said": config.get(name), "wanted": wanted})
        if found is None or not found["same"]:
            return False
    return True
