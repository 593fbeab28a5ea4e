"""Acknowledging silences and does not close; resolving ends with an outcome; nobody acts outside their scope."""

from datetime import datetime, timedelta

import pytest

from dispatch.answering import add_note, resolve
from dispatch.commands import SEEN_LIFETIME, acknowledge_command, claim_due, mark_tried, settle
from dispatch.escalation import SWEEP
from dispatch.refusals import Refused
from dispatch.sweeping import overdue
from schemas.database import transaction
from tests.integration.dispatch.desk import SECOND, Desk, end_policies
from tests.integration.dispatch.watch import Watch
from tests.integration.district import Connection, add_operator


def test_the_whole_story_is_told_in_order(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now + 9 * SECOND, alarm_id)
    with transaction(desk.conn) as tx:
        add_note(tx, now + 20 * SECOND, alarm_id, desk.operator, "正在通话")
    desk.resolve(now + 60 * SECOND, alarm_id)
    assert desk.timeline(alarm_id) == ["raised", "acknowledged", "noted", "resolved", "task_created"]
    assert desk.alarm("state, answered_at, outcome", alarm_id) == ("resolved", now + 9 * SECOND, "helped_by_phone")
    assert desk.events() == ["alarm.raised", "alarm.acknowledged", "alarm.noted", "alarm.resolved", "task.created"]


def test_unanswered_it_climbs_at_20_40_and_60_seconds_and_then_rings_on(
    storage_conn: Connection, now: datetime
) -> None:
    watch = Watch(storage_conn, now)
    alarm_id = watch.raised(now)
    watch.tick(0)
    assert watch.tick(19) == 0
    called = []
    for seconds in (20, 40, 60):
        assert watch.tick(seconds) == 1
        called.append(watch.alarm("escalation_level, escalation_roles", alarm_id))
    assert called == [
        (1, ["second_seat"]),
        (2, ["second_seat", "supervisor"]),
        (3, ["second_seat", "supervisor", "street_centre", "family"]),
    ]
    watch.tick(3600)
    assert watch.alarm("state, ended_at", alarm_id) == ("raised", None)


def test_an_acknowledged_alarm_that_goes_stale_rings_again(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now + SECOND, alarm_id)
    assert desk.sweep(now + 60 * SECOND) == 0
    with transaction(desk.conn) as tx:
        add_note(tx, now + 200 * SECOND, alarm_id, desk.operator, "还在联系")
    assert desk.sweep(now + 301 * SECOND) == 0
    assert desk.sweep(now + 500 * SECOND) == 1
    assert desk.alarm("state, acknowledged_by, answered_at", alarm_id) == ("raised", None, now + SECOND)
    desk.acknowledge(now + 510 * SECOND, alarm_id)


def test_a_worse_finding_raises_an_acknowledged_alarm_again(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, "vitals", "urgent")
    assert alarm_id is not None
    desk.acknowledge(now + SECOND, alarm_id)
    assert desk.raise_(now + 2 * SECOND, "vitals", "urgent") == alarm_id
    assert desk.alarm("state, severity", alarm_id) == ("acknowledged", "urgent")
    assert desk.raise_(now + 3 * SECOND, "vitals", "emergency") == alarm_id
    assert desk.alarm("state, severity, answer_due_at", alarm_id) == ("raised", "emergency", now + 63 * SECOND)
    assert desk.timeline(alarm_id) == ["raised", "acknowledged", "worsened"]


def test_after_a_vitals_alarm_ended_the_same_finding_stays_quiet_for_a_while(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, "vitals", "urgent")
    assert alarm_id is not None
    desk.acknowledge(now, alarm_id)
    desk.resolve(now + SECOND, alarm_id)
    assert desk.raise_(now + timedelta(minutes=29), "vitals", "urgent") is None
    assert desk.raise_(now + timedelta(minutes=29), "vitals", "emergency") not in (None, alarm_id)
    second = desk.raise_(now + timedelta(minutes=32), "vitals", "urgent")
    assert second is not None


