"""Telemetry is stored exactly once, whatever the order and however often it is delivered."""

import random
from datetime import datetime, timedelta

from ingest.memory import Memory
from ingest.received import Received
from ingest.telemetry_writer import write_telemetry
from ingest.watermark import WINDOW
from schemas.database import transaction
from tests.integration.district import Connection, Person, add_device, add_person, one
from tests.integration.ingest.messages import millis, received, telemetry


def _write(conn: Connection, now: datetime, *messages: Received, memory: Memory | None = None) -> None:
    memory = memory or Memory()
    with transaction(conn) as tx:
        written = write_telemetry(tx, now, list(messages), memory)
    memory.keep(*written)


def _stored(conn: Connection) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in conn.execute("SELECT seq, boot FROM vitals ORDER BY boot, seq")]


def _count(conn: Connection, table: str) -> int:
    return one(conn, f"SELECT count(*) FROM {table}")  # noqa: S608


def _person(conn: Connection, now: datetime, **more: int) -> Person:
    return add_person(conn, 1, now, **more)


def test_a_reading_is_stored_with_its_values(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    _write(
        storage_conn,
        now,
        telemetry(person.wearable, 1, now, hr=72.5, spo2=97, temp=36.5, lat=29.8, steps=12, glucose=5),
    )
    row = storage_conn.execute(
        "SELECT at, device_key, hr, spo2, rr, temp, lat, steps, quality, extra FROM vitals"
    ).fetchone()
    assert row is not None
    assert row[:5] == (now, person.wearable_key, 72.5, 97.0, None)
    assert row[5:] == (36.5, 29.8, 12, 0, {"glucose": 5})


def test_redelivery_in_the_same_batch_and_later_changes_nothing(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    messages = [telemetry(person.wearable, seq, now) for seq in (1, 2, 2, 1, 3)]
    _write(storage_conn, now, *messages)
    _write(storage_conn, now, *messages)
    assert _stored(storage_conn) == [(1, "b1"), (2, "b1"), (3, "b1")]


def test_any_order_with_duplicates_over_several_boots_is_stored_once(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    dice = random.Random(20261122)
    messages = [telemetry(person.wearable, seq, now, boot) for boot in ("b1", "b2") for seq in range(40)] * 3
    dice.shuffle(messages)
    for start in range(0, len(messages), 17):
        _write(storage_conn, now, *messages[start : start + 17])
    assert _stored(storage_conn) == [(seq, boot) for boot in ("b1", "b2") for seq in range(40)]


def test_far_below_the_window_the_stored_readings_tell(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    early = telemetry(person.wearable, 5, now)
    _write(storage_conn, now, early, telemetry(person.wearable, 5 + 3 * WINDOW, now))
    _write(storage_conn, now, early, telemetry(person.wearable, 6, now))
    assert _stored(storage_conn) == [(5, "b1"), (6, "b1"), (5 + 3 * WINDOW, "b1")]


def test_a_rolled_back_batch_leaves_nothing_and_is_stored_later(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    message = telemetry(person.wearable, 1, now)
    try:
        with transaction(storage_conn) as tx:
            write_telemetry(tx, now, [message], Memory())
            raise InterruptedError
    except InterruptedError:
        pass
    assert _stored(storage_conn) == []
    _write(storage_conn, now, message)
    assert _stored(storage_conn) == [(1, "b1")]


def test_unreadable_and_unknown_messages_are_kept_and_neighbours_unharmed(
    storage_conn: Connection, now: datetime
) -> None:
    person = _person(storage_conn, now)
    storage_conn.execute("UPDATE device SET revoked_at = now() WHERE id = %s", (person.button,))
    _write(
        storage_conn,
        now,
        telemetry(person.wearable, 1, now),
        received(person.wearable, "telemetry", b"\xff\x00", now),
        telemetry("W-99999", 1, now),
        telemetry(person.button, 1, now),
        Received(0, "care/v1/0/nonsense", b"x", False, now, 1, 1, 1),
        telemetry(person.wearable, 2, now),
    )
    assert _stored(storage_conn) == [(1, "b1"), (2, "b1")]
    letters = storage_conn.execute("SELECT reason, payload, device_id FROM dead_letter ORDER BY reason").fetchall()
    assert [letter[0] for letter in letters] == ["not_utf8", "revoked_device", "unknown_device", "unknown_topic"]
    assert bytes(letters[0][1]) == b"\xff\x00"
    assert letters[0][2] == person.wearable


def test_the_same_dead_letter_is_counted_not_piled_up(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    for _ in range(3):
        _write(storage_conn, now, received(person.wearable, "telemetry", b"{", now))
    assert storage_conn.execute("SELECT times FROM dead_letter").fetchall() == [(3,)]


def test_readings_of_any_time_find_a_place(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    times = [now - timedelta(days=34), now - timedelta(days=3), now + timedelta(minutes=4)]
    _write(storage_conn, now, *(telemetry(person.wearable, seq, at) for seq, at in enumerate(times)))
    far = f'{{"v":1,"boot":"b","seq":9,"at":{millis(now - timedelta(days=4000))},"hr":70}}'.encode()
    _write(storage_conn, now, received(person.wearable, "telemetry", far, now))
    assert [row[0] for row in storage_conn.execute("SELECT at FROM reading ORDER BY at")] == sorted([*times, now])


def test_presence_and_battery_follow_the_newest_word(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    _write(storage_conn, now, telemetry(person.wearable, 1, now, bat=80))
    later = now + timedelta(seconds=30)
    _write(storage_conn, later, telemetry(person.wearable, 2, later, hr=70))
    seen = storage_conn.execute("SELECT last_seen_at, battery FROM device_presence").fetchone()
    assert seen == (later, 80.0)


def test_a_last_will_is_no_sign_of_life(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    _write(storage_conn, now, telemetry(person.wearable, 1, now))
    later = now + timedelta(minutes=1)
    _write(storage_conn, later, received(person.wearable, "status", b'{"online":false}', later))
    seen = storage_conn.execute("SELECT last_seen_at, online_hint FROM device_presence").fetchone()
    assert seen == (now, False)


def test_deterioration_raises_one_alarm_that_worsens(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    memory = Memory()
    worse = {"hr": 137, "spo2": 90, "rr": 26}
    for minute, values in enumerate([{"hr": 135}, {"hr": 136}, {"hr": 137}, worse, worse, worse]):
        at = now + timedelta(minutes=minute)
        _write(storage_conn, at, telemetry(person.wearable, minute, at, **values), memory=memory)
    alarms = storage_conn.execute("SELECT kind, severity, elder_id, details->'news2'->>'score' FROM alarm").fetchall()
    assert alarms == [("vitals", "emergency", person.elder_id, "9")]
    assert _count(storage_conn, "alarm_event") == 2


def test_a_restarted_process_remembers_from_the_stored_readings(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    _write(storage_conn, now, telemetry(person.wearable, 1, now, hr=140))
    later = now + timedelta(minutes=1)
    _write(storage_conn, later, telemetry(person.wearable, 2, later, hr=140))
    assert _count(storage_conn, "alarm") == 1


def test_backfilled_history_raises_nothing(storage_conn: Connection, now: datetime) -> None:
    person = _person(storage_conn, now)
    samples = [{"at": millis(now - timedelta(hours=5, minutes=minute)), "hr": 150} for minute in range(5)]
    body = {"v": 1, "boot": "b1", "seq": 7, "samples": samples}
    _write(storage_conn, now, received(person.wearable, "telemetry", str(body).replace("'", '"').encode(), now))
    assert _count(storage_conn, "reading") == 5
    assert _count(storage_conn, "alarm") == 0


def test_an_elder_in_hospital_raises_no_vitals_alarm(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now, state="hospital")
    memory = Memory()
    for minute in range(3):
        at = now + timedelta(minutes=minute)
        _write(storage_conn, at, telemetry(person.wearable, minute, at, hr=150), memory=memory)
    assert _count(storage_conn, "reading") == 3
    assert _count(storage_conn, "alarm") == 0


def test_history_never_moves_to_the_next_wearer(storage_conn: Connection, now: datetime) -> None:
    first, second = add_person(storage_conn, 1, now), add_person(storage_conn, 2, now)
    handover = now - timedelta(minutes=10)
    key = add_device(storage_conn, "W-7", "wearable", now)
    storage_conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, valid_from, valid_to) "
        "VALUES (%s, %s, %s, %s), (%s, %s, %s, NULL)",
        (key, first.elder_id, now - timedelta(days=9), handover, key, second.elder_id, handover),
    )
    before = [telemetry("W-7", seq, handover - timedelta(minutes=3 - seq), hr=150) for seq in range(3)]
    _write(storage_conn, now, *before)
    assert storage_conn.execute("SELECT elder_id FROM alarm").fetchall() == [(first.elder_id,)]
