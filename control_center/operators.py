"""Alarms as operators read and answer them, and send somebody to them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints

from control_center.access import Action, elders_on, log_access
from control_center.auth import SignedIn, Staff, Viewer
from control_center.cards import AlarmCard, AlarmDetail, AlarmList, CardAnswer
from control_center.dependencies import LARGEST_BIGINT, AlarmId, Before, Connection, Db, Moment, Nothing, Now, Storable
from control_center.errors import ApiError
from control_center.offer_views import offers_of_alarm, searches_of_alarm
from control_center.timelines import alarm_timeline
from control_center.views import alarm_cards, elders_of_family, for_family, for_worker
from dispatch import answering, claims, responders, shelving
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import FalseAlarmCause, Outcome, ShelveReason

# The audience is looked up alarm by alarm, newest first, so that a long history is not gone through to show a page.
LIST = statement("""
    SELECT alarm.id, alarm.elder_id
    FROM alarm
    CROSS JOIN LATERAL (
        SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
        WHERE audience.alarm_id = alarm.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    WHERE (alarm.ended_at IS NOT NULL) = %(ended)s::boolean AND alarm.id < %(before)s::bigint
    ORDER BY alarm.id DESC
    LIMIT %(limit)s::integer
""")
ONE_IN_SCOPE = statement("""
    SELECT alarm.id, alarm.elder_id
    FROM alarm JOIN alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
    WHERE alarm.id = %(alarm_id)s::bigint AND audience.account_id = %(account_id)s::integer
""")
router = APIRouter(prefix="/api", tags=["alarms"])


class Note(BaseModel):
    """What an operator learned."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable]


class Resolution(BaseModel):
    """How an alarm ended; a false alarm needs its cause."""

    outcome: Outcome
    cause: FalseAlarmCause | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


class Shelving(BaseModel):
    """Why an alarm is put aside, and until when it is silent."""

    reason: ShelveReason
    until: Moment
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


def _shown_to(conn: Connection, account: SignedIn, now: datetime, ids: list[int]) -> list[AlarmCard]:
    cards = alarm_cards(conn, ids, now)
    shown = [cards[alarm_id] for alarm_id in ids]
    if account.role != "family":
        return shown
    own = elders_of_family(conn, account.id, now)
    return [for_family(card, own) for card in shown]


def card_answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, alarm_id: int) -> CardAnswer:
    """The card after a command, as the caller's role may see it, recorded as a read like any other."""
    card = alarm_cards(tx.conn, [alarm_id], now)[alarm_id]
    elder_id = card.elder.id if card.elder else None
    log_access(tx, now, account.id, action, elder_id=elder_id, alarm_id=alarm_id, elder_ids=elders_on([card]))
    return CardAnswer(card=for_worker(card) if account.role == "worker" else card)


@router.get("/alarms")
def list_alarms(
    account: Viewer,
    db: Db,
    now: Now,
    view: Literal["open", "ended"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
) -> AlarmList:
    """Alarms in the caller's scope, newest first."""
    page = {"ended": view == "ended", "before": before or LARGEST_BIGINT, "limit": limit}
    with db.transaction() as tx:
        found = tx.rows(LIST, {**page, "now": now, "account_id": account.id})
        cards = _shown_to(tx.conn, account, now, [alarm["id"] for alarm in found])
        log_access(tx, now, account.id, "alarms.listed", elder_ids=elders_on(cards))
    return AlarmList(alarms=cards)


@router.get("/alarms/{alarm_id}")
def read_alarm(alarm_id: AlarmId, account: Viewer, db: Db, now: Now) -> AlarmDetail:
    """An alarm with its timeline."""
    with db.transaction() as tx:
        found = tx.row(ONE_IN_SCOPE, {"alarm_id": alarm_id, "account_id": account.id, "now": now})
        if found is None:
            raise ApiError("not_found")
        (card,) = _shown_to(tx.conn, account, now, [alarm_id])
        family = account.role == "family"
        entries = alarm_timeline(tx.conn, alarm_id, family=family)
        offers = [] if family else offers_of_alarm(tx.conn, alarm_id)
        searches = [] if family else searches_of_alarm(tx.conn, now, account.id, alarm_id)
        shown = elders_on([card])
        log_access(tx, now, account.id, "alarm.read", elder_id=found["elder_id"], alarm_id=alarm_id, elder_ids=shown)
    return AlarmDetail(card=card, timeline=entries, offers=offers, searches=searches)


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(alarm_id: AlarmId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> CardAnswer:
    """Take an alarm: it falls silent and stays open."""
    with db.transaction(account.seat_id) as tx:
        answering.acknowledge(tx, now, alarm_id, account.id)
        return card_answer(tx, now, account, "alarm.acknowledged", alarm_id)


@router.post("/alarms/{alarm_id}/claim")
def claim(alarm_id: AlarmId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> CardAnswer:
    """Say "mine" of a ringing alarm for some seconds: the others see it and may still acknowledge."""
    with db.transaction(account.seat_id) as tx:
        claims.claim(tx, now, alarm_id, account.id)
        return card_answer(tx, now, account, "alarm.claimed", alarm_id)


@router.post("/alarms/{alarm_id}/shelve")
def shelve(alarm_id: AlarmId, shelving_: Shelving, account: Staff, db: Db, now: Now) -> CardAnswer:
    """Put an alarm aside until a time, at most a day ahead: then, or when something worse happens, it rings again."""
    with db.transaction(account.seat_id) as tx:
        shelving.shelve(tx, now, alarm_id, account.id, shelving_.reason, shelving_.until, shelving_.note or None)
        return card_answer(tx, now, account, "alarm.shelved", alarm_id)


@router.post("/alarms/{alarm_id}/notes")
def add_note(alarm_id: AlarmId, note: Note, account: Staff, db: Db, now: Now) -> CardAnswer:
    """Write down what was learned."""
    with db.transaction(account.seat_id) as tx:
        answering.add_note(tx, now, alarm_id, account.id, note.text)
        return card_answer(tx, now, account, "alarm.noted", alarm_id)


@router.post("/alarms/{alarm_id}/resolve")
def resolve(alarm_id: AlarmId, resolution: Resolution, account: Staff, db: Db, now: Now) -> CardAnswer:
    """End an alarm with its outcome."""
    with db.transaction(account.seat_id) as tx:
        answering.resolve(tx, now, alarm_id, account.id, resolution.outcome, resolution.note or None, resolution.cause)
        return card_answer(tx, now, account, "alarm.resolved", alarm_id)


@router.post("/alarms/{alarm_id}/dispatch")
def send_responder(alarm_id: AlarmId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> CardAnswer:
    """Ask the nearest eligible workers to go; the first to accept is the responder."""
    with db.transaction(account.seat_id) as tx:
        responders.send(tx, now, alarm_id, account.id)
        return card_answer(tx, now, account, "alarm.dispatched", alarm_id)
