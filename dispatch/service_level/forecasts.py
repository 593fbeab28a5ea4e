"""Whether a worker will be at her visits in time, by where she is and what she still has to do before; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dispatch.assignment import FRESH
from dispatch.travel import Place, travel_time
from schemas.states import OrderState, Travel

Risk = Literal["none", "tight", "late"]


@dataclass(frozen=True)
class Due:
    """A visit that somebody has accepted and not ended. `planned_at` is when she meant to begin it."""

    order_id: int
    state: OrderState
    place: Place | None
    window_from: datetime
    window_to: datetime
    duration: timedelta
    planned_at: datetime | None = None
    departed_at: datetime | None = None
    checked_in_at: datetime | None = None


@dataclass(frozen=True)
class Whereabouts:
    """Where a worker starts from: what her phone said, `age` ago, else her base; `free_from` is the start of a shift
    that has not begun."""

    base: Place
    means: Travel
    position: Place | None = None
    age: timedelta = timedelta()
    free_from: datetime | None = None


@dataclass(frozen=True)
class Forecast:
    """When a visit will begin, and whether that is in its window; `slack` is negative when it is not."""

    order_id: int
    begins_at: datetime
    slack: timedelta
    risk: Risk


def forecast(where: Whereabouts, visits: Sequence[Due], now: datetime, tight: timedelta) -> tuple[Forecast, ...]:
    """The rest of a worker's day as it will go if she loses no more time, visits under way left out.

    She goes in the order in which she is on the way or meant to begin. One whom nothing says to have set out sets out
    now. Who is early waits for the window.
    """
    place: Place | None
    place, at = _starts(where, now)
    told: list[Forecast] = []
    for visit in sorted(visits, key=_in_order):
        if visit.checked_in_at is not None:
            at, place = max(at, visit.checked_in_at + visit.duration), visit.place
            continue
        begins = max(_arrives(where, visit, place, at, now), visit.window_from)
        slack = visit.window_to - begins
        risk: Risk = "late" if slack < timedelta() else "tight" if slack < tight else "none"
        told.append(Forecast(visit.order_id, begins, slack, risk))
        at, place = begins + visit.duration, visit.place
    return tuple(told)


def _starts(where: Whereabouts, now: datetime) -> tuple[Place, datetime]:
    known = where.position is not None and where.age <= FRESH
    place = where.position if known and where.position is not None else where.base
    return place, max(now, where.free_from or now)


def _arrives(where: Whereabouts, visit: Due, place: Place | None, at: datetime, now: datetime) -> datetime:
    way = travel_time(place, visit.place, where.means)
    silent = where.position is None or where.age > FRESH
    if visit.state == "en_route" and visit.departed_at is not None and silent:
        # Nobody knows how far she has come: as far as the time since she set out takes her.
        return max(now, visit.departed_at + way)
    return at + way


def _in_order(visit: Due) -> tuple[int, datetime, int]:
    place = 0 if visit.checked_in_at is not None else 1 if visit.state == "en_route" else 2
    return place, visit.planned_at or visit.window_from, visit.order_id
