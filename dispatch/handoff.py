"""Handing an alarm to the emergency medical service (120): what it was told stays on record."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatch import promises
from dispatch.alarm_events import record
from dispatch.answering import count_as_progress, lock_in_scope, refuse_unless_answered
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

INSERT = statement("""
    INSERT INTO handoff (alarm_id, at, account_id, seat_id, summary, reference, note)
    VALUES (%(alarm_id)s::bigint, %(now)s::timestamptz, %(actor_id)s::integer, %(seat_id)s::integer,
            %(summary)s::jsonb, %(reference)s::text, %(note)s::text)
    RETURNING id
""")
OF_ALARM = statement("""
    SELECT handoff.id, handoff.at, handoff.summary, handoff.reference, handoff.note,
           account.id AS account_id, account.name AS account_name
    FROM handoff JOIN account ON account.id = handoff.account_id
    WHERE handoff.alarm_id = %(alarm_id)s::bigint
    ORDER BY handoff.id
""")


def hand_off(
    tx: Transaction,
    now: datetime,
    alarm_id: int,
    actor_id: int,
    summary: dict[str, Any],
    *,
    reference: str | None,
    note: str | None,
) -> int:
    """Keep that the service was called about an alarm, and what it was told; returns the hand-off's id.

    It counts as progress, and as somebody who was sent. A second one is kept beside the first: the ambulance may have
    asked again. Raises Refused: not_found, not_yet_raised, not_yet_acknowledged, already_ended.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    refuse_unless_answered(alarm)
    [made] = tx.rows(
        INSERT,
        {
            "alarm_id": alarm_id,
            "now": now,
            "actor_id": actor_id,
            "seat_id": tx.seat_id,
            "summary": Jsonb(summary),
            "reference": reference,
            "note": note,
        },
    )
    promises.sent(tx, now, alarm_id)
    count_as_progress(tx, now, alarm)
    detail = {"handoff_id": made["id"], **({"reference": reference} if reference else {})}
    record(tx, now, alarm_id, "handed_off", actor_id=actor_id, note=note, detail=detail)
    tx.emit(Event("alarm.handed_off", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))
    return int(made["id"])


def handoffs_of(tx: Transaction, alarm_id: int) -> list[Row]:
    """What the service was told about an alarm, oldest first: id, at, summary, reference, note, account."""
    return tx.rows(OF_ALARM, {"alarm_id": alarm_id})
