"""Sends what the outbox holds: one thread claims and records, a few threads for each transport wait for the others.

A transport that hangs fills its own places and holds up no other; what was claimed and never recorded, because the
process died, is claimed again when its lease is over, under the same key.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
import structlog
from prometheus_client import Counter, Gauge, Histogram
from psycopg.rows import TupleRow

from dispatch import follow_ups, outbox, outcomes, readiness, recalls, screen_calls
from dispatch.reach import TransportName
from dispatch.transports.message import HandedOver, Message, NotSent, Recalling, Transport
from dispatch.webhooks import queue_events
from dispatch.wording import words_of
from schemas.clock import Clock
from schemas.database import Row, Transaction, connect, transaction
from schemas.phone_numbers import normal
from schemas.process import StopSignal

AT_ONCE: Final = 50
AFTERWARDS_AT_ONCE: Final = 10
"""How much is written down and followed up in one transaction: the next call waits for it."""
LONGEST_WAIT: Final = 0.5
"""Seconds after which the outbox is looked at even if nobody asked."""
GATHER: Final = 0.02
"""Seconds from one look to the next: under load one for every event and answer would cost more than sending."""
TIDY_SECONDS: Final = 1.0
SAY_READY: Final = timedelta(seconds=20)
log: Final = structlog.get_logger()

SENT = Counter("anban_notifications_sent_total", "Notifications handed over", ["transport"])
NOT_SENT = Counter("anban_notifications_failed_total", "Attempts that failed", ["transport"])
SEND_SECONDS = Histogram("anban_notification_seconds", "Time of one attempt", ["transport"])
BUSY = Gauge("anban_notifications_in_flight", "Attempts that are being made", ["transport"])


@dataclass(frozen=True)
class Attempt:
    """What became of one attempt."""

    claimed: Row
    handed: HandedOver | None
    error: NotSent | None


class Outbox:
    """Sends notifications beside an engine, until the process stops."""

    def __init__(
        self,
        database_url: str,
        transports: Mapping[TransportName, Transport],
        clock: Clock,
        public_url: str | None = None,
    ) -> None:
        self._url = database_url
        self._transports = transports
        self._clock = clock
        self._public_url = (public_url or "").rstrip("/")
        self._wake = threading.Event()
        self._done: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._pools: dict[TransportName, ThreadPoolExecutor] = {}
        self._places: dict[TransportName, int] = {}
        self._in_flight = 0
        self._failed = False
        self._limited = False
        self._tidy_at = 0.0
        self._health = readiness.Health()
        self._ready_said: datetime | None = None
        self._thread: threading.Thread | None = None
        self.nudge: Callable[[], None] = lambda: None
        """Called when an alarm may have become due, or could not be stepped on for a moment."""

    def wake(self) -> None:
        """Something happened: look whether there is something to send."""
        self._wake.set()

    def start(self, stop: StopSignal) -> None:
        """Begin, until the process is told to stop."""
        stop.on_set(self.wake)
        self._thread = threading.Thread(target=self._persist, args=(stop,), name="sending", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait until everything under way is recorded; false when that took longer."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether no attempt is being made or waits to be recorded."""
        return self._in_flight == 0

    def _persist(self, stop: StopSignal) -> None:
        while not stop.is_set():
            try:
                with connect(self._url, "dispatch-outbox", plans_once=True) as conn:
                    self._work(conn, stop)
            except psycopg.OperationalError as error:
                log.warning("interrupted", work="sending", error=str(error))
                stop.wait(1.0)
            except Exception:
                log.exception("failed", work="sending")
                stop.wait(1.0)
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, conn: psycopg.Connection[TupleRow], stop: StopSignal) -> None:
        while not stop.is_set():
            self._wake.clear()
            self.say_ready(conn)
            if time.monotonic() >= self._tidy_at:
                self._tidy_at = time.monotonic() + TIDY_SECONDS
                self.tidy(conn)
            while self.turn(conn):
                stop.wait(GATHER)
            self._wake.wait(LONGEST_WAIT)
            stop.wait(GATHER)

    def turn(self, conn: psycopg.Connection[TupleRow]) -> bool:
        """Send what is due, record what is done, follow up what was waited for in vain; whether there was anything."""
        due = outbox.due(conn, self._clock())
        done = self._send(conn, due.send) if due.send else 0
        done += self._record(conn)
        if due.recall:
            done += self._recall(conn)
        if due.awaited or self._limited:
            self._limited = False
            with transaction(conn) as tx:
                followed = follow_ups.follow_up(tx, self._clock(), AFTERWARDS_AT_ONCE)
            done, self._failed = done + followed, self._failed or followed > 0
        if self._failed:
            self._failed = False
            self.nudge()
        return done > 0

    def tidy(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Take out what is too late, and queue what webhooks are told of new events."""
        with transaction(conn) as tx:
            outbox.drop_outdated(tx, self._clock())
        queued = True
        while queued:
            with transaction(conn) as tx:
                queued = queue_events(tx, self._clock(), AT_ONCE)

    def say_ready(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Say, every 20 seconds, which transports there are and how they fare."""
        now = self._clock()
        if self._ready_said is not None and timedelta() <= now - self._ready_said < SAY_READY:
            return
        keys = {name: transport.public_key for name, transport in self._transports.items()}
        with transaction(conn) as tx:
            places = readiness.say_ready(tx, now, keys, self._health)
        for name in self._transports:
            if name not in self._pools:
                self._pools[name] = ThreadPoolExecutor(places[name], thread_name_prefix=f"sending-{name}")
                self._places[name] = places[name]
        self._ready_said = now

    def _send(self, conn: psycopg.Connection[TupleRow], due: dict[TransportName, int]) -> int:
        sent = 0
        if "screen" in due:
            with transaction(conn) as tx:
                missed = screen_calls.miss_screens(tx, self._clock(), AT_ONCE)
            with transaction(conn) as tx:
                sent += missed + screen_calls.call_screens(tx, self._clock(), AT_ONCE)
            self._failed = self._failed or missed > 0
        if due.keys() - self._transports.keys() - {"screen"}:
            with transaction(conn) as tx:
                sent += follow_ups.give_up_unready(tx, self._clock(), AT_ONCE)
        return sent + sum(self._send_by(conn, name) for name in due if self._places.get(name, 0) > 0)

    def _recall(self, conn: psycopg.Connection[TupleRow]) -> int:
        with transaction(conn) as tx:
            recalled = recalls.claim_recalls(tx, self._clock(), AT_ONCE)
        for key, name in recalled:
            transport = self._transports.get(name)
            if isinstance(transport, Recalling):
                self._pools[name].submit(self._hang_up, transport, key)
        return len(recalled)

    def _hang_up(self, transport: Recalling, key: UUID) -> None:
        """In a thread of the transport."""
        try:
            transport.recall(key, self._clock())
        except NotSent as error:
            log.warning("not_recalled", key=str(key), why=error.why)
        except Exception:
            log.exception("not_recalled", key=str(key))

    def _send_by(self, conn: psycopg.Connection[TupleRow], name: TransportName) -> int:
        with transaction(conn) as tx:
            now = self._clock()
            found = outbox.claim(tx, now, name, self._places[name])
            claimed = [one for one in found if not outbox.limited(tx, now, one)]
            self._limited = self._limited or len(claimed) < len(found)
            alarms = outbox.alarms_about(tx, [one["alarm_id"] for one in claimed if one["alarm_id"] is not None])
            secrets = outbox.secrets_of(tx, [one["subscription_id"] for one in claimed if one["subscription_id"]])
            relatives = outbox.relatives_among(tx, [one["account_id"] for one in claimed if one["account_id"]])
        for one in claimed:
            relative = one["contact_id"] is not None or one["account_id"] in relatives
            self._places[name] -= 1
            self._in_flight += 1
            BUSY.labels(name).inc()
            self._pools[name].submit(
                self._attempt, one, alarms.get(one["alarm_id"]), secrets.get(one["subscription_id"]), relative
            )
        return len(found)

    def _attempt(self, claimed: Row, alarm: Row | None, secret: str | None, relative: bool) -> None:
        """In a thread of the transport."""
        try:
            message = self._written(claimed, alarm, secret, relative)
            with SEND_SECONDS.labels(claimed["transport"]).time():
                handed = self._transports[claimed["transport"]].send(message)
            attempt = Attempt(claimed, handed, None)
        except NotSent as error:
            attempt = Attempt(claimed, None, error)
        except Exception:
            log.exception("not_sent", notification=claimed["id"], transport=claimed["transport"])
            attempt = Attempt(claimed, None, NotSent("internal", lasting=True))
        self._done.put(attempt)
        self._wake.set()

    def _written(self, claimed: Row, alarm: Row | None, secret: str | None, relative: bool) -> Message:
        detail, title, body, keys = claimed["detail"], "", "", {}
        if claimed["transport"] == "webhook":
            detail = {**detail, "secret": secret}
        else:
            words = words_of(claimed, alarm, relative=relative)
            title, body, keys = words.title, words.body, words.keys
            detail = {"alarm_id": claimed["alarm_id"], "url": self._public_url + "/"}
        return Message(
            key=claimed["key"],
            to=_dialled(claimed["address"]) if claimed["transport"] in ("voice", "sms") else claimed["address"],
            language=claimed["language"],
            title=title,
            body=body,
            at=self._clock(),
            timeout_seconds=claimed["timeout_seconds"],
            keys=keys,
            detail=detail,
        )

    def _record(self, conn: psycopg.Connection[TupleRow]) -> int:
        """Write down what became of attempts; while the database is away it is kept and tried again."""
        done: list[Attempt] = []
        while len(done) < AFTERWARDS_AT_ONCE and not self._done.empty():
            done.append(self._done.get())
        if not done:
            return 0
        try:
            self._write_down(conn, done)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            for one in done:
                self._done.put(one)
            raise
        except Exception:
            # Their leases end, and they are sent again under the same keys.
            log.exception("results_not_recorded", notifications=[one.claimed["id"] for one in done])
        for one in done:
            self._count(one)
        return len(done)

    def _write_down(self, conn: psycopg.Connection[TupleRow], done: list[Attempt]) -> None:
        handed = {one.claimed["id"]: one.handed for one in done if one.handed is not None}
        with transaction(conn) as tx:
            outcomes.lock_alarms(tx, _alarms_of(done, failed=True), _alarms_of(done, failed=False))
            outcomes.handed_over(tx, self._clock(), handed)
            for one in sorted(done, key=lambda each: int(each.claimed["id"])):
                if one.error is not None:
                    self._write_failure(tx, one.claimed["id"], one.error)

    def _write_failure(self, tx: Transaction, notification_id: int, error: NotSent) -> None:
        """One that cannot be written is left to the end of its lease, and holds up no other."""
        try:
            with tx.savepoint():
                outcomes.failed(tx, self._clock(), notification_id, error)
        except Exception:
            if tx.conn.closed:
                raise
            log.exception("result_not_recorded", notification=notification_id)

    def _count(self, attempt: Attempt) -> None:
        name = attempt.claimed["transport"]
        self._places[name] += 1
        self._in_flight -= 1
        self._failed = self._failed or attempt.error is not None
        BUSY.labels(name).dec()
        (NOT_SENT if attempt.error else SENT).labels(name).inc()
        self._health.note(name, self._clock(), attempt.error)


def _dialled(written: str) -> str:
    number = normal(written)
    if number is None:
        raise NotSent("bad_number", gone=True)
    return number


def _alarms_of(done: list[Attempt], *, failed: bool) -> list[int]:
    found = {one.claimed["alarm_id"] for one in done if (one.error is not None) == failed}
    return sorted(alarm_id for alarm_id in found if alarm_id is not None)
