"""The loop of one ingest process: hold leases, take batches, commit, acknowledge; nothing in between is lost."""

import json
import os
import queue
import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter, Gauge, Histogram
from psycopg.rows import TupleRow

from ingest.dead_letters import DEAD_LETTERS, keep
from ingest.event_writer import Recorded, write_events
from ingest.received import DeadLetter, Received
from ingest.shards import Lease, LeaseLost, hold, leave, renew
from ingest.subscriber import Inbox, ShardSubscriber
from ingest.telemetry_writer import write_telemetry
from ingest.vitals_alarms import Windows
from schemas.database import connect, transaction
from schemas.process import Health, StopSignal
from schemas.settings import Settings
from schemas.topics import LaneGroup, TopicAddress, UnknownTopic, device_topic, parse_topic

BATCH: Final = 2000
WINDOW_SECONDS: Final[dict[LaneGroup, float]] = {"telemetry": 0.02, "event": 0.002}
RENEW_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.5
MESSAGE_FAULTS: Final = (psycopg.DataError, psycopg.IntegrityError)
COMMIT = Histogram(
    "anban_commit_seconds", "Time from taking a batch to its commit", buckets=(0.005, 0.02, 0.1, 0.5, 2, 10)
)
REDONE = Counter("anban_batches_redone_total", "Batches written again because a transaction failed")
SHARDS_HELD = Gauge("anban_shards_held", "Shards this process writes for")

Clock = Callable[[], datetime]
log = structlog.get_logger()


