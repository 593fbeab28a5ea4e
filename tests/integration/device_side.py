"""A client that publishes as devices do."""

import itertools
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from schemas.settings import MqttAddress
from tests.integration.waiting import eventually

_number = itertools.count(1)


class DeviceSide:
    """Publishes at QoS 1 and knows which messages the broker acknowledged."""

    def __init__(self, url: str) -> None:
        address = MqttAddress(url)
        self.heard: list[tuple[str, bytes]] = []
        self._acknowledged: set[int] = set()
        name = f"test-devices-{next(_number)}"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = lambda _c, _d, mid, _r, _p: self._acknowledged.add(mid)
        self._client.on_message = lambda _c, _d, message: self.heard.append((message.topic, message.payload))
        self._client.connect(address.host, address.port, keepalive=10)
        self._client.loop_start()
        eventually(self._client.is_connected)

    @property
    def acknowledged(self) -> int:
        """How many messages the broker acknowledged."""
        return len(self._acknowledged)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish; the acknowledgement comes later."""
        self._client.publish(topic, payload, qos=1)

    def listen(self, topic: str) -> None:
        """Subscribe at QoS 0."""
        granted = threading.Event()
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.subscribe(topic, 0)
        assert granted.wait(10)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
