"""What the vitals rule remembers: of one wearer only, and after a restart as much as it needs."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingest.rules import LONGEST_MEMORY
from ingest.vitals_alarms import Windows, apply_vitals_rule, recall
from schemas.database import Row, Transaction
from tests.integration.district import Connection, Person, add_person, hand_over, one
from tests.integration.ingest.messages import millis, received, telemetry
from tests.integration.ingest.rules_at_work import arrivals_of, write

SECOND = timedelta(seconds=1)
WEARABLE = "W-7"


def test_the_next_wearer_is_not_scored_with_the_last_ones_values(storage_conn: Connection, now: datetime) -> None:
    handover = now - timedelta(minutes=3)
    hand_over(storage_conn, now, handover)
    before = handover - 60 * SECOND
    windows = write(storage_conn, handover, telemetry(WEARABLE, 1, before, hr=150, spo2=85, rr=30))
    for seq in range(2, 6):
        at = now + seq * SECOND
        # Two go on from memory, two are read again from the stored readings as after a restart.
        remembered = windows if seq < 4 else Windows()
        write(storage_conn, at, telemetry(WEARABLE, seq, at, temp=36.6, hr=75), windows=remembered)
    assert storage_conn.execute("SELECT elder_id, details FROM alarm").fetchall() == []


def test_late_readings_of_the_last_wearer_do_not_disturb_the_next(storage_conn: Connection, now: datetime) -> None:
    handover = now - timedelta(minutes=3)
    first, second = hand_over(storage_conn, now, handover)
    earlier = [handover - minutes * timedelta(minutes=1) for minutes in (2, 1)]
    write(
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
    pressures = [telemetry(person.wearable, seq, start + seq * SECOND, sbp=105, rr=22) for seq in range(2)]
    windows = write(storage_conn, start + SECOND, *pressures)
    for seq in range(2, 2 * LONGEST_MEMORY):
        at = start + seq * timedelta(minutes=1)
        write(storage_conn, at, telemetry(person.wearable, seq, at, hr=70), windows=windows)
    assert one(storage_conn, "SELECT count(*) FROM alarm") == 0
    last = telemetry(person.wearable, 99, now, hr=70, spo2=92, temp=36.5)
    again = telemetry(person.wearable, 100, now + SECOND, hr=70, spo2=92, temp=36.5)
    write(storage_conn, now + SECOND, last, again, windows=Windows())
    scores = storage_conn.execute("SELECT severity, details->'news2'->>'score' FROM alarm").fetchall()
    assert scores == [("urgent", "5")]


def test_after_a_restart_the_last_verdicts_still_confirm(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    windows = Windows()
    for seq in range(3 * LONGEST_MEMORY):
        at = now - timedelta(minutes=10) + seq * SECOND
        value = 140 if seq == 3 * LONGEST_MEMORY - 1 else 70
        write(storage_conn, at, telemetry(person.wearable, seq, at, hr=value), windows=windows)
    write(storage_conn, now, telemetry(person.wearable, 99, now, hr=140), windows=Windows())
    assert storage_conn.execute("SELECT severity FROM alarm").fetchall() == [("urgent",)]


def _random_vitals(chance: random.Random) -> dict[str, float]:
    """What a wearable of somebody unwell may send: some signs often, some seldom, all of them noisy."""
    values = {"hr": chance.choice((75, 95, 115, 135)), "spo2": chance.choice((97, 94, 92, 90))}
    if chance.random() < 0.5:
        values |= {"rr": chance.choice((15, 22, 26)), "temp": chance.choice((36.5, 38.2, 39.4))}
    if chance.random() < 0.15:
        values |= {"sbp": chance.choice((85, 105, 125))}
    return {name: value for name, value in values.items() if chance.random() < 0.8} or {"hr": 75}


def _alarms_of(conn: Connection, person: Person) -> list[Any]:
    return conn.execute(
        "SELECT timeline.kind, timeline.at, timeline.detail FROM alarm JOIN alarm_event AS timeline"
        " ON timeline.alarm_id = alarm.id WHERE alarm.elder_id = %s ORDER BY timeline.id",
        (person.elder_id,),
    ).fetchall()


@pytest.mark.parametrize("seed", range(4))
def test_whoever_takes_over_finds_what_the_process_before_would_have_found(
    seed: int, storage_conn: Connection, now: datetime
) -> None:
    chance = random.Random(seed)
    stays, moves = add_person(storage_conn, 1, now), add_person(storage_conn, 2, now)
    staying, moving = Windows(), Windows()
    at = now - timedelta(minutes=70)
    for seq in range(60):
        at += timedelta(seconds=chance.choice((20, 60, 120)))
        values = _random_vitals(chance)
        write(storage_conn, at, telemetry(stays.wearable, seq, at, **values), windows=staying)
        if chance.random() < 0.4:
            moving = Windows()
        write(storage_conn, at, telemetry(moves.wearable, seq, at, **values), windows=moving)
    assert _alarms_of(storage_conn, stays) == _alarms_of(storage_conn, moves)
    assert _alarms_of(storage_conn, stays)


def _backfill(person: Person, first: datetime, now: datetime) -> Any:
    samples = [{"at": millis(first + minute * timedelta(minutes=1)), "hr": 140, "spo2": 88} for minute in range(5)]
    body = {"v": 1, "boot": "b1", "seq": 1, "samples": samples}
    return received(person.wearable, "telemetry", json.dumps(body).encode(), now)


@pytest.mark.parametrize(("late", "raised"), [(timedelta(minutes=10), 1), (timedelta(hours=1), 0)])
def test_a_backfill_is_stored_and_raises_nothing_stale(
    late: timedelta, raised: int, storage_conn: Connection, now: datetime
) -> None:
    person = add_person(storage_conn, 1, now)
    write(storage_conn, now, _backfill(person, now - late, now))
    assert one(storage_conn, "SELECT count(*) FROM vitals WHERE hr = 140") == 5
    assert one(storage_conn, "SELECT count(*) FROM alarm") == raised


def test_how_old_a_finding_may_be_is_data(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    storage_conn.execute("UPDATE rule_policy SET max_age_seconds = 7200 WHERE rule = 'news2_urgent'")
    write(storage_conn, now, _backfill(person, now - timedelta(hours=1), now))
    assert storage_conn.execute("SELECT severity FROM alarm").fetchall() == [("urgent",)]


def test_a_lasting_finding_is_raised_anew_once_its_alarm_has_ended_and_the_quiet_time_is_over(
    storage_conn: Connection, now: datetime
) -> None:
    person, windows = add_person(storage_conn, 1, now), Windows()
    for minute in range(80):
        at = now + minute * timedelta(minutes=1)
        write(storage_conn, at, telemetry(person.wearable, minute, at, hr=140), windows=windows)
        if minute == 10:
            storage_conn.execute(
                "UPDATE alarm SET state = 'cancelled', ended_at = %s, due_at = NULL, due_reason = NULL", (at,)
            )
    raised = storage_conn.execute("SELECT raised_at FROM alarm ORDER BY id").fetchall()
    minutes = [(raised_at - now) / timedelta(minutes=1) for (raised_at,) in raised]
    assert minutes[0] == 1
    assert len(minutes) == 2
    assert 40 <= minutes[1] <= 46


class CountedTransaction(Transaction):
    """Counts what is asked of the database."""

    asked = 0

    def rows(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> list[Row]:
        self.asked += 1
        return super().rows(query, params)

    def row(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> Row | None:
        self.asked += 1
        return super().row(query, params)

    def execute(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> int:
        self.asked += 1
        return super().execute(query, params)


def test_a_batch_of_known_wearers_asks_the_database_nothing(storage_conn: Connection, now: datetime) -> None:
    """Not even for the sick among them, whose alarm was raised a moment ago."""
    people, windows = [add_person(storage_conn, number, now) for number in range(1, 21)], Windows()
    for minute in range(3):
        at = now + minute * timedelta(minutes=1)
        batch = [
            telemetry(person.wearable, minute, at, hr=140 if number % 4 == 0 else 70)
            for number, person in enumerate(people)
        ]
        write(storage_conn, at, *batch, windows=windows)
    assert one(storage_conn, "SELECT count(*) FROM alarm") == 5
    with storage_conn.transaction():
        tx = CountedTransaction(storage_conn)
        fresh = arrivals_of(tx, [telemetry(person.wearable, 9, at + SECOND, hr=141) for person in people])
        tx.asked = 0
        windows |= apply_vitals_rule(tx, at + SECOND, fresh, recall(tx, at + SECOND, fresh, windows))
        assert tx.asked == 0


def test_devices_that_measure_no_vital_signs_are_not_remembered(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    windows = write(storage_conn, now, telemetry(person.button, 1, now, bat=80, lat=29.8, lon=106.4))
    assert not windows


def test_after_a_restart_a_device_whose_clock_runs_ahead_is_remembered_too(
    storage_conn: Connection, now: datetime
) -> None:
    person = add_person(storage_conn, 1, now)
    for seq in range(2):
        message = telemetry(person.wearable, seq, now + timedelta(minutes=4) + seq * SECOND, hr=140)
        write(storage_conn, now + seq * SECOND, message, windows=Windows())
    assert one(storage_conn, "SELECT count(*) FROM alarm") == 1
