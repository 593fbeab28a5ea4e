"""Orders as staff make and follow them, and as relatives and workers may read them."""

from datetime import datetime
from typing import Annotated, Final, Literal, LiteralString

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import Action, elders_on, log_access
from control_center.auth import OrderReader, SignedIn, Staff, Viewer
from control_center.dependencies import (
    LARGEST_BIGINT,
    LARGEST_INTEGER,
    Before,
    Connection,
    Db,
    Moment,
    Nothing,
    Now,
    OrderId,
    Storable,
)
from control_center.errors import ApiError
from control_center.offer_views import offers_of_order, searches_of_order
from control_center.order_views import for_family_order, for_worker_order, order_cards
from control_center.timelines import order_timeline
from control_center.views import elders_of_family
from control_center.work_cards import OrderAnswer, OrderCard, OrderDetail, OrderList
from dispatch import orders
from dispatch.placing import Wish
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import AssignmentMode

# The audience is looked up order by order, newest first, so that a long history is not gone through to show a page.
VISIBLE: Final[LiteralString] = """
    SELECT service_order.id
    FROM service_order
    CROSS JOIN LATERAL (
        SELECT FROM order_audience(%(now)s::timestamptz) AS audience
        WHERE audience.order_id = service_order.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
"""
NEWEST: Final[LiteralString] = """
    service_order.id < %(before)s::bigint ORDER BY service_order.id DESC LIMIT %(limit)s::integer
"""
OPEN = statement(f"{VISIBLE} WHERE service_order.ended_at IS NULL AND {NEWEST}")
ENDED = statement(f"{VISIBLE} WHERE service_order.ended_at IS NOT NULL AND {NEWEST}")
OF_ELDERS = statement(f"""{VISIBLE}
    WHERE service_order.elder_id = ANY(%(elder_ids)s::integer[])
      AND (service_order.ended_at IS NOT NULL) = %(ended)s::boolean AND {NEWEST}
""")
IN_SCOPE = statement("""
    SELECT order_id FROM order_audience(%(now)s::timestamptz)
    WHERE order_id = %(order_id)s::bigint AND account_id = %(account_id)s::integer
""")
router = APIRouter(prefix="/api", tags=["orders"])
Code = Annotated[str, StringConstraints(min_length=1, max_length=40), Storable]


class OrderWish(BaseModel):
    """What is ordered for whom, and when; without an end the window is as long as the item's usual one.

    Where a plan is short of workers the higher priority is kept; without a mode it is given to somebody as its assist's
    policy says.
    """

    elder_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)]
    item: Code
    window_from: Moment
    window_to: Moment | None = None
    skills: Annotated[list[Code], Field(max_length=20)] = []
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] = 0
    mode: AssignmentMode | None = None


class Reason(BaseModel):
    """Why staff cancel an order or give it to somebody else."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]


class Cancellation(Reason):
    """Why staff call an order off, and whether the elder's side wants it: so late it may cost something."""

    for_elder: bool = False


def shown_order(card: OrderCard, account: SignedIn) -> OrderCard:
    """An order's card as the caller's role may see it."""
    if account.role == "family":
        return for_family_order(card)
    return for_worker_order(card) if account.role == "worker" else card


def order_answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, order_id: int) -> OrderAnswer:
    """The order after a command, recorded as a read like any other."""
    card = order_cards(tx.conn, [order_id], now)[order_id]
    log_access(tx, now, account.id, action, elder_id=card.elder.id, order_id=order_id)
    return OrderAnswer(card=shown_order(card, account))


@router.post("/orders", status_code=201)
def request_order(wish: OrderWish, account: Staff, db: Db, now: Now) -> OrderAnswer:
    """Order a service; the engine looks for somebody at once."""
    asked_for = Wish(
        elder_id=wish.elder_id,
        item_code=wish.item,
        window_from=wish.window_from,
        window_to=wish.window_to,
        skills=tuple(dict.fromkeys(wish.skills)),
        note=wish.note or None,
        mode=wish.mode,
        priority=wish.priority,
    )
    with db.transaction(account.seat_id) as tx:
        order_id = orders.request_order(tx, now, account.id, asked_for)
        return order_answer(tx, now, account, "order.requested", order_id)


