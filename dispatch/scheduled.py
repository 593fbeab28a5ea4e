"""Housekeeping that runs by the clock, in one process at a time."""

from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from schemas.database import Transaction
from schemas.statements import statement

RUNNER_LOCK: Final = 7221102
KEEP_EVENTS: Final = timedelta(days=7)
"""How far back a screen can resume; the audit trail is elsewhere."""
KEEP_LOGIN_FAILURES: Final = timedelta(days=30)
KEEP_WATERMARKS: Final = timedelta(days=40)
"""Longer than any message can be late: older readings are told apart by looking into the readings themselves."""

TRY_RUNNER = statement("SELECT pg_try_advisory_xact_lock(%(key)s::bigint) AS won")
PARTITIONED = statement("SELECT relkind = 'p' AS partitioned FROM pg_class WHERE oid = 'reading'::regclass")
FORGET_EVENTS = statement("DELETE FROM event WHERE at < %(before)s::timestamptz")
FORGET_SESSIONS = statement("DELETE FROM session WHERE expires_at < %(now)s::timestamptz")
FORGET_LOGIN_FAILURES = statement("DELETE FROM login_failure WHERE at < %(before)s::timestamptz")
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
    """Make the coming months' partitions of `reading` where the server has no TimescaleDB to do it."""
    found = tx.row(PARTITIONED)
    if found is None or not found["partitioned"]:
        return
    for first, following in months_ahead(now.date(), 3):
        name = psycopg.sql.Identifier(f"reading_{first:%Y_%m}")
        bounds = (f"{first}T00:00:00Z", f"{following}T00:00:00Z")
        tx.conn.execute(
            psycopg.sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF reading FOR VALUES FROM ({}) TO ({})").format(
                name, *bounds
            )
        )


def housekeep(tx: Transaction, now: datetime) -> bool:
    """Make room and throw away what has served its time; returns False when another process is at it."""
    won = tx.row(TRY_RUNNER, {"key": RUNNER_LOCK})
    if won is None or not won["won"]:
        return False
    ensure_partitions(tx, now)
    tx.execute(FORGET_EVENTS, {"before": now - KEEP_EVENTS})
    tx.execute(FORGET_SESSIONS, {"now": now})
    tx.execute(FORGET_LOGIN_FAILURES, {"before": now - KEEP_LOGIN_FAILURES})
    tx.execute(FORGET_WATERMARKS, {"before": now - KEEP_WATERMARKS})
    return True
