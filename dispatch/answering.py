"""What an operator does with an alarm: acknowledge, note, resolve; each locks it and checks the caller's scope."""

from datetime import datetime, timedelta
from typing import Final

from dispatch import offers
from dispatch.alarms import record
from dispatch.commands import send_seen
from dispatch.escalation import goes_stale
from dispatch.refusals import Refused
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import Outcome

CLOSE_AFTER: Final = timedelta(hours=24)
"""A resolved alarm is closed after this time."""
ANSWERED: Final = ("acknowledged", "dispatched", "on_scene")

LOCK_IN_SCOPE = statement("""
    SELECT alarm.id, alarm.kind, alarm.state, alarm.severity, alarm.elder_id, alarm.device_key, alarm.response_state,
           alarm.responder_id, alarm.on_scene_at, alarm.on_scene_due_at
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
        answered_at = COALESCE(answered_at, %(now)s::timestamptz),
        due_at = %(stale_at)s::timestamptz, due_reason = 'realarm'
    WHERE id = %(id)s::bigint
""")
PROGRESS = statement("""
    UPDATE alarm SET due_at = %(stale_at)s::timestamptz WHERE id = %(id)s::bigint AND due_reason = 'realarm'
""")
RESOLVE = statement("""
    UPDATE alarm
    SET state = 'resolved', ended_at = %(now)s::timestamptz, resolved_by = %(actor_id)s::integer,
        outcome = %(outcome)s::text, due_at = %(close_at)s::timestamptz, due_reason = 'close',
        response_state = NULLIF(response_state, 'searching'), response_due_at = NULL
    WHERE id = %(id)s::bigint
""")


def lock_in_scope(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> Row:
    """Lock an alarm for a member of staff: kind, state, severity, elder_id, device_key, response_state, responder_id,
    on_scene_at, on_scene_due_at. Raises Refused not_found when it is outside the caller's scope."""
    alarm = tx.row(LOCK_IN_SCOPE, {"id": alarm_id, "now": now, "actor_id": actor_id})
    if alarm is None:
        raise Refused("not_found")
    return alarm


def refuse_unless_answered(alarm: Row) -> None:
    """Raise Refused not_yet_raised, not_yet_acknowledged or already_ended unless somebody has the alarm in hand."""
    if alarm["state"] == "pending":
        raise Refused("not_yet_raised")
    if alarm["state"] == "raised":
        raise Refused("not_yet_acknowledged")
    if alarm["state"] not in ANSWERED:
        raise Refused("already_ended")


def count_as_progress(tx: Transaction, now: datetime, alarm: Row) -> None:
    """Put off the moment at which a locked alarm rings again; one that rings now goes on ringing."""
    tx.execute(PROGRESS, {"id": alarm["id"], "stale_at": _stale_at(tx, now, alarm)})


def _stale_at(tx: Transaction, now: datetime, alarm: Row) -> datetime:
    """A query of its own, after the lock: the severity may have changed while it was waited for."""
    [policy] = tx.rows(STALE, {"severity": alarm["severity"]})
    return goes_stale(alarm, timedelta(seconds=policy["stale_seconds"]), now)


def acknowledge(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> None:
    """Take the alarm: it falls silent, its escalation stops, the button's light answers; nobody waits at a device whose
    alarm is technical.

    One that rang again goes back to where its responder is: on the way or on the scene.
    Raises Refused: not_found, not_yet_raised, already_acknowledged, already_ended.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    if alarm["state"] == "pending":
        raise Refused("not_yet_raised")
    if alarm["state"] in ANSWERED:
        raise Refused("already_acknowledged")
    if alarm["state"] != "raised":
        raise Refused("already_ended")
    tx.execute(ACKNOWLEDGE, {"id": alarm_id, "now": now, "actor_id": actor_id, "stale_at": _stale_at(tx, now, alarm)})
    record(tx, now, alarm_id, "acknowledged", actor_id=actor_id)
    if alarm["device_key"] is not None and alarm["severity"] != "technical":
        send_seen(tx, now, alarm["device_key"], alarm_id)
    tx.emit(Event("alarm.acknowledged", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def add_note(tx: Transaction, now: datetime, alarm_id: int, actor_id: int, text: str) -> None:
    """Write down what was learned; counts as progress. Ended alarms can still be noted. Raises Refused: not_found."""
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    count_as_progress(tx, now, alarm)
    record(tx, now, alarm_id, "noted", actor_id=actor_id, note=text)
    tx.emit(Event("alarm.noted", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def resolve(tx: Transaction, now: datetime, alarm_id: int, actor_id: int, outcome: Outcome, note: str | None) -> None:
    """End the alarm with an outcome; whoever is still being asked to go is told that it is over.

    Raises Refused: not_found, not_yet_raised, not_yet_acknowledged, already_ended.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    refuse_unless_answered(alarm)
    offers.withdraw(tx, now, Subject("alarm", alarm_id, alarm["elder_id"]))
    tx.execute(
        RESOLVE, {"id": alarm_id, "now": now, "actor_id": actor_id, "outcome": outcome, "close_at": now + CLOSE_AFTER}
    )
    record(tx, now, alarm_id, "resolved", actor_id=actor_id, note=note, detail={"outcome": outcome})
    tx.emit(Event("alarm.resolved", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))
