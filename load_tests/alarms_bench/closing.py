"""The day after: call-backs are made, time is moved, and the engines close what was resolved."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.tasks import complete
from load_tests.alarms_bench.people import PASSING
from schemas.clock import Clock
from schemas.database import connect, row, rows, transaction
from schemas.statements import statement

CALLERS: Final = 3
NEXT_DAY: Final = timedelta(hours=22)
"""Before anybody is late with calling back, whenever the replay was."""
A_DAY_LATER: Final = timedelta(hours=50)
PATIENCE_SECONDS: Final = 180.0
_CALL_BACKS = statement("SELECT id FROM task WHERE kind = 'call_back' AND done_at IS NULL ORDER BY id")
_OPEN = statement("""
    SELECT count(*) AS number FROM alarm
    WHERE state NOT IN ('closed', 'cancelled') AND kind <> ALL (%(own)s::text[])
""")
OWN: Final = ["engine_stuck", "ingest_behind"]
"""Alarms of the service about itself: it runs without ingest here."""


def move(clock_file: Path, ahead: timedelta) -> None:
    """Move the clock of every process ahead of the wall clock by so much."""
    told = clock_file.with_suffix(".new")
    told.write_text(f"{ahead.total_seconds():.0f}\n")
    told.replace(clock_file)


def call_back(database_url: str, clock: Clock, supervisor: int) -> int:
    """Make every call-back that is asked for; returns how many."""
    with connect(database_url, "bench-closing") as conn:
        asked = [int(task["id"]) for task in rows(conn, _CALL_BACKS)]

    def do(mine: list[int]) -> None:
        with connect(database_url, "bench-closing") as conn:
            for task_id in mine:
                _complete(conn, clock, task_id, supervisor)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(do, [asked[one::CALLERS] for one in range(CALLERS)]))
    return len(asked)


def _complete(conn: psycopg.Connection[TupleRow], clock: Clock, task_id: int, supervisor: int) -> None:
    """Once, however often the database undoes it for another's sake."""
    while True:
        try:
            with transaction(conn) as tx:
                complete(tx, clock(), task_id, supervisor, "well", None)
            return
        except PASSING:
            continue


def wait_until_closed(database_url: str, tell: Callable[[int], None]) -> int:
    """Wait until no alarm is left open or resolved, or nothing changes any more; returns how many are left."""
    deadline, last = time.monotonic() + PATIENCE_SECONDS, -1
    with connect(database_url, "bench-closing") as conn:
        while True:
            found = row(conn, _OPEN, {"own": OWN})
            left = int(found["number"]) if found else 0
            if left != last:
                deadline, last = time.monotonic() + PATIENCE_SECONDS, left
            if not left or time.monotonic() > deadline:
                return left
            tell(left)
            time.sleep(0.1)
