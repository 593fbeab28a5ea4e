"""Visits that take two workers: two orders, given to two people who begin together."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.assignment import TOGETHER, Task, assess
from dispatch.candidates import for_task
from dispatch.order_rows import subject_of
from dispatch.timelines import Subject, tell
from dispatch.workdays import Insertion
from dispatch.worker_days import make_room
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import WORKER_SEES, OrderState

PARTNER = statement("""
    SELECT partner.id, partner.state, partner.elder_id, partner.worker_id, partner.planned_at,
           ARRAY(SELECT worker_id FROM offer WHERE offer.order_id = partner.id AND offer.state = 'open') AS asked
    FROM service_order AS partner
    WHERE (partner.id = %(lead_id)s::bigint OR partner.lead_id = %(lead_id)s::bigint)
      AND partner.id <> %(id)s::bigint AND partner.state <> 'cancelled'
""")
# The lead's first, always: whoever accepts, cancels or moves one of the two decides about both.
LOCK = statement("""
    SELECT id FROM service_order
    WHERE together AND (
        id = %(id)s::bigint OR lead_id = %(id)s::bigint
        OR id = (SELECT one.lead_id FROM service_order AS one WHERE one.id = %(id)s::bigint)
        OR lead_id = (SELECT one.lead_id FROM service_order AS one WHERE one.id = %(id)s::bigint))
    ORDER BY id FOR UPDATE
""")
LOCK_FREE = statement("SELECT id FROM service_order WHERE id = %(id)s::bigint FOR UPDATE SKIP LOCKED")
MEET = statement("UPDATE service_order SET planned_at = %(planned_at)s::timestamptz WHERE id = %(id)s::bigint")


PUNCTUAL: Final = timedelta(minutes=1)
"""Whoever agrees on another time is there then."""


@dataclass(frozen=True)
class Partner:
    """The other order of a visit by two, as it stands."""

    id: int
    elder_id: int
    state: OrderState
    worker_id: int | None
    planned_at: datetime | None
    asked: frozenset[int]

    @property
    def meets_at(self) -> datetime | None:
        """When its worker will be there; None while nobody has it."""
        return self.planned_at if self.state in WORKER_SEES else None


def lock(tx: Transaction, order_id: int) -> None:
    """Lock both orders of a visit by two, if this is one of them."""
    tx.rows(LOCK, {"id": order_id})


def partner_of(tx: Transaction, order: Row) -> Partner | None:
    """The other order of a visit by two; None for any other visit, and when it was cancelled."""
    if not order["together"]:
        return None
    found = tx.row(PARTNER, {"id": order["id"], "lead_id": order["lead_id"] or order["id"]})
    if found is None:
        return None
    return Partner(**{**found, "asked": frozenset(found["asked"])})


def beside(task: Task, partner: Partner | None, now: datetime) -> Task:
    """What a visit by two asks of the one: not to be the other, and to begin when she does. Pure."""
    if partner is None:
        return task
    taken = partner.asked | ({partner.worker_id} if partner.worker_id is not None else set())
    task = replace(task, paired_off=frozenset(taken))
    meets_at = partner.meets_at
    if meets_at is None:
        return task
    return replace(task, window_from=max(meets_at, now), window_to=max(meets_at, now) + TOGETHER)


def free_to_move(tx: Transaction, partner: Partner) -> bool:
    """Lock the other order, if its worker has not set out and nobody else holds it."""
    return partner.state == "accepted" and tx.row(LOCK_FREE, {"id": partner.id}) is not None


def could_come_at(tx: Transaction, now: datetime, task: Task, partner: Partner, meets_at: datetime) -> Insertion | None:
    """Where in her day the worker who has the other order would have it, if she began at another time; None when she
    cannot."""
    if partner.worker_id is None:
        return None
    for candidate in for_task(tx, now, task, partner.worker_id):
        candidate.visits = tuple(visit for visit in candidate.visits if visit.order_id != partner.id)
        then = replace(task, window_from=meets_at, window_to=meets_at + PUNCTUAL, paired_off=frozenset())
        found = assess(then, candidate, now)
        return None if found.missing else found.insertion
    return None


def move(
    tx: Transaction, now: datetime, order: Row, partner: Partner, meets_at: datetime, insertion: Insertion
) -> None:
    """Agree on another time with the worker who has the other, locked order; the rest of her day makes room."""
    tx.execute(MEET, {"id": partner.id, "planned_at": meets_at})
    make_room(tx, now, insertion)
    was = partner.planned_at.isoformat() if partner.planned_at else None
    subject = Subject("order", partner.id, partner.elder_id)
    tell(tx, now, subject, "order.planned", detail={"planned_at": meets_at.isoformat(), "was": was})
    tx.emit(subject_of(order).event("order.changed", now))
