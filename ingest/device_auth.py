"""Answers the broker's question whether a device may connect: own credential, client id = device id, sessions ready.

Without ingest's sessions the broker would acknowledge messages and drop them, so nobody is admitted before every
session's subscriptions are there, as the broker itself says.
"""

import asyncio
import contextlib
from typing import Final

import nats
import nkeys
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nkeys import KeyPair
from prometheus_client import Counter, Gauge

from ingest.broker_limits import limit_stores
from ingest.callout import ConnectRequest, MalformedRequest, admit, parse_request, refuse
from ingest.credentials import CredentialCopy
from ingest.door_book import DoorBook
from ingest.eviction import Evictor
from ingest.hanging_up import hang_up
from ingest.refusals import Turned
from ingest.session_watch import missing_subjects
from schemas.process import Health, StopSignal
from schemas.settings import Settings

AUTH_SUBJECT: Final = "$SYS.REQ.USER.AUTH"
HOLD_SECONDS: Final = 5.0
"""How long a connection waits for ingest's sessions before it is refused: after a crash they are back sooner."""
EVICT_SECONDS: Final = 1.0
CONNECTS = Counter("anban_device_connects_total", "Connection requests by what was answered", ["answer"])
CONNECT_SECONDS = Gauge("anban_device_connect_held", "Connection requests that wait for ingest's sessions")
_TURNED: Final[dict[str, Turned]] = {
    "wrong_client_id": "wrong_client_id",
    "wrong_credential": "wrong_credential",
    "plain_text": "plain_text",
}
log = structlog.get_logger()


