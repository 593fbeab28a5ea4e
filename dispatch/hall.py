"""The hall: orders that whoever is quickest may take, of those who could be asked for them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dispatch import companions, offers, searching
from dispatch.fitting import Fit, fit
from dispatch.order_rows import orders_where, subject_of
from dispatch.ranking import Ranked
from dispatch.refusals import RefusalCode, Refused
from dispatch.replies import LOCK_WORKER
from schemas.database import Row, Transaction
from schemas.district_time import day_start
from schemas.statements import statement

SHOWN: Final = 40
"""So many of the soonest are looked at for one worker."""
SHORTEST: Final = timedelta(seconds=1)

WORKER = statement("""
    SELECT worker.id FROM worker JOIN account ON account.id = worker.account_id
    WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL AND worker.left_at IS NULL
""")
# In the districts that her provider serves any part of.
IN_HALL = orders_where(
    """
    service_order.state = 'offered' AND service_order.hall_until > %(now)s::timestamptz AND EXISTS (
        SELECT FROM worker
        JOIN provider_area ON provider_area.provider_id = worker.provider_id
        JOIN org_unit AS area ON area.code = provider_area.org_code
        WHERE worker.id = %(worker_id)s::integer
          AND starts_with(area.path, split_part(home.path, '/', 1) || '/'))
    """,
    "ORDER BY service_order.window_from, service_order.id LIMIT %(limit)s::integer",
)
TAKEN = statement("""
    SELECT count(*) AS taken
    FROM offer JOIN service_order ON service_order.id = offer.order_id
    WHERE offer.worker_id = %(worker_id)s::integer AND offer.via = 'hall' AND offer.state = 'accepted'
      AND (service_order.worker_id = offer.worker_id AND service_order.state IN ('accepted', 'en_route')
           OR service_order.worker_id IS DISTINCT FROM offer.worker_id
              AND offer.answered_at >= %(today)s::timestamptz)
""")


@dataclass(frozen=True)
class Open:
    """An order in the hall that a worker could take: her place in it, and until when."""

    order: Row
    ranked: Ranked


def open_to(tx: Transaction, now: datetime, account_id: int) -> tuple[list[Open], int]:
    """The orders in the hall that a worker could take now, the soonest first, and how many more she may take. What she
    took and gave back today counts as taken. Raises Refused not_found for an account without a worker."""
    worker_id = _worker(tx, account_id)
    found, most = [], None
    for order in tx.rows(IN_HALL, {"now": now, "worker_id": worker_id, "limit": SHOWN}):
        fitting = fit(tx, now, order, worker_id)
        if fitting.ranked is not None and not fitting.missing:
            found.append(Open(order, fitting.ranked))
            most = max(most or 0, order["hall_most"])
    return found, 0 if most is None else max(0, most - _taken(tx, now, worker_id))


def take(tx: Transaction, now: datetime, order_id: int, account_id: int) -> RefusalCode | None:
    """Take an order in the hall; None when it is the worker's now.

    Returns why not, when she was too late or cannot: taken_by_another, already_accepted, order_cancelled, order_ended,
    not_in_hall (any more), hall_limit, overlaps, no_longer_eligible. Raises Refused not_found for an account without a
    worker, and for an order that was never in the hall.
    """
    worker_id = _worker(tx, account_id)
    companions.lock(tx, order_id)
    order = tx.row(LOCK_SEEN, {"id": order_id})
    if order is None:
        raise Refused("not_found")
    tx.execute(LOCK_WORKER, {"id": worker_id})
    why = _too_late(order, worker_id, now)
    if why is not None:
        return why
    if _taken(tx, now, worker_id) >= order["hall_most"]:
        return "hall_limit"
    fitting = fit(tx, now, order, worker_id)
    if fitting.missing:
        return "overlaps" if fitting.missing == ("busy",) else "no_longer_eligible"
    _give(tx, now, order, worker_id, fitting)
    return None


LOCK_SEEN = orders_where("""
    service_order.id = %(id)s::bigint AND EXISTS (
        SELECT FROM order_event WHERE order_event.order_id = service_order.id AND order_event.kind = 'in_hall')
""")


def _too_late(order: Row, worker_id: int, now: datetime) -> RefusalCode | None:
    if order["state"] == "cancelled":
        return "order_cancelled"
    if order["worker_id"] is not None:
        return "already_accepted" if order["worker_id"] == worker_id else "taken_by_another"
    if order["ended_at"] is not None:
        return "order_ended"
    open_now = order["state"] == "offered" and order["hall_until"] is not None and order["hall_until"] > now
    return None if open_now else "not_in_hall"


def _give(tx: Transaction, now: datetime, order: Row, worker_id: int, fitting: Fit) -> None:
    if fitting.ranked is None:
        return
    subject = subject_of(order)
    ends = max(order["hall_until"], now + SHORTEST)
    waiting = [one for one in offers.open_offers(tx, subject) if one.worker_id == worker_id]
    if not waiting:
        offers.make(tx, now, subject, [fitting.ranked], ends, via="hall")
        waiting = [one for one in offers.open_offers(tx, subject) if one.worker_id == worker_id]
    searching.give(tx, now, order, waiting[0], fitting)


def _worker(tx: Transaction, account_id: int) -> int:
    found = tx.row(WORKER, {"account_id": account_id})
    if found is None:
        raise Refused("not_found")
    return int(found["id"])


def _taken(tx: Transaction, now: datetime, worker_id: int) -> int:
    [found] = tx.rows(TAKEN, {"worker_id": worker_id, "today": day_start(now)})
    return int(found["taken"])
