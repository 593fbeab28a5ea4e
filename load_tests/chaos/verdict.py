"""Compares every message that a fleet offered with the rows, inside the database, where a million are no burden."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from load_tests.fleet.ledger import FleetLedger
from schemas.database import Row, row, rows
from schemas.statements import statement

OFFERED = psycopg.sql.SQL(
    "CREATE TEMPORARY TABLE offered (device integer, lane smallint, seq bigint, acknowledged bool)"
)
DEVICES = psycopg.sql.SQL("CREATE TEMPORARY TABLE offering (device integer, id text)")
FORGET = psycopg.sql.SQL("DROP TABLE IF EXISTS offered, offering")
COPY_OFFERED = "COPY offered (device, lane, seq, acknowledged) FROM STDIN (FORMAT BINARY)"
COPY_DEVICES = "COPY offering (device, id) FROM STDIN (FORMAT BINARY)"
COMPARE = psycopg.sql.SQL("""
    WITH rows AS (
        SELECT device_key, 0 AS lane, seq, count(*) AS times FROM vitals WHERE boot = %(boot)s::text
        GROUP BY device_key, seq
        UNION ALL
        SELECT device_key, 1, seq, count(*) FROM device_event WHERE boot = %(boot)s::text GROUP BY device_key, seq
    ), stored AS (
        SELECT offering.device, rows.lane, rows.seq, rows.times
        FROM rows JOIN device ON device.key = rows.device_key
        LEFT JOIN offering ON offering.id = device.id
    )
    SELECT count(*) FILTER (WHERE offered.acknowledged) AS acknowledged,
           COALESCE(sum(stored.times), 0)::bigint AS stored,
           count(*) FILTER (WHERE offered.acknowledged AND stored.times IS NULL) AS lost,
           COALESCE(sum(stored.times - 1), 0)::bigint AS duplicated,
           count(*) FILTER (WHERE offered.seq IS NULL) AS never_sent,
           count(*) FILTER (WHERE offered.acknowledged AND offered.lane = 1) AS events,
           count(*) FILTER (WHERE offered.acknowledged AND offered.lane = 1 AND stored.times IS NULL) AS events_lost
    FROM offered FULL JOIN stored USING (device, lane, seq)
""")
COUNT_STORED = statement("""
    SELECT (SELECT count(*) FROM reading WHERE boot = %(boot)s::text)
         + (SELECT count(*) FROM device_event WHERE boot = %(boot)s::text) AS stored
""")
COUNT_LETTERS = statement("""
    SELECT reason, sum(times)::bigint AS times FROM dead_letter
    WHERE last_received_at >= to_timestamp(%(since)s::float8) GROUP BY reason ORDER BY reason
""")


@dataclass(frozen=True)
class Verdict:
    """What became of a fleet's messages. All is well when nothing is lost, duplicated or stored that nobody sent."""

    acknowledged: int
    stored: int
    lost: int
    duplicated: int
    never_sent: int
    events: int
    events_lost: int

    @property
    def holds(self) -> bool:
        """Whether every acknowledged message is stored exactly once."""
        return not (self.lost or self.duplicated or self.never_sent)


def count_stored(conn: psycopg.Connection[TupleRow], ledger: FleetLedger) -> int:
    """How many rows the fleet's messages have become so far."""
    found = row(conn, COUNT_STORED, {"boot": ledger.boot})
    return int(found["stored"]) if found else 0


def count_letters(conn: psycopg.Connection[TupleRow], since: float) -> dict[str, int]:
    """How many messages became dead letters since a moment (Unix seconds), by reason."""
    return {found["reason"]: int(found["times"]) for found in rows(conn, COUNT_LETTERS, {"since": since})}


def compare(conn: psycopg.Connection[TupleRow], ledger: FleetLedger) -> Verdict:
    """Account for every message of the fleet, by identity; needs a connection that may make temporary tables."""
    conn.execute(FORGET)
    conn.execute(OFFERED)
    conn.execute(DEVICES)
    with conn.cursor() as cursor:
        with cursor.copy(COPY_OFFERED) as copy:
            copy.set_types(["int4", "int2", "int8", "bool"])
            for number in range(len(ledger)):
                copy.write_row(
                    (ledger.device[number], ledger.lane[number], ledger.seq[number], ledger.is_acknowledged(number))
                )
        with cursor.copy(COPY_DEVICES) as copy:
            copy.set_types(["int4", "text"])
            for device, device_id in enumerate(ledger.devices):
                copy.write_row((device, device_id))
    found: Row = row(conn, COMPARE, {"boot": ledger.boot}) or {}
    conn.execute(FORGET)
    return Verdict(**{name: int(value) for name, value in found.items()})
