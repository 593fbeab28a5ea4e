"""One device's MQTT connection, driven by the running asyncio loop through paho's external-loop callbacks.

No thread and no select(): descriptors above 1,023 are as good as any other.
"""

import asyncio
import json
import random
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device_sim.backoff import FullJitter
from schemas.settings import MqttAddress
from schemas.topics import device_topic

KEEPALIVE: Final = 60
MAX_INFLIGHT: Final = 20
ANSWER_SECONDS: Final = 15.0
ANSWER_URGENT_SECONDS: Final = 3.0
"""How long the broker may take to answer CONNECT, ordinarily and when somebody has pressed the button."""
_TAKEOVER_SECONDS: Final = 5.0
OFFLINE: Final = json.dumps({"online": False}).encode()


class Listener(Protocol):
    """Whom a connection tells what happened."""

    def connected(self) -> None:
        """The broker has accepted the device."""

    def disconnected(self, established: bool) -> None:
        """The connection is gone, or was refused when it was never `established`."""

    def acknowledged(self, mid: int) -> None:
        """The broker has the message."""

    def commanded(self, payload: bytes) -> None:
        """Something arrived on the device's `cmd` lane."""


class Connection:
    """Connects, keeps trying, and publishes at QoS 1. Everything runs in one event loop."""

    def __init__(
        self,
        address: MqttAddress,
        device_id: str,
        secret: str,
        listener: Listener,
        *,
        jitter: FullJitter | None = None,
        yields: Callable[[], bool] = lambda: False,
        client_id: str | None = None,
    ) -> None:
        """`yields` is asked when another client seems to have taken this id over: give up for good?

        An honest device's `client_id` is its device id.
        """
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._listener = listener
        self._yields = yields
        self._command_topic = device_topic(device_id, "cmd")
        self._jitter = jitter or FullJitter(random.Random(device_id))
        self._retry: asyncio.TimerHandle | None = None
        self._started = False
        self._urgent = False
        self._answer_timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._losses: list[float] = []
        self.is_connected = False
        self.refused = 0
        self.last_refusal = ""
        self.gave_up = False
        self.inflight = 0
        self._client = self._make_client(client_id or device_id, device_id, secret)

    def _make_client(self, client_id: str, device_id: str, secret: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True, reconnect_on_failure=False
        )
        client.username_pw_set(device_id, secret)
        client.will_set(device_topic(device_id, "status"), OFFLINE, qos=1, retain=True)
        if self._address.tls_context is not None:
            client.tls_set_context(self._address.tls_context)
        client.max_inflight_messages_set(MAX_INFLIGHT)
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def start(self, delay: float = 0.0) -> None:
        """Make the first attempt in `delay` seconds; later ones follow by themselves."""
        self._retry = self._loop.call_later(delay, self._attempt)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> int | None:
        """Send one message at QoS 1 and return its id, or None when there is no connection to send it on."""
        if not self.is_connected:
            return None
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            return None
        self.inflight += 1
        return info.mid

    @property
    def is_open(self) -> bool:
        """Whether there is a socket, be it only one that waits for an answer."""
        return self._client.socket() is not None

    @property
    def is_busy(self) -> bool:
        """Whether the broker owes so many answers that the next message should wait."""
        return self.inflight >= MAX_INFLIGHT

    def hurry(self) -> None:
        """Somebody needs help: connect now, and keep trying every few seconds until it works."""
        self._urgent = True
        if self._retry is not None and self._started:
            self._retry.cancel()
            self._retry = self._loop.call_later(self._jitter.urgent_delay(), self._attempt)
        elif self._answer_timer is not None:
            self._expect_answer()

    def housekeep(self) -> None:
        """Send pings and notice a silent broker; to be called every few seconds."""
        self._client.loop_misc()

    def drop(self) -> None:
        """Lose the connection as bad coverage would, and come back by the usual way."""
        opened = self._client.socket()
        if isinstance(opened, socket.socket):
            opened.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Disconnect cleanly and never come back."""
        self._stopped = True
        self._no_longer_expect_answer()
        if self._retry is not None:
            self._retry.cancel()
        if self.is_connected:
            self._client.disconnect()
        else:
            self.drop()

    def _attempt(self) -> None:
        self._retry = None
        if self._stopped or self._is_taken_over():
            return
        try:
            if self._started:
                self._client.reconnect()
            else:
                self._client.connect(self._address.host, self._address.port, KEEPALIVE)
                self._started = True
            self._expect_answer()
        except OSError as error:
            self.last_refusal = str(error)
            self._try_again()

    def _expect_answer(self) -> None:
        """A broker that has just started may never answer: hang up and knock again, sooner when it matters."""
        self._no_longer_expect_answer()
        seconds = ANSWER_URGENT_SECONDS if self._urgent else ANSWER_SECONDS
        self._answer_timer = self._loop.call_later(seconds, self._hang_up)

    def _no_longer_expect_answer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _hang_up(self) -> None:
        self._answer_timer = None
        self.last_refusal = "no answer to CONNECT"
        self.drop()

    def _is_taken_over(self) -> bool:
        """Judged only before a new attempt, when everybody has noticed a broker that died: that is no take-over."""
        if len(self._losses) < 2:
            return False
        self._losses = []
        self.gave_up = self._stopped = self._yields()
        return self.gave_up

    def _try_again(self) -> None:
        if not self._stopped and self._retry is None:
            delay = self._jitter.urgent_delay() if self._urgent else self._jitter.next_delay()
            self._retry = self._loop.call_later(delay, self._attempt)

    def _on_connect(
        self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._no_longer_expect_answer()
        if reason.is_failure:
            self.refused += 1
            self.last_refusal = str(reason)
            return
        self.is_connected = True
        self._urgent = False
        self._jitter.reset()
        self._client.subscribe(self._command_topic, qos=0)
        self._listener.connected()

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._no_longer_expect_answer()
        established, self.is_connected = self.is_connected, False
        if established and not self._stopped:
            self._note_loss()
        self._listener.disconnected(established)
        self._try_again()

    def _note_loss(self) -> None:
        now = self._loop.time()
        self._losses = [*(loss for loss in self._losses if now - loss < _TAKEOVER_SECONDS), now]

    def _on_publish(self, _client: Client, _data: Any, mid: int, _reason: ReasonCode, _properties: Properties) -> None:
        self.inflight = max(0, self.inflight - 1)
        self._listener.acknowledged(mid)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._listener.commanded(bytes(message.payload))

    def _on_socket_open(self, _client: Client, _data: Any, opened: Any) -> None:
        self._loop.add_reader(opened, self._read)

    def _on_socket_close(self, _client: Client, _data: Any, closing: Any) -> None:
        self._loop.remove_reader(closing)
        self._loop.remove_writer(closing)

    def _on_register_write(self, _client: Client, _data: Any, opened: Any) -> None:
        self._loop.add_writer(opened, self._client.loop_write)

    def _on_unregister_write(self, _client: Client, _data: Any, opened: Any) -> None:
        self._loop.remove_writer(opened)

    def _read(self) -> None:
        self._client.loop_read()
        while isinstance(opened := self._client.socket(), ssl.SSLSocket) and opened.pending():
            self._client.loop_read()
