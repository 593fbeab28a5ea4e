"""A worker whose database hangs, is locked or not migrated loses nothing, stays within its memory and comes back."""

from collections.abc import Callable
from datetime import datetime

import pytest

from ingest import inbox, lane_worker
from launcher.broker import EmbeddedBroker
from schemas.database import connect
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, add_person, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import event, telemetry
from tests.integration.waiting import eventually

Devices = Callable[[str], DeviceSide]


def _count(conn: Connection, table: str) -> int:
    return one(conn, f"SELECT count(*) FROM {table}")  # noqa: S608


def test_while_a_lock_is_held_ingest_hangs_up_and_afterwards_stores_everything_once(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(lane_worker, "STALL_SECONDS", 0.5)
    person = add_person(conn, 1, now)
    with working(database_url, nats, "telemetry") as worker:
        side = device_side(nats.mqtt_url)
        with connect(database_url, "test") as other, other.transaction():
            other.execute("LOCK TABLE ingest_journal")
            for seq in range(200):
                message = telemetry(person.wearable, seq, now)
                side.publish(message.topic, message.payload)
            eventually(lambda: not worker.health().ready, what="the worker says that it is stuck")
            eventually(lambda: side.acknowledged == 200, what="the broker takes everything")
        eventually(lambda: _count(conn, "reading") == 200, what="everything stored")
        eventually(lambda: worker.health().ready, what="ready again")
    assert one(conn, "SELECT count(DISTINCT seq) FROM reading") == 200


def test_more_than_memory_should_hold_stays_with_the_broker(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(inbox, "LIMIT_BYTES", 50_000)
    person = add_person(conn, 1, now)
    with working(database_url, nats, "telemetry"):
        side = device_side(nats.mqtt_url)
        for seq in range(3000):
            message = telemetry(person.wearable, seq, now)
            side.publish(message.topic, message.payload)
        eventually(lambda: _count(conn, "reading") == 3000, 60, what="everything stored in the end")
    assert one(conn, "SELECT count(DISTINCT seq) FROM reading") == 3000


def test_an_sos_waits_for_a_schema_that_is_being_changed_and_then_raises_its_alarm(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    person = add_person(conn, 1, now)
    with working(database_url, nats, "event") as worker:
        side = device_side(nats.mqtt_url)
        conn.execute("ALTER TABLE alarm RENAME COLUMN answer_due_at TO other_name")
        message = event(person.button, 1, now)
        side.publish(message.topic, message.payload)
        eventually(lambda: not worker.health().ready, what="the worker waits")
        conn.execute("ALTER TABLE alarm RENAME COLUMN other_name TO answer_due_at")
        eventually(lambda: _count(conn, "alarm") == 1, what="the alarm")
    assert _count(conn, "dead_letter") == 0


def test_an_sos_never_waits_for_telemetry_that_holds_its_devices_row(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    person = add_person(conn, 1, now)
    conn.execute("INSERT INTO device_presence (device_key, last_seen_at) VALUES (%s, %s)", (person.button_key, now))
    with working(database_url, nats, "event"):
        side = device_side(nats.mqtt_url)
        side.listen("care/v1/+/+/cmd")
        with connect(database_url, "test") as telemetry_side, telemetry_side.transaction():
            telemetry_side.execute("UPDATE device_presence SET battery = 5")
            message = event(person.button, 1, now)
            side.publish(message.topic, message.payload)
            eventually(lambda: _count(conn, "alarm") == 1, 4, what="the alarm while the row is held")
            eventually(lambda: side.heard, 4, what="recorded while the row is held")
