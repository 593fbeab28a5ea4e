"""Killing engines again and again, and knowing at which moments one lived."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from load_tests.ingest_bench.processes import ProcessTable
from schemas.clock import Clock
from schemas.database import connect, rows
from schemas.statements import statement

ENGINES: Final = ("dispatch", "dispatch-2")
_POLL_SECONDS: Final = 0.1
_BACK_SECONDS: Final = 30.0
_SEEN_WITHIN: Final = 15.0
_RUNS = statement("SELECT id::text AS id, pid, started_at FROM engine WHERE swept_at IS NOT NULL")


@dataclass(frozen=True)
class Span:
    """A time from one moment to another, in seconds since 1970."""

    begin: float
    end: float


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same moments without overlaps, in order; pure."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: one.begin):
        if found and span.begin <= found[-1].end:
            found[-1] = Span(found[-1].begin, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def lived(spans: Iterable[Span], begin: float, end: float) -> float:
    """For how many seconds between two moments an engine lived; pure. `spans` do not overlap."""
    return sum(max(0.0, min(span.end, end) - max(span.begin, begin)) for span in spans)


class Life:
    """Watches the engines' runs and kills them; `spans` says when at least one lived."""

    def __init__(self, database_url: str, clock: Clock, table: ProcessTable, every_seconds: float, seed: int) -> None:
        self._url = database_url
        self._clock = clock
        self._table = table
        self._every = every_seconds
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._runs: dict[str, tuple[int, float]] = {}
        self._ends: dict[str, float] = {}
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._kill)]
        self.kills: list[float] = []

    def start(self) -> None:
        """Begin to watch and to kill."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Kill nobody any more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def spans(self, until: float) -> list[Span]:
        """When at least one engine lived. A run begins when it wrote so for the first time, and ends with its kill."""
        return merged(Span(begin, self._ends.get(run, until)) for run, (_, begin) in self._runs.items())

    def living(self) -> int:
        """How many engines live that have swept once."""
        return sum(run not in self._ends for run in self._runs)

    def _watch(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            with contextlib.suppress(psycopg.Error), connect(self._url, "bench-life") as conn:
                while not self._over.wait(_POLL_SECONDS):
                    for run in rows(conn, _RUNS):
                        if run["id"] not in self._runs:
                            self._runs[run["id"]] = (run["pid"], self._begin(run["started_at"]))

    def _begin(self, started_at: datetime) -> float:
        """When a run began that is seen for the first time, by the wall clock: the engines' own may have been moved."""
        now = time.time()
        ahead = self._clock().timestamp() - now
        return min(now, max(started_at.timestamp() - ahead, now - _SEEN_WITHIN))

    def _kill(self) -> None:
        turn = 0
        if not self._every:
            return
        while not self._over.wait(self._every * self._chance.uniform(0.7, 1.3)):
            victims = ENGINES if turn % 4 == 3 else (ENGINES[turn % 2],)
            turn += 1
            for victim in victims:
                self._kill_one(victim)
            # Nobody who is just starting is killed: an engine that never lives proves nothing.
            deadline = time.monotonic() + _BACK_SECONDS
            while self.living() < len(ENGINES) and time.monotonic() < deadline:
                if self._over.wait(_POLL_SECONDS):
                    return

    def _kill_one(self, victim: str) -> None:
        pid = self._table.pids().get(victim)
        if pid is None:
            return
        at = time.time()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills.append(at)
        for run, (its_pid, _) in self._runs.items():
            if its_pid == pid:
                self._ends.setdefault(run, at)
