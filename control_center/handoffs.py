"""Handing an alarm to the emergency medical service: the summary to tell, and the record that it was told."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints, ValidationError

from control_center.access import log_access
from control_center.auth import SignedIn, Staff
from control_center.dependencies import AlarmId, Db, Now, Storable
from control_center.errors import ApiError
from control_center.handoff_cards import HandoffMade, HandoffSummary, HandoffView
from control_center.handoff_text import texts_of
from control_center.handoff_views import summary_of
from control_center.shapes import Person
from dispatch.handoff import hand_off, handoffs_of
from schemas.database import Row, Transaction
from schemas.statements import statement

IN_SCOPE = statement("""
    SELECT alarm_id FROM alarm_audience(%(now)s::timestamptz)
    WHERE alarm_id = %(alarm_id)s::bigint AND account_id = %(account_id)s::integer
""")
router = APIRouter(prefix="/api/alarms/{alarm_id}/handoff", tags=["alarms"])


class HandOff(BaseModel):
    """That 120 was called: the number under which it handles the call, if it gave one."""

    reference: Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), Storable] | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


def _summary(tx: Transaction, now: datetime, account: SignedIn, alarm_id: int) -> HandoffSummary:
    if tx.row(IN_SCOPE, {"alarm_id": alarm_id, "account_id": account.id, "now": now}) is None:
        raise ApiError("not_found")
    return summary_of(tx.conn, now, account, alarm_id)


def _view(tx: Transaction, summary: HandoffSummary) -> HandoffView:
    made = [entry for found in handoffs_of(tx, summary.alarm_id) if (entry := _made(found)) is not None]
    return HandoffView(summary=summary, text=texts_of(summary), made=made)


def _made(found: Row) -> HandoffMade | None:
    """One that an older version told in another shape is left out: the timeline still has it."""
    try:
        summary = HandoffSummary.model_validate(found["summary"])
    except ValidationError:
        return None
    return HandoffMade(
        id=found["id"],
        at=found["at"],
        by=Person(id=found["account_id"], name=found["account_name"]),
        reference=found["reference"],
        note=found["note"],
        summary=summary,
    )


@router.get("")
def read_handoff(alarm_id: AlarmId, account: Staff, db: Db, now: Now) -> HandoffView:
    """What to tell 120: conditions, medicine, address, how to get in, the key-holder, the last vital signs with their
    age; as text in both languages too."""
    with db.transaction() as tx:
        summary = _summary(tx, now, account, alarm_id)
        people = [person.id for person in summary.people]
        log_access(tx, now, account.id, "handoff.read", alarm_id=alarm_id, elder_ids=people)
        return _view(tx, summary)


@router.post("", status_code=201)
def make_handoff(alarm_id: AlarmId, told: HandOff, account: Staff, db: Db, now: Now) -> HandoffView:
    """Keep that 120 was told, and what."""
    with db.transaction(account.seat_id) as tx:
        summary = _summary(tx, now, account, alarm_id)
        hand_off(
            tx,
            now,
            alarm_id,
            account.id,
            summary.model_dump(mode="json"),
            reference=told.reference or None,
            note=told.note or None,
        )
        people = [person.id for person in summary.people]
        log_access(tx, now, account.id, "handoff.made", alarm_id=alarm_id, elder_ids=people)
        return _view(tx, summary)
