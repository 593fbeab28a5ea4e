"""Readings of a month as the fleet sends them, made on the server in the order in which they would arrive."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.partitions import DAY, ensure_partitions
from schemas.database import row, transaction
from schemas.statements import statement

DAYS: Final = 30
FEWEST_ELDERS: Final = 20
_MINUTES: Final = DAYS * 24 * 60
_SLICE: Final = 500_000
"""Rows in one transaction."""

HOME = statement("""
    INSERT INTO household (org_code, address)
    SELECT code, 'bench query' FROM org_unit WHERE kind <> 'district' ORDER BY code LIMIT 1 RETURNING id
""")
ELDERS = statement("""
    WITH elders AS (
        INSERT INTO elder (household_id, name, gender, birth_date, state, state_since)
        SELECT %(household)s::integer, 'bench ' || number, 'female', '1942-03-01', 'home', %(since)s::timestamptz
        FROM generate_series(1, %(count)s::integer) AS number RETURNING id
    ), devices AS (
        INSERT INTO device (id, kind, secret_hash, registered_at, changed_at)
        SELECT 'bench-query-' || id, 'wearable', sha256(id::text::bytea), %(since)s::timestamptz,
               %(since)s::timestamptz
        FROM elders RETURNING id, key
    )
    INSERT INTO device_assignment (device_key, elder_id, valid_from)
    SELECT devices.key, substring(devices.id FROM '[0-9]+$')::integer, %(since)s::timestamptz FROM devices
""")
# Steps and battery, four vital signs always; blood pressure and a position one in six: 6.67 points a reading.
# A device sends at its own moment of each period: the same order every time, unrelated to the order of the keys.
SLICE = statement("""
    INSERT INTO reading (at, device_key, seq, steps, lat, lon, hr, spo2, rr, temp, battery, sbp, dbp, boot)
    SELECT %(begin)s::timestamptz + (tick + place / %(elders)s::float8) * %(period)s::interval, device_key, tick,
           (tick %% 1440) * 4,
           CASE WHEN (tick + place) %% 6 = 0 THEN 298000000 + 1000000 * random() END,
           CASE WHEN (tick + place) %% 6 = 0 THEN 1064000000 + 1000000 * random() END,
           round(62 + 25 * random()) * 100, round(94 + 5 * random()) * 100, round(13 + 6 * random()) * 100,
           3600 + round(10 * random()) * 10, 10000 - (tick %% 90) * 100,
           CASE WHEN (tick + place) %% 6 = 3 THEN round(115 + 30 * random()) * 100 END,
           CASE WHEN (tick + place) %% 6 = 3 THEN round(65 + 25 * random()) * 100 END,
           boot
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS tick CROSS JOIN (
        SELECT device_key, (row_number() OVER (ORDER BY md5(device_key::text)))::integer - 1 AS place,
               left(md5('boot' || device_key), 8) AS boot
        FROM device_assignment JOIN device ON device.key = device_key WHERE device.id LIKE 'bench-query-%%'
    ) AS wearer
    ORDER BY tick, place
""")
WEARER_KEYS = statement("""
    SELECT array_agg(elder_id ORDER BY elder_id) AS ids
    FROM device_assignment JOIN device ON device.key = device_key WHERE device.id LIKE 'bench-query-%%'
""")

Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Filled:
    """What was put in: elders, readings of each, and how fast."""

    elder_ids: list[int]
    rows: int
    period: timedelta
    seconds: float


def elders_for(rows: int) -> int:
    """How many elders send so many readings in a month at one a minute; never fewer than it takes to choose among."""
    return max(FEWEST_ELDERS, rows // _MINUTES)


def prepare(conn: psycopg.Connection[TupleRow], now: datetime, elders: int) -> list[int]:
    """Register elders with a wearable each, make room for the month before `now`; returns the elders' ids."""
    since = now - timedelta(days=DAYS + 1)
    with transaction(conn) as tx:
        home = tx.row(HOME)
        if home is None:
            raise LookupError("the district has no street: seed it first")
        tx.execute(ELDERS, {"household": home["id"], "since": since, "count": elders})
        for day in range(DAYS + 2):
            ensure_partitions(tx, since + day * DAY)
    found = row(conn, WEARER_KEYS)
    return list(found["ids"]) if found else []


def fill(conn: psycopg.Connection[TupleRow], now: datetime, rows: int, elder_ids: list[int], tell: Tell) -> Filled:
    """Store about `rows` readings that end at `now`, told by the clock in order; returns what was stored."""
    elders = len(elder_ids)
    ticks = max(1, rows // elders)
    period = timedelta(days=DAYS) / ticks
    ticks_a_slice = max(1, _SLICE // elders)
    conn.execute("SET work_mem = '256MB'")
    begun, stored = datetime.now(UTC), 0
    for first in range(0, ticks, ticks_a_slice):
        last = min(first + ticks_a_slice, ticks) - 1
        with transaction(conn) as tx:
            about = {"begin": now - timedelta(days=DAYS), "elders": elders, "period": period}
            stored += tx.execute(SLICE, {**about, "first": first, "last": last})
        tell(stored / (ticks * elders), f"{stored:,} readings stored")
    conn.execute("RESET work_mem")
    return Filled(elder_ids, stored, period, (datetime.now(UTC) - begun).total_seconds())
