"""An order given to a worker by the plan of its day, without asking her: what is hers stays subject to every limit."""

from datetime import datetime, timedelta

from dispatch import offers, searching
from dispatch.fitting import fit
from dispatch.order_rows import require_step, subject_of
from dispatch.refusals import Refused
from dispatch.replies import LOCK_WORKER
from schemas.database import Row, Transaction
from schemas.statements import statement

OFFERED = statement("""
    UPDATE service_order SET state = 'offered', due_at = %(now)s::timestamptz, due_reason = 'offer'
    WHERE id = %(id)s::bigint
""")
PROMISE = statement("""
    UPDATE service_order
    SET planned_at = %(planned_at)s::timestamptz, pickup_at = %(pickup_at)s::timestamptz, plan_id = %(plan_id)s::bigint
    WHERE id = %(id)s::bigint
""")


def assign_planned(
    tx: Transaction,
    now: datetime,
    order: Row,
    worker_id: int,
    planned_at: datetime,
    plan_id: int,
    *,
    pickup_at: datetime | None = None,
) -> None:
    """Give a locked order that nobody has to a worker, who will begin at `planned_at`; open offers are taken back.

    Raises Refused: order_cancelled, order_ended, wrong_step (somebody has it), no_longer_eligible (a limit does not
    hold any more), overlaps (her day has changed since it was planned).
    """
    if order["state"] == "requested":
        require_step(order, "offered")
    else:
        require_step(order, "accepted")
    tx.execute(LOCK_WORKER, {"id": worker_id})
    fitting = fit(tx, now, order, worker_id)
    if fitting.missing or fitting.ranked is None:
        raise Refused("overlaps" if fitting.missing == ("busy",) else "no_longer_eligible")
    subject = subject_of(order)
    offers.withdraw(tx, now, subject)
    ends = now + timedelta(seconds=order["offer_seconds"])
    [offer_id] = offers.make(tx, now, subject, [fitting.ranked], ends, via="plan")
    tx.execute(OFFERED, {"id": order["id"], "now": now})
    [offer] = [one for one in offers.open_offers(tx, subject) if one.id == offer_id]
    searching.give(tx, now, {**order, "state": "offered"}, offer, fitting, as_planned=True)
    told = {"planned_at": planned_at, "pickup_at": pickup_at, "plan_id": plan_id}
    tx.execute(PROMISE, {"id": order["id"], **told})
