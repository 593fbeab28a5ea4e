"""A message on its way from the broker to the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from schemas.messages import Incoming, Undecodable, decode
from schemas.topics import TopicAddress, UnknownTopic, parse_topic


class Received(NamedTuple):
    """What the broker delivered; `connection` and `mid` name it for the acknowledgement, which goes to `reply` where
    there is one."""

    shard: int
    topic: str
    payload: bytes
    retained: bool
    received_at: datetime
    connection: int
    mid: int
    qos: int
    reply: str = ""


@dataclass(frozen=True)
class DeadLetter:
    """A message that cannot be used, and why."""

    message: Received
    device_id: str | None
    reason: str
    detail: str


class Readable(NamedTuple):
    """A decoded message and where it came from."""

    message: Received
    address: TopicAddress
    body: Incoming


def sender_of(message: Received) -> str | None:
    """The device id in a message's topic, whatever its payload is; None when the topic is no device's."""
    try:
        return parse_topic(message.topic).device_id
    except UnknownTopic:
        return None


def read(message: Received) -> Readable | DeadLetter:
    """Decode one message; never raises for anything a device may send."""
    try:
        address = parse_topic(message.topic)
    except UnknownTopic as error:
        return DeadLetter(message, None, "unknown_topic", str(error))
    try:
        return Readable(message, address, decode(address.lane, message.payload))
    except Undecodable as error:
        return DeadLetter(message, address.device_id, error.reason, error.detail)
