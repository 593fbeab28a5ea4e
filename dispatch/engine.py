"""The engine: wakes on NOTIFY or a tick, sweeps what is due, keeps no state that a restart could lose."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg.rows import TupleRow

from dispatch import escalation, home_sweep, order_deadlines, responders, water_sweep
from dispatch.baselines import learn_baselines
from dispatch.commands import claim_due, mark_tried
from dispatch.ingest_watch import WATCH_SECONDS, watch_ingest
from dispatch.publisher import CommandPublisher
from dispatch.rounds import ROUND_SECONDS, make_round
from dispatch.scheduled import housekeep
from dispatch.storage import keep_storage
from dispatch.sweeping import MATCHING_BATCH, overdue
from schemas.database import Transaction, connect, transaction
from schemas.events import CHANNEL
from schemas.process import Health, StopSignal

ALARM_STEPS = Counter("anban_alarm_steps_total", "Alarm deadlines that were acted on")
SEARCH_STEPS = Counter("anban_search_steps_total", "Rounds of a search for a responder that were acted on")
ORDER_STEPS = Counter("anban_order_steps_total", "Order deadlines that were acted on")
HOME_STEPS = Counter("anban_home_steps_total", "Looks at homes that have not moved for a while")
WATER_STEPS = Counter("anban_water_steps_total", "Looks at water meters")
BASELINES = Counter("anban_baselines_learnt_total", "Elders whose usual vital signs were learnt anew")
COMMANDS = Counter("anban_commands_published_total", "Commands published to devices, repeats included")
ALARMS_OVERDUE = Gauge("anban_alarms_overdue", "Alarm deadlines more than ten seconds past without action")
SEARCHES_OVERDUE = Gauge("anban_searches_overdue", "Searches for a responder more than ten seconds past their deadline")
HOMES_OVERDUE = Gauge("anban_homes_overdue", "Looks at homes and water meters more than ten seconds late")
ORDERS_OVERDUE = Gauge("anban_orders_overdue", "Order deadlines more than ten seconds past without action")
HOUSEKEEPING_FAILED = Counter("anban_housekeeping_failures_total", "Housekeeping runs that failed and changed nothing")
GRACE: Final = timedelta(seconds=10)
BATCH: Final = 200
BASELINE_BATCH: Final = 200
LONGEST_WAIT: Final = 5.0
"""Seconds after which a sweep happens even if nobody asked."""
GATHER: Final = 0.1
"""Seconds from one sweep to the next: under load a sweep for every event would cost more than acting on them."""
log = structlog.get_logger()

Clock = Callable[[], datetime]
Sweep = Callable[[Transaction, datetime, int], int]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Engine:
    """Sweeps whenever it is woken; listens and keeps house beside that, each on a database connection of its own."""

    def __init__(self, database_url: str, publisher: CommandPublisher, clock: Clock = utc_now) -> None:
        self._url = database_url
        self._publisher = publisher
        self._clock = clock
        self._wake = threading.Event()
        self._housekeeping = threading.Event()
        self._housekeeping.set()
        self._swept_at: datetime | None = None

    def wake(self) -> None:
        """Ask for a sweep now."""
        self._wake.set()

    def request_housekeeping(self) -> None:
        """Ask for housekeeping now."""
        self._housekeeping.set()

    def health(self) -> Health:
        """Ready while sweeps happen and commands can leave."""
        if self._swept_at is None or self._clock() - self._swept_at > GRACE:
            return Health(ready=False, why="no sweep of deadlines in the last ten seconds")
        if not self._publisher.connected():
            return Health(ready=False, why="no connection to the broker")
        return Health(ready=True)

    def sweep(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Act on everything that is due, in small transactions, until nothing is; no alarm waits for many orders
        or homes."""
        more = True
        while more:
            self._sweep_alarms(conn)
            more_orders = self._step(conn, order_deadlines.sweep_orders, MATCHING_BATCH, ORDER_STEPS)
            more_homes = self._step(conn, home_sweep.sweep_homes, BATCH, HOME_STEPS)
            more_meters = self._step(conn, water_sweep.sweep_meters, BATCH, WATER_STEPS)
            more = more_orders or more_homes or more_meters
            self._swept_at = self._clock()
        with transaction(conn) as tx:
            now = self._clock()
            ALARMS_OVERDUE.set(overdue(tx, now, GRACE, escalation.SWEEP))
            SEARCHES_OVERDUE.set(overdue(tx, now, GRACE, responders.SWEEP))
            ORDERS_OVERDUE.set(overdue(tx, now, GRACE, order_deadlines.SWEEP))
            HOMES_OVERDUE.set(sum(overdue(tx, now, GRACE, sweep) for sweep in (home_sweep.SWEEP, water_sweep.SWEEP)))

    def _sweep_alarms(self, conn: psycopg.Connection[TupleRow]) -> None:
        while self._step(conn, escalation.sweep_deadlines, BATCH, ALARM_STEPS):
            pass
        while self._step(conn, responders.sweep_searches, MATCHING_BATCH, SEARCH_STEPS):
            pass
        if self._publisher.connected():
            while self._publish_commands(conn) == BATCH:
                pass

    def _step(self, conn: psycopg.Connection[TupleRow], sweep: Sweep, limit: int, counter: Counter) -> bool:
        """One transaction of a sweep; whether it acted on anything, because a step may leave another one due."""
        with transaction(conn) as tx:
            acted = sweep(tx, self._clock(), limit)
        counter.inc(acted)
        return acted > 0

    def _publish_commands(self, conn: psycopg.Connection[TupleRow]) -> int:
        with transaction(conn) as tx:
            due = claim_due(tx, self._clock(), BATCH)
            for command in due:
                mark_tried(tx, self._clock(), command)
        for command in due:
            self._publisher.publish(command)
        COMMANDS.inc(len(due))
        return len(due)

    def run(self, stop: StopSignal) -> None:
        """Sweep until asked to stop; whatever goes wrong is tried again every second."""
        stop.on_set(self.wake)
        stop.on_set(self._housekeeping.set)
        for name, work in (
            ("listening", self._listen),
            ("housekeeping", self._keep_house),
            ("supervising", self._supervise),
            ("watching_ingest", self._watch_ingest),
        ):
            threading.Thread(target=self._persist, args=(stop, name, work), name=name, daemon=True).start()
        self._persist(stop, "sweeping", self._sweep_when_woken)

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
        with connect(self._url, "dispatch") as conn:
            while not stop.is_set():
                self._wake.clear()
                self.sweep(conn)
                stop.wait(GATHER)
                self._wake.wait(LONGEST_WAIT)

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
                while not stop.is_set() and self._step(conn, learn_baselines, BASELINE_BATCH, BASELINES):
                    pass
            except Exception:
                HOUSEKEEPING_FAILED.inc()
                log.exception("housekeeping_failed")
                if conn.closed:
                    self._housekeeping.set()

    def _supervise(self, stop: StopSignal) -> None:
        """In a thread of its own, because no alarm waits while all devices are looked through."""
        with connect(self._url, "dispatch-supervision") as conn:
            while not stop.is_set():
                make_round(conn, self._clock)
                stop.wait(ROUND_SECONDS)

    def _watch_ingest(self, stop: StopSignal) -> None:
        with connect(self._url, "dispatch-ingest-watch") as conn:
            while not stop.is_set():
                with transaction(conn) as tx:
                    watch_ingest(tx, self._clock())
                stop.wait(WATCH_SECONDS)

    def _listen(self, stop: StopSignal) -> None:
        with connect(self._url, "dispatch-listen") as conn:
            conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(CHANNEL)))
            while not stop.is_set():
                for _ in conn.notifies(timeout=1.0, stop_after=1):
                    self.wake()
