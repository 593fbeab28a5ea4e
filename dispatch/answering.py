"""What an operator does with an alarm: acknowledge, note, resolve; each locks it and checks the caller's scope."""

from datetime import datetime, timedelta
from typing import Final

from dispatch.alarms import record
from dispatch.commands import send_seen
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import Outcome

CLOSE_AFTER: Final = timedelta(hours=24)
"""A resolved alarm is closed after this time."""

LOCK_IN_SCOPE = statement("""
    SELECT alarm.id, alarm.state, alarm.severity, alarm.elder_id, alarm.device_key, alarm.acknowledged_by
    FROM alarm
    WHERE alarm.id = %(id)s::bigint AND EXISTS (
        SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
        WHERE audience.alarm_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer
          AND audience.role IN ('operator', 'supervisor'))
    FOR UPDATE OF alarm
""")
ACKNOWLEDGE = statement("""
    UPDATE alarm
    SET state = 'acknowledged', acknowledged_at = %(now)s::timestamptz, acknowledged_by = %(actor_id)s::integer,
        answered_at = COALESCE(answered_at, %(now)s::timestamptz),
        due_at = %(now)s::timestamptz + make_interval(secs => policy.stale_seconds), due_reason = 'realarm'
    FROM severity_policy AS policy
    WHERE alarm.id = %(id)s::bigint AND policy.severity = alarm.severity
""")
PROGRESS = statement("""
    UPDATE alarm SET due_at = %(now)s::timestamptz + make_interval(secs => policy.stale_seconds)
    FROM severity_policy AS policy
    WHERE alarm.id = %(id)s::bigint AND policy.severity = alarm.severity AND alarm.due_reason = 'realarm'
""")
RESOLVE = statement("""
    UPDATE alarm
    SET state = 'resolved', ended_at = %(now)s::timestamptz, resolved_by = %(actor_id)s::integer,
        outcome = %(outcome)s::text, due_at = %(close_at)s::timestamptz, due_reason = 'close'
    WHERE id = %(id)s::bigint
""")


def _locked(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> Row:
    alarm = tx.row(LOCK_IN_SCOPE, {"id": alarm_id, "now": now, "actor_id": actor_id})
    if alarm is None:
        raise Refused("not_found")
    return alarm


def acknowledge(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> None:
    """Take the alarm: it falls silent, its escalation stops, the button's light answers.

    Raises Refused: not_found, not_yet_raised, already_acknowledged, already_ended.
    """
    alarm = _locked(tx, now, alarm_id, actor_id)
    if alarm["state"] == "pending":
        raise Refused("not_yet_raised")
    if alarm["state"] in ("acknowledged", "dispatched", "on_scene"):
        raise Refused("already_acknowledged")
    if alarm["state"] != "raised":
        raise Refused("already_ended")
    tx.execute(ACKNOWLEDGE, {"id": alarm_id, "now": now, "actor_id": actor_id})
    record(tx, now, alarm_id, "acknowledged", actor_id=actor_id)
    send_seen(tx, now, alarm["device_key"], alarm_id)
    tx.emit(Event("alarm.acknowledged", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def add_note(tx: Transaction, now: datetime, alarm_id: int, actor_id: int, text: str) -> None:
    """Write down what was learned; counts as progress. Ended alarms can still be noted. Raises Refused: not_found."""
    alarm = _locked(tx, now, alarm_id, actor_id)
    tx.execute(PROGRESS, {"id": alarm_id, "now": now})
    record(tx, now, alarm_id, "noted", actor_id=actor_id, note=text)
    tx.emit(Event("alarm.noted", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def resolve(tx: Transaction, now: datetime, alarm_id: int, actor_id: int, outcome: Outcome, note: str | None) -> None:
    """End the alarm with an outcome. Raises Refused: not_found, not_yet_raised, not_yet_acknowledged, already_ended."""
    alarm = _locked(tx, now, alarm_id, actor_id)
    if alarm["state"] == "pending":
        raise Refused("not_yet_raised")
    if alarm["state"] == "raised":
        raise Refused("not_yet_acknowledged")
    if alarm["state"] not in ("acknowledged", "dispatched", "on_scene"):
        raise Refused("already_ended")
    tx.execute(
        RESOLVE, {"id": alarm_id, "now": now, "actor_id": actor_id, "outcome": outcome, "close_at": now + CLOSE_AFTER}
    )
    record(tx, now, alarm_id, "resolved", actor_id=actor_id, note=note, detail={"outcome": outcome})
    tx.emit(Event("alarm.resolved", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))
