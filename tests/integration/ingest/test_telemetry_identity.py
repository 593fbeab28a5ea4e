"""Telemetry that comes again after its watermark is of no help, and what does and does not count as a sign of life."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ingest.memory import Memory
from ingest.received import Received
from ingest.telemetry_writer import write_telemetry
from ingest.watermark import WINDOW
from schemas.database import connect, transaction
from tests.integration.district import Connection, Person, add_person, one
from tests.integration.ingest.messages import millis, received, telemetry
from tests.integration.waiting import eventually


def _write(conn: Connection, now: datetime, *messages: Received) -> None:
    with transaction(conn) as tx:
        write_telemetry(tx, now, list(messages), Memory())


def _stored(conn: Connection, seq: int) -> int:
    return one(conn, "SELECT count(*) FROM vitals WHERE seq = %s", seq)


@pytest.fixture
def person(storage_conn: Connection, now: datetime) -> Person:
    """Somebody with a wearable."""
    return add_person(storage_conn, 1, now)


def test_two_copies_below_the_window_in_one_batch_are_one(
    storage_conn: Connection, person: Person, now: datetime
) -> None:
    _write(storage_conn, now, telemetry(person.wearable, 5 + 3 * WINDOW, now))
    late = telemetry(person.wearable, 6, now)
    _write(storage_conn, now, late, late)
    _write(storage_conn, now, late)
    assert _stored(storage_conn, 6) == 1


def test_a_jump_and_what_it_leaves_below_the_window_in_one_batch(
    storage_conn: Connection, person: Person, now: datetime
) -> None:
    early, high = telemetry(person.wearable, 5, now), telemetry(person.wearable, 5 + 3 * WINDOW, now)
    _write(storage_conn, now, early, high, early, telemetry(person.wearable, 6, now))
    assert [_stored(storage_conn, seq) for seq in (5, 6, 5 + 3 * WINDOW)] == [1, 1, 1]


def test_a_clock_that_is_believed_only_at_redelivery(storage_conn: Connection, person: Person, now: datetime) -> None:
    message = telemetry(person.wearable, 5, now + timedelta(minutes=10))._replace(received_at=now)
    _write(storage_conn, now, message, telemetry(person.wearable, 5 + 3 * WINDOW, now))
    later = now + timedelta(minutes=6)
    _write(storage_conn, later, message._replace(received_at=later))
    assert _stored(storage_conn, 5) == 1


def test_a_clock_that_is_off_each_time(storage_conn: Connection, person: Person, now: datetime) -> None:
    message = telemetry(person.wearable, 5, now - timedelta(days=4000))._replace(received_at=now)
    _write(storage_conn, now, message, telemetry(person.wearable, 5 + 3 * WINDOW, now))
    later = now + timedelta(days=2)
    _write(storage_conn, later, message._replace(received_at=later))
    assert _stored(storage_conn, 5) == 1


@pytest.mark.parametrize("retained", [True, False])
def test_a_message_older_than_its_forgotten_watermark_is_not_stored_again(
    storage_conn: Connection, person: Person, now: datetime, retained: bool
) -> None:
    message = telemetry(person.wearable, 5, now)
    _write(storage_conn, now, message)
    storage_conn.execute("DELETE FROM ingest_journal")
    storage_conn.execute("DELETE FROM ingest_snapshot")
    later = now + timedelta(days=41)
    _write(storage_conn, later, message._replace(received_at=later, retained=retained))
    assert _stored(storage_conn, 5) == 1


def test_a_retained_message_that_is_new_is_stored_once(storage_conn: Connection, person: Person, now: datetime) -> None:
    message = telemetry(person.wearable, 5, now)._replace(retained=True)
    _write(storage_conn, now, message, message)
    assert _stored(storage_conn, 5) == 1
    assert one(storage_conn, "SELECT count(*) FROM device_presence") == 0


@pytest.mark.parametrize("again", [
    lambda message, later: message._replace(received_at=later),
    lambda message, later: message._replace(received_at=later, retained=True),
])  # fmt: skip
def test_old_telemetry_is_no_sign_of_life(
    storage_conn: Connection, person: Person, now: datetime, again: Callable[[Received, datetime], Received]
) -> None:
    message = telemetry(person.wearable, 5, now, bat=80)
    _write(storage_conn, now, message)
    later = now + timedelta(days=3)
    _write(storage_conn, later, again(message, later))
    assert storage_conn.execute("SELECT last_seen_at FROM device_presence").fetchone() == (now,)


@pytest.mark.parametrize(("payload", "retained", "heard"), [
    (b'{"online":false}', False, False), (b'{"online":false}', True, False), (b'{"online":true}', True, False),
    (b'{"online":true,"bat":70}', False, True),
])  # fmt: skip
def test_only_a_device_that_speaks_itself_has_been_heard_of(
    storage_conn: Connection, person: Person, now: datetime, payload: bytes, retained: bool, heard: bool
) -> None:
    _write(storage_conn, now, received(person.wearable, "status", payload, now)._replace(retained=retained))
    seen = storage_conn.execute("SELECT last_seen_at, battery, online_hint FROM device_presence").fetchall()
    assert seen == ([(now, 70.0, True)] if heard else [])


def test_the_last_status_of_a_batch_wins_and_an_older_one_changes_nothing(
    storage_conn: Connection, person: Person, now: datetime
) -> None:
    later = now + timedelta(minutes=1)
    online = received(person.wearable, "status", b'{"online":true,"fw":"1.4","bat":70}', now)
    _write(storage_conn, later, online, received(person.wearable, "status", b'{"online":false}', later))
    _write(storage_conn, later, online)
    said = storage_conn.execute("SELECT online_hint, status_at, battery FROM device_presence").fetchone()
    assert said == (False, later, 70.0)


def test_presence_rows_are_locked_in_the_order_of_their_keys(
    conn: Connection, database_url: str, now: datetime
) -> None:
    people = [add_person(conn, number, now) for number in (1, 2)]
    for person in people:
        _write(conn, now, telemetry(person.wearable, 1, now))
    wills = [received(person.wearable, "status", b'{"online":false}', now) for person in reversed(people)]
    first, second = (person.wearable_key for person in people)
    lock = "SELECT FROM device_presence WHERE device_key = %s FOR UPDATE NOWAIT"
    with connect(database_url, "telemetry") as mine, connect(database_url, "other") as other:
        writing = threading.Thread(target=_write, args=(mine, now, *wills))
        with transaction(other):
            other.execute(lock, (first,))
            writing.start()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = %s"
            eventually(lambda: one(conn, waiting, mine.info.backend_pid) == 1, what="waiting for the first row")
            other.execute(lock, (second,))
        writing.join(30)
    assert conn.execute("SELECT online_hint FROM device_presence").fetchall() == [(False,), (False,)]


def test_the_word_samples_inside_an_unknown_field(storage_conn: Connection, person: Person, now: datetime) -> None:
    _write(storage_conn, now, telemetry(person.wearable, 1, now, hr=70, fw={"samples": 3}))
    assert storage_conn.execute("SELECT extra FROM reading").fetchall() == [({"fw": {"samples": 3}},)]


def test_what_a_backfill_says_beside_its_samples_is_kept(
    storage_conn: Connection, person: Person, now: datetime
) -> None:
    samples = [{"at": millis(now), "hr": 70}, {"at": millis(now), "hr": 71}]
    body = {"v": 1, "boot": "b1", "seq": 1, "glucometer": "x7", "samples": samples}
    _write(storage_conn, now, received(person.wearable, "telemetry", json.dumps(body).encode(), now))
    extras = storage_conn.execute("SELECT extra FROM vitals ORDER BY sample").fetchall()
    assert extras == [({"glucometer": "x7"},), (None,)]
