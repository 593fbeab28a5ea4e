"""The engines that run side by side: each writes once a second that it lives, and when it last swept to the end."""

import os
import socket
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Gauge

from schemas.database import Transaction
from schemas.statements import statement

BEAT_SECONDS: Final = 1.0
LIVING: Final = timedelta(seconds=10)
"""An engine whose last beat is not older than this lives."""
FORGOTTEN: Final = timedelta(minutes=5)
"""The row of an engine that was killed stays for so long, for whoever asks where it went."""
ENGINES = Gauge("anban_engines_living", "Engines that wrote in the last ten seconds that they live")

BEAT = statement("""
    INSERT INTO engine (id, host, pid, started_at, beat_at, swept_at)
    VALUES (%(id)s::uuid, %(host)s::text, %(pid)s::integer, %(now)s::timestamptz, %(now)s::timestamptz,
            %(swept_at)s::timestamptz)
    ON CONFLICT (id) DO UPDATE SET beat_at = EXCLUDED.beat_at, swept_at = EXCLUDED.swept_at
""")
COUNT = statement("SELECT count(*) AS living FROM engine WHERE beat_at >= %(since)s::timestamptz")
FORGET = statement("DELETE FROM engine WHERE beat_at < %(before)s::timestamptz")
LEAVE = statement("DELETE FROM engine WHERE id = %(id)s::uuid")


@dataclass(frozen=True)
class Identity:
    """One run of one engine."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    host: str = field(default_factory=lambda: socket.gethostname()[:64])
    pid: int = field(default_factory=os.getpid)


def beat(tx: Transaction, now: datetime, engine: Identity, swept_at: datetime | None) -> int:
    """Write that this engine lives; forgets those long dead, and returns how many live."""
    tx.execute(BEAT, {"id": engine.id, "host": engine.host, "pid": engine.pid, "now": now, "swept_at": swept_at})
    tx.execute(FORGET, {"before": now - FORGOTTEN})
    found = tx.row(COUNT, {"since": now - LIVING})
    living = int(found["living"]) if found else 0
    ENGINES.set(living)
    return living


def leave(tx: Transaction, engine: Identity) -> None:
    """An engine that stops as it was told to takes its row with it."""
    tx.execute(LEAVE, {"id": engine.id})
