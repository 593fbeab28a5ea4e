"""Messages as the broker would deliver them."""

import itertools
import json
from datetime import datetime

from ingest.received import Received
from schemas.topics import Lane, device_topic, shard_of

_mid = itertools.count(1)


def millis(at: datetime) -> int:
    """UTC milliseconds."""
    return round(at.timestamp() * 1000)


def received(device: str, lane: Lane, payload: bytes, at: datetime) -> Received:
    """Raw bytes on one of a device's lanes."""
    return Received(shard_of(device), device_topic(device, lane), payload, False, at, 1, next(_mid), 1)


def telemetry(device: str, seq: int, at: datetime, boot: str = "b1", **values: object) -> Received:
    """One measurement."""
    body = {"v": 1, "boot": boot, "seq": seq, "at": millis(at), **(values or {"hr": 72})}
    return received(device, "telemetry", json.dumps(body).encode(), at)


def event(device: str, seq: int, at: datetime, kind: str = "sos", boot: str = "b1") -> Received:
    """One event."""
    body = {"v": 1, "boot": boot, "seq": seq, "at": millis(at), "kind": kind}
    return received(device, "event", json.dumps(body).encode(), at)
