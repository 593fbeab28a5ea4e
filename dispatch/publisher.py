"""Publishes commands to devices: a short-lived MQTT session, QoS 0, because the outbox repeats what gets lost."""

import json
import os
import socket
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from schemas.database import Row
from schemas.settings import MqttAddress
from schemas.topics import device_topic


class CommandPublisher:
    """One MQTT connection that comes back by itself."""

    def __init__(self, address: MqttAddress) -> None:
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"dispatch-{socket.gethostname()[:20]}-{os.getpid()}",
            clean_session=True,
        )
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        if address.tls_context is not None:
            self._client.tls_set_context(address.tls_context)
        self._client.reconnect_delay_set(1, 5)
        self._address = address

    def start(self) -> None:
        """Connect in the background; a broker that is away is tried again until it is there."""
        self._client.connect_async(self._address.host, self._address.port, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect and end the background thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def connected(self) -> bool:
        """Whether commands leave now."""
        return self._client.is_connected()

    def publish(self, command: Row) -> None:
        """Send one claimed command (id, kind, expires_at, device_id) once."""
        body = {"id": str(command["id"]), "kind": command["kind"], "expires": epoch_millis(command["expires_at"])}
        self._client.publish(device_topic(command["device_id"], "cmd"), json.dumps(body), qos=0)


def epoch_millis(at: datetime) -> int:
    """UTC milliseconds since 1970, as devices count."""
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
