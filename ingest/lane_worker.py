"""The loop of one ingest process: hold leases, take batches, commit, acknowledge; nothing in between is lost."""

import json
import os
import secrets
import socket
import threading
import time
from typing import Final

import psycopg
import structlog
from prometheus_client import Gauge, Histogram
from psycopg.rows import TupleRow

from ingest.batch_writer import BatchWriter
from ingest.event_writer import Recorded
from ingest.inbox import Inbox
from ingest.lag import Lag
from ingest.liveness import note_listening
from ingest.received import Received
from ingest.sessions import sessions_of
from ingest.shards import TTL, Lease, LeaseLost, leave, renew
from schemas.clock import clock_of
from schemas.database import connect, transaction
from schemas.process import Health, StopSignal
from schemas.settings import Settings
from schemas.topics import LaneGroup, device_topic

BATCH: Final[dict[LaneGroup, int]] = {"telemetry": 2000, "event": 100}
BATCH_BYTES: Final = 1024 * 1024
RENEW_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.5
STALL_SECONDS: Final = 4.0
"""A commit that takes longer lets the broker deliver again (its `ack_wait` is 5 s): hang up before that."""
WATCH_SECONDS: Final = 0.25
COMMIT = Histogram(
    "anban_commit_seconds", "Time from taking a batch to its commit", buckets=(0.005, 0.02, 0.1, 0.5, 2, 10)
)
OTHERS_LANES: Final = frozenset({"event", "cmd", "cmd/ack"})
"""What the telemetry session need not look at; a topic that is no device's is looked at by both."""
SHARDS_HELD = Gauge("anban_shards_held", "Shards this process writes for")

log = structlog.get_logger()


class LaneWorker:
    """Serves the shards of one lane group that this process holds."""

    def __init__(self, settings: Settings, group: LaneGroup) -> None:
        self._settings = settings
        self._group = group
        self._owner = f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._clock = clock_of(settings)
        self._inbox = Inbox(self._clock)
        self._lag = Lag()
        self._sessions = sessions_of(settings, group, self._inbox)
        self._stop = StopSignal()
        self._writer = BatchWriter(group, lambda: self._stop.is_set(), self._clock)
        self._leases: dict[int, Lease] = {}
        self._renew_at = 0.0
        self._renewed_at = 0.0
        self._writing_since: float | None = None
        self._database_up = False

    def health(self) -> Health:
        """Ready when the database answers and every session of the held shards has its subscriptions."""
        if not self._database_up:
            return Health(ready=False, why="no connection to the database")
        if not self._leases:
            return Health(ready=False, why="no shard held")
        why = self.stall() or self._sessions.fault()
        return Health(ready=not why, why=why)

    def stall(self) -> str:
        """Why messages should not be taken now; empty when all is well."""
        since, now = self._writing_since, time.monotonic()
        if since is not None and now - since > STALL_SECONDS:
            return "the database does not answer"
        if self._leases and now - self._renewed_at > TTL.total_seconds():
            return "the leases could not be renewed"
        return "more waits than memory should hold" if self._inbox.is_overfull else ""

    def run(self, stop: StopSignal) -> None:
        """Work until asked to stop. While the database is away, ingest is disconnected from the broker."""
        self._stop = stop
        watchdog = threading.Thread(target=self._watch, daemon=True)
        watchdog.start()
        while not stop.is_set():
            try:
                with connect(self._settings.database_url, f"ingest-{self._group}", patience_seconds=10) as conn:
                    self._database_up = True
                    self._serve(conn)
            except psycopg.Error as error:
                log.warning("database away", error=str(error))
            finally:
                self._database_up = False
                self._writing_since = None
                self._let_go()
            stop.wait(RETRY_SECONDS)
        watchdog.join()

    def _watch(self) -> None:
        """Hang up when the worker is stuck: the broker keeps the messages better than this process's memory."""
        while not self._stop.wait(WATCH_SECONDS):
            why = self.stall()
            if why and self._sessions.close():
                log.warning("disconnected from the broker", why=why)

    def _serve(self, conn: psycopg.Connection[TupleRow]) -> None:
        self._renew_at = 0.0
        while not self._stop.is_set():
            if time.monotonic() >= self._renew_at:
                self._renew(conn)
            batch = self._take()
            if batch:
                self._commit(conn, batch)
            self._save_due(conn)
        self._let_go()
        with transaction(conn) as tx:
            leave(tx, self._group, self._owner)

    def _renew(self, conn: psycopg.Connection[TupleRow]) -> None:
        self._writing_since = time.monotonic()
        now = self._clock()
        with transaction(conn) as tx:
            leases = renew(tx, now, self._group, self._owner)
            self._lag.report(tx, now, self._group, self._owner)
            if not self._sessions.fault():
                note_listening(tx, now, self._group, self._leases.keys() & leases.keys())
        self._writing_since = None
        if any(leases.get(shard) != lease for shard, lease in self._leases.items()):
            self._let_go()
        self._leases = leases
        self._renewed_at = time.monotonic()
        self._renew_at = self._renewed_at + RENEW_SECONDS
        SHARDS_HELD.set(len(leases))
        if not self._inbox.is_overfull:
            self._sessions.open(leases)

    def _let_go(self) -> None:
        """Hang up, and forget what another process may deal with from now on."""
        self._sessions.close()
        self._leases = {}
        self._writer.forget()
        self._inbox.forget()

    def _take(self) -> list[Received]:
        """Wait a moment for a first message, then a window for more; in the order received."""
        most = BATCH[self._group]
        if self._inbox.wait(max(0.01, min(0.25, self._renew_at - time.monotonic()))):
            self._stop.wait(self._sessions.window)
        return self._inbox.take(most, BATCH_BYTES)

    def _commit(self, conn: psycopg.Connection[TupleRow], batch: list[Received]) -> None:
        ours = [message for message in batch if self._is_ours(message)]
        self._writing_since = time.monotonic()
        self._lag.taken(batch[0].received_at)
        try:
            with COMMIT.time():
                written = self._writer.write(conn, self._leases, ours)
        except LeaseLost as error:
            log.warning("lease lost", what=str(error))
            self._let_go()
            self._renew_at = 0.0
            return
        finally:
            self._writing_since = None
        self._lag.committed(self._clock())
        self._sessions.acknowledge(batch)
        self._tell_recorded(written.recorded)
        self._writer.note_presence(conn, written)

    def _save_due(self, conn: psycopg.Connection[TupleRow]) -> None:
        self._writing_since = time.monotonic()
        try:
            self._writer.save_due(conn, self._leases)
        except LeaseLost as error:
            log.warning("lease lost", what=str(error))
            self._let_go()
            self._renew_at = 0.0
        finally:
            self._writing_since = None

    def _is_ours(self, message: Received) -> bool:
        """The telemetry session sees its whole shard; events, answers and commands in it are others' business."""
        return self._group == "event" or message.topic.split("/", 4)[-1] not in OTHERS_LANES

    def _tell_recorded(self, recorded: list[Recorded]) -> None:
        for event in recorded:
            body = {"id": f"{event.boot}-{event.seq}", "kind": "recorded", "boot": event.boot, "seq": event.seq}
            self._sessions.publish(event.shard, device_topic(event.device_id, "cmd"), json.dumps(body).encode())
