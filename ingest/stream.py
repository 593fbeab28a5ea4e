"""Reads telemetry straight from the broker's own store of QoS 1 messages, by a durable JetStream consumer a shard.

Reading there instead of through an MQTT session spares the broker one delivery and one acknowledgement a message, and
this process paho (docs/adr/0012).
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from typing import Final

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.client import JetStreamContext

from ingest.hanging_up import hang_up
from ingest.inbox import Inbox
from ingest.opening import CREDIT, Opening
from ingest.received import Received
from ingest.subscriber import touch
from schemas.settings import MqttAddress
from schemas.topics import KEPT, SHARDS, STORE, LaneGroup, nats_subject, session_filters, session_id

ACK_WAIT: Final = 60.0
"""Only a safety net: whoever opens a consumer sets it back, and need not wait for this."""
WINDOW: Final = 0.003
"""Seconds in which what the shards were asked for comes."""
RETRY_SECONDS: Final = 0.25
PING_SECONDS: Final = 3

log = structlog.get_logger()


def consumer_of(group: LaneGroup, shard: int) -> ConsumerConfig:
    """What the broker is to remember for a shard, whoever reads it."""
    (topic,) = session_filters(group, shard)
    return ConsumerConfig(
        durable_name=session_id(group, shard),
        filter_subject=KEPT + nats_subject(topic),
        ack_policy=AckPolicy.ALL,
        ack_wait=ACK_WAIT,
        max_ack_pending=2 * CREDIT,
    )


class StreamSessions:
    """The openings of the shards a process holds, in one thread of their own with one connection."""

    def __init__(self, url: str, mqtt_address: MqttAddress, group: LaneGroup, inbox: Inbox) -> None:
        self._url = url
        self._mqtt_address = mqtt_address
        self._group = group
        self.window = WINDOW
        self._inbox = inbox
        self._lock = threading.Lock()
        self._wanted: frozenset[int] = frozenset()
        self._openings: dict[int, Opening] = {}
        self._refusal = ""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._client: Client | None = None

    def open(self, shards: Iterable[int]) -> None:
        """Read these shards from now on; what fails is tried again by itself."""
        with self._lock:
            self._wanted |= frozenset(shards)
            if self._wanted and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
                self._thread.start()

    def close(self, shards: Iterable[int] | None = None) -> bool:
        """Read these shards, or all, no longer; whether any was read. The broker keeps what arrives then."""
        with self._lock:
            closing = self._wanted if shards is None else self._wanted & frozenset(shards)
            self._wanted -= closing
            for shard in closing & self._openings.keys():
                self._openings[shard].fault = "closed"
        self._nudge()
        return bool(closing)

    def fault(self) -> str:
        """Why the sessions are not all there; empty when they are."""
        with self._lock:
            if not self._wanted:
                return "no session is open"
            missing = self._wanted - {shard for shard, opening in self._openings.items() if not opening.fault}
        return f"shard {min(missing)} not subscribed {self._refusal}".strip() if missing else ""

    def acknowledge(self, messages: Iterable[Received]) -> None:
        """Tell the broker that messages are committed; those of an earlier opening will be delivered again."""
        last = {message.shard: message for message in messages}
        with self._lock:
            ready = [
                (opening, message)
                for shard, message in last.items()
                if (opening := self._openings.get(shard)) is not None
                and not opening.fault
                and opening.number == message.connection
                and opening.may_acknowledge(message)
            ]
            loop = self._loop
        if ready and loop is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(self._acknowledge(ready), loop)

    async def _acknowledge(self, ready: list[tuple[Opening, Received]]) -> None:
        try:
            for opening, message in ready:
                # The broker would misread what belongs to an opening before the last setting back.
                if self._openings.get(opening.shard) is opening:
                    await opening.acknowledge(message)
        except (OSError, nats.errors.Error) as error:
            log.info("acknowledgement not sent", error=repr(error))

    def publish(self, shard: int, topic: str, payload: bytes) -> None:
        """Send to a device at QoS 0; nothing is sent when the shard is closed."""
        with self._lock:
            client, loop = self._client, self._loop
            is_open = shard in self._openings
        if is_open and client is not None and loop is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(client.publish(nats_subject(topic), payload), loop)

    def _nudge(self) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake.set)

    async def _live(self) -> None:
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while self._goes_on():
            try:
                await self._stay()
            except (OSError, TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
                self._refusal = repr(error)
                log.warning("broker away", error=self._refusal)
            finally:
                await self._leave()
            if self._wanted:
                await asyncio.sleep(RETRY_SECONDS)

    def _goes_on(self) -> bool:
        """Whether anything is to be read; the thread ends under the lock, so that `open` knows to start another."""
        with self._lock:
            if not self._wanted:
                self._thread = None
            return bool(self._wanted)

    async def _stay(self) -> None:
        """Keep one connection, and an opening for each shard that is wanted, until something goes wrong."""
        self._client = client = Client()
        await client.connect(
            self._url,
            name=f"ingest-{self._group}",
            allow_reconnect=False,
            connect_timeout=5,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=2,
            error_cb=_report,
        )
        await self._prepare(client.jetstream())
        while self._wanted and client.is_connected:
            await self._end_those_over()
            for shard in sorted(self._wanted - self._openings.keys()):
                if not self._inbox.is_filling:
                    await self._open(client, shard)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), RETRY_SECONDS)

    async def _leave(self) -> None:
        with self._lock:
            for opening in self._openings.values():
                opening.fault = opening.fault or "the connection to the broker is gone"
            self._openings = {}
            client, self._client = self._client, None
        if client is not None:
            await hang_up(client)

    async def _end_those_over(self) -> None:
        with self._lock:
            ended = [opening for opening in self._openings.values() if opening.is_over]
            for opening in ended:
                self._refusal = opening.fault
                del self._openings[opening.shard]
        for opening in ended:
            await opening.end()

    async def _open(self, client: Client, shard: int) -> None:
        opening = Opening(client, session_id(self._group, shard), shard, self._inbox)
        with self._lock:
            if shard not in self._wanted:
                return
            self._openings[shard] = opening
        await opening.begin()
        self._refusal = ""

    async def _prepare(self, jetstream: JetStreamContext) -> None:
        """Have the broker remember every shard, held or not; end what MQTT sessions of theirs have left in it."""
        ours = {}
        for shard in range(SHARDS):
            config = consumer_of(self._group, shard)
            ours[config.filter_subject] = config.durable_name
            try:
                await jetstream.add_consumer(STORE, config=config)
            except nats.js.errors.NotFoundError:
                await asyncio.to_thread(touch, self._mqtt_address)
                await jetstream.add_consumer(STORE, config=config)
        for consumer in await jetstream.consumers_info(STORE):
            subject = consumer.config.filter_subject or ""
            rightful = ours.get(subject) or ours.get(subject + ".>")
            if rightful is not None and consumer.name != rightful:
                log.warning("an MQTT session of these shards is superseded", consumer=consumer.name, subject=subject)
                await jetstream.delete_consumer(STORE, consumer.name)


async def _report(error: Exception) -> None:
    log.warning("broker connection", error=repr(error))
