"""The MQTT sessions of the shards a process holds; opened by its worker, closed by its worker or its watchdog."""

import threading
import time
from collections.abc import Iterable
from typing import Final, Protocol

from ingest.inbox import Inbox
from ingest.received import Received
from ingest.stream import StreamSessions
from ingest.subscriber import ShardSubscriber
from schemas.settings import MqttAddress, Settings
from schemas.topics import LaneGroup

HEAL_SECONDS: Final = 5.0
"""A session without its subscriptions for so long is made anew."""


WINDOWS: Final[dict[LaneGroup, float]] = {"telemetry": 0.02, "event": 0.002}


class Sessions(Protocol):
    """How the worker and its watchdog see the broker; after a first message others follow for `window` seconds."""

    window: float

    def open(self, shards: Iterable[int]) -> None:
        """Read these shards from now on."""

    def close(self, shards: Iterable[int] | None = None) -> bool:
        """Read these shards, or all, no longer; whether any was read. The broker keeps what arrives then."""

    def fault(self) -> str:
        """Why the sessions are not all there; empty when they are."""

    def acknowledge(self, messages: Iterable[Received]) -> None:
        """Tell the broker that messages are committed, in the order received."""

    def publish(self, shard: int, topic: str, payload: bytes) -> None:
        """Send to a device at QoS 0; nothing is sent when the shard is closed."""


class MqttSessions:
    """One MQTT subscriber a shard: what any MQTT 3.1.1 broker can do."""

    def __init__(self, address: MqttAddress, group: LaneGroup, inbox: Inbox) -> None:
        self._address = address
        self._group = group
        self.window = WINDOWS[group]
        self._inbox = inbox
        self._lock = threading.Lock()
        self._subscribers: dict[int, ShardSubscriber] = {}
        self._deaf_since: dict[int, float] = {}

    def open(self, shards: Iterable[int]) -> None:
        """Connect the sessions of these shards that are not open, and those anew that stayed without subscriptions."""
        self.close(self._deaf())
        with self._lock:
            for shard in set(shards) - self._subscribers.keys():
                subscriber = ShardSubscriber(self._address, self._group, shard, self._inbox)
                self._subscribers[shard] = subscriber
                subscriber.start()

    def _deaf(self) -> list[int]:
        now = time.monotonic()
        with self._lock:
            deaf = {shard for shard, subscriber in self._subscribers.items() if not subscriber.subscribed}
            self._deaf_since = {shard: self._deaf_since.get(shard, now) for shard in deaf}
            return [shard for shard, since in self._deaf_since.items() if now - since > HEAL_SECONDS]

    def close(self, shards: Iterable[int] | None = None) -> bool:
        """Disconnect these shards' sessions, or all; whether there were any. The broker keeps what arrives then."""
        with self._lock:
            wanted = list(self._subscribers) if shards is None else list(shards)
            closing = [self._subscribers.pop(shard) for shard in wanted if shard in self._subscribers]
            for subscriber in closing:
                self._deaf_since.pop(subscriber.shard, None)
        for subscriber in closing:
            subscriber.stop()
        return bool(closing)

    def fault(self) -> str:
        """Why the sessions are not all there; empty when they are."""
        with self._lock:
            if not self._subscribers:
                return "no session is open"
            for subscriber in self._subscribers.values():
                if not subscriber.subscribed:
                    return f"shard {subscriber.shard} not subscribed {subscriber.refusal}".strip()
        return ""

    def acknowledge(self, messages: Iterable[Received]) -> None:
        """Tell the broker, in the order received, that messages are committed."""
        with self._lock:
            for message in messages:
                subscriber = self._subscribers.get(message.shard)
                if subscriber is not None:
                    subscriber.acknowledge(message)

    def publish(self, shard: int, topic: str, payload: bytes) -> None:
        """Send to a device at QoS 0; nothing is sent when the shard's session is closed."""
        with self._lock:
            subscriber = self._subscribers.get(shard)
        if subscriber is not None:
            subscriber.publish(topic, payload)


def sessions_of(settings: Settings, group: LaneGroup, inbox: Inbox) -> Sessions:
    """Telemetry straight from the broker's store where that is NATS; events, which are few, always over MQTT."""
    if group == "telemetry" and settings.jetstream_url is not None:
        return StreamSessions(settings.jetstream_url, settings.mqtt_address, group, inbox)
    return MqttSessions(settings.mqtt_address, group, inbox)
