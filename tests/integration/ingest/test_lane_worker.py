"""From the broker to the database and back, with real servers that are killed in between."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from ingest.received import Received
from launcher.broker import EmbeddedBroker
from launcher.migrations import migrate
from launcher.postgres import EmbeddedPostgres
from schemas.database import connect
from schemas.topics import device_topic
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, Person, add_person, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import event, millis, telemetry
from tests.integration.waiting import eventually

Devices = Callable[[str], DeviceSide]


def _send(side: DeviceSide, *messages: Received) -> None:
    for message in messages:
        side.publish(message.topic, message.payload)


def _count(conn: Connection, table: str) -> int:
    return one(conn, f"SELECT count(*) FROM {table}")  # noqa: S608


def _people(conn: Connection, now: datetime, number: int) -> list[Person]:
    return [add_person(conn, index, now) for index in range(1, number + 1)]


@pytest.mark.parametrize("broker_kind", ["nats", "mosquitto"])
def test_the_path_from_device_to_database_and_back(
    broker_kind: str,
    request: pytest.FixtureRequest,
    database_url: str,
    conn: Connection,
    now: datetime,
    device_side: Devices,
) -> None:
    nats = request.getfixturevalue("nats") if broker_kind == "nats" else None
    url = nats.mqtt_url if nats else request.getfixturevalue("mosquitto_url")
    broker = nats or url
    people = _people(conn, now, 12)
    with working(database_url, broker, "telemetry"), working(database_url, broker, "event"):
        side = device_side(url)
        side.listen("care/v1/+/+/cmd")
        for person in people:
            _send(side, *(telemetry(person.wearable, seq, now) for seq in range(10)), event(person.button, 1, now))
        side.publish(
            "care/v1/" + device_topic(people[0].wearable, "event").split("/")[2] + f"/{people[0].wearable}/odd", b"{}"
        )
        eventually(lambda: _count(conn, "reading") == 120, what="readings")
        eventually(lambda: _count(conn, "alarm") == 12, what="alarms")
        eventually(lambda: _count(conn, "dead_letter") == 1, what="the unknown lane")
        recorded = eventually(lambda: len(side.heard) >= 12 and side.heard, what="recorded")
    assert {topic for topic, _ in recorded} == {device_topic(person.button, "cmd") for person in people}
    assert {json.loads(body)["kind"] for _, body in recorded} == {"recorded"}
    assert _count(conn, "device_event") == 12


def test_one_bad_message_never_harms_its_neighbours(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    (person,) = _people(conn, now, 1)
    topic = device_topic(person.wearable, "telemetry")
    with working(database_url, nats, "telemetry"):
        side = device_side(nats.mqtt_url)
        bad = [
            b"",
            b"{",
            b"\xff\xfe\xfd",
            b"x" * 1024 * 1024,
            f'{{"v":1,"boot":"b1","seq":5,"at":{millis(now)},"hr":NaN}}'.encode(),
            f'{{"v":1,"boot":"b1","seq":6,"at":{millis(now)},"odd":1e999}}'.encode(),
            f'{{"v":1,"boot":"b1","seq":7,"at":{millis(now)},"hr":"72"}}'.encode(),
            b'{"v":1,"boot":"b1","seq":8,"at":' + b"9" * 5000 + b"}",
            b"[" * 60_000,
        ]
        for seq, payload in enumerate(bad):
            _send(side, telemetry(person.wearable, 100 + seq, now))
            side.publish(topic, payload)
        eventually(lambda: _count(conn, "dead_letter") == len(bad), what="dead letters")
        eventually(lambda: _count(conn, "reading") == len(bad), what="neighbours")
    reasons = {row[0] for row in conn.execute("SELECT reason FROM dead_letter")}
    assert reasons == {"invalid_json", "not_utf8", "too_large", "invalid_message", "cannot_be_stored"}


def test_two_processes_share_the_shards_and_one_takes_over_when_the_other_leaves(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    people = _people(conn, now, 16)
    side = device_side(nats.mqtt_url)
    with working(database_url, nats, "telemetry") as first:
        with working(database_url, nats, "telemetry", ready=False) as second:
            eventually(lambda: second.health().ready and first.health().ready, what="both ready")
            _send(side, *(telemetry(person.wearable, seq, now) for seq in range(20) for person in people))
            eventually(lambda: _count(conn, "reading") == 320, what="shared")
        _send(side, *(telemetry(person.wearable, seq, now) for seq in range(20, 40) for person in people))
        eventually(lambda: _count(conn, "reading") == 640, what="taken over")
    assert one(conn, "SELECT count(DISTINCT (device_key, seq)) FROM reading") == 640


def test_nothing_is_lost_or_doubled_while_the_broker_is_killed(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    people = _people(conn, now, 8)
    with working(database_url, nats, "telemetry"), working(database_url, nats, "event"):
        side = device_side(nats.mqtt_url)
        for seq in range(60):
            if seq == 30:
                nats.kill()
                nats.start()
            _send(side, *(telemetry(person.wearable, seq, now) for person in people))
            if seq % 10 == 0:
                _send(side, *(event(person.button, seq, now) for person in people))
        eventually(lambda: side.acknowledged == 60 * 8 + 6 * 8, 60, what="every message acknowledged")
        eventually(lambda: _count(conn, "reading") == 480, 60, what="readings")
        eventually(lambda: _count(conn, "device_event") == 48, 60, what="events")
    assert one(conn, "SELECT count(DISTINCT (device_key, seq)) FROM reading") == 480
    assert _count(conn, "alarm") == 8


def test_nothing_is_lost_or_doubled_while_the_database_is_killed(
    state_dir: Path, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    with EmbeddedPostgres(state_dir / "pg-killed") as server:
        migrate(server.url)
        with connect(server.url, "test") as setup:
            people = _people(setup, now, 8)
        with working(server.url, nats, "telemetry") as worker, working(server.url, nats, "event"):
            side = device_side(nats.mqtt_url)
            for seq in range(60):
                if seq == 30:
                    server.kill()
                    eventually(lambda: not worker.health().ready, what="worker sees it")
                _send(side, *(telemetry(person.wearable, seq, now) for person in people))
                _send(side, *(event(person.button, seq, now) for person in people if seq % 20 == 0))
            eventually(lambda: side.acknowledged == 60 * 8 + 3 * 8, what="the broker takes everything")
            server.start()
            eventually(lambda: worker.health().ready, what="worker resumes by itself")
            with connect(server.url, "test") as conn:
                eventually(lambda: _count(conn, "reading") == 480, what="readings")
                eventually(lambda: _count(conn, "device_event") == 24, what="events")
                assert one(conn, "SELECT count(DISTINCT (device_key, seq)) FROM reading") == 480
