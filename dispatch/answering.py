"""What an operator does with an alarm: acknowledge, note, resolve; each locks it and checks the caller's scope."""

from datetime import datetime, timedelta
from typing import Any

from dispatch import notifications, offers, tasks
from dispatch.alarm_events import record
from dispatch.call_backs import CLOSE_AFTER, call_back_time, needs_call_back, next_day
from dispatch.commands import answer_lights
from dispatch.escalation import goes_stale
from dispatch.refusals import Refused
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import ANSWERED, FalseAlarmCause, Outcome, follows

LOCK_IN_SCOPE = statement("""
    SELECT alarm.id, alarm.kind, alarm.state, alarm.severity, alarm.is_test, alarm.elder_id, alarm.household_id,
           alarm.device_key, alarm.response_state, alarm.responder_id, alarm.on_scene_at, alarm.on_scene_due_at,
           alarm.claimed_by, alarm.claimed_until, (SELECT role FROM account WHERE id = %(actor_id)s::integer) AS role
    FROM alarm
    WHERE alarm.id = %(id)s::bigint AND EXISTS (
        SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
        WHERE audience.alarm_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer
          AND audience.role IN ('operator', 'supervisor'))
    FOR UPDATE OF alarm
""")
STALE = statement("SELECT stale_seconds FROM severity_policy WHERE severity = %(severity)s::text")
ACKNOWLEDGE = statement("""
    UPDATE alarm
    SET state = CASE WHEN responder_id IS NULL THEN 'acknowledged'
                     WHEN on_scene_at IS NULL THEN 'dispatched' ELSE 'on_scene' END,
        acknowledged_at = %(now)s::timestamptz, acknowledged_by = %(actor_id)s::integer,
        answered_seat = CASE WHEN answered_at IS NULL THEN %(seat_id)s::integer ELSE answered_seat END,
        answered_at = COALESCE(answered_at, %(now)s::timestamptz),
        due_at = %(stale_at)s::timestamptz, due_reason = 'realarm', shelved_reason = NULL,
        claimed_by = NULL, claimed_seat = NULL, claimed_until = NULL
    WHERE id = %(id)s::bigint
""")
PROGRESS = statement("""
    UPDATE alarm SET due_at = %(stale_at)s::timestamptz WHERE id = %(id)s::bigint AND due_reason = 'realarm'
""")
RESOLVE = statement("""
    UPDATE alarm
    SET state = 'resolved', ended_at = %(now)s::timestamptz, resolved_by = %(actor_id)s::integer,
        outcome = %(outcome)s::text, outcome_cause = %(cause)s::text, due_at = %(close_at)s::timestamptz,
        due_reason = CASE WHEN %(close_at)s::timestamptz IS NOT NULL THEN 'close' END,
        response_state = NULLIF(response_state, 'searching'), response_due_at = NULL,
        sla_due_at = CASE WHEN paused_at IS NULL THEN sla_due_at ELSE %(now)s::timestamptz END
    WHERE id = %(id)s::bigint
""")


