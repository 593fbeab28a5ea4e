"""MQTT frames of the fleet: what is written is what a broker reads, however it is cut on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_tests.fleet import frames

payloads = st.binary(max_size=20_000)


@given(st.integers(0, 268_435_455))
def test_a_length_reads_back_as_it_was_written(size: int) -> None:
    written = frames.length(size)
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(written)) == size
    assert all(byte & 0x80 for byte in written[:-1]) and not written[-1] & 0x80


@given(st.lists(payloads, min_size=1, max_size=8), st.data())
def test_frames_are_found_however_the_stream_is_cut(bodies: list[bytes], data: st.DataObject) -> None:
    topic = frames.text("care/v1/0/W-1/telemetry")
    stream = b"".join(frames.publish(topic, mid, body) for mid, body in enumerate(bodies, 1))
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = frames.split(stream[:cut])
    second, left = frames.split(rest + stream[cut:])
    assert left == b""
    found = [body for _, body in first + second]
    assert found == [topic + mid.to_bytes(2, "big") + body for mid, body in enumerate(bodies, 1)]


@given(payloads)
def test_a_repeated_frame_differs_only_by_its_mark(payload: bytes) -> None:
    frame = frames.publish(frames.text("t"), 7, payload)
    again = frames.again(frame)
    assert again[0] == frame[0] | frames.DUP
    assert again[1:] == frame[1:]


def test_only_messages_without_an_identifier_are_read_as_commands() -> None:
    said = [(frames.PUBLISH, frames.text("t") + b"now"), (frames.PUBLISH | 0x02, frames.text("t") + b"\x00\x01no")]
    assert list(frames.payloads(said)) == [b"now"]


@pytest.mark.parametrize("garbage", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\xff\x7f"])
def test_what_is_no_frame_is_refused(garbage: bytes) -> None:
    with pytest.raises(frames.BrokenFrame):
        frames.split(garbage)
