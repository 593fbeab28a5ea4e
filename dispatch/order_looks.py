"""Who would be asked for an order now, and who not; nothing is locked or kept."""

from datetime import datetime

from dispatch import offers
from dispatch.candidates import ranking_policy
from dispatch.companions import beside, partner_of
from dispatch.fitting import task_of
from dispatch.order_rows import orders_where, subject_of
from dispatch.ranking import Choice
from dispatch.refusals import Refused
from dispatch.shortlist import look
from schemas.database import Transaction

SHOWN = 20
ORDER = orders_where("service_order.id = %(id)s::bigint", "")


def preview(tx: Transaction, now: datetime, order_id: int) -> Choice:
    """Who could take an order, by what is known now, the best of them for certain. Scope is the caller's business.

    Raises Refused not_found.
    """
    order = tx.row(ORDER, {"id": order_id})
    if order is None:
        raise Refused("not_found")
    excluded = offers.unwell(offers.made(tx, subject_of(order)), now)
    task = beside(task_of(now, order, excluded=excluded), partner_of(tx, order), now)
    return look(tx, now, task, ranking_policy(tx, "order"), SHOWN)
