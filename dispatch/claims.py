"""A claim: a seat says "mine" of an alarm for some seconds, so that two do not ring the same home; it keeps nobody from
acknowledging."""

from datetime import datetime

from dispatch.alarm_events import record
from dispatch.answering import lock_in_scope
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import ANSWERED, follows

CLAIM = statement("""
    UPDATE alarm
    SET claimed_by = %(actor_id)s::integer, claimed_seat = %(seat_id)s::integer, claimed_until = %(now)s::timestamptz
            + make_interval(secs => COALESCE((SELECT claim_seconds FROM lifecycle_policy), 30))
    WHERE id = %(id)s::bigint
""")
RUN_OUT = statement("""
    UPDATE alarm SET claimed_by = NULL, claimed_seat = NULL, claimed_until = NULL
    WHERE id IN (
        SELECT id FROM alarm WHERE claimed_until <= %(now)s::timestamptz
        ORDER BY claimed_until LIMIT %(limit)s::integer
        FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, elder_id
""")


def claim(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> None:
    """Show everybody for a while that this account's seat deals with a ringing alarm; again makes it last.

    Raises Refused: not_found, already_acknowledged, already_ended, claimed_by_another (while that claim lasts).
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    if alarm["state"] in ANSWERED:
        raise Refused("already_acknowledged")
    if alarm["state"] != "pending" and not follows(alarm["state"], "acknowledged"):
        raise Refused("already_ended")
    lasting = alarm["claimed_until"] is not None and alarm["claimed_until"] > now
    if lasting and alarm["claimed_by"] != actor_id:
        raise Refused("claimed_by_another")
    tx.execute(CLAIM, {"id": alarm_id, "actor_id": actor_id, "seat_id": tx.seat_id, "now": now})
    if not lasting:
        record(tx, now, alarm_id, "claimed", actor_id=actor_id)
    tx.emit(Event("alarm.claimed", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))


def sweep_claims(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Take the claims that ran out off every card; returns how many there were."""
    ended = tx.rows(RUN_OUT, {"now": now, "limit": limit})
    for alarm in ended:
        tx.emit(Event("alarm.claim_ended", now, alarm_id=alarm["id"], elder_id=alarm["elder_id"]))
    return len(ended)
