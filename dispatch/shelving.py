"""Putting an alarm aside for a while, with a reason: it is silent until its time is up or something worse happens."""

from datetime import datetime, timedelta
from typing import Any

from dispatch import notifications
from dispatch.alarm_events import record
from dispatch.answering import lock_in_scope
from dispatch.refusals import RefusalCode, Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import ShelveReason, follows

LONGEST = statement("SELECT shelve_seconds FROM lifecycle_policy")
# Whoever puts it aside has looked at it: that is an answer.
SHELVE = statement("""
    UPDATE alarm
    SET state = 'shelved', shelved_reason = %(reason)s::text, due_at = %(until)s::timestamptz, due_reason = 'unshelve',
        acknowledged_at = %(now)s::timestamptz, acknowledged_by = %(actor_id)s::integer,
        answered_seat = CASE WHEN answered_at IS NULL THEN %(seat_id)s::integer ELSE answered_seat END,
        answered_at = COALESCE(answered_at, %(now)s::timestamptz),
        claimed_by = NULL, claimed_seat = NULL, claimed_until = NULL
    WHERE id = %(id)s::bigint
""")


def why_not_shelved(alarm: Row, now: datetime, until: datetime, longest: timedelta) -> RefusalCode | None:
    """Why an alarm cannot be put aside until then, or None; pure. It needs state, severity, response_state and the
    caller's role."""
    if alarm["state"] == "pending":
        return "not_yet_raised"
    if alarm["state"] in ("dispatched", "on_scene") or alarm["response_state"] in ("searching", "found"):
        return "responder_on_the_way"
    if alarm["state"] != "shelved" and not follows(alarm["state"], "shelved"):
        return "already_ended"
    if alarm["severity"] == "emergency" and alarm["role"] != "supervisor":
        return "emergency_not_shelved"
    if until <= now:
        return "in_the_past"
    return "too_far_ahead" if until > now + longest else None


def shelve(
    tx: Transaction,
    now: datetime,
    alarm_id: int,
    actor_id: int,
    reason: ShelveReason,
    until: datetime,
    note: str | None,
) -> None:
    """Put an alarm aside until a time, when it rings again; putting it aside again moves that time.

    Raises Refused: not_found, not_yet_raised, responder_on_the_way, already_ended, emergency_not_shelved (but by a
    supervisor), in_the_past, too_far_ahead.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    [policy] = tx.rows(LONGEST) or [{"shelve_seconds": 86400}]
    refused = why_not_shelved(alarm, now, until, timedelta(seconds=policy["shelve_seconds"]))
    if refused is not None:
        raise Refused(refused)
    notifications.withdraw(tx, now, alarm_id)
    how = {"reason": reason, "until": until, "now": now}
    tx.execute(SHELVE, {"id": alarm_id, "actor_id": actor_id, "seat_id": tx.seat_id, **how})
    detail: dict[str, Any] = {"reason": reason, "until": until.isoformat()}
    record(tx, now, alarm_id, "shelved", actor_id=actor_id, note=note, detail=detail)
    tx.emit(Event("alarm.shelved", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))
