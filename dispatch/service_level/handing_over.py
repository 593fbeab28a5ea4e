"""A visit that will be late goes to somebody who would be in time, if there is anybody; else it stays where it is."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch import offers
from dispatch.candidates import own_day, ranking_policy
from dispatch.fitting import task_of
from dispatch.order_rows import orders_where, subject_of
from dispatch.orders import unassign
from dispatch.service_level.forecasts import to_hand_over
from dispatch.shortlist import look
from dispatch.sweeping import MATCHING_BATCH, Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AWAY

LOOK_AGAIN: Final = timedelta(minutes=5)
"""When nobody would be in time: until that may have changed."""
HANDED_OVER = Counter("anban_visits_handed_over_total", "Visits taken from a worker who would have been late")

CLAIM_DUE = statement("""
    SELECT service_order.id, service_order.worker_id, service_order.state, shift.starts_at
    FROM service_order
    LEFT JOIN LATERAL (
        SELECT starts_at FROM worker_shift
        WHERE worker_shift.worker_id = service_order.worker_id AND ends_at > %(now)s::timestamptz
        ORDER BY starts_at LIMIT 1) AS shift ON true
    WHERE service_order.hand_over_at <= %(now)s::timestamptz
    ORDER BY service_order.hand_over_at, service_order.id
    LIMIT %(limit)s::integer FOR UPDATE OF service_order SKIP LOCKED
""")
LOOK_AT = statement("""
    UPDATE service_order SET hand_over_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint
""")
OVERDUE = statement("""
    SELECT count(*) AS overdue FROM service_order WHERE hand_over_at < %(before)s::timestamptz
""")
# Nobody waits here for an order while holding another.
LOCK_FREE = orders_where(
    "service_order.id = %(id)s::bigint AND service_order.state = 'accepted'",
    "FOR UPDATE OF service_order SKIP LOCKED",
)
SWEEP: Final = Sweep(
    "late_visit",
    LOOK_AT,
    OVERDUE,
    Counter("anban_late_visit_steps_failed_total", "Late visits whose handing over failed and was put off by 30 s"),
)


def sweep_late(tx: Transaction, now: datetime, limit: int = MATCHING_BATCH) -> int:
    """Look for somebody else wherever a visit will be too late; returns how many were dealt with."""
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda late: _relieve(tx, now, late), SWEEP)


def _relieve(tx: Transaction, now: datetime, late: Row) -> None:
    """Take one visit from a worker who would be late, the one without which she is not if there is such a one."""
    worker = own_day(tx, now, late["worker_id"]) if late["state"] == "accepted" else None
    tried = [] if worker is None else to_hand_over(worker, now, free_from=late["starts_at"])
    handed = any(_hand_over(tx, now, order_id, late["worker_id"]) for order_id in tried)
    # Whether she is late without it, the next forecast says.
    again = now + LOOK_AGAIN if tried and not handed else None
    tx.execute(LOOK_AT, {"id": late["id"], "due_at": again})


def _hand_over(tx: Transaction, now: datetime, order_id: int, worker_id: int) -> bool:
    """Look for somebody else for a visit if anybody can make it in time; returns whether it was so."""
    order = tx.row(LOCK_FREE, {"id": order_id})
    if order is None or order["worker_id"] != worker_id or order["elder_state"] in AWAY:
        return False
    history = offers.made(tx, subject_of(order))
    task = task_of(now, order, excluded=offers.unwell(history, now) | {worker_id})
    choice = look(tx, now, task, ranking_policy(tx, "order"))
    if not choice.eligible:
        return False
    HANDED_OVER.inc()
    unassign(tx, now, order, None, "likely_late", detail={"eligible": choice.able})
    return True
