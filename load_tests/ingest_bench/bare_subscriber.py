"""The first yardstick: how fast a bare paho subscriber takes messages that it throws away."""

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from load_tests.fleet import frames
from schemas.settings import MqttAddress

TOPIC: Final = "yardstick/telemetry"
_SESSION: Final = "bench-bare-subscriber"
_AT_ONCE: Final = 256
_SECONDS: Final = 60.0


class YardstickFailed(Exception):
    """A yardstick could not be measured."""


@dataclass(frozen=True)
class Taken:
    """How many messages a bare subscriber took in so many seconds, and the CPU seconds it spent on them."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


class _Subscriber:
    """A persistent QoS 1 session; counts what comes."""

    def __init__(self, address: MqttAddress, wanted: int, *, clean: bool = False) -> None:
        self._wanted = wanted
        self.count = 0
        self.first_at = self.last_at = 0.0
        self.subscribed, self.done = threading.Event(), threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=_SESSION, clean_session=clean)
        self._client.username_pw_set(address.username, address.password)
        if address.tls_context is not None:
            self._client.tls_set_context(address.tls_context)
        self._client.on_connect = lambda client, *_: client.subscribe(TOPIC, qos=1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = self._take
        self._client.connect(address.host, address.port)
        self._client.loop_start()

    def _take(self, _client: Client, _data: Any, _message: MQTTMessage) -> None:
        self.last_at = time.perf_counter()
        if not self.count:
            self.first_at = self.last_at
        self.count += 1
        if self.count == self._wanted:
            self.done.set()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def measure(address: MqttAddress, payload: bytes, messages: int) -> Taken:
    """Queue messages in a session that is away, then let it take them; needs a service's credentials.

    Raises YardstickFailed when the broker does not play along, OSError when it is away.
    """
    _hold_session(address)
    try:
        _preload(address, payload, messages)
        cpu = time.process_time()
        subscriber = _Subscriber(address, messages)
        done = subscriber.done.wait(_SECONDS)
        spent = time.process_time() - cpu
        subscriber.close()
        if not done:
            raise YardstickFailed(f"the bare subscriber took {subscriber.count} of {messages} messages")
        return Taken(messages, subscriber.last_at - subscriber.first_at, spent)
    finally:
        _Subscriber(address, 0, clean=True).close()


def _hold_session(address: MqttAddress) -> None:
    subscriber = _Subscriber(address, 0)
    subscribed = subscriber.subscribed.wait(_SECONDS)
    subscriber.close()
    if not subscribed:
        raise YardstickFailed("the bare subscriber could not subscribe")


def _preload(address: MqttAddress, payload: bytes, messages: int) -> None:
    """Publish as a service, many at a time, until the broker has acknowledged them all."""
    topic = frames.text(TOPIC)
    with socket.create_connection((address.host, address.port), timeout=_SECONDS) as plain:
        context = address.tls_context
        sock = context.wrap_socket(plain, server_hostname=address.host) if context else plain
        sock.sendall(
            frames.connect("bench-preload", address.password or "", "yardstick/will", b"", 60, address.username)
        )
        rest = _expect(sock, frames.CONNACK, 1, b"")
        for start in range(0, messages, _AT_ONCE):
            batch = range(start, min(start + _AT_ONCE, messages))
            sock.sendall(b"".join(frames.publish(topic, number % 65_535 + 1, payload) for number in batch))
            rest = _expect(sock, frames.PUBACK, len(batch), rest)
        sock.sendall(frames.DISCONNECT)


def _expect(sock: socket.socket, kind: int, count: int, rest: bytes) -> bytes:
    while count > 0:
        received = sock.recv(65_536)
        if not received:
            raise YardstickFailed("the broker closed the connection")
        whole, rest = frames.split(rest + received)
        for first, body in whole:
            if first & 0xF0 == frames.CONNACK and body[1]:
                raise YardstickFailed(f"the broker refused with code {body[1]}")
            count -= first & 0xF0 == kind
    return rest
