"""Reading the broker's own store: what others left there, who else reads it, and what is put back."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import nats
import pytest
from nats.js.api import ConsumerInfo

from ingest.opening import delivered
from launcher.broker import EmbeddedBroker
from schemas.topics import KEPT, SHARDS, STORE, mqtt_topic, session_id, shard_of
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, Person, add_person, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import telemetry
from tests.integration.waiting import eventually

Devices = Callable[[str], DeviceSide]


def _stored(conn: Connection) -> int:
    return one(conn, "SELECT count(DISTINCT (device_key, boot, seq)) FROM vitals")


def _send(side: DeviceSide, person: Person, now: datetime, seqs: range) -> None:
    for seq in seqs:
        message = telemetry(person.wearable, seq, now)
        side.publish(message.topic, message.payload)


async def _consumers(broker: EmbeddedBroker) -> list[ConsumerInfo]:
    client = await nats.connect(broker.jetstream_url)
    found = await client.jetstream().consumers_info(STORE)
    await client.close()
    return found


def test_what_an_mqtt_session_left_in_the_broker_is_stored_and_the_session_ends(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    person = add_person(conn, 1, now)
    with working(database_url, nats.mqtt_url, "telemetry"):
        side = device_side(nats.mqtt_url)
        _send(side, person, now, range(10))
        eventually(lambda: _stored(conn) == 10, what="stored over MQTT")
    _send(side, person, now, range(10, 60))
    eventually(lambda: side.acknowledged == 60, what="the broker holds the rest")
    with working(database_url, nats, "telemetry"):
        eventually(lambda: _stored(conn) == 60, what="stored from the stream")
        names = {consumer.name for consumer in asyncio.run(_consumers(nats))}
    assert names == {session_id("telemetry", shard) for shard in range(SHARDS)}
    assert one(conn, "SELECT count(*) FROM vitals") == 60


async def _take_some(broker: EmbeddedBroker, shard: int, number: int) -> int:
    """Somebody else reads the shard's messages and never acknowledges them."""
    client = await nats.connect(broker.jetstream_url)
    thief = await client.jetstream().pull_subscribe_bind(session_id("telemetry", shard), STORE)
    taken = len(await thief.fetch(number, timeout=20))
    await client.close()
    return taken


def test_a_rival_at_the_broker_takes_nothing_away(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    person = add_person(conn, 1, now)
    with working(database_url, nats, "telemetry"):
        side = device_side(nats.mqtt_url)
        _send(side, person, now, range(1, 5))
        eventually(lambda: _stored(conn) == 4, what="undisturbed")

        async def rob() -> tuple[int, int]:
            robbery = asyncio.create_task(_take_some(nats, shard_of(person.wearable), 2))
            sent = 4
            while sent < 3000 and not robbery.done():
                await asyncio.to_thread(_send, side, person, now, range(sent + 1, sent + 51))
                sent += 50
            return await robbery, sent

        taken, sent = asyncio.run(rob())
        assert taken > 0
        eventually(lambda: side.acknowledged == sent, what="all acknowledged by the broker")
        eventually(lambda: _stored(conn) == sent, 30, what="all stored in the end")
    assert one(conn, "SELECT count(*) FROM vitals") == sent


def test_what_was_stored_but_not_acknowledged_is_delivered_again_and_recognised(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    person = add_person(conn, 1, now)
    with working(database_url, nats, "telemetry"):
        side = device_side(nats.mqtt_url)
    _send(side, person, now, range(50))
    eventually(lambda: side.acknowledged == 50, what="the broker holds them")
    with monkeypatch.context() as silenced:
        silenced.setattr("ingest.opening.Opening.may_acknowledge", lambda *_: False)
        with working(database_url, nats, "telemetry"):
            eventually(lambda: _stored(conn) == 50, what="stored")
    with working(database_url, nats, "telemetry"):
        _send(side, person, now, range(50, 60))
        eventually(lambda: _stored(conn) == 60, what="the rest stored")
        eventually(lambda: _pending(nats) == 0, what="all acknowledged")
    assert one(conn, "SELECT count(*) FROM vitals") == 60


def _pending(broker: EmbeddedBroker) -> int:
    return sum((one.num_pending or 0) + (one.num_ack_pending or 0) for one in asyncio.run(_consumers(broker)))


def test_number_and_time_of_a_delivery_are_read_from_either_form_of_reply_subject() -> None:
    expected = 17, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    assert delivered("$JS.ACK.$MQTT_msgs.ingest-telemetry-3.1.4711.17.1790000000000000000.0") == expected
    assert delivered("$JS.ACK.hub._.$MQTT_msgs.ingest-telemetry-3.1.4711.17.1790000000000000000.0.r4nd") == expected


def test_what_waited_in_the_broker_is_no_fresh_sign_of_life(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    person = add_person(conn, 1, now)
    with working(database_url, nats, "telemetry"):
        side = device_side(nats.mqtt_url)
    _send(side, person, now, range(1))
    eventually(lambda: side.acknowledged == 1, what="the broker holds it")
    held = datetime.now(UTC)
    with working(database_url, nats, "telemetry"):
        eventually(lambda: _stored(conn) == 1, what="stored")
    assert one(conn, "SELECT count(*) FROM device_presence WHERE last_seen_at <= %s", held) == 1


@pytest.mark.parametrize("topic", ["care/v1/3/W-1/telemetry", "care/v1/3/W.1/odd.lane", "care/v1/3/a.b.c/x/y"])
def test_a_topic_comes_back_from_the_brokers_subject(topic: str) -> None:
    subject = KEPT + topic.replace(".", "\0").replace("/", ".").replace("\0", "//")
    assert mqtt_topic(subject) == topic
