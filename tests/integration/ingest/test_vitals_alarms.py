"""What the vitals rule remembers: of one wearer only, and after a restart as much as it needs."""

from datetime import datetime, timedelta

from ingest.received import Received
from ingest.telemetry_writer import write_telemetry
from ingest.vitals_alarms import REMEMBERED, Windows
from schemas.database import transaction
from tests.integration.district import Connection, add_person, hand_over, one
from tests.integration.ingest.messages import telemetry

SECOND = timedelta(seconds=1)
WEARABLE = "W-7"


def _write(conn: Connection, now: datetime, *messages: Received, windows: Windows | None = None) -> Windows:
    with transaction(conn) as tx:
        return write_telemetry(tx, now, list(messages), windows or {})


def test_the_next_wearer_is_not_scored_with_the_last_ones_values(storage_conn: Connection, now: datetime) -> None:
    handover = now - timedelta(minutes=3)
    hand_over(storage_conn, now, handover)
    before = handover - 60 * SECOND
    windows = _write(storage_conn, handover, telemetry(WEARABLE, 1, before, hr=150, spo2=85, rr=30))
    for seq in range(2, 6):
        at = now + seq * SECOND
        # Two go on from memory, two are read again from the stored readings as after a restart.
        remembered = windows if seq < 4 else {}
        windows |= _write(storage_conn, at, telemetry(WEARABLE, seq, at, temp=36.6, hr=75), windows=remembered)
    assert storage_conn.execute("SELECT elder_id, details FROM alarm").fetchall() == []


def test_late_readings_of_the_last_wearer_do_not_disturb_the_next(storage_conn: Connection, now: datetime) -> None:
    handover = now - timedelta(minutes=3)
    first, second = hand_over(storage_conn, now, handover)
    earlier = [handover - minutes * timedelta(minutes=1) for minutes in (2, 1)]
    _write(
        storage_conn,
        now,
        telemetry(WEARABLE, 1, now - 2 * SECOND, hr=140),
        telemetry(WEARABLE, 2, earlier[0], hr=150),
        telemetry(WEARABLE, 3, earlier[1], hr=150),
        telemetry(WEARABLE, 4, now - SECOND, hr=140),
    )
    found = storage_conn.execute("SELECT elder_id FROM alarm ORDER BY elder_id").fetchall()
    assert found == [(first.elder_id,), (second.elder_id,)]


def test_after_a_restart_a_sign_that_is_rarely_sent_still_counts(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    start = now - timedelta(minutes=20)
    windows = _write(storage_conn, start, telemetry(person.wearable, 0, start, sbp=105, rr=22))
    for seq in range(1, 2 * REMEMBERED):
        at = start + seq * timedelta(minutes=1)
        windows |= _write(storage_conn, at, telemetry(person.wearable, seq, at, hr=70), windows=windows)
    assert one(storage_conn, "SELECT count(*) FROM alarm") == 0
    last = telemetry(person.wearable, 99, now, hr=70, spo2=92, temp=36.5)
    again = telemetry(person.wearable, 100, now + SECOND, hr=70, spo2=92, temp=36.5)
    _write(storage_conn, now + SECOND, last, again, windows={})
    scores = storage_conn.execute("SELECT severity, details->'news2'->>'score' FROM alarm").fetchall()
    assert scores == [("urgent", "5")]


def test_after_a_restart_the_last_verdicts_still_confirm(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    windows: Windows = {}
    for seq in range(3 * REMEMBERED):
        at = now - timedelta(minutes=10) + seq * SECOND
        value = 140 if seq == 3 * REMEMBERED - 1 else 70
        windows |= _write(storage_conn, at, telemetry(person.wearable, seq, at, hr=value), windows=windows)
    _write(storage_conn, now, telemetry(person.wearable, 99, now, hr=140), windows={})
    assert storage_conn.execute("SELECT severity FROM alarm").fetchall() == [("urgent",)]
