"""A real MQTT broker without passwords, and a service that hears the devices and records their events."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from schemas.settings import MqttAddress
from schemas.topics import device_topic, parse_topic
from tests.integration.waiting import eventually

CONFIG = """
server_name: "sim-test"
listen: "127.0.0.1:-1"
max_payload: 2097152
jetstream {{ store_dir: "{store}", sync_interval: "1s" }}
mqtt {{ listen: "127.0.0.1:{port}", ack_wait: "5s", max_ack_pending: 16000 }}
"""


class PlainBroker:
    """One NATS server that admits everybody, on a port that survives its death."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._config = folder / "nats.conf"
        self._config.write_text(CONFIG.format(store=folder / "store", port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where devices connect."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def address(self) -> MqttAddress:
        """The same, parsed."""
        return MqttAddress(self.url)

    def start(self) -> None:
        """Start and wait for the port."""
        server = Path(sys.executable).with_name("nats-server")
        self._process = subprocess.Popen([server, "-c", self._config], stderr=subprocess.DEVNULL)
        eventually(self._accepts)

    def kill(self) -> None:
        """As a crash would end it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Service:
    """Hears all devices through a persistent session; records events when it is `willing`."""

    def __init__(self, broker: PlainBroker) -> None:
        self.heard: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.by_device: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self.willing = True
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="service", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe("care/v1/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(20)

    def tell(self, device_id: str, **command: Any) -> None:
        """Send a command."""
        self._client.publish(device_topic(device_id, "cmd"), json.dumps(command), qos=0)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        topic = parse_topic(message.topic)
        if topic.lane == "cmd":
            return
        body = json.loads(message.payload)
        self.heard[topic.lane].append(body)
        self.by_device[topic.device_id].append((topic.lane, body))
        if topic.lane == "event" and self.willing:
            self.tell(topic.device_id, id="r", kind="recorded", boot=body["boot"], seq=body["seq"])
