"""Who was called to an alarm, how, and what came of it; and the answer to a summons on the notification itself."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from control_center.access import log_access
from control_center.auth import Anyone, Staff
from control_center.dependencies import AlarmId, Db, Nothing, Now
from control_center.errors import ApiError
from control_center.operators import ONE_IN_SCOPE
from control_center.shapes import Person, Shape
from dispatch.answers import Answer, Key, answer
from dispatch.outcomes import handed_over, lock_alarms
from dispatch.reach import TransportName
from dispatch.transports.message import HandedOver
from schemas.database import Row
from schemas.statements import statement

OF_ALARM = statement("""
    SELECT notification.id, notification.purpose, notification.transport, notification.state, notification.error,
           notification.answer, notification.attempts, notification.queued_at, notification.sent_at,
           notification.delivered_at, notification.answered_at, summons.position,
           account.id AS account_id, account.name AS account_name, account.role,
           elder_contact.id AS contact_id, elder_contact.name AS contact_name, elder_contact.relation
    FROM notification
    LEFT JOIN summons ON summons.id = notification.summons_id
    LEFT JOIN account ON account.id = notification.account_id
    LEFT JOIN elder_contact ON elder_contact.id = notification.contact_id
    WHERE notification.alarm_id = %(alarm_id)s::bigint AND notification.subscription_id IS NULL
    ORDER BY notification.id
    LIMIT 500
""")
OWN = statement("""
    SELECT id, alarm_id FROM notification WHERE key = %(key)s::uuid AND account_id = %(account_id)s::integer
""")
router = APIRouter(prefix="/api", tags=["alarms"])


class Relative(Shape):
    """A contact of the elder's without an account."""

    id: int
    name: str
    relation: str


class Told(Shape):
    """One way on which somebody was called, or told; `position` is the step of the escalation."""

    id: int
    purpose: Literal["summon", "inform"]
    position: int | None
    person: Person | None
    contact: Relative | None
    transport: TransportName
    state: Literal["queued", "sending", "sent", "delivered", "answered", "failed", "withdrawn", "expired"]
    why: str | None
    """Why it failed, or is tried again."""
    answer: Answer | None
    attempts: int
    queued_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    answered_at: datetime | None


class ToldList(Shape):
    """Everybody called to an alarm, in order."""

    notifications: list[Told]


class Reply(BaseModel):
    """1 takes the alarm (a relative: has understood), 2 cannot."""

    key: Key


class Replied(Shape):
    """How the answer counts; `noted` when somebody had the alarm already, or the person cannot take it."""

    answer: Answer


def _told(found: Row) -> Told:
    person = Person(id=found["account_id"], name=found["account_name"]) if found["account_id"] else None
    contact = (
        Relative(id=found["contact_id"], name=found["contact_name"], relation=found["relation"])
        if found["contact_id"]
        else None
    )
    same = ("id", "purpose", "position", "transport", "state", "answer", "attempts", "queued_at", "sent_at")
    return Told(
        **{name: found[name] for name in same},
        person=person,
        contact=contact,
        why=found["error"],
        delivered_at=found["delivered_at"],
        answered_at=found["answered_at"],
    )


@router.get("/alarms/{alarm_id}/notifications")
def list_notifications(alarm_id: AlarmId, account: Staff, db: Db, now: Now) -> ToldList:
    """Who was called to an alarm, and what came of it."""
    with db.transaction() as tx:
        found = tx.row(ONE_IN_SCOPE, {"alarm_id": alarm_id, "account_id": account.id, "now": now})
        if found is None:
            raise ApiError("not_found")
        told = [_told(one) for one in tx.rows(OF_ALARM, {"alarm_id": alarm_id})]
        log_access(tx, now, account.id, "alarm.read", elder_id=found["elder_id"], alarm_id=alarm_id)
    return ToldList(notifications=told)


def _own(found: Row | None) -> Row:
    if found is None:
        raise ApiError("not_found")
    return found


@router.post("/notifications/{key}/received", status_code=204)
def received(key: UUID, account: Anyone, db: Db, now: Now, _body: Nothing | None = None) -> None:
    """The caller's own browser has shown a message."""
    with db.transaction() as tx:
        own = _own(tx.row(OWN, {"key": key, "account_id": account.id}))
        lock_alarms(tx, (), [own["alarm_id"]] if own["alarm_id"] else [])
        handed_over(tx, now, {own["id"]: HandedOver(delivered=True)})


@router.post("/notifications/{key}/reply")
def reply(key: UUID, given: Reply, account: Anyone, db: Db, now: Now) -> Replied:
    """Answer a summons of one's own. The same answer twice is one."""
    with db.transaction(account.seat_id) as tx:
        _own(tx.row(OWN, {"key": key, "account_id": account.id}))
        return Replied(answer=answer(tx, now, key, given.key))
