"""The few MQTT 3.1.1 frames a device needs, as bytes: cheaper than any client, which is the point of the fleet."""

from collections.abc import Iterator
from typing import Final

CONNACK: Final = 0x20
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
SUBACK: Final = 0x90
DUP: Final = 0x08
RETAIN: Final = 0x01
PUBLISH_QOS1: Final = 0x32
PING: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"
MAX_FRAME: Final = 2 * 1024 * 1024
_FLAGS: Final = 0b1110_1110
"""User name, password, a retained will at QoS 1, clean session."""


class BrokenFrame(ValueError):
    """The broker sent something that is no MQTT."""


def text(value: str) -> bytes:
    """A string as MQTT writes it: two bytes of length, UTF-8."""
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def length(size: int) -> bytes:
    """The remaining length of a frame, one to four bytes."""
    out = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        if not size:
            out.append(low)
            return bytes(out)
        out.append(low | 0x80)


def connect(
    client_id: str, secret: str, will_topic: str, will: bytes, keepalive: int, username: str | None = None
) -> bytes:
    """CONNECT with a clean session, a credential and a last will; keepalive in seconds.

    A device's user name is its client id.
    """
    body = text("MQTT") + bytes((4, _FLAGS)) + keepalive.to_bytes(2, "big") + text(client_id)
    body += text(will_topic) + len(will).to_bytes(2, "big") + will + text(username or client_id) + text(secret)
    return b"\x10" + length(len(body)) + body


def subscribe(topic: str, mid: int) -> bytes:
    """SUBSCRIBE to one topic at QoS 0."""
    body = mid.to_bytes(2, "big") + text(topic) + b"\x00"
    return b"\x82" + length(len(body)) + body


def publish(topic: bytes, mid: int, payload: bytes, first: int = PUBLISH_QOS1) -> bytes:
    """PUBLISH at QoS 1; `topic` is what text() gives, `first` the first byte with its flags."""
    size = len(topic) + 2 + len(payload)
    if size < 0x4000:
        head = bytes((first, size)) if size < 0x80 else bytes((first, size & 0x7F | 0x80, size >> 7))
        return b"".join((head, topic, mid.to_bytes(2, "big"), payload))
    return b"".join((bytes((first,)), length(size), topic, mid.to_bytes(2, "big"), payload))


def again(frame: bytes) -> bytes:
    """The same PUBLISH, marked as sent before."""
    return bytes((frame[0] | DUP,)) + frame[1:]


def split(received: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Cut what was received into frames (first byte, body) and the unfinished rest; raises BrokenFrame."""
    frames: list[tuple[int, bytes]] = []
    at, end = 0, len(received)
    while end - at >= 2:
        size, shift, body = 0, 0, at + 1
        while body < end:
            byte = received[body]
            body += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 21:
                raise BrokenFrame("a length of more than four bytes")
        else:
            break
        if size > MAX_FRAME:
            raise BrokenFrame(f"a frame of {size} bytes")
        if body + size > end:
            break
        frames.append((received[at], received[body : body + size]))
        at = body + size
    return frames, received[at:]


def payloads(frames: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """What the QoS 0 PUBLISH frames among some frames carry."""
    for first, body in frames:
        if first & 0xF0 == PUBLISH and not first & 0x06:
            yield body[2 + int.from_bytes(body[:2], "big") :]
