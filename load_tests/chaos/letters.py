"""What of a fleet's messages became dead letters."""

import psycopg
from psycopg.rows import TupleRow

from schemas.database import rows
from schemas.statements import statement

_COUNT = statement("""
    SELECT reason, sum(times)::bigint AS times FROM dead_letter
    WHERE last_received_at >= to_timestamp(%(since)s::float8) GROUP BY reason ORDER BY reason
""")


def count_letters(conn: psycopg.Connection[TupleRow], since: float) -> dict[str, int]:
    """How many messages became dead letters since a moment (Unix seconds), by reason."""
    return {found["reason"]: int(found["times"]) for found in rows(conn, _COUNT, {"since": since})}
