"""Reads the broker's event lane beside ingest, and tells a device that somebody has seen its call.

Plain MQTT 3.1.1 with a clean session at QoS 0: what is missed is repeated by its device until it is recorded.
"""

import json
import os
import socket
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from dispatch.commands import SEEN_LIFETIME
from schemas.settings import MqttAddress
from schemas.topics import ROOT, device_topic

FILTER: Final = f"{ROOT}/+/+/event"
KEEPALIVE: Final = 15
SEEN_AGAIN: Final = (timedelta(seconds=2), timedelta(seconds=6), timedelta(seconds=20))
"""A light that did not hear it the first time hears it again, under the same id."""
log: Final = structlog.get_logger()


class EventLane:
    """One connection that comes back by itself; `on_message` gets topic and payload, in paho's thread."""

    def __init__(self, address: MqttAddress, on_message: Callable[[str, bytes], None]) -> None:
        self._address = address
        self._on_message = on_message
        self._listening = False
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"control-center-{socket.gethostname()[:20]}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
            clean_session=True,
        )
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        self._client.reconnect_delay_set(1, 3)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._arrived

    @property
    def listening(self) -> bool:
        """Whether events arrive now."""
        return self._listening

    def start(self) -> None:
        """Connect in the background. Raises OSError when the certificates to trust cannot be read."""
        if self._address.tls_context is not None:
            self._client.tls_set_context(self._address.tls_context)
        self._client.connect_async(self._address.host, self._address.port, keepalive=KEEPALIVE)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
        self._listening = False

    def tell_seen(self, device_id: str, command_id: uuid.UUID, at: datetime) -> None:
        """Light the device's lamp: a person has seen its call."""
        expires = round((at + SEEN_LIFETIME).timestamp() * 1000)
        body = {"id": str(command_id), "kind": "seen", "expires": expires}
        self._client.publish(device_topic(device_id, "cmd"), json.dumps(body), qos=0)

    def _connected(
        self, client: mqtt.Client, _data: Any, _flags: mqtt.ConnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("event_lane_refused", why=str(reason))
            return
        client.subscribe(FILTER, qos=0)

    def _disconnected(self, *_: Any) -> None:
        self._listening = False

    def _subscribed(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _props: Properties | None
    ) -> None:
        self._listening = not any(reason.is_failure for reason in reasons)
        if not self._listening:
            log.error("event_lane_subscription_refused", reasons=[str(reason) for reason in reasons])

    def _arrived(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        # A retained event may be of any age; ingest gets it too, and its device is long answered.
        if not message.retain:
            self._on_message(topic, bytes(message.payload))
