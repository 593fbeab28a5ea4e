"""Stopping an alarm's clocks for an allowed reason, and the list of those reasons."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from control_center.auth import Staff
from control_center.cards import CardAnswer, Shape
from control_center.dependencies import AlarmId, Db, Nothing, Now, Storable
from control_center.operators import card_answer
from dispatch import pauses
from schemas.statements import statement

REASONS = statement("""
    SELECT code, name_zh, name_en, most_minutes, in_emergency FROM pause_reason WHERE retired_at IS NULL ORDER BY code
""")
router = APIRouter(prefix="/api", tags=["service level"])


class PauseReason(Shape):
    """Why clocks may stand still, for how many minutes at most, and whether an emergency's may."""

    code: str
    name_zh: str
    name_en: str
    most_minutes: int
    in_emergency: bool


class PauseReasons(Shape):
    """The allowed reasons."""

    reasons: list[PauseReason]


class NewPause(BaseModel):
    """Why the clocks are to stand still and for how many minutes; without `minutes` as long as the reason allows."""

    reason: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    minutes: Annotated[int, Field(strict=True, ge=1, le=10_080)] | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


@router.get("/pause-reasons")
def list_reasons(_account: Staff, db: Db) -> PauseReasons:
    """The reasons for which clocks may be paused."""
    with db.transaction() as tx:
        return PauseReasons(reasons=[PauseReason(**found) for found in tx.rows(REASONS)])


@router.post("/alarms/{alarm_id}/pause")
def pause(alarm_id: AlarmId, wanted: NewPause, account: Staff, db: Db, now: Now) -> CardAnswer:
    """Stop the clocks of an answered alarm; whoever is called or sent is called and sent all the same."""
    with db.transaction(account.seat_id) as tx:
        pauses.pause(tx, now, alarm_id, account.id, wanted.reason, wanted.minutes, wanted.note or None)
        return card_answer(tx, now, account, "alarm.paused", alarm_id)


@router.post("/alarms/{alarm_id}/resume")
def resume(alarm_id: AlarmId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> CardAnswer:
    """Let the clocks go on: what was still to be met is due later by the pause."""
    with db.transaction(account.seat_id) as tx:
        pauses.resume(tx, now, alarm_id, account.id)
        return card_answer(tx, now, account, "alarm.resumed", alarm_id)
