"""A worker whom a member of staff chooses for an order, with a reason: asked, or given it at once."""

from datetime import datetime, timedelta
from typing import Final

from dispatch import companions, offers, searching
from dispatch.assignment import Missing
from dispatch.fitting import fit
from dispatch.naming import IN_SIGHT
from dispatch.offers import Naming
from dispatch.order_rows import locked_order, require_step, subject_of
from dispatch.orders import STAFF, in_scope, unassign
from dispatch.refusals import Refused
from dispatch.replies import LOCK_WORKER
from dispatch.timelines import record
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import WORKER_SEES

NEVER_WAIVED: Final[frozenset[Missing]] = frozenset({"provider", "skill", "sex", "excluded", "pair", "busy"})
"""Whatever staff think: nobody goes whose provider is not admitted, whose certificate is missing, whom the elder is not
to meet, and nobody is at two homes at once."""

ASKED = statement("""
    UPDATE service_order SET state = 'offered', due_at = LEAST(%(due_at)s::timestamptz,
        CASE WHEN state = 'offered' THEN due_at END), due_reason = 'offer'
    WHERE id = %(id)s::bigint
""")


def name(
    tx: Transaction, now: datetime, order_id: int, actor_id: int, worker_id: int, reason: str, *, agreed: bool = False
) -> None:
    """Ask this worker to take an order, whatever her rank; when she has `agreed` already, by telephone say, it is hers.

    Whoever has it loses it. Area, shift, leave, capacity and what her provider offers do not count for her; what was
    set aside is kept with the offer. Raises Refused: not_found (order or worker out of the caller's sight), wrong_step,
    order_ended, order_cancelled, already_accepted (she has it), already_asked, not_admitted, responder_busy,
    limit_stands (skill, sex, exclusion, or she has the other part of the visit).
    """
    companions.lock(tx, order_id)
    order = in_scope(tx, now, order_id, actor_id, STAFF, None)
    if tx.row(IN_SIGHT, {"now": now, "worker_id": worker_id, "actor_id": actor_id}) is None:
        raise Refused("not_found")
    if order["worker_id"] is not None and order["state"] in WORKER_SEES:
        require_step(order, "requested")
        if order["worker_id"] == worker_id:
            raise Refused("already_accepted")
        unassign(tx, now, order, actor_id, reason)
        order = locked_order(tx, order_id)
    require_step(order, "offered" if order["state"] == "requested" else "accepted")
    tx.execute(LOCK_WORKER, {"id": worker_id})
    _ask(tx, now, order, actor_id, worker_id, reason, agreed=agreed)


def _ask(
    tx: Transaction, now: datetime, order: Row, actor_id: int, worker_id: int, reason: str, *, agreed: bool
) -> None:
    fitting = fit(tx, now, order, worker_id, off_shift=True)
    ranked = fitting.ranked
    stands = NEVER_WAIVED.intersection(fitting.missing)
    if ranked is None or "provider" in stands:
        raise Refused("not_admitted")
    if stands:
        raise Refused("responder_busy" if stands == {"busy"} else "limit_stands")
    subject = subject_of(order)
    waiting = next((one for one in offers.open_offers(tx, subject) if one.worker_id == worker_id), None)
    if waiting is not None and not agreed:
        raise Refused("already_asked")
    told = {"worker_id": worker_id, "worker": ranked.candidate.name, "waived": list(ranked.waived), "agreed": agreed}
    record(tx, now, subject, "named", actor_id=actor_id, note=reason, detail=told)
    ends = now + timedelta(seconds=order["offer_seconds"])
    if waiting is None:
        offers.make(tx, now, subject, [ranked], ends, naming=Naming(actor_id, reason))
        waiting = next(one for one in offers.open_offers(tx, subject) if one.worker_id == worker_id)
    tx.execute(ASKED, {"id": order["id"], "due_at": ends})
    if agreed:
        searching.give(tx, now, {**order, "state": "offered"}, waiting, fitting)
    else:
        tx.emit(subject.event("order.offered", now, account_id=actor_id))
