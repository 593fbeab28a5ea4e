"""When a worker's visits are expected to begin, kept true as her day changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from dispatch.assignment import day_of, starting_place
from dispatch.candidates import own_day
from dispatch.workdays import At, Insertion, walk
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement

# A visit whose order somebody else holds just now is left out: whoever changes it brings its day in order as well, and
# nobody waits here for an order while holding another. A visit for which two have agreed on a time keeps it.
KEEP = statement("""
    UPDATE service_order SET planned_at = told.planned_at, pickup_at = told.pickup_at
    FROM (
        SELECT id FROM service_order
        WHERE id = ANY(%(ids)s::bigint[]) AND state = 'accepted' AND NOT together
        ORDER BY id FOR UPDATE SKIP LOCKED
    ) AS held
    JOIN unnest(%(ids)s::bigint[], %(planned)s::timestamptz[], %(pickups)s::timestamptz[])
        AS told (id, planned_at, pickup_at) ON told.id = held.id
    WHERE service_order.id = told.id
      AND (service_order.planned_at, service_order.pickup_at) IS DISTINCT FROM (told.planned_at, told.pickup_at)
    RETURNING service_order.id, service_order.elder_id
""")
WHOLE: Final = timedelta(seconds=1)


def placed(now: datetime, found: Insertion) -> tuple[datetime, datetime | None]:
    """When a visit that was put into a day begins, and when its meal leaves the kitchen."""
    step = next(one for one in walk(found.beginning, found.calls, late=True) or () if one.call is found.at.call)
    return _at(now, step.starts), None if step.left_at is None else _at(now, step.left_at)


def make_room(tx: Transaction, now: datetime, found: Insertion) -> None:
    """Say of the other visits of a day into which one was put when they begin now."""
    tell(tx, now, walk(found.beginning, found.calls, late=True) or [])


def bring_in_order(tx: Transaction, now: datetime, worker_id: int) -> None:
    """Say anew when a worker's visits begin, after one was taken from her day."""
    candidate = own_day(tx, now, worker_id)
    if candidate is not None and candidate.visits:
        tell(tx, now, day_of(candidate, starting_place(now, candidate, now), now).steps)


def tell(tx: Transaction, now: datetime, steps: Sequence[At]) -> None:
    """Keep when the visits of a day begin, as far as nobody else holds their orders just now."""
    told = [step for step in steps if step.call.order_id is not None]
    if told:
        columns = {
            "ids": [step.call.order_id for step in told],
            "planned": [_at(now, step.starts) for step in told],
            "pickups": [None if step.left_at is None else _at(now, step.left_at) for step in told],
        }
        for moved in tx.rows(KEEP, columns):
            tx.emit(Event("order.changed", now, order_id=moved["id"], elder_id=moved["elder_id"]))


def _at(now: datetime, seconds: float) -> datetime:
    return whole(now + timedelta(seconds=seconds))


def whole(at: datetime) -> datetime:
    """A time in whole seconds, not earlier: nobody is told fractions, and the same day gives the same times."""
    return at.replace(microsecond=0) + (WHOLE if at.microsecond else timedelta())
