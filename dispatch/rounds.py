"""The rounds that supervision makes over all devices: conclude, tell, and see which streets are light again."""

from datetime import datetime
from typing import Final

import psycopg
from prometheus_client import Counter, Gauge, Histogram
from psycopg.rows import TupleRow

from dispatch.findings import Streets, relight, tell
from dispatch.supervision import find_changed, write_conclusions
from dispatch.turns import turn
from schemas.clock import Clock
from schemas.database import row, transaction
from schemas.locks import AdvisoryLock
from schemas.statements import statement

ROUND_SECONDS: Final = 10.0
"""From the end of one round to the next."""
CONCLUDED_AT_ONCE: Final = 500
TOLD_AT_ONCE: Final = 500

ROUND = Histogram("anban_supervision_round_seconds", "Time of one round over all devices", buckets=(0.1, 0.3, 1, 3, 10))
CHANGES = Counter("anban_supervision_changes_total", "Devices about which supervision concluded something new")
DEVICES = Gauge("anban_devices", "Devices that were ever heard and are not revoked", ["presence"])

COUNT = statement("""
    SELECT count(*) FILTER (WHERE online) AS online, count(*) FILTER (WHERE NOT online) AS offline
    FROM device_supervision
""")


def make_round(conn: psycopg.Connection[TupleRow], clock: Clock) -> bool:
    """Bring supervision up to date in small transactions; returns False when another process is at it.

    That spares the work; what one writes would be right beside another's too.
    """
    with turn(conn, AdvisoryLock.SUPERVISION) as ours:
        if ours:
            with ROUND.time():
                _conclude(conn, clock())
                _tell(conn, clock())
            _count(conn)
    return ours


def _conclude(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    found = find_changed(conn, now)
    for start in range(0, len(found), CONCLUDED_AT_ONCE):
        with transaction(conn) as tx:
            changed = write_conclusions(tx, now, found[start : start + CONCLUDED_AT_ONCE])
        CHANGES.inc(changed)


def _tell(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    dealt_with, seen = TOLD_AT_ONCE, Streets()
    while dealt_with == TOLD_AT_ONCE:
        with transaction(conn) as tx:
            dealt_with = tell(tx, now, TOLD_AT_ONCE, seen)
    with transaction(conn) as tx:
        relight(tx, now)


def _count(conn: psycopg.Connection[TupleRow]) -> None:
    counted = row(conn, COUNT) or {"online": 0, "offline": 0}
    for presence, number in counted.items():
        DEVICES.labels(presence).set(number)
