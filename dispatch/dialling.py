"""Places the calls that staff ask for with the voice provider, beside the sweeps: one that hangs holds up nobody."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final, Protocol

import psycopg
import structlog
from prometheus_client import Counter
from psycopg.rows import TupleRow

from dispatch import calls
from dispatch.callers import policy
from dispatch.transports.message import Message, NotSent
from dispatch.transports.provider import Provider
from schemas.clock import Clock
from schemas.database import Row, Transaction, connect, transaction
from schemas.phone_numbers import normal
from schemas.process import StopSignal
from schemas.statements import statement

AT_ONCE: Final = 8
"""Calls that are being placed at the same time."""
TIMEOUT_SECONDS: Final = 5.0
LEASE: Final = timedelta(seconds=8)
"""Longer than an attempt takes: whoever has not come back by then is dead."""
RETRY: Final = timedelta(seconds=2)
LOOK_SECONDS: Final = 1.0
GATHER: Final = 0.1
"""Seconds from one look to the next: every event of the district asks for one."""
PLACED = Counter("anban_calls_placed_total", "Calls handed to the voice provider")
NOT_PLACED = Counter("anban_calls_not_placed_total", "Attempts to hand a call to the voice provider that failed")
log = structlog.get_logger()

CLAIM = statement("""
    UPDATE call SET due_at = %(lease)s::timestamptz, due_reason = 'lease', attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM call
        WHERE due_reason = 'place' AND due_at <= %(now)s::timestamptz AND queued_at > %(too_late)s::timestamptz
        ORDER BY due_at LIMIT %(limit)s::integer
        FOR UPDATE SKIP LOCKED)
    RETURNING id, key, number, (SELECT extension FROM seat WHERE seat.id = call.seat_id) AS extension
""")
AGAIN = statement("""
    UPDATE call SET due_at = %(due_at)s::timestamptz, due_reason = 'place'
    WHERE id = %(id)s::bigint AND due_reason = 'lease'
""")
TAKEN_OVER = statement("""
    UPDATE call SET reference = COALESCE(reference, %(reference)s::text), due_at = %(due_at)s::timestamptz,
                    due_reason = 'ring'
    WHERE id = %(id)s::bigint AND due_reason = 'lease'
""")


class Dialler(Protocol):
    """Who can place a call."""

    def dial(self, key: uuid.UUID, number: str, extension: str, at: datetime) -> str | None:
        """Ring the extension and connect it with the number; the same key again is the same call. Returns the other
        side's own name for the call. Raises NotSent."""


class ProviderDialler:
    """Places calls through the voice provider: POST /bridges with `id`, `to` (E.164 where the number is one) and
    `extension`; the answer may have a `reference`, and what becomes of the call is called back."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def dial(self, key: uuid.UUID, number: str, extension: str, at: datetime) -> str | None:
        """See Dialler."""
        to = normal(number) or number
        attempt = Message(key, to, "zh-CN", "", "", at, TIMEOUT_SECONDS)
        body: dict[str, object] = {"id": str(key), "to": to, "extension": extension}
        said = self._provider.post("/bridges", str(key), body, attempt)
        reference = said.get("reference")
        return reference[:200] if isinstance(reference, str) else None


def claim(tx: Transaction, now: datetime, limit: int) -> list[Row]:
    """Take calls to place: id, key, number, extension. Whoever takes them and dies loses them after `LEASE`."""
    too_late = now - timedelta(seconds=policy(tx)["place_seconds"])
    return tx.rows(CLAIM, {"now": now, "too_late": too_late, "lease": now + LEASE, "limit": limit})


def placed(tx: Transaction, now: datetime, call_id: int, reference: str | None) -> None:
    """The provider has the call. What it has already said about it stands."""
    figures = policy(tx)
    due_at = now + timedelta(seconds=figures["ring_seconds"])
    tx.execute(TAKEN_OVER, {"id": call_id, "reference": reference, "due_at": due_at})


def not_placed(tx: Transaction, now: datetime, call_id: int, error: NotSent) -> None:
    """An attempt failed: another one follows while there is time, unless it would fare no better."""
    if not error.lasting:
        tx.execute(AGAIN, {"id": call_id, "due_at": now + RETRY})
        return
    call = tx.row(calls.LOCK, {"id": call_id})
    if call is not None and call["due_reason"] == "lease":
        calls.move(tx, now, call, calls.times_of(call).after("failed", now), cause=error.why)


class Dialling:
    """Places calls in threads of its own; the engine starts it and wakes it."""

    def __init__(self, database_url: str, dialler: Dialler | None, clock: Clock) -> None:
        self._url = database_url
        self._dialler = dialler
        self._clock = clock
        self._wake = threading.Event()

    def start(self, stop: StopSignal) -> None:
        """Place calls until told to stop. Without a provider nothing is placed: nobody can ask for it."""
        if self._dialler is None:
            return
        stop.on_set(self.wake)
        threading.Thread(target=self._run, args=(stop, self._dialler), name="dialling", daemon=True).start()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def _run(self, stop: StopSignal, dialler: Dialler) -> None:
        with ThreadPoolExecutor(AT_ONCE, "dialling") as pool:
            while not stop.is_set():
                try:
                    with connect(self._url, "dispatch-dialling", patience_seconds=5) as conn:
                        self._serve(conn, stop, pool, dialler)
                except psycopg.Error as error:
                    log.warning("interrupted", work="dialling", error=str(error))
                    stop.wait(1.0)

    def _serve(
        self,
        conn: psycopg.Connection[TupleRow],
        stop: StopSignal,
        pool: ThreadPoolExecutor,
        dialler: Dialler,
    ) -> None:
        while not stop.is_set():
            self._wake.clear()
            with transaction(conn) as tx:
                taken = claim(tx, self._clock(), AT_ONCE)
            for call in taken:
                pool.submit(self._place, dialler, call)
            stop.wait(GATHER)
            self._wake.wait(LOOK_SECONDS)

    def _place(self, dialler: Dialler, call: Row) -> None:
        """With a connection of its own, because the provider may take its time."""
        outcome: str | NotSent | None
        try:
            outcome = dialler.dial(call["key"], call["number"], call["extension"] or "", self._clock())
        except NotSent as error:
            outcome = error
        try:
            with connect(self._url, "dispatch-dialling", patience_seconds=5) as conn, transaction(conn) as tx:
                if isinstance(outcome, NotSent):
                    NOT_PLACED.inc()
                    not_placed(tx, self._clock(), call["id"], outcome)
                else:
                    PLACED.inc()
                    placed(tx, self._clock(), call["id"], outcome)
        except psycopg.Error as error:
            # Its lease runs out and it is placed again, under the same key.
            log.warning("placed_unwritten", call=call["id"], error=str(error))


def dialling_of(database_url: str, voice_url: str | None, voice_secret: str | None, clock: Clock) -> Dialling:
    """The dialling of an installation, which does nothing where no voice provider is set up."""
    dialler = ProviderDialler(Provider(voice_url, voice_secret)) if voice_url and voice_secret else None
    return Dialling(database_url, dialler, clock)