def _elders_asked_for(conn: Connection, account: SignedIn, now: datetime, elder_id: int | None) -> set[int] | None:
    """Whose orders are looked for; None is everybody's."""
    if account.role != "family":
        return None if elder_id is None else {elder_id}
    own = elders_of_family(conn, account.id, now)
    return own if elder_id is None else own & {elder_id}


@router.get("/orders")
def list_orders(
    account: Viewer,
    db: Db,
    now: Now,
    view: Literal["open", "ended"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
    elder_id: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER, description="Only this elder's")] = None,
) -> OrderList:
    """Orders in the caller's scope, newest first."""
    ended = view == "ended"
    page = {"now": now, "account_id": account.id, "before": before or LARGEST_BIGINT, "limit": limit}
    with db.transaction() as tx:
        elders = _elders_asked_for(tx.conn, account, now, elder_id)
        if elders is None:
            found = tx.rows(ENDED if ended else OPEN, page)
        else:
            found = tx.rows(OF_ELDERS, {**page, "ended": ended, "elder_ids": list(elders)})
        ids = [order["id"] for order in found]
        cards = order_cards(tx.conn, ids, now)
        log_access(tx, now, account.id, "orders.listed", elder_ids=elders_on(cards.values()))
    return OrderList(orders=[shown_order(cards[order_id], account) for order_id in ids])


@router.get("/orders/{order_id}")
def read_order(order_id: OrderId, account: OrderReader, db: Db, now: Now) -> OrderDetail:
    """An order with its timeline; a worker's own, from its acceptance until it ends."""
    staff = account.role in ("operator", "supervisor")
    with db.transaction() as tx:
        if tx.row(IN_SCOPE, {"order_id": order_id, "account_id": account.id, "now": now}) is None:
            raise ApiError("not_found")
        answer = order_answer(tx, now, account, "order.read", order_id)
        entries = order_timeline(tx.conn, order_id, staff=staff)
        offers = offers_of_order(tx.conn, order_id) if staff else []
        searches = searches_of_order(tx.conn, now, account.id, order_id) if staff else []
    return OrderDetail(card=answer.card, timeline=entries, offers=offers, searches=searches)


@router.post("/orders/{order_id}/cancel")
def cancel(order_id: OrderId, body: Cancellation, account: Staff, db: Db, now: Now) -> OrderAnswer:
    """Call an order off, until it is completed."""
    with db.transaction(account.seat_id) as tx:
        orders.cancel(tx, now, order_id, account.id, body.reason, for_elder=body.for_elder)
        return order_answer(tx, now, account, "order.cancelled", order_id)


@router.post("/orders/{order_id}/reassign")
def reassign(order_id: OrderId, body: Reason, account: Staff, db: Db, now: Now) -> OrderAnswer:
    """Take an order from its worker and look for somebody else."""
    with db.transaction(account.seat_id) as tx:
        orders.reassign(tx, now, order_id, account.id, body.reason)
        return order_answer(tx, now, account, "order.reassigned", order_id)


@router.post("/orders/{order_id}/search")
def search_again(order_id: OrderId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> OrderAnswer:
    """Look again at once, asking everybody anew."""
    with db.transaction(account.seat_id) as tx:
        orders.search_again(tx, now, order_id, account.id)
        return order_answer(tx, now, account, "order.searched", order_id)


@router.post("/orders/{order_id}/confirm")
def confirm(order_id: OrderId, account: Viewer, db: Db, now: Now, _body: Nothing | None = None) -> OrderAnswer:
    """Say that a completed visit took place as ordered."""
    with db.transaction(account.seat_id) as tx:
        orders.confirm(tx, now, order_id, account.id)
        return order_answer(tx, now, account, "order.confirmed", order_id)
