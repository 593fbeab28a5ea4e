"""A plan carried out: its visits become promises, in small transactions; what has changed meanwhile stays as it is."""

from datetime import datetime, timedelta
from typing import Final, Literal

from prometheus_client import Counter

from dispatch.order_rows import orders_where, subject_of
from dispatch.orders import unassign
from dispatch.planned import assign_planned
from dispatch.refusals import Refused
from dispatch.timelines import record
from schemas.database import Row, Transaction
from schemas.statements import statement

AT_ONCE: Final = 25
"""Visits in one transaction: whoever answers one of these orders waits for it."""
HELD_FOR: Final = timedelta(minutes=5)
Outcome = Literal["promised", "moved", "kept", "left_out", "refused", "changed"]
VISITS = Counter("anban_planned_visits_total", "Visits of day plans, by what became of them", ["outcome"])

# Freed together, before any is given anew: two workers may exchange visits.
MOVED = orders_where(
    """
    service_order.state = 'accepted' AND EXISTS (
        SELECT FROM day_plan_visit AS visit
        WHERE visit.plan_id = %(plan_id)s::bigint AND visit.order_id = service_order.id AND visit.outcome IS NULL
          AND visit.worker_id <> service_order.worker_id)
    """,
    "ORDER BY service_order.id FOR UPDATE OF service_order",
)
MARK_MOVED = statement("""
    UPDATE day_plan_visit SET moved = true
    WHERE plan_id = %(plan_id)s::bigint AND order_id = ANY(%(ids)s::bigint[])
""")
HOLD = statement("""
    UPDATE service_order SET due_at = %(until)s::timestamptz WHERE id = ANY(%(ids)s::bigint[])
""")
# What stays with its worker first: whoever joins her in a visit by two comes at the time that the plan gives both.
NEXT = statement("""
    SELECT visit.order_id, visit.worker_id, visit.planned_at, visit.pickup_at, visit.reason, visit.moved
    FROM day_plan_visit AS visit JOIN service_order ON service_order.id = visit.order_id
    WHERE visit.plan_id = %(plan_id)s::bigint AND visit.outcome IS NULL
    ORDER BY visit.worker_id IS NULL,
             (service_order.state = 'accepted' AND service_order.worker_id = visit.worker_id) IS NOT TRUE,
             visit.planned_at, visit.order_id
    LIMIT %(limit)s::integer
""")
STILL = statement("""
    SELECT order_id FROM day_plan_visit
    WHERE plan_id = %(plan_id)s::bigint AND order_id = ANY(%(ids)s::bigint[]) AND outcome IS NULL
""")
LOCK = orders_where(
    "service_order.id = ANY(%(ids)s::bigint[])", "ORDER BY service_order.id FOR UPDATE OF service_order"
)
SAY = statement("""
    UPDATE day_plan_visit SET outcome = told.outcome, refusal = told.refusal
    FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[], %(refusals)s::text[]) AS told (order_id, outcome, refusal)
    WHERE day_plan_visit.plan_id = %(plan_id)s::bigint AND day_plan_visit.order_id = told.order_id
""")
KEEP = statement("""
    UPDATE service_order
    SET planned_at = %(planned_at)s::timestamptz, pickup_at = %(pickup_at)s::timestamptz, plan_id = %(plan_id)s::bigint
    WHERE id = %(id)s::bigint
""")
LEAVE = statement("""
    UPDATE service_order
    SET plan_left_at = %(now)s::timestamptz,
        due_at = CASE WHEN due_reason = 'assign' THEN %(now)s::timestamptz ELSE due_at END
    WHERE id = %(id)s::bigint
""")


def free_moved(tx: Transaction, now: datetime, plan_id: int) -> int:
    """Take the visits that a plan moves from the workers who have them; returns how many. Nobody else is asked for
    them for a while."""
    moved = tx.rows(MOVED, {"plan_id": plan_id})
    ids = [order["id"] for order in moved]
    for order in moved:
        unassign(tx, now, order, None, "replanned", detail={"plan_id": plan_id})
    tx.execute(MARK_MOVED, {"plan_id": plan_id, "ids": ids})
    tx.execute(HOLD, {"ids": ids, "until": now + HELD_FOR})
    return len(moved)


def apply_some(tx: Transaction, now: datetime, plan_id: int, limit: int = AT_ONCE) -> int:
    """Carry out the next visits of a plan that is being applied; returns how many there were, 0 at its end."""
    due = tx.rows(NEXT, {"plan_id": plan_id, "limit": limit})
    ids = [visit["order_id"] for visit in due]
    orders = {order["id"]: order for order in tx.rows(LOCK, {"ids": ids})}
    # Read again under the locks: an engine that was too slow for its lease may have carried them out meanwhile.
    still = {visit["order_id"] for visit in tx.rows(STILL, {"plan_id": plan_id, "ids": ids})}
    found, due = len(due), [visit for visit in due if visit["order_id"] in still]
    said = [_carry_out(tx, now, plan_id, visit, orders[visit["order_id"]]) for visit in due]
    for outcome, _ in said:
        VISITS.labels(outcome).inc()
    tx.execute(
        SAY,
        {
            "plan_id": plan_id,
            "ids": [visit["order_id"] for visit in due],
            "outcomes": [outcome for outcome, _ in said],
            "refusals": [refusal for _, refusal in said],
        },
    )
    return found


def outcome_of(order: Row, visit: Row) -> Outcome:
    """What a plan's visit does to an order as it is by now; pure."""
    waits = order["state"] in ("requested", "offered")
    if visit["worker_id"] is None:
        return "left_out" if waits else "changed"
    if waits:
        return "moved" if visit["moved"] else "promised"
    return "kept" if order["state"] == "accepted" and order["worker_id"] == visit["worker_id"] else "changed"


def _carry_out(tx: Transaction, now: datetime, plan_id: int, visit: Row, order: Row) -> tuple[Outcome, str | None]:
    outcome = outcome_of(order, visit)
    if outcome == "left_out":
        tx.execute(LEAVE, {"id": order["id"], "now": now})
        record(tx, now, subject_of(order), "left_out", detail={"plan_id": plan_id, "reason": visit["reason"]})
    elif outcome == "kept":
        _keep(tx, now, plan_id, visit, order)
    elif outcome in ("promised", "moved"):
        try:
            with tx.savepoint():
                planned = (visit["worker_id"], visit["planned_at"], plan_id)
                assign_planned(tx, now, order, *planned, pickup_at=visit["pickup_at"])
        except Refused as refused:
            # What no longer holds is looked for as other orders are.
            tx.execute(LEAVE, {"id": order["id"], "now": now})
            return "refused", refused.code
    return outcome, None


def _keep(tx: Transaction, now: datetime, plan_id: int, visit: Row, order: Row) -> None:
    planned = {"planned_at": visit["planned_at"], "pickup_at": visit["pickup_at"], "plan_id": plan_id}
    tx.execute(KEEP, {"id": order["id"], **planned})
    if order["planned_at"] != visit["planned_at"]:
        record(tx, now, subject_of(order), "replanned", detail={"planned_at": visit["planned_at"].isoformat()})
        tx.emit(subject_of(order).event("order.changed", now))