class LaneWorker:
    """Serves the shards of one lane group that this process holds."""

    def __init__(self, settings: Settings, group: LaneGroup) -> None:
        self._settings = settings
        self._group = group
        self._owner = f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._inbox: Inbox = queue.SimpleQueue()
        self._subscribers: dict[int, ShardSubscriber] = {}
        self._leases: dict[int, Lease] = {}
        self._windows: Windows = {}
        self._renew_at = 0.0
        self._database_up = False

    def health(self) -> Health:
        """Ready when the database answers and every session of the held shards has its subscriptions."""
        if not self._database_up:
            return Health(ready=False, why="no connection to the database")
        if not self._leases:
            return Health(ready=False, why="no shard held")
        for subscriber in list(self._subscribers.values()):
            if not subscriber.subscribed:
                return Health(ready=False, why=f"shard {subscriber.shard} not subscribed {subscriber.refusal}".strip())
        return Health(ready=True)

    def run(self, stop: StopSignal) -> None:
        """Work until asked to stop. While the database is away, ingest is disconnected from the broker."""
        while not stop.is_set():
            try:
                with connect(self._settings.database_url, f"ingest-{self._group}") as conn:
                    self._database_up = True
                    self._serve(conn, stop)
            except psycopg.Error as error:
                log.warning("database away", error=str(error))
            finally:
                self._database_up = False
                self._disconnect(list(self._subscribers))
            stop.wait(RETRY_SECONDS)

    def _serve(self, conn: psycopg.Connection[TupleRow], stop: StopSignal) -> None:
        self._renew_at = 0.0
        while not stop.is_set():
            if time.monotonic() >= self._renew_at:
                self._renew(conn)
            batch = self._take()
            if batch:
                self._commit(conn, batch)
        self._disconnect(list(self._subscribers))
        with transaction(conn) as tx:
            leave(tx, self._group, self._owner)

    def _renew(self, conn: psycopg.Connection[TupleRow]) -> None:
        with transaction(conn) as tx:
            leases = renew(tx, datetime.now(UTC), self._group, self._owner)
        self._disconnect([shard for shard, lease in self._leases.items() if leases.get(shard) != lease])
        for shard in leases.keys() - self._subscribers.keys():
            subscriber = ShardSubscriber(self._settings.mqtt_url, self._group, shard, self._inbox, lambda: None)
            self._subscribers[shard] = subscriber
            subscriber.start()
        self._leases = leases
        SHARDS_HELD.set(len(leases))
        self._renew_at = time.monotonic() + RENEW_SECONDS

    def _disconnect(self, shards: list[int]) -> None:
        for shard in shards:
            subscriber = self._subscribers.pop(shard, None)
            if subscriber is not None:
                subscriber.stop()
            self._leases.pop(shard, None)
        if shards:
            self._windows.clear()
            self._forget_unowned()

    def _forget_unowned(self) -> None:
        kept = [message for message in self._drain() if message.shard in self._subscribers]
        for message in kept:
            self._inbox.put(message)

    def _drain(self) -> list[Received]:
        drained: list[Received] = []
        while True:
            try:
                drained.append(self._inbox.get_nowait())
            except queue.Empty:
                return drained

    def _take(self) -> list[Received]:
        """Wait a moment for a first message, then a window for more; in the order received."""
        try:
            batch = [self._inbox.get(timeout=max(0.01, min(0.25, self._renew_at - time.monotonic())))]
        except queue.Empty:
            return []
        until = time.monotonic() + WINDOW_SECONDS[self._group]
        while len(batch) < BATCH:
            try:
                batch.append(self._inbox.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _commit(self, conn: psycopg.Connection[TupleRow], batch: list[Received]) -> None:
        ours = [message for message in batch if self._is_ours(message)]
        try:
            with COMMIT.time():
                recorded = self._write_or_split(conn, ours)
        except LeaseLost as error:
            log.warning("lease lost", what=str(error))
            self._disconnect(list(self._subscribers))
            self._renew_at = 0.0
            return
        for message in batch:
            subscriber = self._subscribers.get(message.shard)
            if subscriber is not None:
                subscriber.acknowledge(message)
        self._tell_recorded(recorded)

    def _is_ours(self, message: Received) -> bool:
        """The telemetry session sees its whole shard; events, answers and commands in it are others' business."""
        if self._group == "event":
            return True
        try:
            address: TopicAddress = parse_topic(message.topic)
        except UnknownTopic:
            return True
        return address.lane not in ("event", "cmd", "cmd/ack")

    def _write_or_split(self, conn: psycopg.Connection[TupleRow], batch: list[Received]) -> list[Recorded]:
        """Write a batch; one that cannot be written is halved until the message at fault stands alone.

        A database that is away, read-only or not migrated is nobody's message's fault and is passed on.
        """
        if not batch:
            return []
        try:
            return self._write(conn, batch)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable, psycopg.errors.SerializationFailure):
            REDONE.inc()
            return self._write_or_split(conn, batch)
        except (
            psycopg.DataError,
            psycopg.IntegrityError,
            psycopg.ProgrammingError,
            ValueError,
            OverflowError,
        ) as error:
            REDONE.inc()
            if len(batch) == 1:
                self._bury(conn, batch[0], error)
                return []
            middle = len(batch) // 2
            return self._write_or_split(conn, batch[:middle]) + self._write_or_split(conn, batch[middle:])

    def _write(self, conn: psycopg.Connection[TupleRow], batch: list[Received]) -> list[Recorded]:
        now = datetime.now(UTC)
        changed: Windows = {}
        recorded: list[Recorded] = []
        with transaction(conn) as tx:
            hold(tx, self._group, self._leases, {message.shard for message in batch})
            if self._group == "telemetry":
                changed = write_telemetry(tx, now, batch, self._windows)
            else:
                recorded = write_events(tx, now, batch)
        self._windows |= changed
        return recorded

    def _bury(self, conn: psycopg.Connection[TupleRow], message: Received, error: Exception) -> None:
        log.exception("message cannot be stored", topic=message.topic, error=str(error))
        with transaction(conn) as tx:
            hold(tx, self._group, self._leases, {message.shard})
            keep(tx, DeadLetter(message, None, "cannot_be_stored", str(error)[:300]))
        DEAD_LETTERS.labels("cannot_be_stored").inc()

    def _tell_recorded(self, recorded: list[Recorded]) -> None:
        for event in recorded:
            subscriber = self._subscribers.get(event.shard)
            if subscriber is not None:
                body = {"id": f"{event.boot}-{event.seq}", "kind": "recorded", "boot": event.boot, "seq": event.seq}
                subscriber.publish(device_topic(event.device_id, "cmd"), json.dumps(body).encode())
