"""Whose shift it is: everybody's, whatever the hour, while a test of the whole service runs."""

from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from schemas.database import Row, rows
from schemas.statements import statement

_SEND_HOME = statement("""
    DELETE FROM worker_shift USING worker, provider
    WHERE worker.id = worker_shift.worker_id AND provider.id = worker.provider_id AND provider.state = 'admitted'
      AND worker_shift.starts_at < %(ends_at)s::timestamptz AND worker_shift.ends_at > %(starts_at)s::timestamptz
    RETURNING worker_shift.worker_id, worker_shift.starts_at, worker_shift.ends_at
""")
_CALL_IN = statement("""
    INSERT INTO worker_shift (worker_id, starts_at, ends_at)
    SELECT worker.id, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz
    FROM worker JOIN provider ON provider.id = worker.provider_id
    WHERE provider.state = 'admitted'
""")


def send_home(conn: psycopg.Connection[TupleRow], starts_at: datetime, ends_at: datetime) -> list[Row]:
    """Take the shifts that touch a time from all workers of admitted providers; returns those shifts."""
    return rows(conn, _SEND_HOME, {"starts_at": starts_at, "ends_at": ends_at})


def call_everybody_in(conn: psycopg.Connection[TupleRow], starts_at: datetime, ends_at: datetime) -> list[Row]:
    """One shift for all workers of admitted providers, in place of theirs; returns the shifts it replaced."""
    before = send_home(conn, starts_at, ends_at)
    conn.execute(_CALL_IN, {"starts_at": starts_at, "ends_at": ends_at})
    return before
