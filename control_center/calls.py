"""Telephone calls as staff see them, place them and say what came of them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff
from control_center.call_cards import CallAnswer, CallList
from control_center.call_views import call_cards, elders_on_call
from control_center.dependencies import (
    LARGEST_BIGINT,
    LARGEST_INTEGER,
    AlarmId,
    Before,
    Db,
    ElderId,
    Nothing,
    Now,
    Storable,
)
from control_center.errors import ApiError
from dispatch import calling
from dispatch.call_alarms import raise_from_call
from dispatch.calling import Wish
from schemas.calls import CallOutcome, CallWord
from schemas.database import Transaction
from schemas.statements import statement

# The audience is looked up call by call, newest first, so that a long history is not gone through to show a page.
LIST = statement("""
    SELECT call.id
    FROM call
    CROSS JOIN LATERAL (
        SELECT FROM timed_call_audience(%(now)s::timestamptz) AS audience
        WHERE audience.call_id = call.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    WHERE (call.ended_at IS NOT NULL) = %(ended)s::boolean AND call.id < %(before)s::bigint
    ORDER BY call.id DESC
    LIMIT %(limit)s::integer
""")
OF_ALARM = statement("""
    SELECT call.id
    FROM call
    JOIN alarm_audience(%(now)s::timestamptz) AS audience
      ON audience.alarm_id = call.alarm_id AND audience.account_id = %(account_id)s::integer
    WHERE call.alarm_id = %(alarm_id)s::bigint
    ORDER BY call.id DESC
""")
ALARM_IN_SCOPE = statement("""
    SELECT alarm_id FROM alarm_audience(%(now)s::timestamptz)
    WHERE alarm_id = %(alarm_id)s::bigint AND account_id = %(account_id)s::integer
""")
IN_SCOPE = statement("""
    SELECT call_id FROM timed_call_audience(%(now)s::timestamptz)
    WHERE call_id = %(call_id)s::bigint AND account_id = %(account_id)s::integer
""")
CallId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), Storable]

router = APIRouter(prefix="/api", tags=["calls"])


class Dialled(BaseModel):
    """Whom to call. `by_hand`: the caller dials on a telephone of her own, and says here how it goes."""

    number: Number
    by_hand: bool = False


class Received(BaseModel):
    """A call that came in on a telephone Anban knows nothing of; the number is null where it is hidden."""

    number: Number | None = None


class Progress(BaseModel):
    """How a call goes that was dialled by hand."""

    word: Literal["answered", "ended", "failed"]


class Identified(BaseModel):
    """Whom a call is about."""

    elder_id: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]


class Noted(BaseModel):
    """What came of a call."""

    outcome: CallOutcome
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, call_id: int) -> CallAnswer:
    """The card after a command, recorded as a read of whom it shows."""
    card = call_cards(tx.conn, [call_id], now)[call_id]
    elder_id = card.elder.id if card.elder else None
    log_access(
        tx,
        now,
        account.id,
        action,
        elder_id=elder_id,
        alarm_id=card.alarm_id,
        call_id=call_id,
        elder_ids=elders_on_call(card),
    )
    return CallAnswer(card=card)


@router.get("/calls")
def list_calls(
    account: Staff,
    db: Db,
    now: Now,
    view: Literal["open", "ended"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
) -> CallList:
    """Calls in the caller's scope, newest first."""
    page = {"ended": view == "ended", "before": before or LARGEST_BIGINT, "limit": limit}
    with db.transaction() as tx:
        ids = [found["id"] for found in tx.rows(LIST, {**page, "now": now, "account_id": account.id})]
        cards = call_cards(tx.conn, ids, now)
        shown = {elder_id for card in cards.values() for elder_id in elders_on_call(card)}
        log_access(tx, now, account.id, "calls.listed", elder_ids=shown)
    return CallList(calls=[cards[call_id] for call_id in ids])


@router.post("/calls", status_code=201)
def take_call_in(received: Received, account: Staff, db: Db, now: Now) -> CallAnswer:
    """Say that somebody has called a telephone of one's own and is spoken to: the register is looked through for the
    number, and the call stands among the others."""
    with db.transaction(account.seat_id) as tx:
        call_id = calling.take_in(tx, now, account.id, received.number)
        return _answer(tx, now, account, "call.taken", call_id)


@router.get("/calls/{call_id}")
def read_call(call_id: CallId, account: Staff, db: Db, now: Now) -> CallAnswer:
    """One call."""
    with db.transaction() as tx:
        if tx.row(IN_SCOPE, {"call_id": call_id, "account_id": account.id, "now": now}) is None:
            raise ApiError("not_found")
        return _answer(tx, now, account, "call.read", call_id)


@router.get("/alarms/{alarm_id}/calls")
def list_calls_of_alarm(alarm_id: AlarmId, account: Staff, db: Db, now: Now) -> CallList:
    """The calls of an alarm, newest first."""
    with db.transaction() as tx:
        about = {"alarm_id": alarm_id, "account_id": account.id, "now": now}
        if tx.row(ALARM_IN_SCOPE, about) is None:
            raise ApiError("not_found")
        ids = [found["id"] for found in tx.rows(OF_ALARM, about)]
        cards = call_cards(tx.conn, ids, now)
        shown = {elder_id for card in cards.values() for elder_id in elders_on_call(card)}
        log_access(tx, now, account.id, "calls.listed", alarm_id=alarm_id, elder_ids=shown)
    return CallList(calls=[cards[call_id] for call_id in ids])


@router.post("/alarms/{alarm_id}/calls", status_code=201)
def call_about_alarm(alarm_id: AlarmId, dialled: Dialled, account: Staff, db: Db, now: Now) -> CallAnswer:
    """Call somebody about an alarm: the telephone at one's seat rings, and is connected with the number."""
    wish = Wish(dialled.number, alarm_id=alarm_id, by_hand=dialled.by_hand)
    with db.transaction(account.seat_id) as tx:
        return _answer(tx, now, account, "call.placed", calling.place(tx, now, account.id, wish))


@router.post("/elders/{elder_id}/calls", status_code=201)
def call_about_elder(elder_id: ElderId, dialled: Dialled, account: Staff, db: Db, now: Now) -> CallAnswer:
    """Call somebody about an elder, as for a call-back."""
    wish = Wish(dialled.number, elder_id=elder_id, by_hand=dialled.by_hand)
    with db.transaction(account.seat_id) as tx:
        return _answer(tx, now, account, "call.placed", calling.place(tx, now, account.id, wish))


@router.post("/calls/{call_id}/take")
def take_call(call_id: CallId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> CallAnswer:
    """Say that one speaks, so that the others see whose call it is."""
    with db.transaction(account.seat_id) as tx:
        calling.take(tx, now, call_id, account.id)
        return _answer(tx, now, account, "call.taken", call_id)


@router.post("/calls/{call_id}/progress")
def say_progress(call_id: CallId, progress: Progress, account: Staff, db: Db, now: Now) -> CallAnswer:
    """Say how a call goes that was dialled by hand; of others the provider tells."""
    word: CallWord = progress.word
    with db.transaction(account.seat_id) as tx:
        calling.say(tx, now, call_id, account.id, word)
        return _answer(tx, now, account, "call.noted", call_id)


@router.put("/calls/{call_id}/elder")
def identify_caller(call_id: CallId, identified: Identified, account: Staff, db: Db, now: Now) -> CallAnswer:
    """Say which elder a call is about."""
    with db.transaction(account.seat_id) as tx:
        calling.identify(tx, now, call_id, account.id, identified.elder_id)
        return _answer(tx, now, account, "call.identified", call_id)


@router.post("/calls/{call_id}/alarm", status_code=201)
def raise_alarm_from_call(
    call_id: CallId, account: Staff, db: Db, now: Now, _body: Nothing | None = None
) -> CallAnswer:
    """Make an alarm of a call for help; whoever does it has the alarm in hand."""
    with db.transaction(account.seat_id) as tx:
        raise_from_call(tx, now, call_id, account.id)
        return _answer(tx, now, account, "alarm.acknowledged", call_id)


@router.post("/calls/{call_id}/outcome")
def note_outcome(call_id: CallId, noted: Noted, account: Staff, db: Db, now: Now) -> CallAnswer:
    """Write down what came of a call."""
    with db.transaction(account.seat_id) as tx:
        calling.note(tx, now, call_id, account.id, noted.outcome, noted.note or None)
        return _answer(tx, now, account, "call.noted", call_id)
