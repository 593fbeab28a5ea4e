"""MQTT topics: `care/v1/{shard}/{device}/{lane}`.

The shard is computed from the device id and stable for life, so firmware knows no geography.
"""

import re
import zlib
from typing import Final, Literal, NamedTuple

ROOT: Final = "care/v1"
SHARDS: Final = 8
STORE: Final = "$MQTT_msgs"
"""The JetStream stream in which NATS keeps what MQTT clients published at QoS 1."""
KEPT: Final = "$MQTT.msgs."
"""What the subject of a message begins with in it."""
DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")

Lane = Literal["telemetry", "event", "status", "cmd", "cmd/ack"]
DEVICE_LANES: Final[tuple[Lane, ...]] = ("telemetry", "event", "status", "cmd/ack")
LaneGroup = Literal["telemetry", "event"]
LANE_GROUPS: Final[tuple[LaneGroup, ...]] = ("telemetry", "event")


class TopicAddress(NamedTuple):
    """The parts of a device topic; `lane` may be one that nobody knows."""

    shard: int
    device_id: str
    lane: str


class UnknownTopic(ValueError):
    """The topic is not of the form `care/v1/{shard}/{device}/{lane}`."""


def shard_of(device_id: str) -> int:
    """The shard label 0..7 of a device, CRC-32 of its id modulo 8."""
    return zlib.crc32(device_id.encode()) % SHARDS


def device_topic(device_id: str, lane: Lane) -> str:
    """The topic a device uses for a lane."""
    return f"{ROOT}/{shard_of(device_id)}/{device_id}/{lane}"


def parse_topic(topic: str) -> TopicAddress:
    """Split a topic; raises UnknownTopic when the form, the device id or the shard is wrong."""
    parts = topic.split("/", 4)
    if len(parts) < 5 or parts[0] != "care" or parts[1] != "v1" or not DEVICE_ID.fullmatch(parts[3]):
        raise UnknownTopic(f"not care/v1/shard/device/lane: {topic[:120]!r}")
    if parts[2] != str(shard_of(parts[3])):
        raise UnknownTopic(f"shard {parts[2][:10]!r} is not the shard of {parts[3]!r}")
    return TopicAddress(int(parts[2]), parts[3], parts[4])


def session_filters(group: LaneGroup, shard: int) -> tuple[str, ...]:
    """The topic filters of one ingest session.

    The telemetry session takes everything of its shard, so that a message on an unknown lane is found and kept;
    the event session takes only what must never wait behind telemetry. What belongs to the other group is skipped.
    """
    if group == "telemetry":
        return (f"{ROOT}/{shard}/+/#",)
    return (f"{ROOT}/{shard}/+/event", f"{ROOT}/{shard}/+/cmd/ack")


def session_id(group: LaneGroup, shard: int) -> str:
    """The MQTT client id of the one persistent session of a lane group and shard."""
    return f"ingest-{group}-{shard}"


def nats_subject(topic: str) -> str:
    """The NATS subject or subject filter that carries an MQTT topic or topic filter."""
    return topic.replace("/", ".").replace("+", "*").replace("#", ">")


def mqtt_topic(subject: str) -> str:
    """The MQTT topic of a message that NATS keeps under a subject `$MQTT.msgs.…`: the reverse of its own mapping."""
    words = subject[len(KEPT) :]
    if "//" in words:
        return ".".join(part.replace(".", "/") for part in words.split("//"))
    return words.replace(".", "/")
