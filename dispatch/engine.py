"""The engine: wakes on NOTIFY or a tick, sweeps what is due, keeps no state that a restart could lose.

Several run side by side: what each acts on it claims with SKIP LOCKED, in transactions that end before the next begins.
"""

import functools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import psycopg
import structlog
from prometheus_client import Counter, Histogram
from psycopg.rows import TupleRow

from dispatch import beats
from dispatch.audit import LOOK_SECONDS, audit
from dispatch.baselines import learn_baselines
from dispatch.commands import claim_due, mark_tried
from dispatch.deadman import DeadMan
from dispatch.duties import BESIDE, FIRST, THEN, Duty, Look
from dispatch.publisher import CommandPublisher
from dispatch.rounds import ROUND_SECONDS, make_round
from dispatch.scheduled import housekeep
from dispatch.storage import keep_storage
from dispatch.sweeping import overdue
from schemas.clock import Clock, utc_now
from schemas.database import connect, transaction
from schemas.events import CHANNEL
from schemas.process import Health, StopSignal

BASELINES = Counter("anban_baselines_learnt_total", "Elders whose usual vital signs were learnt anew")
COMMANDS = Counter("anban_commands_published_total", "Commands published to devices, repeats included")
HOUSEKEEPING_FAILED = Counter("anban_housekeeping_failures_total", "Housekeeping runs that failed and changed nothing")
SWEEP = Histogram(
    "anban_sweep_seconds", "Time of one sweep over everything", buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)
GRACE: Final = timedelta(seconds=10)
BATCH: Final = 200
BASELINE_BATCH: Final = 200
LONGEST_WAIT: Final = 5.0
"""Seconds after which a sweep happens even if nobody asked."""
GATHER: Final = 0.04
"""Seconds from one sweep to the next: under load a sweep for every event would cost more than acting on them."""
THEN_SECONDS: Final = 0.25
"""From one sweep of what is no alarm to the next: most events are alarms, which need not wait for the rest."""
LEAVE_SECONDS: Final = 3.0
LONGEST_SWEEP: Final = 2.0
LONGEST_FIRST: Final = 0.5
"""Seconds after which a sweep leaves what falls due all the time for a moment, and looks at the rest."""
COUNT_SECONDS: Final = 1.0
"""How often what is overdue is counted."""
log = structlog.get_logger()


class Helper(Protocol):
    """Something that works beside the engine in threads of its own and is told when there may be something to do."""

    def start(self, stop: StopSignal) -> None:
        """Begin, until the process is told to stop."""

    def wake(self) -> None:
        """Something happened, or a sweep is over: look."""


