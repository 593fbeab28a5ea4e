"""Ordering as a relative: what can be had for one's own elder, at what price and when; calling it off."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from control_center.access import log_access
from control_center.auth import Family
from control_center.dependencies import Db, ElderId, Moment, Now, OrderId, Storable
from control_center.order_views import for_family_order, order_cards
from control_center.orders import order_answer
from control_center.registry import found_in_scope
from control_center.source_cards import FamilyOffer, proposed_item
from control_center.work_cards import OrderAnswer, OrderCard
from dispatch.placing import Wish
from dispatch.sources import family
from dispatch.sources.hotline import proposals
from dispatch.sources.quotes import buyer, sold_to
from dispatch.sources.windows import ordering_policy
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import AWAY

STANDING = statement("""
    SELECT id FROM service_order
    WHERE elder_id = %(elder_id)s::integer AND ended_at IS NULL AND lead_id IS NULL
    ORDER BY window_from, id
    LIMIT 100
""")
router = APIRouter(prefix="/api/family", tags=["families"])


class FamilyWish(BaseModel):
    """What a relative orders; without an end the window is as long as the item's usual one."""

    item: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    window_from: Moment
    window_to: Moment | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


class CallingOff(BaseModel):
    """Why, if that is to be said."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


def _standing(tx: Transaction, now: datetime, elder_id: int) -> list[OrderCard]:
    ids = [order["id"] for order in tx.rows(STANDING, {"elder_id": elder_id})]
    cards = order_cards(tx.conn, ids, now)
    return [for_family_order(cards[order_id]) for order_id in ids]


@router.get("/elders/{elder_id}/offer")
def read_offer(elder_id: ElderId, account: Family, db: Db, now: Now) -> FamilyOffer:
    """What can be ordered for one's own elder, with prices and free windows, and what is ordered already."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        elder = buyer(tx, elder_id)
        items = [] if elder.state in AWAY else sold_to(tx, now, elder, family=True)
        offered = proposals(tx, now, elder, items, ordering_policy(tx))
        standing = _standing(tx, now, elder_id)
        log_access(tx, now, account.id, "family.read", elder_id=elder_id)
    return FamilyOffer(items=[proposed_item(one) for one in offered], orders=standing, server_time=now)


@router.post("/elders/{elder_id}/orders", status_code=201)
def order_for_own(elder_id: ElderId, wish: FamilyWish, account: Family, db: Db, now: Now) -> OrderAnswer:
    """Order a service for one's own elder; the engine looks for somebody at once."""
    asked_for = Wish(
        elder_id=elder_id,
        item_code=wish.item,
        window_from=wish.window_from,
        window_to=wish.window_to,
        skills=(),
        note=wish.note or None,
    )
    with db.transaction(account.seat_id) as tx:
        order_id = family.order(tx, now, account.id, asked_for)
        return order_answer(tx, now, account, "order.requested", order_id)


@router.post("/orders/{order_id}/cancel")
def call_off(order_id: OrderId, body: CallingOff, account: Family, db: Db, now: Now) -> OrderAnswer:
    """Call off what was ordered for one's own elder, while nobody is on the way."""
    with db.transaction(account.seat_id) as tx:
        family.cancel(tx, now, order_id, account.id, body.reason or None)
        return order_answer(tx, now, account, "order.cancelled", order_id)
