"""What a person answers to a summons, by keypad or on the notification itself: takes the alarm, knows of it, cannot."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from dispatch import answering
from dispatch.alarm_events import record
from dispatch.outcomes import move_on_if_unreached
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

Key = Literal["1", "2"]
"""What is pressed on a telephone: 1 takes the alarm (a relative: has understood), 2 cannot."""
Answer = Literal["acknowledged", "noted", "declined"]

FIND = statement("""
    SELECT notification.id, notification.alarm_id, notification.summons_id, notification.account_id,
           notification.contact_id, notification.transport, notification.answer, account.role,
           account.disabled_at IS NOT NULL AS disabled
    FROM notification LEFT JOIN account ON account.id = notification.account_id
    WHERE notification.key = %(key)s::uuid AND notification.purpose = 'summon'
""")
LOCK_ALARM = statement("SELECT state, elder_id FROM alarm WHERE id = %(id)s::bigint FOR UPDATE")
ANSWER = statement("""
    UPDATE notification
    SET state = 'answered', answer = %(answer)s::text, answered_at = %(now)s::timestamptz,
        delivered_at = COALESCE(delivered_at, %(now)s::timestamptz), ended_at = %(now)s::timestamptz,
        due_at = NULL, due_reason = NULL
    WHERE id = %(id)s::bigint AND answer IS NULL
""")
# Whoever has answered is not called on further ways.
STILL = statement("""
    UPDATE notification
    SET state = CASE WHEN state = 'queued' THEN 'withdrawn' ELSE state END,
        ended_at = CASE WHEN state = 'queued' THEN %(now)s::timestamptz ELSE ended_at END,
        due_at = NULL, due_reason = NULL
    WHERE id IN (
        SELECT id FROM notification
        WHERE summons_id = %(summons_id)s::bigint AND id <> %(id)s::bigint AND due_at IS NOT NULL AND state <> 'sending'
          AND (account_id = %(account_id)s::integer OR contact_id = %(contact_id)s::integer)
        ORDER BY id FOR UPDATE)
""")


def answer(tx: Transaction, now: datetime, key: UUID, pressed: Key) -> Answer:
    """A person answers the summons with that key; the same answer twice is one.

    1 acknowledges the alarm as that person, by the rules of the page: staff in whose scope it is. From anybody else it
    is noted. An alarm that rings no more, because somebody has it or has put it aside, is not taken, and the answer is
    noted. 2 declines: when thereby nobody of the step is left the alarm goes on at once. Raises Refused not_found for
    a key that is no summons'.
    """
    found = tx.row(FIND, {"key": key})
    if found is None:
        raise Refused("not_found")
    alarm = tx.row(LOCK_ALARM, {"id": found["alarm_id"]})
    if alarm is None or found["disabled"]:
        raise Refused("not_found")
    # Read again under the lock: the same answer may have come twice at once.
    found = tx.row(FIND, {"key": key}) or found
    if found["answer"] is not None:
        given: Answer = found["answer"]
        return given
    said = "declined" if pressed == "2" else _take(tx, now, found, alarm)
    tx.execute(ANSWER, {"id": found["id"], "answer": said, "now": now})
    tx.execute(STILL, {**{name: found[name] for name in ("id", "summons_id", "account_id", "contact_id")}, "now": now})
    _tell(tx, now, found, alarm, said)
    if said == "declined":
        move_on_if_unreached(tx, now, found["summons_id"])
    return said


def _take(tx: Transaction, now: datetime, found: Row, alarm: Row) -> Answer:
    if found["role"] not in ("operator", "supervisor") or alarm["state"] != "raised":
        return "noted"
    try:
        with tx.savepoint():
            answering.acknowledge(tx, now, found["alarm_id"], found["account_id"], detail={"by": found["transport"]})
    except Refused:
        return "noted"
    return "acknowledged"


def _tell(tx: Transaction, now: datetime, found: Row, alarm: Row, said: Answer) -> None:
    detail = {"answer": said, "transport": found["transport"]}
    if found["contact_id"] is not None:
        detail["contact_id"] = found["contact_id"]
    record(tx, now, found["alarm_id"], "replied", actor_id=found["account_id"], detail=detail)
    if said != "acknowledged":
        tx.emit(Event("alarm.replied", now, alarm_id=found["alarm_id"], elder_id=alarm["elder_id"]))
