"""Stopping an alarm's clocks for an allowed reason, and letting them go on; nothing else about the alarm waits."""

from datetime import datetime, timedelta

from dispatch.alarm_events import record
from dispatch.answering import count_as_progress, lock_in_scope, refuse_unless_answered
from dispatch.promises import CLOCKS, go_on
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

REASON = statement("""
    SELECT most_minutes, in_emergency FROM pause_reason WHERE code = %(code)s::text AND retired_at IS NULL
""")
PAUSE = statement("""
    UPDATE alarm
    SET paused_at = %(now)s::timestamptz, paused_until = %(until)s::timestamptz, pause_reason = %(reason)s::text,
        sla_due_at = LEAST(sla_due_at, %(until)s::timestamptz)
    WHERE id = %(id)s::bigint
""")


def pause(
    tx: Transaction, now: datetime, alarm_id: int, actor_id: int, reason: str, minutes: int | None, note: str | None
) -> None:
    """Stop the clocks of an answered alarm for an allowed reason, for so many minutes or the longest it allows.

    It counts as progress; escalation, re-alarming and the search for help go on. Raises Refused: not_found,
    not_yet_raised, not_yet_acknowledged, already_ended, already_paused, unknown_reason, not_in_emergency,
    pause_too_long.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    refuse_unless_answered(alarm)
    [clocks] = tx.rows(CLOCKS, {"id": alarm_id})
    if clocks["paused_at"] is not None:
        raise Refused("already_paused")
    until = now + _allowed(tx, alarm, reason, minutes)
    tx.execute(PAUSE, {"id": alarm_id, "now": now, "until": until, "reason": reason})
    count_as_progress(tx, now, alarm)
    detail = {"reason": reason, "until": until.isoformat()}
    record(tx, now, alarm_id, "paused", actor_id=actor_id, note=note, detail=detail)
    tx.emit(Event("alarm.paused", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def _allowed(tx: Transaction, alarm: Row, reason: str, minutes: int | None) -> timedelta:
    known = tx.row(REASON, {"code": reason})
    if known is None:
        raise Refused("unknown_reason")
    if alarm["severity"] == "emergency" and not known["in_emergency"]:
        raise Refused("not_in_emergency")
    most = int(known["most_minutes"])
    if minutes is not None and minutes > most:
        raise Refused("pause_too_long")
    return timedelta(minutes=most if minutes is None else minutes)


def resume(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> None:
    """Let the clocks of a paused alarm go on. Raises Refused: not_found, not_paused."""
    lock_in_scope(tx, now, alarm_id, actor_id)
    [clocks] = tx.rows(CLOCKS, {"id": alarm_id})
    if clocks["paused_at"] is None:
        raise Refused("not_paused")
    end_pause(tx, now, clocks, actor_id)


def end_pause(tx: Transaction, now: datetime, alarm: Row, actor_id: int | None = None) -> None:
    """End the pause of a locked alarm (a row of CLOCKS): at its end, the alarm's end, or now, whichever was first."""
    until = min(now, alarm["paused_until"], alarm["ended_at"] or now)
    go_on(tx, alarm, until)
    paused = round((until - alarm["paused_at"]).total_seconds())
    detail = {"reason": alarm["pause_reason"], "paused_seconds": paused}
    record(tx, now, alarm["id"], "resumed", actor_id=actor_id, detail=detail)
    tx.emit(Event("alarm.resumed", now, alarm_id=alarm["id"], elder_id=alarm["elder_id"], account_id=actor_id))
