"""Answers by keypad: 1 takes the alarm as that person, 2 moves on at once, and each counts once."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from dispatch.answers import Answer, Key, answer
from dispatch.refusals import Refused
from dispatch.shelving import shelve
from schemas.database import transaction
from tests.integration.dispatch.called import Calls, add_reach
from tests.integration.dispatch.desk import Desk
from tests.integration.dispatch.silent import Silent
from tests.integration.district import Connection, add_operator, one


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


@pytest.fixture
def calls(desk: Desk, database_url: str, now: datetime) -> Calls:
    """A telephone that takes every call and never says more."""
    add_reach(desk.conn, now, desk.operator, "voice", "+8613900000001", 1)
    add_reach(desk.conn, now, desk.operator, "sms", "+8613900000001", 2)
    return Calls(desk, database_url, now, {"voice": Silent("voice"), "sms": Silent("sms")})


def press(calls: Calls, key: UUID, pressed: Key) -> Answer:
    with transaction(calls.desk.conn) as tx:
        return answer(tx, calls.now, key, pressed)


def called(calls: Calls, *accounts: int, contacts: tuple[int, ...] = ()) -> tuple[int, list[UUID]]:
    """A raised alarm to which these are called, and the keys of their calls."""
    alarm_id = calls.desk.raised(calls.now)
    calls.summon(alarm_id, *accounts, contacts=contacts)
    calls.send()
    return alarm_id, [row["key"] for row in calls.all()]


def test_one_acknowledges_as_the_person_who_was_called(desk: Desk, calls: Calls) -> None:
    alarm_id, [key] = called(calls, desk.operator)
    assert press(calls, key, "1") == "acknowledged"
    assert desk.alarm("state, acknowledged_by", alarm_id) == ("acknowledged", desk.operator)
    assert desk.timeline(alarm_id)[-2:] == ["acknowledged", "replied"]


def test_the_same_answer_twice_is_one(desk: Desk, calls: Calls) -> None:
    alarm_id, [key] = called(calls, desk.operator)
    assert press(calls, key, "1") == press(calls, key, "1") == "acknowledged"
    assert desk.timeline(alarm_id).count("acknowledged") == 1
    assert press(calls, key, "2") == "acknowledged"


def test_who_presses_one_too_late_is_noted(desk: Desk, calls: Calls) -> None:
    other = add_operator(desk.conn, "operator2", calls.now)
    add_reach(desk.conn, calls.now, other, "voice", "+8613900000002", 1)
    alarm_id, keys = called(calls, desk.operator, other)
    assert [press(calls, key, "1") for key in keys] == ["acknowledged", "noted"]
    assert desk.alarm("acknowledged_by", alarm_id) == (desk.operator,)


def test_one_takes_no_alarm_that_was_put_aside_meanwhile(desk: Desk, calls: Calls) -> None:
    alarm_id, [key] = called(calls, desk.operator)
    until = calls.now + timedelta(hours=2)
    desk.conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (desk.operator,))
    with transaction(desk.conn) as tx:
        shelve(tx, calls.now, alarm_id, desk.operator, "waiting_for_family", until, None)
    assert press(calls, key, "1") == "noted"
    assert desk.alarm("state, due_reason, due_at", alarm_id) == ("shelved", "unshelve", until)


def test_out_of_scope_one_does_not_acknowledge(desk: Desk, calls: Calls) -> None:
    desk.conn.execute("INSERT INTO org_unit VALUES ('500112', NULL, 'district', '渝北区', '500112/', 29.7, 106.6)")
    stranger = add_operator(desk.conn, "stranger", calls.now, "500112")
    add_reach(desk.conn, calls.now, stranger, "voice", "+8613900000003", 1)
    alarm_id, [key] = called(calls, stranger)
    assert press(calls, key, "1") == "noted"
    assert desk.alarm("state", alarm_id) == ("raised",)


def test_a_relative_has_understood_and_the_alarm_stays_raised(desk: Desk, calls: Calls) -> None:
    contact = one(
        desk.conn,
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority)"
        " VALUES (%s, '李红', 'daughter', '13900000004', 1) RETURNING id",
        desk.person.elder_id,
    )
    alarm_id, [key] = called(calls, contacts=(contact,))
    assert press(calls, key, "1") == "noted"
    assert desk.alarm("state", alarm_id) == ("raised",)
    assert desk.events()[-1] == "alarm.replied"


def test_two_moves_the_alarm_on_at_once_when_nobody_is_left(desk: Desk, calls: Calls) -> None:
    other = add_operator(desk.conn, "operator2", calls.now)
    add_reach(desk.conn, calls.now, other, "voice", "+8613900000002", 1)
    alarm_id, keys = called(calls, desk.operator, other)
    assert press(calls, keys[0], "2") == "declined"
    assert "unreached" not in desk.timeline(alarm_id)
    assert press(calls, keys[1], "2") == "declined"
    assert desk.timeline(alarm_id)[-1] == "unreached"


def test_who_declined_is_not_called_on_further_ways(desk: Desk, calls: Calls) -> None:
    _, [key] = called(calls, desk.operator)
    press(calls, key, "2")
    calls.now = calls.now.replace(year=calls.now.year + 1)
    calls.send()
    assert [row["transport"] for row in calls.all()] == ["voice"]


def test_a_disabled_account_answers_nothing(desk: Desk, calls: Calls) -> None:
    _, [key] = called(calls, desk.operator)
    desk.conn.execute("UPDATE account SET disabled_at = %s", (calls.now,))
    with pytest.raises(Refused, match="not_found"):
        press(calls, key, "1")


def test_an_unknown_key_is_refused(calls: Calls) -> None:
    with pytest.raises(Refused, match="not_found"):
        press(calls, uuid4(), "1")
