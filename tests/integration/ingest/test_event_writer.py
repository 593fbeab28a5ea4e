"""A device's event becomes an alarm with its deadline, once."""

from datetime import datetime, timedelta

import pytest

from ingest.event_writer import Recorded, write_events
from ingest.received import Received
from schemas.database import transaction
from tests.integration.district import Connection, add_device, add_elder, add_person, one
from tests.integration.ingest.messages import event, received


def _write(conn: Connection, now: datetime, *messages: Received) -> list[Recorded]:
    with transaction(conn) as tx:
        return write_events(tx, now, list(messages)).recorded


def _alarms(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("SELECT kind, state, signal_count FROM alarm ORDER BY kind").fetchall()


def test_a_press_raises_an_alarm_with_its_clocks_and_first_deadline(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    pressed = event(person.button, 1, now)
    _write(storage_conn, now, pressed)
    alarm = storage_conn.execute(
        "SELECT kind, severity, state, elder_id, household_id, answer_due_at, due_at, due_reason FROM alarm"
    ).fetchone()
    assert alarm == (
        "sos", "emergency", "raised", person.elder_id, person.household_id, now + timedelta(seconds=60),
        now, "escalate",
    )  # fmt: skip
    kept = storage_conn.execute("SELECT kind, payload, alarm_id IS NOT NULL FROM device_event").fetchone()
    assert kept == ("sos", pressed.payload, True)
    assert [row[0] for row in storage_conn.execute("SELECT kind FROM event")] == ["alarm.raised"]


def test_repeats_of_one_event_are_recorded_each_time_but_count_once(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    message = event(person.button, 4, now)
    recorded = _write(storage_conn, now, message, message) + _write(storage_conn, now, message)
    assert [(item.device_id, item.boot, item.seq) for item in recorded] == [(person.button, "b1", 4)] * 3
    assert _alarms(storage_conn) == [("sos", "raised", 1)]


def test_repeated_presses_of_button_and_watch_join_one_incident(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    _write(
        storage_conn, now, event(person.button, 1, now), event(person.wearable, 1, now), event(person.button, 2, now)
    )
    assert _alarms(storage_conn) == [("sos", "raised", 3)]
    assert one(storage_conn, "SELECT count(*) FROM device_event WHERE alarm_id = (SELECT id FROM alarm)") == 3


def test_a_couples_shared_button_is_about_their_household(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    add_elder(storage_conn, person.household_id, now)
    _write(storage_conn, now, event(person.button, 1, now))
    assert storage_conn.execute("SELECT elder_id, household_id FROM alarm").fetchone() == (None, person.household_id)


def test_a_fall_waits_and_the_wearer_can_cancel_it(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    _write(storage_conn, now, event(person.wearable, 1, now, "fall"))
    assert storage_conn.execute("SELECT state, due_at, due_reason FROM alarm").fetchone() == (
        "pending",
        now + timedelta(seconds=30),
        "confirm",
    )
    later = now + timedelta(seconds=12)
    _write(storage_conn, later, event(person.wearable, 2, later, "fall_cancelled"))
    assert storage_conn.execute("SELECT state, ended_at, due_at FROM alarm").fetchone() == ("cancelled", later, None)


def test_a_cancellation_that_overtakes_its_fall_still_cancels_it(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    later = now + timedelta(seconds=5)
    _write(storage_conn, later, event(person.wearable, 2, later, "fall_cancelled"))
    _write(storage_conn, later, event(person.wearable, 1, now, "fall"))
    assert _alarms(storage_conn) == []


def test_a_fall_that_arrives_late_is_an_alarm_at_once(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    _write(storage_conn, now, event(person.wearable, 1, now - timedelta(minutes=2), "fall"))
    assert _alarms(storage_conn) == [("fall", "raised", 1)]


@pytest.mark.parametrize(("state", "raised", "is_test"), [
    ("home", True, False), ("travelling", True, False), ("hospital", True, False), ("deceased", True, False),
    ("test", True, True),
])  # fmt: skip
def test_a_press_is_heard_in_every_state(
    conn: Connection, now: datetime, state: str, raised: bool, is_test: bool
) -> None:
    person = add_person(conn, 1, now, state=state)
    _write(conn, now, event(person.wearable, 1, now))
    assert conn.execute("SELECT is_test FROM alarm").fetchall() == ([(is_test,)] if raised else [])


def test_a_fall_in_hospital_is_kept_but_raises_nothing(conn: Connection, now: datetime) -> None:
    person = add_person(conn, 1, now, state="hospital")
    _write(conn, now, event(person.wearable, 1, now, "fall"))
    assert _alarms(conn) == []
    assert one(conn, "SELECT count(*) FROM device_event") == 1


def test_a_button_that_nobody_is_assigned_to_still_rings(conn: Connection, now: datetime) -> None:
    add_device(conn, "B-77", "button", now)
    _write(conn, now, event("B-77", 1, now))
    assert conn.execute("SELECT kind, subject LIKE 'device:%' FROM alarm").fetchall() == [("sos", True)]


def test_an_unreadable_event_is_kept_and_a_person_looks_at_it(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    recorded = _write(
        storage_conn, now, received(person.button, "event", b"SOS!!", now), event(person.wearable, 1, now)
    )
    assert [item.device_id for item in recorded] == [person.wearable]
    assert _alarms(storage_conn) == [("sos", "raised", 1), ("unreadable_event", "raised", 1)]
    assert one(storage_conn, "SELECT count(*) FROM dead_letter WHERE reason = 'invalid_json'") == 1


def test_an_unknown_devices_event_is_a_dead_letter(conn: Connection, now: datetime) -> None:
    assert _write(conn, now, event("B-404", 1, now)) == []
    assert one(conn, "SELECT count(*) FROM dead_letter WHERE reason = 'unknown_device'") == 1
    assert _alarms(conn) == []
