"""What is one event and what is another; whom it is about; and events that can only half be read."""

import json
import threading
from datetime import datetime, timedelta

import psycopg
import pytest

from ingest.event_writer import EventsWritten, bury_event, write_events
from ingest.received import Received
from schemas.database import connect, transaction
from tests.integration.district import Connection, Person, add_elder, add_person, hand_over, one
from tests.integration.ingest.messages import event, millis, received

SECOND = timedelta(seconds=1)


def _write(conn: Connection, now: datetime, *messages: Received) -> EventsWritten:
    with transaction(conn) as tx:
        return write_events(tx, now, list(messages))


def _alarms(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("SELECT kind, severity, signal_count FROM alarm ORDER BY kind").fetchall()


def _raw(person: Person, now: datetime, **fields: object) -> Received:
    body = {"v": 1, "boot": "b1", "seq": 3, "at": millis(now), "kind": "sos", **fields}
    return received(person.button, "event", json.dumps(body).encode(), now)


def test_an_identity_used_again_for_another_press_rings(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    later = now + timedelta(days=20)
    again = event(person.button, 1, later)
    _write(storage_conn, now, event(person.button, 1, now))
    written = [_write(storage_conn, later, again) for _ in range(2)]
    assert _alarms(storage_conn) == [("sos", "emergency", 2)]
    assert {(item.boot, item.seq) for result in written for item in result.recorded} == {("b1", 1)}
    boots = [row[0] for row in storage_conn.execute("SELECT boot FROM device_event ORDER BY id")]
    assert boots[0] == "b1"
    assert boots[1].startswith("b1~")
    assert len(boots) == 2


def test_an_identity_used_again_for_another_kind_rings(conn: Connection, now: datetime) -> None:
    person = add_person(conn, 1, now)
    _write(conn, now, event(person.button, 1, now, "leak"), event(person.button, 1, now, "sos"))
    assert _alarms(conn) == [("leak", "urgent", 1), ("sos", "emergency", 1)]


def test_a_repeat_that_counts_its_tries_is_a_repeat(conn: Connection, now: datetime) -> None:
    person = add_person(conn, 1, now)
    _write(conn, now, _raw(person, now), _raw(person, now, tries=2))
    assert _alarms(conn) == [("sos", "emergency", 1)]


def test_a_nearly_readable_press_is_as_urgent_as_a_press(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    written = _write(storage_conn, now, _raw(person, now, at=millis(now) + 0.5))
    assert _alarms(storage_conn) == [("unreadable_event", "emergency", 1)]
    details = storage_conn.execute("SELECT details FROM alarm").fetchone()
    assert details == ({"reason": "invalid_message", "kind": "sos"},)
    assert [(item.device_id, item.boot, item.seq) for item in written.recorded] == [(person.button, "b1", 3)]


@pytest.mark.parametrize(("fields", "severity", "recorded"), [
    ({"kind": "fall_cancelled", "at": "soon"}, "urgent", True),
    ({"kind": "party"}, "urgent", True),
    ({"kind": ["sos"]}, "urgent", True),
    ({"kind": "leak", "at": None}, "urgent", True),
    ({"kind": "smoke", "boot": "too long to be a boot id"}, "emergency", False),
    ({"kind": "gas", "seq": -1}, "emergency", False),
    ({"kind": "sos", "note": "\x00"}, "emergency", True),
])  # fmt: skip
def test_what_is_left_of_an_event_decides(
    conn: Connection, now: datetime, fields: dict[str, object], severity: str, recorded: bool
) -> None:
    person = add_person(conn, 1, now)
    written = _write(conn, now, _raw(person, now, **fields))
    assert _alarms(conn) == [("unreadable_event", severity, 1)]
    assert bool(written.recorded) == recorded


def test_an_unreadable_event_redelivered_counts_once_and_next_month_again(
    storage_conn: Connection, now: datetime
) -> None:
    person = add_person(storage_conn, 1, now)
    message = received(person.button, "event", b"garbage", now)
    for second in range(5):
        _write(storage_conn, now, message._replace(received_at=now + second * SECOND))
    assert _alarms(storage_conn) == [("unreadable_event", "urgent", 1)]
    later = now + timedelta(days=30)
    _write(storage_conn, later, message._replace(received_at=later))
    assert _alarms(storage_conn) == [("unreadable_event", "urgent", 2)]
    assert one(storage_conn, "SELECT times FROM dead_letter") == 6


def test_an_event_that_cannot_be_stored_is_kept_and_rings(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    with transaction(storage_conn) as tx:
        bury_event(tx, now, event(person.button, 1, now), "cannot_be_stored", "the disk said no")
        bury_event(tx, now, event("B-404", 1, now), "cannot_be_stored", "the disk said no")
    letters = storage_conn.execute("SELECT device_id, reason, detail FROM dead_letter ORDER BY id").fetchall()
    assert letters == [(device, "cannot_be_stored", "the disk said no") for device in (person.button, "B-404")]
    assert _alarms(storage_conn) == [("unreadable_event", "emergency", 1)]


def test_the_writer_leaves_presence_to_its_caller(conn: Connection, now: datetime) -> None:
    person = add_person(conn, 1, now)
    press = event(person.button, 1, now)
    written = _write(conn, now, press, event(person.wearable, 1, now)._replace(retained=True))
    assert written.seen == {person.button_key: (now, None)}
    assert _write(conn, now + SECOND, press._replace(received_at=now + SECOND)).seen == {}
    assert one(conn, "SELECT count(*) FROM device_presence") == 0


def test_a_press_goes_out_while_a_telemetry_batch_holds_the_presence_rows(
    conn: Connection, database_url: str, now: datetime
) -> None:
    person = add_person(conn, 1, now)
    conn.execute("INSERT INTO device_presence (device_key, last_seen_at) VALUES (%s, %s)", (person.wearable_key, now))
    with connect(database_url, "telemetry") as telemetry, transaction(telemetry):
        telemetry.execute("UPDATE device_presence SET battery = 1")
        conn.execute("SET lock_timeout = '2s'")
        _write(conn, now, event(person.wearable, 1, now))
    assert _alarms(conn) == [("sos", "emergency", 1)]


def test_a_press_with_a_clock_far_behind_is_about_who_wears_it_now(storage_conn: Connection, now: datetime) -> None:
    _, second = hand_over(storage_conn, now, now - timedelta(days=3))
    _write(storage_conn, now, event_at("W-7", 1, now - timedelta(days=20), now))
    assert storage_conn.execute("SELECT elder_id FROM alarm").fetchall() == [(second.elder_id,)]


def test_a_press_a_moment_before_the_handover_is_about_who_wore_it_then(conn: Connection, now: datetime) -> None:
    first, _ = hand_over(conn, now, now - timedelta(minutes=1))
    _write(conn, now, event_at("W-7", 1, now - timedelta(minutes=2), now))
    assert conn.execute("SELECT elder_id FROM alarm").fetchall() == [(first.elder_id,)]


def test_a_press_of_a_device_given_back_is_about_who_wore_it_last(conn: Connection, now: datetime) -> None:
    person = add_person(conn, 1, now)
    conn.execute("UPDATE device_assignment SET valid_to = %s", (now - timedelta(hours=1),))
    _write(conn, now, event_at(person.wearable, 1, now - timedelta(hours=2), now))
    assert conn.execute("SELECT elder_id FROM alarm").fetchall() == [(person.elder_id,)]


def event_at(device: str, seq: int, at: datetime, received_at: datetime) -> Received:
    """A press whose device says another time than that of its receipt."""
    return event(device, seq, at)._replace(received_at=received_at)


@pytest.mark.parametrize(("states", "named", "is_test"), [
    (("home", "deceased"), True, False), (("deceased", "home"), False, False), (("home", "home"), False, False),
    (("test", "deceased"), True, True), (("deceased", "deceased"), False, False),
])  # fmt: skip
def test_a_widow_is_named_by_the_button_of_the_home(
    conn: Connection, now: datetime, states: tuple[str, str], named: bool, is_test: bool
) -> None:
    person = add_person(conn, 1, now, state=states[0])
    other = add_elder(conn, person.household_id, now, state=states[1])
    _write(conn, now, event(person.button, 1, now))
    expected = person.elder_id if named else (other if states == ("deceased", "home") else None)
    assert conn.execute("SELECT elder_id, is_test FROM alarm").fetchall() == [(expected, is_test)]


def test_processes_that_write_for_the_same_elders_never_wait_for_each_other(
    conn: Connection, database_url: str, now: datetime
) -> None:
    people = [add_person(conn, number, now) for number in range(1, 31)]
    start, deadlocks = threading.Barrier(2), []

    def write(devices: list[str]) -> None:
        with connect(database_url, "event") as mine:
            for seq in range(12):
                start.wait(30)
                try:
                    _write(mine, now, *(event(device, seq, now) for device in devices))
                except psycopg.errors.DeadlockDetected as error:
                    deadlocks.append(error)

    orders = [[person.button for person in people], [person.wearable for person in reversed(people)]]
    threads = [threading.Thread(target=write, args=(devices,)) for devices in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert deadlocks == []
    assert conn.execute("SELECT count(*), min(signal_count), max(signal_count) FROM alarm").fetchone() == (30, 24, 24)
