"""A database that is slow for readings: they wait in the broker, an alarm says so and ends, and an SOS never waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dispatch import ingest_watch
from dispatch.ingest_watch import Limits, watch_ingest
from ingest import lane_worker
from launcher.broker import EmbeddedBroker
from schemas.database import connect, transaction
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, add_person, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import event, telemetry
from tests.integration.waiting import eventually

Devices = Callable[[str], DeviceSide]
QUICK = Limits(1.0, 0.5, timedelta(seconds=0.3), timedelta(seconds=0.3))
OPEN = "SELECT count(*) FROM alarm WHERE kind = 'ingest_behind' AND ended_at IS NULL"
RAISED = "SELECT count(*) FROM alarm WHERE kind = 'ingest_behind'"


@contextmanager
def watching(database_url: str) -> Iterator[None]:
    """The watch as dispatch keeps it, only quicker."""
    over = threading.Event()

    def look() -> None:
        with connect(database_url, "test-watch") as conn:
            while not over.wait(0.1):
                with transaction(conn) as tx:
                    watch_ingest(tx, datetime.now(UTC))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def readings_locked(database_url: str) -> Iterator[None]:
    """Nobody can store a reading, for longer than an idle transaction of ours may last."""
    with psycopg.connect(database_url) as conn:
        conn.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        yield


def test_while_readings_cannot_be_stored_the_operators_are_told_and_an_sos_rings_at_once(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ingest_watch, "LIMITS", {"telemetry": QUICK, "event": QUICK})
    monkeypatch.setattr(lane_worker, "STALL_SECONDS", 1.0)
    people = [add_person(conn, number, now) for number in range(1, 9)]
    url = nats.mqtt_url
    with working(database_url, url, "telemetry") as worker, working(database_url, url, "event"), watching(database_url):
        side = device_side(url)
        side.listen("care/v1/+/+/cmd")
        with readings_locked(database_url):
            for seq in range(100):
                for person in people:
                    message = telemetry(person.wearable, seq, now)
                    side.publish(message.topic, message.payload)
            eventually(lambda: side.acknowledged == 800, what="the broker takes everything")
            eventually(lambda: one(conn, OPEN) == 1, what="the operators are told")
            assert not worker.health().ready
            press = event(people[0].button, 1, now)
            side.publish(press.topic, press.payload)
            eventually(lambda: one(conn, "SELECT count(*) FROM alarm WHERE kind = 'sos'") == 1, 4, "the SOS")
            eventually(lambda: side.heard, 4, what="the button is told")
            assert one(conn, OPEN) == 1
        eventually(lambda: one(conn, "SELECT count(*) FROM reading") == 800, 60, what="everything stored")
        eventually(lambda: one(conn, OPEN) == 0, what="the alarm ends by itself")
    assert one(conn, "SELECT count(DISTINCT (device_key, seq)) FROM reading") == 800
    assert one(conn, RAISED) == 1
