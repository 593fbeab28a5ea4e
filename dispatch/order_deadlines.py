"""Deadlines of orders that came: look for a worker, move on from an offer, notice who is late, confirm by silence,
remind of settlements."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch import offers
from dispatch.attention import call_attention
from dispatch.money import deadlines
from dispatch.order_rows import orders_where, subject_of
from dispatch.orders import confirmed
from dispatch.searching import LOOK_AT, look_at, offer_is_over, search
from dispatch.service_level.no_shows import give_up_on
from dispatch.sweeping import MATCHING_BATCH, Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.statements import statement

REMIND: Final = timedelta(minutes=15)
"""How often a worker who is late, or a visit that goes on and on, is looked at again."""

CLAIM_DUE = orders_where(
    "service_order.due_at <= %(now)s::timestamptz",
    "ORDER BY service_order.due_at, service_order.id LIMIT %(limit)s::integer FOR UPDATE OF service_order SKIP LOCKED",
)
OVERDUE = statement("SELECT count(*) AS overdue FROM service_order WHERE due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "order",
    LOOK_AT,
    OVERDUE,
    Counter("anban_order_steps_failed_total", "Order deadlines whose step failed and was put off by 30 s"),
)


def sweep_orders(tx: Transaction, now: datetime, limit: int = MATCHING_BATCH) -> int:
    """Act on every order whose deadline has come; returns how many were dealt with.

    An order whose step fails is tried again half a minute later and holds up no other.
    """
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda order: _act(tx, now, order), SWEEP)


def _act(tx: Transaction, now: datetime, order: Row) -> None:
    match order["due_reason"]:
        case "assign":
            search(tx, now, order)
        case "offer":
            offers.expire(tx, now, subject_of(order))
            offer_is_over(tx, now, order)
        case "arrive":
            if not give_up_on(tx, now, order):
                call_attention(tx, now, order, "late")
                look_at(tx, order, now + REMIND)
        case "finish":
            call_attention(tx, now, order, "overrun")
            look_at(tx, order, now + REMIND)
        case "confirm":
            confirmed(tx, now, order, None, how="silence")
        case "settle":
            deadlines.overdue(tx, now, order)
