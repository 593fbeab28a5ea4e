"""Whatever a device sends, its neighbours in the batch are stored, and it is stored or kept as a letter of its own."""

import json
from datetime import datetime
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import batch_writer
from ingest.batch_writer import BatchWriter
from ingest.received import Received
from ingest.shards import Lease, renew
from schemas.database import Transaction, transaction
from schemas.topics import LaneGroup, device_topic, shard_of
from tests.integration.district import Connection, Person, add_person, one
from tests.integration.ingest.messages import event, millis, received, telemetry

DEEP: Final = 20_000
ODD: Final[list[Any]] = [
    "\ud800", "\U0010ffff", "a\x00b", "x" * 60_000, 10**400, -(10**30), 2**63, 2**64, 1e308, -1e308, 5e-324, -0.0,
    True, [], {}, {"": None}, {"\udfff": 1}, [[[[1]]]], "\r\n\x1b[2J", {"deep": [{"er": ["\u202e"]}]},
]  # fmt: skip
RAW: Final = [
    b'{"v":1,"boot":"b1","seq":9,"at":0,"odd":' + b"[" * DEEP + b"]" * DEEP + b"}",
    b'{"v":1,"boot":"b1","seq":9,"at":0,"odd":"\\ud800"}',
    b'{"v":1,"boot":"b1","seq":9,"at":0,"odd":"\\u0000"}',
    b'{"v":1,"boot":"b1","seq":9,"at":0,"odd":1e999}',
    b'{"v":1,"boot":"b1","seq":9,"at":0,"odd":' + b"1" * 5000 + b"}",
    b'{"v":1,"boot":"b1","seq":9,"at":1e400}',
    b'{"v":1,"boot":"b1","seq":9223372036854775807,"at":-9223372036854775807}',
    b'{"v":1,"boot":"b1","seq":9,"at":9,"at":10,"seq":11}',
    b"\x00" * 100,
    b"null",
    b"\xef\xbb\xbf{}",
]
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS: Final = (
    "boot",
    "seq",
    "at",
    "hr",
    "spo2",
    "temp",
    "steps",
    "lat",
    "lon",
    "bat",
    "samples",
    "kind",
    "odd",
    "fw",
)


def _leases(conn: Connection, now: datetime, group: LaneGroup) -> dict[int, Lease]:
    with transaction(conn) as tx:
        return renew(tx, now, group, "test")


def _write(conn: Connection, now: datetime, group: LaneGroup, batch: list[Received]) -> None:
    BatchWriter(group, lambda: False).write(conn, _leases(conn, now, group), batch)


def _payloads(now: datetime) -> list[bytes]:
    body = {"v": 1, "boot": "b1", "at": millis(now), "hr": 72}
    odd = [{**body, "seq": 100 + index, "odd": value} for index, value in enumerate(ODD)]
    fields = [
        {**body, "seq": 200 + 100 * number + index, name: value}
        for number, name in enumerate(FIELDS)
        for index, value in enumerate(ODD)
    ]
    return [json.dumps(one).encode() for one in (*odd, *fields)] + RAW


@pytest.mark.parametrize("lane", ["telemetry", "status", "odd"])
def test_poison_in_a_batch_of_telemetry_never_harms_its_neighbours(lane: Any, conn: Connection, now: datetime) -> None:
    person, other = add_person(conn, 1, now), add_person(conn, 2, now)
    payloads = _payloads(now)
    batch = []
    for number, payload in enumerate(payloads):
        batch += [telemetry(other.wearable, number, now), received(person.wearable, lane, payload, now)]
    _write(conn, now, "telemetry", batch)
    query = f"SELECT count(*) FROM reading WHERE device_key = {other.wearable_key}"  # noqa: S608
    assert one(conn, query) == len(payloads)
    assert one(conn, "SELECT count(*) FROM dead_letter") > 20
    assert one(conn, "SELECT count(*) FROM dead_letter WHERE device_id IS NULL") == 0


def test_poison_in_a_batch_of_events_never_harms_its_neighbours(conn: Connection, now: datetime) -> None:
    person, other = add_person(conn, 1, now), add_person(conn, 2, now)
    payloads = [payload.replace(b'"hr": 72', b'"kind": "sos"') for payload in _payloads(now)]
    batch = []
    for number, payload in enumerate(payloads):
        batch += [event(other.button, number, now), received(person.button, "event", payload, now)]
    _write(conn, now, "event", batch)
    query = f"SELECT count(*) FROM device_event WHERE device_key = {other.button_key}"  # noqa: S608
    assert one(conn, query) == len(payloads)
    assert one(conn, "SELECT count(*) FROM dead_letter WHERE device_id IS NULL") == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    seq=st.integers(0, 2**63 - 1),
    lane=st.sampled_from(["telemetry", "status", "event", "cmd/ack"]),
)
def test_any_json_at_all_is_stored_or_kept(
    fields: dict[str, Any], seq: int, lane: Any, conn: Connection, now: datetime
) -> None:
    device = "W-00001"
    if not one(conn, "SELECT count(*) FROM device"):
        add_person(conn, 1, now)
    body = {"v": 1, "boot": "b1", "seq": seq, "at": millis(now), "hr": 72, **fields}
    payload = json.dumps(body, allow_nan=True).encode("utf-8", "surrogatepass")
    group: LaneGroup = "event" if lane in ("event", "cmd/ack") else "telemetry"
    _write(conn, now, group, [received(device, lane, payload, now)])


def _refuse(error: Exception, fault_of: str) -> Any:
    """Stands in for a server that refuses the batches in which one device's message is."""

    def write(tx: Transaction, now: datetime, batch: list[Received], *rest: Any) -> Any:
        if any(fault_of in message.topic for message in batch):
            raise error
        return REAL(tx, now, batch, *rest)

    return write


REAL: Final = batch_writer.write_telemetry


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.StatementTooComplex("stack depth limit exceeded"),
        psycopg.errors.ProgramLimitExceeded("index row size exceeds btree maximum"),
        RecursionError("maximum recursion depth exceeded"),
        ValueError("a detail that no database takes: \ud800\x00"),
    ],
)
def test_a_message_that_no_server_can_store_ends_alone(
    error: Exception, conn: Connection, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    people: list[Person] = [add_person(conn, number, now) for number in range(1, 6)]
    monkeypatch.setattr(batch_writer, "write_telemetry", _refuse(error, people[2].wearable))
    _write(conn, now, "telemetry", [telemetry(person.wearable, 1, now) for person in people])
    assert one(conn, "SELECT count(*) FROM reading") == 4
    (kept,) = conn.execute("SELECT reason, device_id FROM dead_letter").fetchall()
    assert kept == ("cannot_be_stored", people[2].wearable)


def test_topics_that_no_device_has_are_kept(conn: Connection, now: datetime) -> None:
    shard = shard_of("W-1")
    topics = [device_topic("W-1", "telemetry").replace("W-1", "W 1"), f"care/v1/{shard}", "\ufffd", "", "x" * 60_000]
    batch = [received("W-1", "telemetry", b"{}", now)._replace(topic=topic) for topic in topics]
    _write(conn, now, "telemetry", batch)
    assert one(conn, "SELECT count(*) FROM dead_letter WHERE reason = 'unknown_topic'") == len(topics)