class Engine:
    """Sweeps whenever it is woken; beats, listens, audits and keeps house beside that, each on a database connection
    of its own."""

    def __init__(
        self,
        database_url: str,
        publisher: CommandPublisher,
        clock: Clock = utc_now,
        *,
        first: Sequence[Duty] = FIRST,
        then: Sequence[Duty] = THEN,
        beside: Sequence[Look] = BESIDE,
        helpers: Sequence[Helper] = (),
        deadman: DeadMan | None = None,
    ) -> None:
        self.identity = beats.Identity()
        self._url = database_url
        self._publisher = publisher
        self._clock = clock
        self._first, self._then, self._beside, self._helpers = first, then, beside, helpers
        self._deadman = deadman or DeadMan(None)
        self._wake = threading.Event()
        self._housekeeping = threading.Event()
        self._housekeeping.set()
        self._swept_at: datetime | None = None
        self._swept_on: float | None = None
        self._then_at = 0.0
        self._count_at = 0.0

    def wake(self) -> None:
        """Ask for a sweep now."""
        self._wake.set()

    def request_housekeeping(self) -> None:
        """Ask for housekeeping now."""
        self._housekeeping.set()

    def health(self) -> Health:
        """Ready while sweeps happen and commands can leave."""
        if self._swept_on is None or time.monotonic() - self._swept_on > GRACE.total_seconds():
            return Health(ready=False, why="no sweep of deadlines in the last ten seconds")
        if not self._publisher.connected():
            return Health(ready=False, why="no connection to the broker")
        return Health(ready=True)

    def sweep(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Act on everything that is due, in small transactions, until nothing is; no alarm waits for many orders
        or homes. Where new rows fall due as fast as they are acted on, it ends after a while and goes on at once."""
        began, more = time.monotonic(), True
        with SWEEP.time():
            while more and time.monotonic() - began < LONGEST_SWEEP:
                left = self._sweep_alarms(conn)
                acted = [self._step(conn, duty) for duty in self._then]
                more = left or any(acted)
                self._swept_at, self._swept_on = self._clock(), time.monotonic()
        if more:
            self.wake()
        self._then_at = time.monotonic() + THEN_SECONDS
        self._wake_helpers()

    def _wake_helpers(self) -> None:
        for helper in self._helpers:
            helper.wake()

    def count_overdue(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Set the gauges of what nobody acted on in time."""
        with transaction(conn) as tx:
            now = self._clock()
            for duty in (*self._first, *self._then):
                if duty.rows is not None:
                    duty.overdue.set(overdue(tx, now, GRACE, duty.rows))

    def _sweep_alarms(self, conn: psycopg.Connection[TupleRow]) -> bool:
        """Until nothing is due, because a step may leave another one due; returns whether it left off before, because
        something falls due all the time."""
        left, until = False, time.monotonic() + LONGEST_FIRST
        for duty in self._first:
            while self._step(conn, duty) > 0:
                if time.monotonic() > until:
                    left = True
                    break
        if self._publisher.connected():
            while self._publish_commands(conn) == BATCH:
                pass
        return left

    def _step(self, conn: psycopg.Connection[TupleRow], duty: Duty) -> int:
        """One transaction of a sweep; returns how many rows it acted on."""
        with transaction(conn) as tx:
            acted = duty.act(tx, self._clock(), duty.limit)
        duty.done.inc(acted)
        return acted

    def _publish_commands(self, conn: psycopg.Connection[TupleRow]) -> int:
        with transaction(conn) as tx:
            due = claim_due(tx, self._clock(), BATCH)
            if due:
                mark_tried(tx, self._clock(), due)
        for command in due:
            self._publisher.publish(command)
        COMMANDS.inc(len(due))
        return len(due)

    def run(self, stop: StopSignal) -> None:
        """Sweep until asked to stop; whatever goes wrong is tried again every second."""
        stop.on_set(self.wake)
        stop.on_set(self._housekeeping.set)
        for helper in self._helpers:
            helper.start(stop)
        works: list[tuple[str, Callable[[StopSignal], None]]] = [
            ("beating", self._beat),
            ("listening", self._listen),
            ("housekeeping", self._keep_house),
            ("supervising", self._supervise),
            ("auditing", self._audit),
            *((look.name, functools.partial(self._look, look=look)) for look in self._beside),
        ]
        threads = [
            threading.Thread(target=self._persist, args=(stop, name, work), name=name, daemon=True)
            for name, work in works
        ]
        for thread in threads:
            thread.start()
        self._persist(stop, "sweeping", self._sweep_when_woken)
        # Only the beating has something to do at the end; the others are ended with the process.
        threads[0].join(LEAVE_SECONDS)

    def _persist(self, stop: StopSignal, name: str, work: Callable[[StopSignal], None]) -> None:
        while not stop.is_set():
            try:
                work(stop)
            except psycopg.OperationalError as error:
                log.warning("interrupted", work=name, error=str(error))
                stop.wait(1.0)
            except Exception:
                log.exception("failed", work=name)
                stop.wait(1.0)

    def _sweep_when_woken(self, stop: StopSignal) -> None:
        with connect(self._url, "dispatch", plans_once=True) as conn:
            while not stop.is_set():
                self._wake.clear()
                if time.monotonic() >= self._then_at:
                    self.sweep(conn)
                    wait = LONGEST_WAIT
                else:
                    if self._sweep_alarms(conn):
                        self.wake()
                    self._wake_helpers()
                    wait = THEN_SECONDS
                if time.monotonic() >= self._count_at:
                    self._count_at = time.monotonic() + COUNT_SECONDS
                    self.count_overdue(conn)
                stop.wait(GATHER)
                self._wake.wait(wait)

    def _beat(self, stop: StopSignal) -> None:
        """In a thread of its own: whoever lives but no longer sweeps is to be seen as just that."""
        with connect(self._url, "dispatch-beat", patience_seconds=5) as conn:
            while not stop.is_set():
                with transaction(conn) as tx:
                    beats.beat(tx, self._clock(), self.identity, self._swept_at)
                stop.wait(beats.BEAT_SECONDS)
            with transaction(conn) as tx:
                beats.leave(tx, self.identity)

    def _audit(self, stop: StopSignal) -> None:
        """The outside hears from whoever has just seen that all is well, and from nobody else."""
        with connect(self._url, "dispatch-audit", patience_seconds=30) as conn:
            while not stop.is_set():
                if audit(conn, self._clock, self.identity.id, stop.wait) == ():
                    self._deadman.ping()
                stop.wait(LOOK_SECONDS)

    def _keep_house(self, stop: StopSignal) -> None:
        """In a thread of its own, because no alarm waits while a month's readings are moved."""
        self._housekeeping.wait()
        if stop.is_set():
            return
        with connect(self._url, "dispatch-housekeeping") as conn:
            self._housekeeping.clear()
            try:
                with transaction(conn) as tx:
                    housekeep(tx, self._clock())
                keep_storage(conn, self._clock())
                while not stop.is_set() and self._learn(conn):
                    pass
            except Exception:
                HOUSEKEEPING_FAILED.inc()
                log.exception("housekeeping_failed")
                if conn.closed:
                    self._housekeeping.set()

    def _learn(self, conn: psycopg.Connection[TupleRow]) -> bool:
        with transaction(conn) as tx:
            learnt = learn_baselines(tx, self._clock(), BASELINE_BATCH)
        BASELINES.inc(learnt)
        return learnt > 0

    def _supervise(self, stop: StopSignal) -> None:
        """In a thread of its own, because no alarm waits while all devices are looked through."""
        with connect(self._url, "dispatch-supervision") as conn:
            while not stop.is_set():
                make_round(conn, self._clock)
                stop.wait(ROUND_SECONDS)

    def _look(self, stop: StopSignal, *, look: Look) -> None:
        with connect(self._url, f"dispatch-{look.name.replace('_', '-')}") as conn:
            while not stop.is_set():
                with transaction(conn) as tx:
                    look.work(tx, self._clock())
                stop.wait(look.seconds)

    def _listen(self, stop: StopSignal) -> None:
        with connect(self._url, "dispatch-listen") as conn:
            conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(CHANNEL)))
            while not stop.is_set():
                for _ in conn.notifies(timeout=1.0, stop_after=1):
                    self.wake()
                    self._wake_helpers()
