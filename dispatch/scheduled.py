"""Housekeeping that runs by the clock, in one process at a time."""

from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from schemas.database import Transaction
from schemas.statements import statement

RUNNER_LOCK: Final = 7221102
KEEP_EVENTS: Final = timedelta(days=7)
"""How far back a screen can resume; the audit trail is elsewhere."""
KEEP_POSITIONS: Final = timedelta(days=1)
"""Where a worker was is nobody's business once it no longer tells where she is."""
KEEP_LOGIN_FAILURES: Final = timedelta(days=30)
KEEP_WATERMARKS: Final = timedelta(days=40)
"""Longer than any message can be late: older readings are told apart by looking into the readings themselves."""

TRY_RUNNER = statement("SELECT pg_try_advisory_xact_lock(%(key)s::bigint) AS won")
PARTITIONED = statement("SELECT relkind = 'p' AS partitioned FROM pg_class WHERE oid = 'reading'::regclass")
EXISTING = statement("SELECT to_regclass(%(name)s::text) IS NOT NULL AS present")
SHORT_LOCKS = statement("SELECT set_config('lock_timeout', '2s', true)")
ADD_PARTITION: Final = (
    psycopg.sql.SQL("LOCK TABLE reading_default IN ACCESS EXCLUSIVE MODE"),
    psycopg.sql.SQL("CREATE TABLE {name} (LIKE reading INCLUDING DEFAULTS)"),
    psycopg.sql.SQL(
        "WITH moved AS (DELETE FROM reading_default WHERE at >= {since} AND at < {until} RETURNING *) "
        "INSERT INTO {name} SELECT * FROM moved"
    ),
    psycopg.sql.SQL("ALTER TABLE reading ATTACH PARTITION {name} FOR VALUES FROM ({since}) TO ({until})"),
)
FORGET_EVENTS = statement("DELETE FROM event WHERE at < %(before)s::timestamptz")
FORGET_SESSIONS = statement("DELETE FROM session WHERE expires_at < %(now)s::timestamptz")
FORGET_LOGIN_FAILURES = statement("DELETE FROM login_failure WHERE at < %(before)s::timestamptz")
FORGET_POSITIONS = statement("DELETE FROM worker_position WHERE at < %(before)s::timestamptz")
FORGET_WATERMARKS = statement("DELETE FROM device_watermark WHERE updated_at < %(before)s::timestamptz")


def months_ahead(today: date, count: int) -> list[tuple[date, date]]:
    """The first days of this month and the next `count - 1`, each with the first day after it."""
    first = today.replace(day=1)
    months: list[tuple[date, date]] = []
    for _ in range(count):
        following = (first + timedelta(days=32)).replace(day=1)
        months.append((first, following))
        first = following
    return months


def ensure_partitions(tx: Transaction, now: datetime) -> None:
    """Make the coming months' partitions of `reading` where the server has no TimescaleDB to do it.

    Raises psycopg.errors.LockNotAvailable when long queries hold the readings: waiting would hold up ingest behind us.
    """
    found = tx.row(PARTITIONED)
    if found is None or not found["partitioned"]:
        return
    for first, following in months_ahead(now.date(), 3):
        name = f"reading_{first:%Y_%m}"
        existing = tx.row(EXISTING, {"name": name})
        if existing is None or not existing["present"]:
            tx.execute(SHORT_LOCKS)
            _add_partition(tx, name, f"{first}T00:00:00Z", f"{following}T00:00:00Z")


def _add_partition(tx: Transaction, name: str, since: str, until: str) -> None:
    """Readings of the month that came before its partition stand in the default one and move into their own."""
    for step in ADD_PARTITION:
        tx.conn.execute(step.format(name=psycopg.sql.Identifier(name), since=since, until=until))


def housekeep(tx: Transaction, now: datetime) -> bool:
    """Make room and throw away what has served its time; returns False when another process is at it."""
    won = tx.row(TRY_RUNNER, {"key": RUNNER_LOCK})
    if won is None or not won["won"]:
        return False
    ensure_partitions(tx, now)
    tx.execute(FORGET_EVENTS, {"before": now - KEEP_EVENTS})
    tx.execute(FORGET_SESSIONS, {"now": now})
    tx.execute(FORGET_LOGIN_FAILURES, {"before": now - KEEP_LOGIN_FAILURES})
    tx.execute(FORGET_POSITIONS, {"before": now - KEEP_POSITIONS})
    tx.execute(FORGET_WATERMARKS, {"before": now - KEEP_WATERMARKS})
    return True