def test_a_press_after_the_end_is_a_new_incident(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    desk.resolve(now, alarm_id)
    assert desk.raised(now + SECOND) != alarm_id


@pytest.mark.parametrize(
    ("steps", "command", "code"),
    [
        ((), "resolve", "not_yet_acknowledged"),
        (("acknowledge",), "acknowledge", "already_acknowledged"),
        (("acknowledge", "resolve"), "acknowledge", "already_ended"),
        (("acknowledge", "resolve"), "resolve", "already_ended"),
    ],
)
def test_a_command_out_of_turn_is_refused_and_changes_nothing(
    conn: Connection, now: datetime, steps: tuple[str, ...], command: str, code: str
) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    for step in steps:
        getattr(desk, step)(now, alarm_id)
    before = desk.alarm("alarm::text", alarm_id), desk.timeline(alarm_id)
    with pytest.raises(Refused, match=code):
        getattr(desk, command)(now, alarm_id)
    assert (desk.alarm("alarm::text", alarm_id), desk.timeline(alarm_id)) == before


def test_a_fall_candidate_cannot_be_answered_before_it_is_an_alarm(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raise_(now, "fall")
    assert alarm_id is not None
    with pytest.raises(Refused, match="not_yet_raised"):
        desk.acknowledge(now, alarm_id)
    assert desk.sweep(now + 30 * SECOND) == 1
    assert desk.alarm("state, due_at", alarm_id) == ("raised", now + 30 * SECOND)
    desk.acknowledge(now + 31 * SECOND, alarm_id)


def test_an_operator_of_another_street_finds_nothing(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳街道', '500109/500109002/')")
    desk.operator = add_operator(conn, "operator2", now, "500109002")
    with pytest.raises(Refused, match="not_found"):
        desk.acknowledge(now, alarm_id)


def test_the_buttons_light_answers_until_it_says_so(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    with transaction(desk.conn) as tx:
        (command,) = claim_due(tx, now, 10)
        mark_tried(tx, now, [command])
    assert (command["kind"], command["device_id"]) == ("seen", desk.person.wearable)
    with transaction(desk.conn) as tx:
        assert claim_due(tx, now + SECOND, 10) == []
        assert len(claim_due(tx, now + 2 * SECOND, 10)) == 1
        assert not acknowledge_command(tx, now, desk.person.button_key, str(command["id"]), "ok")
        assert not acknowledge_command(tx, now, desk.person.wearable_key, "not-a-uuid", "ok")
        assert acknowledge_command(tx, now, desk.person.wearable_key, str(command["id"]), "ok")
        assert claim_due(tx, now + timedelta(minutes=5), 10) == []


def test_a_command_that_expired_is_given_up_unsent(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    with transaction(desk.conn) as tx:
        assert claim_due(tx, now + SEEN_LIFETIME, 10) == []
        assert settle(tx, now + SEEN_LIFETIME, 10) == 1
    assert desk.timeline(alarm_id)[-1] == "command_expired"
    assert desk.conn.execute("SELECT next_try_at, attempts FROM command").fetchall() == [(None, 0)]


def test_the_engines_audit_sees_what_nobody_acted_on(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    desk.raised(now)
    with transaction(conn) as tx:
        assert overdue(tx, now + 5 * SECOND, 10 * SECOND, SWEEP) == 0
        assert overdue(tx, now + 11 * SECOND, 10 * SECOND, SWEEP) == 1
    while desk.sweep(now + 11 * SECOND):
        pass
    with transaction(conn) as tx:
        assert overdue(tx, now + 11 * SECOND, 10 * SECOND, SWEEP) == 0


def test_an_alarm_without_a_policy_can_be_acknowledged_and_goes_stale(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    end_policies(conn)
    conn.execute("DELETE FROM sla_policy")
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    assert desk.alarm("state, due_at, due_reason", alarm_id) == ("acknowledged", now + 300 * SECOND, "realarm")


def test_a_resolved_alarm_is_closed_a_day_later(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    with transaction(conn) as tx:
        resolve(tx, now, alarm_id, desk.operator, "false_alarm", None, "pressed_by_mistake")
    assert desk.sweep(now + timedelta(hours=24)) == 1
    assert desk.alarm("state, due_at, ended_at", alarm_id) == ("closed", None, now)
