"""Who could take an order, the worker whom staff choose for it, the hall, and a worker's day."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import Staff, Worker
from control_center.cards import Org
from control_center.dependencies import LARGEST_INTEGER, Db, Nothing, Now, OrderId, Storable
from control_center.errors import ApiError
from control_center.help_cards import CandidateEntry, CandidateList
from control_center.nearest_help import briefs
from control_center.offer_views import in_sight, left_out, reasons_of
from control_center.order_views import for_worker_order, item_of, order_cards, roughly
from control_center.orders import IN_SCOPE, order_answer
from control_center.shapes import Shape
from control_center.work_cards import Item, OrderAnswer, OrderCard
from dispatch import hall, order_naming
from dispatch.order_looks import preview
from schemas.database import Row
from schemas.statements import statement

SHOWN: Final = 20
ABOUT = statement("""
    SELECT service_order.id, item.code AS item_code, item.version AS item_version, item.assist, item.name_zh,
           item.name_en, service_order.duration_minutes, service_order.skills, service_order.is_test,
           unit.code AS org_code, unit.name AS org_name
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS unit ON unit.code = household.org_code
    WHERE service_order.id = ANY(%(ids)s::bigint[])
""")
# What is before her, in the order in which it is expected; meals that leave their kitchen together are fetched at once,
# and until she is at the first of their doors they may still be in the kitchen, however late it is.
DAY = statement("""
    SELECT visit.id, visit.planned_at, visit.pickup_at, kitchen.id AS kitchen_id, kitchen.name AS kitchen,
           kitchen.lat, kitchen.lon,
           NOT EXISTS (
               SELECT FROM service_order AS brought
               WHERE brought.worker_id = visit.worker_id AND brought.checked_in_at IS NOT NULL
                 AND brought.kitchen_id = visit.kitchen_id AND brought.pickup_at = visit.pickup_at) AS to_fetch
    FROM service_order AS visit
    JOIN worker ON worker.id = visit.worker_id
    LEFT JOIN kitchen ON kitchen.id = visit.kitchen_id
    WHERE worker.account_id = %(account_id)s::integer
      AND visit.state IN ('accepted', 'en_route', 'checked_in', 'in_service')
    ORDER BY COALESCE(visit.planned_at, visit.window_from), visit.id
