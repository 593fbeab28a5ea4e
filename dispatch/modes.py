"""How an order finds its worker: one asked after the other, some at once, in the hall, by the plan of its day; pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from schemas.database import Row
from schemas.district_time import day_start
from schemas.states import AssignmentMode

AT_ONCE: Final = 2
"""Asked at once at the least, where more than one is to be."""


@dataclass(frozen=True)
class Method:
    """What a search does: in mode plan it waits `until` then, in the hall the order stays until then, else it asks so
    many at once."""

    mode: AssignmentMode
    until: datetime | None = None
    number: int = 1


def planned_by(window_from: datetime, cutoff: time, minutes: int) -> datetime:
    """When the plan of a visit's day has been made: so many minutes after the cut-off on the district's day before."""
    eve = day_start(window_from) - timedelta(days=1)
    return eve + timedelta(hours=cutoff.hour, minutes=cutoff.minute + minutes)


def method(order: Row, now: datetime) -> Method:
    """How a requested order is given to somebody now: as it says itself or else as its assist's policy says.

    What no plan takes, and what has stayed in the hall long enough or has no time for it, is offered in sequence.
    """
    wanted: AssignmentMode = order["mode"] or order["policy_mode"]
    if wanted == "plan":
        until = planned_by(order["window_from"], order["plan_cutoff"], order["plan_minutes"])
        if now < until and order["plan_id"] is None and order["plan_left_at"] is None:
            return Method("plan", until)
    if wanted == "hall":
        stays = timedelta(seconds=order["hall_seconds"])
        until = order["hall_until"] or now + stays
        if now < until and now + stays < order["window_from"]:
            return Method("hall", until)
    if wanted == "best":
        return Method("best", number=max(AT_ONCE, order["offers_at_once"]))
    return Method("sequence")