class DeviceAuth:
    """One connection to the broker's callout subject, one local copy of the credentials."""

    def __init__(self, settings: Settings, keys: KeyPair) -> None:
        self._settings = settings
        self._keys = keys
        self._book = DoorBook(settings)
        self._evictor: Evictor | None = None
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._bounded = False
        self._held: set[asyncio.Task[None]] = set()

    def health(self) -> Health:
        """Ready when connected, the credentials were read, and every session of ingest exists."""
        if self._client is None or not self._client.is_connected:
            return Health(ready=False, why="no connection to the broker")
        if not self._ready.is_set():
            known = self._book.copy.is_read
            why = "ingest's sessions are not all there" if known else "the credentials are not read yet"
            return Health(ready=False, why=why)
        return Health(ready=True)

    def known(self) -> CredentialCopy:
        """The copy of the credentials that answers are given from."""
        return self._book.copy

    def answer(self, request: ConnectRequest) -> tuple[str, bytes]:
        """Decide one request; returns a word to count by and the signed answer."""
        if not self._ready.is_set():
            return "not_ready", refuse(self._keys, request, "ingest's sessions are not ready")
        if self._settings.require_tls and not request.encrypted:
            return "plain_text", refuse(self._keys, request, "devices connect by TLS here")
        if not request.is_mqtt or request.client_id != request.username:
            return "wrong_client_id", refuse(self._keys, request, "client id is not the device id")
        if not self._book.copy.matches(request.username, request.password):
            return "wrong_credential", refuse(self._keys, request, "unknown device or wrong secret")
        if self._book.keeps_out(request.username):
            return "kept_out", refuse(self._keys, request, "too much that is not the device's own")
        return "admitted", admit(self._keys, request)

    async def run(self, stop: StopSignal) -> None:
        """Answer until asked to stop; reconnects to broker and database by itself."""
        assert self._settings.nats_url is not None  # noqa: S101
        self._ready = asyncio.Event()
        self._evictor = Evictor(self._settings.nats_sys_url) if self._settings.nats_sys_url else None
        self._client = Client()
        try:
            await self._client.connect(
                self._settings.nats_url,
                name="device-auth",
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,  # type: ignore[arg-type]
                allow_reconnect=True,
                error_cb=_report,
                disconnected_cb=self._lost,
            )
            await self._client.subscribe(AUTH_SUBJECT, queue="device-auth", cb=self._on_request)
            await self._work(stop)
        finally:
            if self._evictor is not None:
                await self._evictor.close()
            await hang_up(self._client)
            self._book.close()

    async def _work(self, stop: StopSignal) -> None:
        keeping = asyncio.create_task(self._book.keep(self._withdraw, stop))
        evicting = asyncio.create_task(self._keep_evicting(stop))
        while not stop.is_set():
            _fail_with(keeping, evicting)
            await self._check_sessions()
            await asyncio.to_thread(stop.wait, 1.0 if self._ready.is_set() else 0.25)
        await keeping
        await evicting
        held = list(self._held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    async def _lost(self) -> None:
        """The broker that comes back may have lost its storage: look before admitting anybody."""
        self._ready.clear()
        self._bounded = False

    async def _on_request(self, message: Msg) -> None:
        try:
            request = parse_request(message.data)
        except MalformedRequest as error:
            CONNECTS.labels("malformed").inc()
            log.error("malformed callout request", error=str(error))
            return
        if self._ready.is_set():
            await self._respond(message, request)
            return
        waiting = asyncio.create_task(self._respond_when_ready(message, request))
        self._held.add(waiting)
        waiting.add_done_callback(self._held.discard)

    async def _respond_when_ready(self, message: Msg, request: ConnectRequest) -> None:
        with CONNECT_SECONDS.track_inprogress(), contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), HOLD_SECONDS)
        await self._respond(message, request)

    async def _respond(self, message: Msg, request: ConnectRequest) -> None:
        word, body = self.answer(request)
        CONNECTS.labels(word).inc()
        if word != "admitted":
            log.info("device refused", device=request.username[:40], why=word)
        if word in _TURNED:
            self._book.refusals.note(request.username, _TURNED[word])
        await message.respond(body)

    async def _check_sessions(self) -> None:
        """Ask the broker itself which subscriptions of persistent sessions exist; bound its stores before admitting."""
        assert self._client is not None  # noqa: S101
        try:
            missing = await missing_subjects(self._client)
        except (TimeoutError, nats.errors.Error, ValueError, KeyError) as error:
            # Whoever is in doubt admits nobody; but sessions that were there on this connection did not go because a
            # broker with a herd at its door answers late, and refusing the herd only makes it knock again.
            log.warning("cannot ask the broker for its sessions", error=repr(error), ready=self._ready.is_set())
            return
        if bool(missing) == self._ready.is_set() and self._book.copy.is_read:
            log.info("sessions", ready=not missing, missing=sorted(missing)[:4])
        if not missing and not self._bounded:
            self._bounded = await limit_stores(self._client)
        if missing or not self._book.copy.is_read:
            self._ready.clear()
        else:
            self._ready.set()

    def _withdraw(self, device_ids: set[str]) -> None:
        if self._evictor is None:
            log.warning("connections stay open: ANBAN_NATS_SYS_URL is not set", devices=len(device_ids))
            return
        for device_id in device_ids:
            self._evictor.withdraw(device_id, replaced=device_id in self._book.copy)

    async def _keep_evicting(self, stop: StopSignal) -> None:
        """Asked to stop and not cancelled: what is inside nats-py, or at the end of `asyncio.wait_for` in Python 3.11,
        may take a cancellation for a time-out and go on for ever."""
        while self._evictor is not None and not stop.is_set():
            await self._evictor.work()
            await self._evictor.wait(EVICT_SECONDS)


def _fail_with(*tasks: asyncio.Task[None]) -> None:
    """Raise what ended a task that should go on: a process that answers from what it no longer keeps fresh must not."""
    for task in tasks:
        if task.done():
            task.result()


async def _report(error: Exception) -> None:
    log.warning("broker connection", error=repr(error))


def run_device_auth(stop: StopSignal, auth: DeviceAuth) -> None:
    """Run the callout service until asked to stop; a broker that is not there yet is tried again."""
    while not stop.is_set():
        try:
            asyncio.run(auth.run(stop))
        except (OSError, nats.errors.Error) as error:
            log.warning("broker away", error=repr(error))
            stop.wait(0.5)


def make_device_auth(settings: Settings) -> DeviceAuth:
    """Build the service; exits with one line when the settings lack the broker's callout address or key."""
    if settings.nats_url is None or settings.nats_issuer_seed is None:
        raise SystemExit("anban: device-auth needs ANBAN_NATS_URL and ANBAN_NATS_ISSUER_SEED")
    return DeviceAuth(settings, nkeys.from_seed(settings.nats_issuer_seed.encode()))
