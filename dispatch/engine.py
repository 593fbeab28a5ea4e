"""The engine: wakes on NOTIFY or a tick, sweeps what is due, keeps no state that a restart could lose."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg.rows import TupleRow

from dispatch.commands import claim_due, mark_tried
from dispatch.escalation import overdue, sweep_deadlines
from dispatch.publisher import CommandPublisher
from dispatch.scheduled import housekeep
from schemas.database import connect, transaction
from schemas.events import CHANNEL
from schemas.process import Health, StopSignal

STEPS = Counter("anban_alarm_steps_total", "Alarm deadlines that were acted on")
COMMANDS = Counter("anban_commands_published_total", "Commands published to devices, repeats included")
OVERDUE = Gauge("anban_alarms_overdue", "Alarm deadlines more than ten seconds past without action")
GRACE: Final = timedelta(seconds=10)
BATCH: Final = 200
LONGEST_WAIT: Final = 5.0
"""Seconds after which a sweep happens even if nobody asked."""
log = structlog.get_logger()

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Engine:
    """Owns one database connection and sweeps whenever it is woken."""

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
        """Ask for housekeeping with the next sweep."""
        self._housekeeping.set()
        self._wake.set()

    def health(self) -> Health:
        """Ready while sweeps happen and commands can leave."""
        if self._swept_at is None or self._clock() - self._swept_at > GRACE:
            return Health(ready=False, why="no sweep of deadlines in the last ten seconds")
        if not self._publisher.connected():
            return Health(ready=False, why="no connection to the broker")
        return Health(ready=True)

    def sweep(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Act on everything that is due, in small transactions, until nothing is."""
        while self._sweep_deadlines(conn) == BATCH:
            pass
        if self._publisher.connected():
            while self._publish_commands(conn) == BATCH:
                pass
        if self._housekeeping.is_set():
            with transaction(conn) as tx:
                housekeep(tx, self._clock())
            self._housekeeping.clear()
        with transaction(conn) as tx:
            OVERDUE.set(overdue(tx, self._clock(), GRACE))
        self._swept_at = self._clock()

    def _sweep_deadlines(self, conn: psycopg.Connection[TupleRow]) -> int:
        with transaction(conn) as tx:
            steps = sweep_deadlines(tx, self._clock(), BATCH)
        STEPS.inc(steps)
        return steps

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
        """Sweep until asked to stop; a database that is away is tried again every second."""
        stop.on_set(self.wake)
        threading.Thread(target=self._listen, args=(stop,), daemon=True).start()
        while not stop.is_set():
            try:
                with connect(self._url, "dispatch") as conn:
                    while not stop.is_set():
                        self._wake.clear()
                        self.sweep(conn)
                        self._wake.wait(LONGEST_WAIT)
            except psycopg.Error as error:
                log.warning("database away", error=str(error))
                stop.wait(1.0)

    def _listen(self, stop: StopSignal) -> None:
        while not stop.is_set():
            try:
                with connect(self._url, "dispatch-listen") as conn:
                    conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(CHANNEL)))
                    while not stop.is_set():
                        for _ in conn.notifies(timeout=1.0, stop_after=1):
                            self.wake()
            except psycopg.Error as error:
                log.warning("listening ended", error=str(error))
                stop.wait(1.0)
