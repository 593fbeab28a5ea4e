"""One persistent MQTT session of a lane group and shard: it queues what arrives and acknowledges what is committed."""

import itertools
import threading
import time
from typing import Any, Final

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.inbox import Inbox
from ingest.received import Received
from schemas.settings import MqttAddress
from schemas.topics import LaneGroup, session_filters, session_id

log = structlog.get_logger()
_connections = itertools.count(1)
KEEPALIVE: Final = 15
TOUCH_ID: Final = "ingest-touch"
TOUCH_SECONDS: Final = 5.0


class ShardSubscriber:
    """Connects, subscribes, checks every SUBACK, queues messages; nothing is acknowledged before `acknowledge`.

    The broker bounds how many different messages are unacknowledged (`max_ack_pending`) but delivers each again after
    `ack_wait`, so the worker's watchdog bounds the inbox.
    """

    def __init__(self, address: MqttAddress, group: LaneGroup, shard: int, inbox: Inbox) -> None:
        self.shard = shard
        self._inbox = inbox
        self._filters = session_filters(group, shard)
        self._connection = 0
        self._lock = threading.Lock()
        self.subscribed = False
        self.refusal = ""
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session_id(group, shard),
            clean_session=False,
            manual_ack=True,
        )
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        if address.tls_context is not None:
            self._client.tls_set_context(address.tls_context)
        self._client.max_inflight_messages_set(65_535)
        self._client.reconnect_delay_set(1, 3)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._arrived
        self._client.connect_async(address.host, address.port, keepalive=KEEPALIVE)

    def start(self) -> None:
        """Connect in the background and stay connected."""
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; the session stays with the broker, which keeps what arrives meanwhile."""
        self._client.disconnect()
        self._client.loop_stop()
        self.subscribed = False

    def acknowledge(self, message: Received) -> None:
        """Tell the broker that a message is committed; one of an earlier connection will be delivered again."""
        with self._lock:
            if message.connection == self._connection and message.qos > 0:
                self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send to a device at QoS 0."""
        self._client.publish(topic, payload, qos=0)

    def _connected(
        self, client: mqtt.Client, _data: Any, _flags: mqtt.ConnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refusal = str(reason)
            log.warning("broker refused the session", shard=self.shard, reason=self.refusal)
            return
        with self._lock:
            self._connection = next(_connections)
        client.subscribe([(topic, 1) for topic in self._filters])

    def _disconnected(self, *_: Any) -> None:
        with self._lock:
            self._connection = 0
        self.subscribed = False

    def _subscribed(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _props: Properties | None
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self.refusal = ", ".join(refused)
        self.subscribed = not refused
        if refused:
            log.error("broker refused a subscription", shard=self.shard, filters=self._filters, reasons=refused)

    def _arrived(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\ufffd"
        self._inbox.put(
            Received(
                shard=self.shard,
                topic=topic,
                payload=bytes(message.payload),
                retained=message.retain,
                received_at=self._inbox.clock(),
                connection=self._connection,
                mid=message.mid,
                qos=message.qos,
            )
        )


def touch(address: MqttAddress) -> None:
    """Connect once: a NATS server makes its stores for MQTT when the first MQTT client comes. Raises OSError."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=TOUCH_ID, clean_session=True)
    if address.username:
        client.username_pw_set(address.username, address.password)
    if address.tls_context is not None:
        client.tls_set_context(address.tls_context)
    client.connect(address.host, address.port, keepalive=KEEPALIVE)
    deadline = time.monotonic() + TOUCH_SECONDS
    while not client.is_connected() and time.monotonic() < deadline:
        client.loop(0.1)
    client.disconnect()
