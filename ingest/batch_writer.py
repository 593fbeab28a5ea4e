"""Writes one batch, whatever is in it: the message at fault ends alone, its neighbours are stored."""

from collections.abc import Callable
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter
from psycopg.rows import TupleRow

from ingest.dead_letters import keep
from ingest.event_writer import EventsWritten, bury_event, write_events
from ingest.memory import Memory
from ingest.presence import mark_seen
from ingest.received import DeadLetter, Received, sender_of
from ingest.shards import Lease, LeaseLost, hold
from ingest.telemetry_writer import write_telemetry
from schemas.clock import Clock, utc_now
from schemas.database import transaction
from schemas.statements import statement
from schemas.topics import LaneGroup

TRIES: Final = 3
MESSAGE_FAULTS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)
PASSING_FAULTS: Final = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
)
REDONE = Counter("anban_batches_redone_total", "Batches written again because a transaction failed")
SHORT_LOCKS = statement("SELECT set_config('lock_timeout', '100ms', true)")
NOTHING_WRITTEN: Final = EventsWritten([], {})

log = structlog.get_logger()


class BatchWriter:
    """Writes for the leases it is given; keeps what is remembered between batches."""

    def __init__(self, group: LaneGroup, is_stopping: Callable[[], bool], clock: Clock = utc_now) -> None:
        self._group = group
        self._clock = clock
        self._is_stopping = is_stopping
        self._memory = Memory()

    def forget(self) -> None:
        """Another process may have written since."""
        self._memory.forget()

    def write(
        self, conn: psycopg.Connection[TupleRow], leases: dict[int, Lease], batch: list[Received]
    ) -> EventsWritten:
        """Write a batch; one that cannot be written is halved until the message at fault stands alone.

        Raises LeaseLost, and psycopg.Error for what is nobody's message's fault: a database that is away, locked,
        read-only or not migrated.
        """
        if not batch:
            return NOTHING_WRITTEN
        try:
            return self._write_patiently(conn, leases, batch)
        except Exception as error:
            if isinstance(error, LeaseLost | psycopg.Error) and not isinstance(error, MESSAGE_FAULTS):
                raise
            REDONE.inc()
            if len(batch) == 1:
                return self._bury(conn, leases, batch[0], error)
            middle = len(batch) // 2
            first = self.write(conn, leases, batch[:middle])
            second = self.write(conn, leases, batch[middle:])
            return EventsWritten(first.recorded + second.recorded, first.seen | second.seen)

    def _write_patiently(
        self, conn: psycopg.Connection[TupleRow], leases: dict[int, Lease], batch: list[Received]
    ) -> EventsWritten:
        for attempt in range(1, TRIES + 1):
            try:
                return self._write_once(conn, leases, batch)
            except PASSING_FAULTS:
                REDONE.inc()
                if attempt == TRIES or self._is_stopping():
                    raise
        raise AssertionError("unreachable")

    def _write_once(
        self, conn: psycopg.Connection[TupleRow], leases: dict[int, Lease], batch: list[Received]
    ) -> EventsWritten:
        now = self._clock()
        shards = {message.shard for message in batch}
        if self._group == "event":
            with transaction(conn) as tx:
                hold(tx, self._group, leases, shards)
                return write_events(tx, now, batch)
        with transaction(conn) as tx:
            hold(tx, self._group, leases, shards)
            written = write_telemetry(tx, now, batch, self._memory)
        self._memory.keep(*written)
        return NOTHING_WRITTEN

    def save_due(self, conn: psycopg.Connection[TupleRow], leases: dict[int, Lease]) -> None:
        """Save the snapshots that are due: what the journal said before them is forgotten. Raises LeaseLost."""
        now = self._clock()
        due = self._memory.journal.due(now)
        if due:
            with transaction(conn) as tx:
                hold(tx, self._group, leases, due)
                self._memory.journal.save(tx, now, due)

    def _bury(
        self, conn: psycopg.Connection[TupleRow], leases: dict[int, Lease], message: Received, error: Exception
    ) -> EventsWritten:
        log.error("message cannot be stored", topic=message.topic[:200], exc_info=error)
        reason, detail = "cannot_be_stored", str(error)[:300]
        with transaction(conn) as tx:
            hold(tx, self._group, leases, {message.shard})
            if self._group == "event":
                bury_event(tx, self._clock(), message, reason, detail)
            else:
                keep(tx, DeadLetter(message, sender_of(message), reason, detail))
        return NOTHING_WRITTEN

    def note_presence(self, conn: psycopg.Connection[TupleRow], written: EventsWritten) -> None:
        """Remember that the devices were heard of, unless telemetry holds their rows: an SOS never waits for that."""
        if not written.seen:
            return
        try:
            with transaction(conn) as tx:
                tx.execute(SHORT_LOCKS)
                mark_seen(tx, written.seen)
        except PASSING_FAULTS:
            log.info("presence of event devices not noted", devices=len(written.seen))
