"""Answers the broker's question whether a device may connect: own credential, client id = device id, sessions ready.

Without ingest's sessions the broker would acknowledge messages and drop them, so nobody is admitted before every
session's subscriptions are there, as the broker itself says.
"""

import asyncio
import contextlib
import json
import time
from typing import Final

import nats
import nkeys
import psycopg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nkeys import KeyPair
from prometheus_client import Counter, Gauge
from psycopg.rows import TupleRow

from ingest.broker_limits import limit_stores
from ingest.callout import ConnectRequest, MalformedRequest, admit, parse_request, refuse
from ingest.credentials import CredentialCopy
from schemas.database import connect
from schemas.process import Health, StopSignal
from schemas.settings import Settings
from schemas.topics import LANE_GROUPS, SHARDS, nats_subject, session_filters

AUTH_SUBJECT: Final = "$SYS.REQ.USER.AUTH"
CONSUMERS: Final = "$JS.API.CONSUMER.LIST.$MQTT_msgs"
REFRESH_SECONDS: Final = 2.0
WHOLE_SECONDS: Final = 300.0
"""How often everything is read anew: a slow transaction may carry a time of change that was already passed."""
CONNECTS = Counter("anban_device_connects_total", "Connection requests by what was answered", ["answer"])
DEVICES_KNOWN = Gauge("anban_devices_known", "Devices in the local copy of the credentials")
log = structlog.get_logger()


def expected_subjects() -> frozenset[str]:
    """The subject filters that must exist in the broker before a device may publish."""
    return frozenset(
        "$MQTT.msgs." + nats_subject(topic)
        for group in LANE_GROUPS
        for shard in range(SHARDS)
        for topic in session_filters(group, shard)
    )


class DeviceAuth:
    """One connection to the broker's callout subject, one local copy of the credentials."""

    def __init__(self, settings: Settings, keys: KeyPair) -> None:
        self._settings = settings
        self._keys = keys
        self._copy = CredentialCopy(settings.state_dir / "device-credentials.json")
        self._copy.load()
        self._client: Client | None = None
        self._sessions_ready = False
        self._bounded = False

    def health(self) -> Health:
        """Ready when connected, sessions exist and at least one device is known or the registry was read."""
        if self._client is None or not self._client.is_connected:
            return Health(ready=False, why="no connection to the broker")
        if not self._sessions_ready:
            return Health(ready=False, why="ingest's sessions are not all there")
        return Health(ready=True)

    def answer(self, request: ConnectRequest) -> tuple[str, bytes]:
        """Decide one request; returns a word to count by and the signed answer."""
        if not self._sessions_ready:
            return "not_ready", refuse(self._keys, request, "ingest's sessions are not ready")
        if not request.is_mqtt or request.client_id != request.username:
            return "wrong_client_id", refuse(self._keys, request, "client id is not the device id")
        if not self._copy.matches(request.username, request.password):
            return "wrong_credential", refuse(self._keys, request, "unknown device or wrong secret")
        return "admitted", admit(self._keys, request)

    async def run(self, stop: StopSignal) -> None:
        """Answer until asked to stop; reconnects to broker and database by itself."""
        assert self._settings.nats_url is not None  # noqa: S101
        self._client = await nats.connect(
            self._settings.nats_url,
            name="device-auth",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            allow_reconnect=True,
            error_cb=_report,
            disconnected_cb=self._lost,
        )
        await self._client.subscribe(AUTH_SUBJECT, queue="device-auth", cb=self._on_request)
        refresher = asyncio.create_task(self._keep_fresh())
        while not stop.is_set():
            await self._check_sessions()
            await asyncio.to_thread(stop.wait, 0.25 if not self._sessions_ready else 1.0)
        refresher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await refresher
        await self._client.close()

    async def _lost(self) -> None:
        """The broker that comes back may have lost its storage: look before admitting anybody."""
        self._sessions_ready = self._bounded = False

    async def _on_request(self, message: Msg) -> None:
        try:
            request = parse_request(message.data)
        except MalformedRequest as error:
            CONNECTS.labels("malformed").inc()
            log.error("malformed callout request", error=str(error))
            return
        word, body = self.answer(request)
        CONNECTS.labels(word).inc()
        if word != "admitted":
            log.info("device refused", device=request.username[:40], why=word)
        await message.respond(body)

    async def _check_sessions(self) -> None:
        """Ask the broker itself which subscriptions of persistent sessions exist; bound its stores before admitting."""
        assert self._client is not None  # noqa: S101
        try:
            missing = expected_subjects() - await self._session_subjects()
        except (TimeoutError, nats.errors.Error, ValueError, KeyError) as error:
            log.warning("cannot ask the broker for its sessions", error=repr(error))
            self._sessions_ready = False
            return
        if bool(missing) == self._sessions_ready:
            log.info("sessions", ready=not missing, missing=sorted(missing)[:4])
        if not missing and not self._bounded:
            self._bounded = await limit_stores(self._client)
        self._sessions_ready = not missing

    async def _session_subjects(self) -> set[str]:
        assert self._client is not None  # noqa: S101
        subjects: set[str] = set()
        offset = 0
        while True:
            reply = await self._client.request(CONSUMERS, json.dumps({"offset": offset}).encode(), timeout=3)
            page = json.loads(reply.data)
            consumers = page.get("consumers") or []
            subjects |= {consumer["config"].get("filter_subject", "") for consumer in consumers}
            offset += len(consumers)
            if not consumers or offset >= page.get("total", 0):
                return subjects

    async def _keep_fresh(self) -> None:
        while True:
            try:
                with await asyncio.to_thread(connect, self._settings.database_url, "device-auth") as conn:
                    whole_at = 0.0
                    while True:
                        whole = time.monotonic() >= whole_at
                        if whole:
                            whole_at = time.monotonic() + WHOLE_SECONDS
                        await asyncio.to_thread(self._refresh, conn, whole)
                        await asyncio.sleep(REFRESH_SECONDS)
            except psycopg.Error as error:
                log.warning("database away, answering from the local copy", error=str(error), devices=len(self._copy))
            await asyncio.sleep(REFRESH_SECONDS)

    def _refresh(self, conn: psycopg.Connection[TupleRow], whole: bool) -> None:
        self._copy.refresh(conn, whole=whole)
        DEVICES_KNOWN.set(len(self._copy))
        try:
            self._copy.save()
        except OSError as error:
            log.error("the copy of the credentials could not be written", error=str(error))


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
