"""Decoding either yields a message or says why not; it never fails otherwise."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import (
    MAX_PAYLOAD,
    DeviceEvent,
    Measurement,
    Salvaged,
    TelemetryBackfill,
    Undecodable,
    decode,
    salvage_event,
)
from schemas.topics import DEVICE_LANES, UnknownTopic, device_topic, parse_topic, shard_of

GOOD = {"v": 1, "boot": "k3f9", "seq": 1041, "at": 1790000000000, "hr": 72, "spo2": 97, "temp": 36.5}


def _with(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def _reason(lane: str, payload: bytes) -> str:
    with pytest.raises(Undecodable) as refused:
        decode(lane, payload)
    assert refused.value.detail
    return refused.value.reason


def test_a_measurement_is_read_and_unknown_fields_are_kept() -> None:
    message = decode("telemetry", _with(glucose=5.4))
    assert isinstance(message, Measurement)
    assert (message.hr, message.spo2, message.rr) == (72, 97, None)
    assert message.model_extra == {"glucose": 5.4}


def test_backfill_carries_many_samples() -> None:
    body = {"v": 1, "boot": "b", "seq": 0, "samples": [{"at": 1, "hr": 60}, {"at": 2, "hr": 61}]}
    message = decode("telemetry", json.dumps(body).encode())
    assert isinstance(message, TelemetryBackfill)
    assert [sample.hr for sample in message.samples] == [60, 61]


def test_the_word_samples_in_an_unknown_field_is_no_backfill() -> None:
    message = decode("telemetry", _with(firmware={"samples": 3}, note="samples"))
    assert isinstance(message, Measurement)
    assert message.model_extra == {"firmware": {"samples": 3}, "note": "samples"}


@pytest.mark.parametrize("samples", [3, [], None, "x"])
def test_a_backfill_with_bad_samples_is_refused(samples: object) -> None:
    assert _reason("telemetry", _with(samples=samples)) == "invalid_message"


def test_an_event_names_what_happened() -> None:
    message = decode("event", b'{"v":1,"boot":"b","seq":3,"at":5,"kind":"sos"}')
    assert isinstance(message, DeviceEvent)
    assert message.kind == "sos"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_message"),
        (b"null", "invalid_message"),
        (b"\xff\xfe", "not_utf8"),
        (_with(hr="72"), "invalid_message"),
        (_with(hr=True), "invalid_message"),
        (_with(hr=[72]), "invalid_message"),
        (_with(hr=math.nan), "invalid_message"),
        (_with(hr=math.inf), "invalid_message"),
        (_with().replace(b"72", b"1e999"), "invalid_message"),
        (_with(seq=-1), "invalid_message"),
        (_with(seq=2**63), "invalid_message"),
        (_with(seq=10**400), "invalid_message"),
        (_with(seq="7"), "invalid_message"),
        (_with(boot="x" * 17), "invalid_message"),
        (_with(boot="a\x00b"), "invalid_json"),
        (_with(at=10**30), "invalid_message"),
        (_with(v=2), "invalid_message"),
        (json.dumps({"v": 1}).encode(), "invalid_message"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "invalid_json"),
        (b'{"v":1,"boot":"\\ud800"}', "invalid_json"),
        (_with(pad="x" * MAX_PAYLOAD), "too_large"),
        (b"\x00" * 1024 * 1024, "too_large"),
    ],
)
def test_bad_telemetry_is_refused_with_a_reason(payload: bytes, reason: str) -> None:
    assert _reason("telemetry", payload) == reason


def test_an_unknown_lane_and_an_unknown_event_are_refused() -> None:
    assert _reason("weather", _with()) == "unknown_lane"
    assert _reason("event", b'{"v":1,"boot":"b","seq":3,"at":5,"kind":"earthquake"}') == "invalid_message"


@pytest.mark.parametrize(("payload", "salvaged"), [
    (b'{"boot":"b","seq":3,"at":5.5,"kind":"sos"}', Salvaged("sos", ("b", 3))),
    (b'{"boot":"b","seq":3,"kind":"fall_cancelled"}', Salvaged("fall_cancelled", ("b", 3))),
    (b'{"boot":"b","seq":true,"kind":"party"}', Salvaged(None, None)),
    (b'{"boot":"b c","seq":3,"kind":"gas"}', Salvaged("gas", None)),
    (b'{"boot":"b","seq":9223372036854775808,"kind":"gas"}', Salvaged("gas", None)),
    (b'{"boot":"b","seq":3,"kind":{"sos":1}}', Salvaged(None, ("b", 3))),
    (b'{"kind":"sos","note":"\xff\x00"}', Salvaged(None, None)),
    (b'{"kind":"sos","note":"\xff"}', Salvaged("sos", None)),
    (b'[{"kind":"sos"}]', Salvaged(None, None)),
    (b"SOS!!", Salvaged(None, None)),
    (b"1" * 5000, Salvaged(None, None)),
    (b"[" * 100_000, Salvaged(None, None)),
])  # fmt: skip
def test_what_can_be_read_of_an_unreadable_event(payload: bytes, salvaged: Salvaged) -> None:
    assert salvage_event(payload) == salvaged


@given(st.binary(max_size=300))
def test_any_bytes_can_be_searched_for_an_event(payload: bytes) -> None:
    assert salvage_event(payload).identity is None


@given(st.sampled_from([*DEVICE_LANES, "x"]), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(lane: str, payload: bytes) -> None:
    try:
        decode(lane, payload)
    except Undecodable as refused:
        assert refused.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(GOOD)), json_values)
def test_any_value_in_any_field_is_read_or_refused(name: str, value: object) -> None:
    try:
        decode("telemetry", _with(**{name: value}))
    except Undecodable as refused:
        assert refused.reason


@given(st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True), st.sampled_from(DEVICE_LANES))
def test_a_devices_topics_lead_back_to_it(device_id: str, lane: str) -> None:
    address = parse_topic(device_topic(device_id, lane))  # type: ignore[arg-type]
    assert (address.shard, address.device_id, address.lane) == (shard_of(device_id), device_id, lane)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "care/v1",
        "care/v1/0/dev",
        "care/v2/0/W-1/event",
        "care/v1/9/W-1/event",
        "a/b/c/d/e",
        "care/v1/0/dev ice/event",
        "care/v1/x/W-1/event",
    ],
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(UnknownTopic):
        parse_topic(topic)
