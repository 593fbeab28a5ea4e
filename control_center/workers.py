"""A worker's day: offers to answer, the way to an alarm, and where she is."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from control_center.access import elders_on, log_access
from control_center.auth import Worker
from control_center.cards import CardAnswer
from control_center.dependencies import (
    Accuracy,
    AlarmId,
    Connection,
    Db,
    Latitude,
    Longitude,
    Nothing,
    Now,
    OfferId,
)
from control_center.errors import ApiError
from control_center.offer_views import worker_brief
from control_center.operators import card_answer
from control_center.order_views import for_worker_order, offer_cards, order_cards
from control_center.visits import PerhapsHere
from control_center.work_cards import OfferAnswer, Shift, WorkPage
from dispatch import positions, replies, responders
from dispatch.refusals import RefusalCode
from dispatch.service import sos
from schemas.database import Row, Transaction, row
from schemas.district_time import day_start, today
from schemas.statements import statement
from schemas.states import DeclineReason

OWN = statement("""
    SELECT worker.id AS worker_id, account.name AS worker_name, provider.name AS worker_provider,
           worker.phone AS worker_phone, worker.travel, provider.state AS provider_state
    FROM worker
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    WHERE worker.account_id = %(account_id)s::integer
""")
SKILLS = statement("""
    SELECT DISTINCT skill FROM worker_skill
    WHERE worker_id = %(worker_id)s::integer AND valid_from <= %(today)s::date
      AND (valid_to IS NULL OR valid_to >= %(today)s::date)
    ORDER BY skill
""")
SHIFT = statement("""
    SELECT starts_at, ends_at FROM worker_shift
    WHERE worker_id = %(worker_id)s::integer AND ends_at > %(now)s::timestamptz
    ORDER BY starts_at
    LIMIT 1
""")
DONE = statement("""
    SELECT id FROM service_order
    WHERE worker_id = %(worker_id)s::integer AND ended_at >= %(day_start)s::timestamptz AND state <> 'cancelled'
      AND window_from >= %(day_start)s::timestamptz - interval '3 days'
    ORDER BY ended_at DESC, id DESC
""")

router = APIRouter(prefix="/api", tags=["workers"])


class Whereabouts(BaseModel):
    """Where a phone says it is: WGS-84 degrees, and by how many metres it may be wrong."""

    lat: Latitude
    lon: Longitude
    accuracy_m: Accuracy

    def spot(self) -> positions.Spot:
        """As dispatch takes it."""
        return positions.Spot(self.lat, self.lon, self.accuracy_m)


class HelpCalled(BaseModel):
    """The alarm that was raised, or joined by another press."""

    alarm_id: int


class Declined(BaseModel):
    """Why a worker does not take an offer."""

    reason: DeclineReason


def _own(conn: Connection, account_id: int) -> Row:
    found = row(conn, OWN, {"account_id": account_id})
    if found is None:
        raise ApiError("not_found")
    return found


@router.get("/work")
def read_work(account: Worker, db: Db, now: Now) -> WorkPage:
    """Who the worker is, when she works and what she has done today; what is to do comes by the feed."""
    with db.transaction() as tx:
        own = _own(tx.conn, account.id)
        brief = worker_brief(own)
        about = {"worker_id": brief.id, "now": now, "today": today(now), "day_start": day_start(now)}
        skills = [found["skill"] for found in tx.rows(SKILLS, about)]
        shift = next((Shift(**found) for found in tx.rows(SHIFT, about)), None)
        done = [found["id"] for found in tx.rows(DONE, about)]
        cards = order_cards(tx.conn, done, now)
        log_access(tx, now, account.id, "work.read", elder_ids=elders_on(cards.values()))
    return WorkPage(
        worker=brief,
        travel=own["travel"],
        provider_admitted=own["provider_state"] == "admitted",
        skills=skills,
        shift=shift,
        on_shift=shift is not None and shift.starts_at <= now,
        done_today=[for_worker_order(cards[order_id]) for order_id in done],
        server_time=now,
    )


@router.post("/work/position", status_code=204)
def report_position(body: Whereabouts, account: Worker, db: Db, now: Now) -> None:
    """Say where the worker is."""
    with db.transaction() as tx:
        positions.report(tx, now, account.id, body.spot())


@router.post("/work/sos", status_code=201)
def call_for_help(body: PerhapsHere, account: Worker, db: Db, now: Now) -> HelpCalled:
    """Call for help for oneself: staff of the unit where the worker is are told who and where, at once."""
    spot = body.spot()
    with db.transaction() as tx:
        alarm_id = sos.call_for_help(tx, now, account.id, spot)
        log_access(tx, now, account.id, "sos.raised", alarm_id=alarm_id)
    return HelpCalled(alarm_id=alarm_id)


def _offer_answer(tx: Transaction, now: datetime, offer_id: int) -> OfferAnswer:
    return OfferAnswer(offer=offer_cards(tx.conn, [offer_id], now)[offer_id])


def _refuse(code: RefusalCode | None) -> None:
    """Tell a late answer so, now that it has been written down."""
    if code is not None:
        raise ApiError(code)


@router.post("/offers/{offer_id}/accept")
def accept(offer_id: OfferId, account: Worker, db: Db, now: Now, _body: Nothing | None = None) -> OfferAnswer:
    """Take an offer; whoever comes second is told that it is taken."""
    with db.transaction() as tx:
        refusal = replies.accept(tx, now, offer_id, account.id)
        answer = _offer_answer(tx, now, offer_id)
    _refuse(refusal)
    return answer


@router.post("/offers/{offer_id}/decline")
def decline(offer_id: OfferId, body: Declined, account: Worker, db: Db, now: Now) -> OfferAnswer:
    """Leave an offer to others."""
    with db.transaction() as tx:
        refusal = replies.decline(tx, now, offer_id, account.id, body.reason)
        answer = _offer_answer(tx, now, offer_id)
    _refuse(refusal)
    return answer


@router.post("/alarms/{alarm_id}/arrive")
def arrive(alarm_id: AlarmId, account: Worker, db: Db, now: Now, _body: Nothing | None = None) -> CardAnswer:
    """Say that the responder is on the scene."""
    with db.transaction() as tx:
        responders.arrive(tx, now, alarm_id, account.id)
        return card_answer(tx, now, account, "alarm.arrived", alarm_id)