def lock_in_scope(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> Row:
    """Lock an alarm for a member of staff: what it is, who has it in hand, and the caller's role.

    Raises Refused not_found when it is outside the caller's scope.
    """
    alarm = tx.row(LOCK_IN_SCOPE, {"id": alarm_id, "now": now, "actor_id": actor_id})
    if alarm is None:
        raise Refused("not_found")
    return alarm


def refuse_unless_answered(alarm: Row) -> None:
    """Raise Refused not_yet_raised, not_yet_acknowledged, shelved or already_ended unless somebody has it in hand."""
    if alarm["state"] == "pending":
        raise Refused("not_yet_raised")
    if alarm["state"] == "raised":
        raise Refused("not_yet_acknowledged")
    if alarm["state"] == "shelved":
        raise Refused("shelved")
    if not follows(alarm["state"], "resolved"):
        raise Refused("already_ended")


def count_as_progress(tx: Transaction, now: datetime, alarm: Row) -> None:
    """Put off the moment at which a locked alarm rings again; one that rings now goes on ringing."""
    tx.execute(PROGRESS, {"id": alarm["id"], "stale_at": _stale_at(tx, now, alarm)})


def _stale_at(tx: Transaction, now: datetime, alarm: Row) -> datetime:
    """A query of its own, after the lock: the severity may have changed while it was waited for."""
    [policy] = tx.rows(STALE, {"severity": alarm["severity"]})
    return goes_stale(alarm, timedelta(seconds=policy["stale_seconds"]), now)


def acknowledge(
    tx: Transaction,
    now: datetime,
    alarm_id: int,
    actor_id: int,
    *,
    done_at: datetime | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Take the alarm: it falls silent, its escalation stops, the button's light answers; nobody waits at a device whose
    alarm is technical.

    One that rang again goes back to where its responder is: on the way or on the scene. `done_at` is when it was done
    if that is not now: on the emergency page, without the database; what follows is counted from now all the same.
    Raises Refused: not_found, not_yet_raised, already_acknowledged, already_ended.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    if alarm["state"] == "pending":
        raise Refused("not_yet_raised")
    if alarm["state"] in ANSWERED:
        raise Refused("already_acknowledged")
    if not follows(alarm["state"], "acknowledged"):
        raise Refused("already_ended")
    notifications.withdraw(tx, now, alarm_id)
    done_at = done_at or now
    about = {"id": alarm_id, "now": done_at, "actor_id": actor_id, "seat_id": tx.seat_id}
    tx.execute(ACKNOWLEDGE, {**about, "stale_at": _stale_at(tx, now, alarm)})
    record(tx, done_at, alarm_id, "acknowledged", actor_id=actor_id, detail=detail)
    if alarm["severity"] != "technical":
        answer_lights(tx, now, alarm_id)
    tx.emit(Event("alarm.acknowledged", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def add_note(tx: Transaction, now: datetime, alarm_id: int, actor_id: int, text: str) -> None:
    """Write down what was learned; counts as progress. Ended alarms can still be noted. Raises Refused: not_found."""
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    count_as_progress(tx, now, alarm)
    record(tx, now, alarm_id, "noted", actor_id=actor_id, note=text)
    tx.emit(Event("alarm.noted", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def resolve(
    tx: Transaction,
    now: datetime,
    alarm_id: int,
    actor_id: int,
    outcome: Outcome,
    note: str | None,
    cause: FalseAlarmCause | None = None,
) -> None:
    """End the alarm with an outcome; whoever is still being asked to go is told that it is over. After a severe one
    somebody has to call back on the next day before it is closed.

    Raises Refused: not_found, not_yet_raised, not_yet_acknowledged, shelved, already_ended, cause_missing.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    refuse_unless_answered(alarm)
    if outcome == "false_alarm" and cause is None:
        raise Refused("cause_missing")
    somebody = alarm["elder_id"] is not None or alarm["household_id"] is not None
    calls = needs_call_back(alarm["severity"], outcome, is_test=alarm["is_test"], somebody=somebody)
    notifications.withdraw(tx, now, alarm_id)
    offers.withdraw(tx, now, Subject("alarm", alarm_id, alarm["elder_id"]))
    how = {"outcome": outcome, "cause": cause if outcome == "false_alarm" else None}
    close_at = None if calls else now + CLOSE_AFTER
    tx.execute(RESOLVE, {"id": alarm_id, "now": now, "actor_id": actor_id, "close_at": close_at, **how})
    said = {name: said for name, said in how.items() if said is not None}
    record(tx, now, alarm_id, "resolved", actor_id=actor_id, note=note, detail=said)
    tx.emit(Event("alarm.resolved", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))
    if calls:
        _ask_for_call_back(tx, now, alarm, outcome)


def _ask_for_call_back(tx: Transaction, now: datetime, alarm: Row, outcome: Outcome) -> None:
    new = tasks.NewTask(
        kind="call_back",
        due_at=next_day(now, call_back_time(tx)),
        elder_id=alarm["elder_id"],
        alarm_id=alarm["id"],
        about=f"alarm:{alarm['id']}:1",
        detail={"outcome": outcome, "alarm_kind": alarm["kind"], "times": 1},
    )
    tasks.create(tx, now, new)
