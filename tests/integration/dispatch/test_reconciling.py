"""An answer that was given without the database counts from when the call was heard, not from when it was recorded."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from dispatch.compliance import Period, in_all, read_tallies
from dispatch.reconciling import LateAnswer, settle
from dispatch.reviews import sweep_promises
from schemas.database import transaction
from schemas.states import AlarmKind
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection

OUTAGE = timedelta(minutes=10)


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


def recorded(desk: Desk, at: datetime, kind: AlarmKind = "sos") -> int:
    """An event that is stored only now, with the alarm it raises."""
    alarm_id = desk.raise_(at, kind)
    assert alarm_id is not None
    desk.conn.execute(
        "INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload, alarm_id)"
        " VALUES (%s, 'b1', 1, %s, %s, %s, 't', '{}', %s)",
        (desk.person.wearable_key, kind, at, at, alarm_id),
    )
    return alarm_id


def answered(desk: Desk, now: datetime, heard_at: datetime, at: datetime) -> None:
    """Apply what somebody did on the emergency page."""
    said = LateAnswer(uuid4(), at, desk.operator, "W-00001", [("W-00001", "b1", 1)], heard_at)
    with transaction(desk.conn) as tx:
        settled = settle(tx, now, said)
    assert settled is not None and settled.result == "acknowledged"


def breaches(desk: Desk, now: datetime) -> list[tuple[object, ...]]:
    with transaction(desk.conn) as tx:
        sweep_promises(tx, now)
    query = "SELECT detail->>'promise', (detail->>'late_seconds')::integer FROM task WHERE kind = 'breach_review'"
    return desk.conn.execute(query).fetchall()


def waited(desk: Desk, now: datetime) -> tuple[float, int]:
    """How long the one call for help waited, and how many count as answered within 60 s."""
    period = Period(now - timedelta(days=1), now + timedelta(days=1), ["500109", "500109001"])
    answer = in_all(read_tallies(desk.conn, now, period, "day"))["answer"]
    assert answer.spread is not None and answer.bar is not None
    return answer.spread.mean, answer.bar.within_60


def test_an_answer_that_let_somebody_wait_breaks_its_promise(desk: Desk, now: datetime) -> None:
    recorded(desk, now + OUTAGE)
    answered(desk, now + OUTAGE + SECOND, now, now + 540 * SECOND)
    assert breaches(desk, now + OUTAGE + 2 * SECOND) == [("answer", 480)]
    assert waited(desk, now + OUTAGE + 2 * SECOND) == (540.0, 0)


def test_an_answer_in_time_keeps_its_promise_and_its_time(desk: Desk, now: datetime) -> None:
    recorded(desk, now + OUTAGE)
    answered(desk, now + OUTAGE + SECOND, now, now + 40 * SECOND)
    assert breaches(desk, now + OUTAGE + 2 * SECOND) == []
    assert waited(desk, now + OUTAGE + 2 * SECOND) == (40.0, 1)


def test_what_rang_before_it_was_heard_beside_the_database_waits_from_then(desk: Desk, now: datetime) -> None:
    recorded(desk, now)
    answered(desk, now + OUTAGE, now + 30 * SECOND, now + 50 * SECOND)
    assert waited(desk, now + OUTAGE) == (50.0, 1)


def test_a_breach_that_was_told_stays_one_when_the_answer_was_late(desk: Desk, now: datetime) -> None:
    recorded(desk, now + OUTAGE)
    assert breaches(desk, now + OUTAGE + 70 * SECOND) == [("answer", 10)]
    answered(desk, now + OUTAGE + 80 * SECOND, now, now + 540 * SECOND)
    assert breaches(desk, now + OUTAGE + 81 * SECOND) == [("answer", 10)]
    assert waited(desk, now + OUTAGE + 81 * SECOND) == (540.0, 0)


def test_a_breach_that_was_told_is_taken_back_when_the_answer_was_in_time(desk: Desk, now: datetime) -> None:
    recorded(desk, now + OUTAGE)
    breaches(desk, now + OUTAGE + 70 * SECOND)
    answered(desk, now + OUTAGE + 80 * SECOND, now, now + 40 * SECOND)
    breaches(desk, now + OUTAGE + 81 * SECOND)
    assert desk.conn.execute("SELECT outcome FROM task WHERE kind = 'breach_review'").fetchall() == [("not_needed",)]
