"""What the database and the broker say of the service's work, in figures: what waits, is late, is open."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from launcher import broker_snapshot, dump
from launcher.failure import LaunchError
from schemas.statements import statement
from schemas.topics import KEPT, SHARDS, STORE, nats_subject, session_filters

# The engine acts within a second; what is ten past its time was forgotten (`anban_alarms_overdue` counts alike).
GRACE = timedelta(seconds=10)

_EVENT_SUBJECTS = {KEPT + nats_subject(topic) for shard in range(SHARDS) for topic in session_filters("event", shard)}
_OVERDUE = statement("""
    SELECT (SELECT count(*) FROM alarm WHERE due_at < %(before)s::timestamptz) AS alarms,
           (SELECT count(*) FROM alarm WHERE response_due_at < %(before)s::timestamptz) AS responses,
           (SELECT count(*) FROM service_order WHERE due_at < %(before)s::timestamptz) AS orders
""")
_ALARMS = statement("""
    SELECT state AS name, count(*)::integer AS number FROM alarm WHERE ended_at IS NULL GROUP BY state ORDER BY state
""")
_ORDERS = statement("""
    SELECT state AS name, count(*)::integer AS number FROM service_order
    WHERE ended_at IS NULL GROUP BY state ORDER BY state
""")
_ATTENTION = statement("""
    SELECT attention AS name, count(*)::integer AS number FROM service_order
    WHERE ended_at IS NULL AND attention IS NOT NULL GROUP BY attention ORDER BY attention
""")
_OFFERS = statement("SELECT count(*)::integer AS number FROM offer WHERE state = 'open'")
_SESSIONS = statement("""
    SELECT substr(application_name, 7) AS name, count(*)::integer AS number FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'anban-%%' AND application_name <> 'anban-launcher'
    GROUP BY application_name ORDER BY application_name
""")
# An engine says once a second that it lives; one of them audits once a minute.
_ENGINES = statement("SELECT count(*)::integer AS number FROM engine WHERE beat_at > %(before)s::timestamptz")
_AUDIT = statement("SELECT checked_at, jsonb_array_length(violations) AS number FROM engine_audit")
_SIZE = statement("SELECT pg_database_size(current_database()) AS number")


@dataclass(frozen=True)
class Audit:
    """What the engines' last audit of themselves found, and when it was."""

    checked_at: datetime
    violations: int


@dataclass(frozen=True)
class DatabaseFigures:
    """The database's side: counts by name, the size in bytes, sessions of our processes by application name, how many
    engines live, and their last audit."""

    storage: dump.Storage
    size: int
    sessions: dict[str, int]
    overdue: dict[str, int]
    alarms: dict[str, int]
    orders: dict[str, int]
    attention: dict[str, int]
    offers: int
    engines: int
    audit: Audit | None


@dataclass(frozen=True)
class BrokerFigures:
    """The broker's side: messages no process has stored yet, by lane group, and the age of the oldest in seconds."""

    waiting: dict[str, int]
    oldest_seconds: float | None


def ask_database(url: str, now: datetime) -> DatabaseFigures:
    """Read the database's figures. Raises LaunchError when it cannot be asked."""
    with dump.connect(url, autocommit=True) as conn:
        conn.execute("SET statement_timeout = '10s'")
        try:
            return _read(conn, now)
        except psycopg.Error as error:
            raise LaunchError(f"the database does not answer: {str(error).splitlines()[0]}") from None


def _read(conn: psycopg.Connection[Any], now: datetime) -> DatabaseFigures:
    with conn.cursor(row_factory=dict_row) as cursor:

        def counts(query: Any) -> dict[str, int]:
            return {row["name"]: row["number"] for row in cursor.execute(query, {}).fetchall()}

        def number(query: Any) -> int:
            row = cursor.execute(query).fetchone()
            return int(row["number"]) if row else 0

        audit = cursor.execute(_AUDIT).fetchone()
        living = cursor.execute(_ENGINES, {"before": now - GRACE}).fetchone() or {"number": 0}
        overdue = cursor.execute(_OVERDUE, {"before": now - GRACE}).fetchone() or {}
        return DatabaseFigures(
            storage=dump.storage_of(conn),
            size=number(_SIZE),
            sessions=counts(_SESSIONS),
            overdue={name: int(value) for name, value in overdue.items()},
            alarms=counts(_ALARMS),
            orders=counts(_ORDERS),
            attention=counts(_ATTENTION),
            offers=number(_OFFERS),
            engines=int(living["number"]),
            audit=Audit(audit["checked_at"], int(audit["number"])) if audit else None,
        )


def ask_broker(url: str, now: datetime) -> BrokerFigures:
    """Read the broker's figures. Raises LaunchError when it cannot be asked."""
    found = {stream.name: stream for stream in broker_snapshot.streams(url)}
    waiting: dict[str, int] = {"event": 0, "telemetry": 0}
    for consumer in broker_snapshot.consumers(url):
        pending = int(consumer.get("num_pending", 0)) + int(consumer.get("num_ack_pending", 0))
        lane = "event" if consumer["config"].get("filter_subject") in _EVENT_SUBJECTS else "telemetry"
        waiting[lane] += pending
    messages = found.get(STORE)
    oldest = None
    if messages is not None and messages.messages:
        # Python reads microseconds, the broker says nanoseconds.
        first = datetime.fromisoformat(str(messages.state["first_ts"])[:19]).replace(tzinfo=UTC)
        oldest = max(0.0, (now - first).total_seconds())
    return BrokerFigures(waiting, oldest)
