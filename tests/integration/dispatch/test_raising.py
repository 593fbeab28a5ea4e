"""Signals join the open alarm they belong to, and a press is raised whatever the policy tables say."""

from datetime import datetime, timedelta

import psycopg
import pytest

from schemas.states import Severity
from tests.integration.dispatch.desk import SECOND, Desk, end_policies
from tests.integration.district import Connection


def test_a_real_press_beside_an_open_test_alarm_is_a_real_alarm(desk: Desk, now: datetime) -> None:
    test_id = desk.raise_(now, elder_state="test")
    later = now + timedelta(minutes=30)
    real_id = desk.raise_(later, elder_state="home")
    assert real_id not in (None, test_id)
    assert desk.raise_(later + SECOND, elder_state="home") == real_id
    assert desk.raise_(later + SECOND, elder_state="test") == test_id
    found = desk.conn.execute("SELECT is_test, signal_count, state FROM alarm ORDER BY id").fetchall()
    assert found == [(True, 2, "raised"), (False, 2, "raised")]
    desk.sweep(later + 20 * SECOND)
    assert desk.conn.execute("SELECT escalation_position FROM alarm ORDER BY id").fetchall() == [(0,), (1,)]


def test_a_test_that_ended_does_not_quieten_a_real_finding(desk: Desk, now: datetime) -> None:
    test_id = desk.raise_(now, "vitals", "urgent", elder_state="test")
    assert test_id is not None
    desk.acknowledge(now, test_id)
    desk.resolve(now, test_id)
    assert desk.raise_(now + SECOND, "vitals", "urgent") not in (None, test_id)
    assert desk.raise_(now + SECOND, "vitals", "urgent", elder_state="test") is None


@pytest.mark.parametrize(
    ("severity", "answer", "dispatch", "on_scene"),
    [("emergency", 60, 180, 900), ("urgent", 180, 900, 3600), ("advisory", 1800, None, None)],
)
def test_every_promise_of_the_severity_has_its_clock(
    desk: Desk, now: datetime, severity: Severity, answer: int, dispatch: int | None, on_scene: int | None
) -> None:
    alarm_id = desk.raise_(now, "vitals", severity)
    assert alarm_id is not None
    assert desk.alarm("answer_due_at, dispatch_due_at, on_scene_due_at", alarm_id) == tuple(
        None if seconds is None else now + seconds * SECOND for seconds in (answer, dispatch, on_scene)
    )


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("UPDATE escalation_policy SET valid_to = valid_from", (180, 0)),
        ("UPDATE escalation_policy SET valid_to = valid_from; DELETE FROM sla_policy", (180, 0)),
    ],
)
def test_an_alarm_is_raised_with_a_deadline_when_its_policy_is_missing(
    desk: Desk, now: datetime, missing: str, expected: tuple[int, int]
) -> None:
    desk.conn.execute(missing.encode())
    alarm_id = desk.raise_(now, "leak", "urgent")
    assert alarm_id is not None
    answer, first = expected
    assert desk.alarm("answer_due_at, due_at, due_reason", alarm_id) == (
        now + answer * SECOND,
        now + first * SECOND,
        "escalate",
    )


def test_an_alarm_gets_worse_when_its_policy_is_missing(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, "vitals", "urgent")
    assert alarm_id is not None
    end_policies(desk.conn)
    desk.conn.execute("DELETE FROM sla_policy")
    desk.raise_(now + SECOND, "vitals", "emergency")
    assert desk.alarm("severity, due_at", alarm_id) == ("emergency", now + SECOND)


def test_an_alarm_that_can_be_neither_found_nor_made_is_given_back(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    conn.execute("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    conn.execute("CREATE TRIGGER nothing BEFORE INSERT ON alarm FOR EACH ROW EXECUTE FUNCTION nothing()")
    with pytest.raises(psycopg.errors.SerializationFailure):
        desk.raise_(now)