""")

router = APIRouter(prefix="/api", tags=["assignment"])


class NamedWorker(BaseModel):
    """Who is to take an order and why she; `agreed` when she has said yes already, by telephone say."""

    worker_id: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
    agreed: bool = False


class HallEntry(Shape):
    """An order that the worker may take: what, roughly where and how far, when it would begin, until when it is there;
    whose it is, is told when she has it."""

    order_id: int
    item: Item
    is_test: bool
    org: Org
    window_from: datetime
    window_to: datetime
    starts_at: datetime | None
    distance_m: int
    travel_minutes: int
    hall_until: datetime


class Hall(Shape):
    """The orders in the hall that the worker could take, the soonest first, and how many more she may have."""

    orders: list[HallEntry]
    left: int
    server_time: datetime


class Pickup(Shape):
    """Meals to be fetched together: where, when they are to leave, and for which orders."""

    kitchen: str
    lat: float
    lon: float
    leave_at: datetime
    order_ids: list[int]


class DayStop(Shape):
    """One stop of a day: a visit or a kitchen; exactly one of both."""

    at: datetime
    order: OrderCard | None
    pickup: Pickup | None


class WorkDay(Shape):
    """What is before a worker, in the order in which it is expected."""

    stops: list[DayStop]
    server_time: datetime


@router.get("/orders/{order_id}/candidates")
def read_candidates(order_id: OrderId, account: Staff, db: Db, now: Now) -> CandidateList:
    """Who could take an order now and why, and why not the others; nothing is done. Whom the caller may not see is
    counted and not named."""
    with db.transaction() as tx:
        if tx.row(IN_SCOPE, {"order_id": order_id, "account_id": account.id, "now": now}) is None:
            raise ApiError("not_found")
        choice = preview(tx, now, order_id)
        best = choice.best(SHOWN)
        others = choice.left_out({one.candidate.worker_id for one in best})
        ids = {one.candidate.worker_id for one in best} | {one["worker_id"] for one in others}
        seen = in_sight(tx.conn, now, account.id, ids)
        known = briefs(tx.conn, seen)
        log_access(tx, now, account.id, "candidates.read", order_id=order_id, detail={"worker_ids": sorted(seen)})
    return CandidateList(
        considered=choice.considered,
        eligible=choice.able,
        ranked=[
            CandidateEntry(worker=known[one.candidate.worker_id], reasons=reasons_of(one.reasons()), waived=[])
            for one in best
            if one.candidate.worker_id in known
        ],
        turned_away={str(limit): count for limit, count in choice.turned_away.items()},
        left_out=left_out(others, seen),
        server_time=now,
    )


@router.post("/orders/{order_id}/assign")
def assign(order_id: OrderId, body: NamedWorker, account: Staff, db: Db, now: Now) -> OrderAnswer:
    """Ask one worker to take an order, whatever her rank; who has agreed already has it at once."""
    with db.transaction(account.seat_id) as tx:
        order_naming.name(tx, now, order_id, account.id, body.worker_id, body.reason, agreed=body.agreed)
        return order_answer(tx, now, account, "order.named", order_id)


@router.get("/hall")
def read_hall(account: Worker, db: Db, now: Now) -> Hall:
    """The orders that the worker may take, if nobody else is quicker."""
    with db.transaction() as tx:
        found, left = hall.open_to(tx, now, account.id)
        about = {row["id"]: row for row in tx.rows(ABOUT, {"ids": [one.order["id"] for one in found]})}
    return Hall(orders=[_entry(one, about[one.order["id"]]) for one in found], left=left, server_time=now)


def _entry(one: hall.Open, about: Row) -> HallEntry:
    return HallEntry(
        order_id=one.order["id"],
        item=item_of(about),
        is_test=about["is_test"],
        org=Org(code=about["org_code"], name=about["org_name"]),
        window_from=one.order["window_from"],
        window_to=one.order["window_to"],
        starts_at=one.ranked.starts_at,
        distance_m=roughly(one.ranked.distance_m),
        travel_minutes=one.ranked.travel_minutes,
        hall_until=one.order["hall_until"],
    )


@router.post("/hall/{order_id}/take")
def take(order_id: OrderId, account: Worker, db: Db, now: Now, _body: Nothing | None = None) -> OrderAnswer:
    """Take an order in the hall; the first to do so has it."""
    with db.transaction() as tx:
        why = hall.take(tx, now, order_id, account.id)
        if why is None:
            return order_answer(tx, now, account, "order.taken", order_id)
    raise ApiError(why)


@router.get("/work/day")
def read_day(account: Worker, db: Db, now: Now) -> WorkDay:
    """The worker's visits in the order in which they are expected, with the kitchens at which she fetches meals."""
    with db.transaction() as tx:
        visits = tx.rows(DAY, {"account_id": account.id})
        cards = order_cards(tx.conn, [visit["id"] for visit in visits], now)
        elder_ids = {card.elder.id for card in cards.values()}
        if elder_ids:
            log_access(tx, now, account.id, "work.read", elder_ids=elder_ids)
    pickups = {(visit["kitchen_id"], visit["pickup_at"]): visit for visit in reversed(visits) if _to_fetch(visit)}
    stops = [_pickup(first, visits) for first in pickups.values()]
    stops += [
        DayStop(at=visit["planned_at"] or card.window_from, order=for_worker_order(card), pickup=None)
        for visit, card in ((visit, cards[visit["id"]]) for visit in visits)
    ]
    return WorkDay(stops=sorted(stops, key=lambda stop: (stop.at, stop.pickup is None)), server_time=now)


def _to_fetch(visit: Row) -> bool:
    return visit["kitchen_id"] is not None and visit["pickup_at"] is not None and visit["to_fetch"]


def _pickup(first: Row, visits: list[Row]) -> DayStop:
    together = [
        visit["id"]
        for visit in visits
        if (visit["kitchen_id"], visit["pickup_at"]) == (first["kitchen_id"], first["pickup_at"])
    ]
    place = {"kitchen": first["kitchen"], "lat": first["lat"], "lon": first["lon"]}
    pickup = Pickup(**place, leave_at=first["pickup_at"], order_ids=together)
    return DayStop(at=first["pickup_at"], order=None, pickup=pickup)
