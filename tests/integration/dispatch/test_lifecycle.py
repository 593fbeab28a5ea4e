"""The database allows exactly the steps of the table; claims, shelving and outcomes; timelines are never rewritten."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import get_args

import psycopg
import pytest

from dispatch.answering import add_note, resolve
from dispatch.claims import claim, sweep_claims
from dispatch.recovery import end_by_itself
from dispatch.refusals import Refused
from dispatch.shelving import shelve
from schemas.database import Transaction, transaction
from schemas.states import ALARM_BEGINS, ALARM_STEPS, ENDED, AlarmState
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection, add_operator, by_hand, one

STATES = get_args(AlarmState)
HOUR = timedelta(hours=1)


def do(desk: Desk, command: Callable[[Transaction], object], seat: int | None = None) -> None:
    """One command in a transaction of its own, from a seat."""
    with transaction(desk.conn, seat) as tx:
        command(tx)


def put_aside(desk: Desk, now: datetime, alarm_id: int, hours: float = 1) -> None:
    """Shelve an alarm for some hours."""
    until = now + timedelta(hours=hours)
    do(desk, lambda tx: shelve(tx, now, alarm_id, desk.operator, "engineer_coming", until, "明早来修"))


def a_seat(conn: Connection, name: str = "一号席") -> int:
    """A desk of the district."""
    return one(conn, "INSERT INTO seat (org_code, name) VALUES ('500109', %s) RETURNING id", name)


def test_the_databases_table_of_steps_is_the_codes(storage_conn: Connection) -> None:
    steps = set(storage_conn.execute("SELECT from_state, to_state FROM alarm_step"))
    assert steps == {(before, after) for before, following in ALARM_STEPS.items() for after in following}


@pytest.mark.parametrize("before", STATES)
def test_the_database_refuses_every_step_that_the_table_does_not_name(
    conn: Connection, now: datetime, before: AlarmState
) -> None:
    alarm_id = Desk(conn, now).raised(now)
    put = (
        "UPDATE alarm SET state = %(state)s, ended_at = CASE WHEN %(ended)s THEN %(now)s::timestamptz END,"
        " outcome = CASE WHEN %(ended)s THEN 'helped_by_phone' END, due_at = %(now)s,"
        " due_reason = CASE %(state)s WHEN 'shelved' THEN 'unshelve' ELSE 'realarm' END,"
        " shelved_reason = CASE %(state)s WHEN 'shelved' THEN 'other' END WHERE id = %(id)s"
    )
    for after in STATES:
        if after == before:
            continue
        with by_hand(conn):
            conn.execute(put, {"state": before, "ended": before in ENDED, "now": now, "id": alarm_id})
        step = {"state": after, "ended": after in ENDED, "now": now, "id": alarm_id}
        if after in ALARM_STEPS[before]:
            conn.execute(put, step)
        else:
            with pytest.raises(psycopg.errors.CheckViolation, match="cannot become"):
                conn.execute(put, step)


@pytest.mark.parametrize("state", ["acknowledged", "dispatched", "on_scene", "shelved"])
def test_something_worse_raises_whatever_somebody_has_in_hand(desk: Desk, now: datetime, state: AlarmState) -> None:
    alarm_id = desk.raise_(now, "vitals", "urgent")
    with by_hand(desk.conn):
        desk.conn.execute(
            "UPDATE alarm SET state = %(state)s, acknowledged_at = %(now)s, acknowledged_by = %(by)s, due_at = %(now)s,"
            " due_reason = CASE %(state)s WHEN 'shelved' THEN 'unshelve' ELSE 'realarm' END,"
            " shelved_reason = CASE %(state)s WHEN 'shelved' THEN 'other' END WHERE id = %(id)s",
            {"state": state, "now": now, "by": desk.operator, "id": alarm_id},
        )
    assert desk.raise_(now + SECOND, "vitals", "emergency") == alarm_id
    assert alarm_id is not None
    assert desk.alarm("state, severity, due_reason, acknowledged_by, shelved_reason", alarm_id) == (
        "raised",
        "emergency",
        "escalate",
        None,
        None,
    )


def test_alarms_begin_where_the_table_says(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    desk.raised(now)
    desk.raise_(now, "fall")
    assert {state for (state,) in conn.execute("SELECT state FROM alarm")} == ALARM_BEGINS


def test_nobody_rewrites_a_timeline(storage_conn: Connection, now: datetime) -> None:
    alarm_id = Desk(storage_conn, now).raised(now)
    for change in (
        "UPDATE alarm_event SET note = 'x'",
        "DELETE FROM alarm_event",
        "TRUNCATE alarm_event",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            storage_conn.execute(change.encode())
    assert one(storage_conn, "SELECT count(*) FROM alarm_event WHERE alarm_id = %s", alarm_id) == 1


def test_a_resolved_alarm_has_an_outcome(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    with pytest.raises(psycopg.errors.CheckViolation, match="alarm_outcome"):
        conn.execute("UPDATE alarm SET state = 'resolved', ended_at = %s", (now,))


def test_a_timeline_says_who_did_what_from_which_seat(desk: Desk, now: datetime) -> None:
    alarm_id, seat = desk.raised(now), a_seat(desk.conn)
    do(desk, lambda tx: claim(tx, now, alarm_id, desk.operator), seat)
    desk.acknowledge(now, alarm_id)
    do(desk, lambda tx: add_note(tx, now, alarm_id, desk.operator, "在通话"), seat)
    rows = desk.conn.execute("SELECT kind, actor_id, seat_id FROM alarm_event ORDER BY id").fetchall()
    assert rows == [
        ("raised", None, None),
        ("claimed", desk.operator, seat),
        ("acknowledged", desk.operator, None),
        ("noted", desk.operator, seat),
    ]


def test_a_claim_is_shown_for_thirty_seconds_and_keeps_nobody_from_acknowledging(desk: Desk, now: datetime) -> None:
    alarm_id, other = desk.raised(now), add_operator(desk.conn, "operator2", now)
    do(desk, lambda tx: claim(tx, now, alarm_id, desk.operator))
    assert desk.alarm("state, claimed_by, claimed_until", alarm_id) == ("raised", desk.operator, now + 30 * SECOND)
    with pytest.raises(Refused, match="claimed_by_another"):
        do(desk, lambda tx: claim(tx, now + 29 * SECOND, alarm_id, other))
    desk.operator = other
    desk.acknowledge(now + 29 * SECOND, alarm_id)
    assert desk.alarm("state, claimed_by, claimed_until", alarm_id) == ("acknowledged", None, None)


def test_a_claim_that_ran_out_leaves_every_card_and_another_may_claim(desk: Desk, now: datetime) -> None:
    alarm_id, other = desk.raised(now), add_operator(desk.conn, "operator2", now)
    do(desk, lambda tx: claim(tx, now, alarm_id, desk.operator))
    do(desk, lambda tx: claim(tx, now + 20 * SECOND, alarm_id, desk.operator))
    with transaction(desk.conn) as tx:
        assert sweep_claims(tx, now + 49 * SECOND) == 0
        assert sweep_claims(tx, now + 50 * SECOND) == 1
    assert desk.alarm("claimed_by, claimed_until", alarm_id) == (None, None)
    assert desk.events() == ["alarm.raised", "alarm.claimed", "alarm.claimed", "alarm.claim_ended"]
    assert desk.timeline(alarm_id) == ["raised", "claimed"]
    do(desk, lambda tx: claim(tx, now + 51 * SECOND, alarm_id, other))


@pytest.mark.parametrize("ended", [False, True])
def test_what_is_answered_or_over_is_not_claimed(desk: Desk, now: datetime, *, ended: bool) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    if ended:
        desk.resolve(now, alarm_id)
    with pytest.raises(Refused, match="already_ended" if ended else "already_acknowledged"):
        do(desk, lambda tx: claim(tx, now, alarm_id, desk.operator))


def test_a_shelved_alarm_is_silent_until_its_time_and_then_rings_from_the_start(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, "device_offline", "technical")
    assert alarm_id is not None
    put_aside(desk, now, alarm_id, hours=2)
    assert desk.alarm("state, due_at, due_reason, answered_at, shelved_reason", alarm_id) == (
        "shelved",
        now + 2 * HOUR,
        "unshelve",
        now,
        "engineer_coming",
    )
    assert desk.sweep(now + 2 * HOUR - SECOND) == 0
    desk.sweep(now + 2 * HOUR)
    assert desk.alarm("state, acknowledged_by, shelved_reason, ended_at", alarm_id) == ("raised", None, None, None)
    assert desk.timeline(alarm_id)[:3] == ["raised", "shelved", "unshelved"]
    assert "alarm.unshelved" in desk.events()


def test_something_worse_takes_a_shelved_alarm_out(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, "vitals", "urgent")
    assert alarm_id is not None
    put_aside(desk, now, alarm_id)
    assert desk.raise_(now + SECOND, "vitals", "urgent") == alarm_id
    assert desk.alarm("state", alarm_id) == ("shelved",)
    assert desk.raise_(now + 2 * SECOND, "vitals", "emergency") == alarm_id
    assert desk.alarm("state, severity, shelved_reason, due_reason", alarm_id) == (
        "raised",
        "emergency",
        None,
        "escalate",
    )


def test_another_press_takes_a_shelved_call_for_help_out(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (desk.operator,))
    put_aside(desk, now, alarm_id)
    assert desk.raise_(now + SECOND) == alarm_id
    assert desk.alarm("state, signal_count, due_reason", alarm_id) == ("raised", 2, "escalate")
    assert desk.timeline(alarm_id) == ["raised", "shelved", "signalled", "unshelved"]


def test_a_shelved_alarm_is_acknowledged_before_anything_else_and_ends_with_its_cause(
    desk: Desk, now: datetime
) -> None:
    first = desk.raise_(now, "device_offline", "technical")
    assert first is not None
    put_aside(desk, now, first)
    with pytest.raises(Refused, match="shelved"):
        desk.resolve(now, first)
    desk.acknowledge(now + SECOND, first)
    assert desk.alarm("state, shelved_reason, due_reason", first) == ("acknowledged", None, "realarm")
    put_aside(desk, now + SECOND, first)
    with transaction(desk.conn) as tx:
        assert end_by_itself(tx, now + 2 * SECOND, first)
    assert desk.alarm("state, outcome, shelved_reason", first) == ("resolved", "recovered", None)


def test_only_a_supervisor_puts_an_emergency_aside(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    with pytest.raises(Refused, match="emergency_not_shelved"):
        put_aside(desk, now, alarm_id)
    assert desk.alarm("state", alarm_id) == ("raised",)


def test_a_false_alarm_needs_its_cause_and_keeps_it(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    with pytest.raises(Refused, match="cause_missing"):
        do(desk, lambda tx: resolve(tx, now, alarm_id, desk.operator, "false_alarm", None))
    do(desk, lambda tx: resolve(tx, now, alarm_id, desk.operator, "false_alarm", None, "taken_off"))
    assert desk.alarm("outcome, outcome_cause, due_reason", alarm_id) == ("false_alarm", "taken_off", "close")


def test_a_cause_is_only_that_of_a_false_alarm(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    do(desk, lambda tx: resolve(tx, now, alarm_id, desk.operator, "hospital", None, "taken_off"))
    assert desk.alarm("outcome, outcome_cause", alarm_id) == ("hospital", None)
