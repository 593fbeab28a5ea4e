"""Gives dead letters to the broker once more, as if their devices had published them now.

Through the broker and not past it: whoever holds the shard judges them, and what was stored meanwhile is stored once.
"""

import os
import re
import socket
import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.kept_letters import lock_letter, record_action
from schemas.database import Row, Transaction
from schemas.settings import MqttAddress
from schemas.statements import statement
from schemas.topics import UnknownTopic, parse_topic

PUBLISH_SECONDS: Final = 2.0
"""Ingest may wait for the letter's row meanwhile, so this is shorter than what it takes for a stall."""
CONNECT_SECONDS: Final = 10.0
_LANE: Final = re.compile(r"[A-Za-z0-9_/-]{1,100}")

MARK = statement("UPDATE dead_letter SET redriven_at = %(now)s::timestamptz WHERE id = %(id)s::bigint")
CAME_BACK = statement("""
    SELECT id, reason, detail FROM dead_letter
    WHERE id = ANY(%(ids)s::bigint[]) AND redriven_at IS NULL ORDER BY id
""")


class BrokerAway(Exception):
    """The broker does not take messages now; everything is as it was."""


@dataclass(frozen=True)
class Redriven:
    """What became of one letter: `refusal` says why it was not given to the broker; empty when it was."""

    id: int
    refusal: str = ""


class RedrivePublisher:
    """An MQTT session that waits for the broker's word on every message; a context manager."""

    def __init__(self, address: MqttAddress) -> None:
        """Raises BrokerAway when the certificates to trust cannot be read."""
        self._address = address
        self._answered = threading.Event()
        self._refusal = ""
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"redrive-{socket.gethostname()[:20]}-{os.getpid()}"
        )
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        self._trust(address)
        self._client.on_connect = self._connected

    def _trust(self, address: MqttAddress) -> None:
        try:
            context = address.tls_context
        except OSError as error:
            raise BrokerAway(f"the certificates to trust cannot be read: {error}") from None
        if context is not None:
            self._client.tls_set_context(context)

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        self._answered.set()

    def __enter__(self) -> Self:
        """Connect; raises BrokerAway."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as error:
            raise BrokerAway(f"the broker cannot be reached: {error}") from None
        self._client.loop_start()
        if not self._answered.wait(CONNECT_SECONDS) or self._refusal:
            self.__exit__(None, None, None)
            raise BrokerAway(f"the broker refused the connection: {self._refusal or 'it does not answer'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait until the broker has it; raises BrokerAway."""
        try:
            sent = self._client.publish(topic, payload, qos=1)
            sent.wait_for_publish(PUBLISH_SECONDS)
        except (RuntimeError, ValueError, OSError) as error:
            raise BrokerAway(f"the broker did not take it: {error}") from None
        if not sent.is_published():
            raise BrokerAway(f"the broker did not acknowledge it within {PUBLISH_SECONDS:.0f} s")


def refusal(letter: Row) -> str:
    """Why a letter cannot be redriven, for a person; empty when it can. Pure."""
    if len(letter["payload"]) < letter["payload_size"]:
        return f"only its first {len(letter['payload'])} of {letter['payload_size']} bytes were kept"
    try:
        address = parse_topic(letter["topic"])
    except UnknownTopic as error:
        return f"no device has such a topic: {error}"
    if not _LANE.fullmatch(address.lane):
        return "no broker takes such a topic"
    return "that lane is what devices are told" if address.lane == "cmd" else ""


def redrive(tx: Transaction, now: datetime, publisher: RedrivePublisher, letter_id: int, who: str) -> Redriven:
    """Give one letter to the broker, and remember that.

    Its row is locked until the broker has it, so that a letter that comes back at once still comes back after the mark.
    A commit that fails after that leaves it to be redriven again, which is harmless: its identity is the same.
    Raises BrokerAway; then nothing is to be committed.
    """
    letter = lock_letter(tx, letter_id)
    if letter is None:
        return Redriven(letter_id, "there is no such letter any more")
    why = refusal(letter)
    if why:
        return Redriven(letter_id, why)
    record_action(tx, now, who, "dead_letters.redriven", [letter_id], {"topic": letter["topic"]})
    tx.execute(MARK, {"id": letter_id, "now": now})
    publisher.publish(letter["topic"], bytes(letter["payload"]))
    return Redriven(letter_id)


def came_back(tx: Transaction, ids: Collection[int]) -> list[Row]:
    """Those of the redriven letters (id, reason, detail) that ingest still could not use."""
    return tx.rows(CAME_BACK, {"ids": list(ids)})
