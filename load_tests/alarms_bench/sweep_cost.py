"""What a sweep costs with few and with many open deadlines: it must grow with those that are due, not with all."""

import contextlib
import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.audit import look
from dispatch.engine import Engine
from dispatch.publisher import CommandPublisher
from load_tests.alarms_bench.life import ENGINES
from load_tests.ingest_bench.processes import ProcessTable
from schemas.database import connect, row, transaction
from schemas.settings import Settings
from schemas.statements import statement

DUE: Final = 10
IDLE_RUNS: Final = 20
DUE_RUNS: Final = 9
_ADD_ELDERS = statement("""
    INSERT INTO elder (household_id, name, gender, birth_date, state, state_since)
    SELECT home.id, 'bench', 'female', '1940-01-01', 'home', %(now)s::timestamptz
    FROM generate_series(1, %(number)s::integer) AS made
    CROSS JOIN (SELECT id FROM household ORDER BY id LIMIT 1) AS home
    RETURNING id
""")
_ADD_ALARMS = statement("""
    INSERT INTO alarm (kind, severity, state, elder_id, household_id, device_key, is_test, occurred_at, raised_at,
                       last_signal_at, due_at, due_reason)
    SELECT 'sos', 'emergency', 'raised', elder.id, elder.household_id, device.key, false, %(now)s::timestamptz,
           %(now)s::timestamptz, %(now)s::timestamptz,
           %(now)s::timestamptz + make_interval(secs => 3600 + elder.id %% 36000), 'escalate'
    FROM elder CROSS JOIN (SELECT key FROM device ORDER BY key LIMIT 1) AS device
    WHERE elder.name = 'bench' AND NOT EXISTS (SELECT FROM alarm WHERE alarm.elder_id = elder.id)
""")
_MAKE_DUE = statement("""
    UPDATE alarm SET due_at = %(now)s::timestamptz
    WHERE id IN (SELECT id FROM alarm WHERE state = 'raised' AND due_at > %(later)s::timestamptz AND policy_id IS NULL
                 ORDER BY id LIMIT %(number)s::integer)
""")
# What was acted on calls people now: it is replaced by another alarm that waits.
_TAKE_AWAY = statement("""
    UPDATE alarm SET state = 'cancelled', ended_at = %(now)s::timestamptz, due_at = NULL, due_reason = NULL
    WHERE state = 'raised' AND policy_id IS NOT NULL
""")
_COUNT = statement("SELECT count(*) AS number FROM alarm WHERE due_at IS NOT NULL")


@contextlib.contextmanager
def engines_standing_still(table: ProcessTable) -> Iterator[None]:
    """Nobody else sweeps meanwhile."""
    pids = [pid for name, pid in table.pids().items() if name in ENGINES]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def measure(settings: Settings, now: datetime, sizes: list[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds of a sweep by the number of open deadlines, with nothing and with ten due, and of an audit."""
    found: dict[str, Any] = {}
    engine = Engine(settings.database_url, CommandPublisher(settings.mqtt_address), lambda: now)
    with connect(settings.database_url, "bench-sweep") as conn:
        engine.sweep(conn)
        for size in sizes:
            tell(f"Sweeping with {size} open deadlines")
            _fill(conn, size, now)
            found[str(size)] = _measure_one(conn, engine, now)
    return found


def _fill(conn: psycopg.Connection[TupleRow], size: int, now: datetime) -> None:
    _add(conn, size - _count(conn), now)
    conn.execute("ANALYZE alarm")
    conn.execute("ANALYZE elder")


def _add(conn: psycopg.Connection[TupleRow], missing: int, now: datetime) -> None:
    if missing > 0:
        conn.execute(_ADD_ELDERS, {"number": missing, "now": now})
        conn.execute(_ADD_ALARMS, {"now": now})


def _count(conn: psycopg.Connection[TupleRow]) -> int:
    counted = row(conn, _COUNT)
    return int(counted["number"]) if counted else 0


def _measure_one(conn: psycopg.Connection[TupleRow], engine: Engine, now: datetime) -> dict[str, float]:
    engine.sweep(conn)
    size = _count(conn)
    idle = [_timed(lambda: engine.sweep(conn)) for _ in range(IDLE_RUNS)]
    busy = []
    for _ in range(DUE_RUNS):
        conn.execute(_MAKE_DUE, {"now": now, "later": now + timedelta(minutes=30), "number": DUE})
        busy.append(_timed(lambda: engine.sweep(conn)))
        conn.execute(_TAKE_AWAY, {"now": now})
        _add(conn, size - _count(conn), now)
    looks = [_timed(lambda: _look(conn, now)) for _ in range(DUE_RUNS)]
    return {
        "nothing_due_ms": _milliseconds(idle),
        f"{DUE}_due_ms": _milliseconds(busy),
        "audit_look_ms": _milliseconds(looks),
    }


def _look(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    with transaction(conn) as tx:
        look(tx, now)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _milliseconds(seconds: list[float]) -> float:
    return round(1000 * statistics.median(seconds), 2)
