"""What a fleet's readings hold and take on disk; whether the server says when transactions were committed."""

import psycopg
from psycopg.rows import TupleRow

from load_tests.fleet.ledger import FleetLedger
from schemas.database import row
from schemas.statements import statement

_POINTS = statement("""
    SELECT count(*) AS rows,
           COALESCE(sum(num_nonnulls(hr, spo2, rr, temp, sbp, dbp, steps, lat, lon, battery)), 0)::bigint AS points
    FROM reading WHERE boot = %(boot)s::text
""")
_BYTES = statement("""
    WITH RECURSIVE part AS (
        SELECT 'reading'::regclass::oid AS relation
        UNION ALL
        SELECT pg_inherits.inhrelid FROM pg_inherits JOIN part ON pg_inherits.inhparent = part.relation
    )
    SELECT sum(pg_total_relation_size(relation::regclass))::bigint AS bytes FROM part
""")
_TRACKED = statement("SELECT current_setting('track_commit_timestamp') AS tracked")


class NoCommitTimes(Exception):
    """The server does not say when transactions were committed."""


def check_commit_times(conn: psycopg.Connection[TupleRow]) -> None:
    """Raise NoCommitTimes unless the server tracks them."""
    found = row(conn, _TRACKED)
    if found is None or found["tracked"] != "on":
        raise NoCommitTimes("the database must run with track_commit_timestamp = on")


def measure_points(conn: psycopg.Connection[TupleRow], ledger: FleetLedger) -> tuple[int, int]:
    """Rows of readings of a fleet, and the data points in them."""
    found = row(conn, _POINTS, {"boot": ledger.boot})
    return (int(found["rows"]), int(found["points"])) if found else (0, 0)


def reading_bytes(conn: psycopg.Connection[TupleRow]) -> int:
    """What all readings take on disk with their indexes."""
    found = row(conn, _BYTES)
    return int(found["bytes"]) if found else 0
