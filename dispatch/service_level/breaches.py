"""Broken promises of orders: told on the timeline and screens the moment they break, each with a task to review it."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch.order_rows import orders_where, subject_of
from dispatch.service_level.clocks import VisitClock, newly_broken, next_look, visit_clocks
from dispatch.sweeping import Sweep, act_on_each
from dispatch.tasks import NewTask, create, settle
from dispatch.timelines import record
from schemas.database import Row, Transaction
from schemas.statements import statement

REVIEW_WITHIN: Final = timedelta(days=3)
BATCH: Final = 50
BREACHES = Counter("anban_visit_breaches_total", "Promises about orders that were broken", ["promise"])

CLAIM_DUE = orders_where(
    "service_order.sla_due_at < %(now)s::timestamptz",
    "ORDER BY service_order.sla_due_at, service_order.id LIMIT %(limit)s::integer"
    " FOR NO KEY UPDATE OF service_order SKIP LOCKED",
)
LOOKED = statement("""
    UPDATE service_order SET sla_due_at = %(next)s::timestamptz, breaches = breaches || %(broken)s::text[]
    WHERE id = %(id)s::bigint
""")
TAKE_BACK = statement("""
    UPDATE service_order SET breaches = array_remove(breaches, %(promise)s::text) WHERE id = %(id)s::bigint
""")
POSTPONE = statement("UPDATE service_order SET sla_due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM service_order WHERE sla_due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "visit_promise",
    POSTPONE,
    OVERDUE,
    Counter("anban_visit_promise_steps_failed_total", "Looks at an order's promises that failed, put off by 30 s"),
)


def sweep_visit_promises(tx: Transaction, now: datetime, limit: int = BATCH) -> int:
    """Tell of every promise about an order that was broken, once; returns how many orders were looked at."""
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda order: _look(tx, now, order), SWEEP)


def arrived_earlier(tx: Transaction, now: datetime, order: Row) -> None:
    """The arrival at a locked order became known late, but was in time: a breach that was told of is taken back."""
    kept = next(clock for clock in visit_clocks(order, now) if clock.promise == "arrive")
    if kept.broken or kept.promise not in order["breaches"]:
        return
    tx.execute(TAKE_BACK, {"id": order["id"], "promise": kept.promise})
    settle(tx, now, "breach_review", _about(order, kept), "not_needed")
    record(tx, now, subject_of(order), "breach_withdrawn", detail={"promise": kept.promise})


def _look(tx: Transaction, now: datetime, order: Row) -> None:
    broken = () if order["is_test"] else newly_broken(order, now)
    told = [clock.promise for clock in broken]
    tx.execute(LOOKED, {"id": order["id"], "next": next_look(order, now), "broken": told})
    for clock in broken:
        _tell(tx, now, order, clock)


def _tell(tx: Transaction, now: datetime, order: Row, clock: VisitClock) -> None:
    BREACHES.labels(clock.promise).inc()
    detail = {
        "promise": clock.promise,
        "due_at": clock.due_at.isoformat(),
        "late_seconds": round((clock.stands_at - clock.due_at).total_seconds()),
        "met": clock.met_at is not None,
    }
    subject = subject_of(order)
    record(tx, now, subject, "breached", detail=detail)
    review = NewTask(
        kind="breach_review",
        due_at=now + REVIEW_WITHIN,
        elder_id=order["elder_id"],
        order_id=order["id"],
        about=_about(order, clock),
        detail=detail,
    )
    create(tx, now, review)
    tx.emit(subject.event("order.changed", now))


def _about(order: Row, clock: VisitClock) -> str:
    """Names the one review of a breach."""
    return f"order:{order['id']}:{clock.promise}:{clock.due_at.timestamp():.3f}"
