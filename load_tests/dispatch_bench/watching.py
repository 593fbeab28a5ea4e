"""What an engine does in the simulated day beside the orders that are due: foretell who will be late, hand over."""

from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.service_level.handing_over import sweep_late
from dispatch.service_level.lateness import look_ahead
from schemas.database import transaction
from schemas.events import Event

WATCH_SECONDS: Final = 60.0
_AT_ONCE: Final = 5


def watch(conn: psycopg.Connection[TupleRow], now: datetime) -> list[Event]:
    """One look at the whole, and every step that is due after it; returns what was told."""
    told: list[Event] = []
    with transaction(conn) as tx:
        look_ahead(tx, now)
    told += tx.events
    acted = _AT_ONCE
    while acted:
        with transaction(conn) as tx:
            acted = sweep_late(tx, now, _AT_ONCE)
        told += tx.events
    return told
