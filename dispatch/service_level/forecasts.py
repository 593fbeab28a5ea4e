"""Whether a worker will be at her visits in time, by where she is and what she still has to do before; pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from dispatch.assignment import Candidate, Visit, arrival, day_of, starting_place
from dispatch.workdays import Day

Risk = Literal["none", "tight", "late"]
TRIED: Final = 3
"""So many of a worker's visits at the most are looked for somebody else for, before she is late after all."""


@dataclass(frozen=True)
class Forecast:
    """When a visit will begin, and whether that is in its window; `slack` is negative when it is not."""

    order_id: int
    begins_at: datetime
    slack: timedelta
    risk: Risk


@dataclass(frozen=True)
class Outlook:
    """The rest of a worker's day as it will go: forecasts of the visits she is not at yet, and the day itself, which is
    in another order than it was promised in where that alone keeps it in time (`rearranged`)."""

    forecasts: tuple[Forecast, ...]
    day: Day
    rearranged: bool


def foresee(worker: Candidate, now: datetime, tight: timedelta, *, free_from: datetime | None = None) -> Outlook:
    """The rest of a worker's day as it will go if she loses no more time.

    She goes in the order in which she is on the way or meant to begin, by the kitchens of her meals; in another one
    where something would be late and that helps. One whom nothing says to have set out sets out now, or when her shift
    begins (`free_from`). Who is early waits for the window.
    """
    place = starting_place(now, worker, now)
    as_promised = day_of(worker, place, now, free_from=free_from)
    day = day_of(worker, place, now, free_from=free_from, anyhow=True) if as_promised.late else as_promised
    visits = {visit.order_id: visit for visit in worker.visits}
    told = [
        _told(visit, max(arrival(visit, place, worker, now), visit.window_from), tight)
        for visit in worker.visits
        if visit.state == "en_route" and visit.checked_in_at is None
    ]
    for step in day.steps:
        if step.call.order_id is not None:
            told.append(_told(visits[step.call.order_id], now + timedelta(seconds=step.starts), tight))
    return Outlook(tuple(told), day, rearranged=_order(day) != _order(as_promised))


def to_hand_over(worker: Candidate, now: datetime, *, free_from: datetime | None = None) -> list[int]:
    """Which of a worker's visits somebody else should make, when some would be late: first those without which she is
    in time, the one with the latest window first; then those that are late themselves. At most TRIED.

    A visit by two stays, and a meal that has left its kitchen.
    """
    late = _late(worker, now, free_from)
    movable = [visit for visit in worker.visits if _may_be_given(visit, now)]
    if not late or not movable:
        return []
    relieving = {visit.order_id for visit in movable if _is_in_time_without(worker, visit, now, free_from)}
    chosen = [visit for visit in movable if visit.order_id in relieving | late]
    chosen.sort(key=lambda visit: (visit.order_id not in relieving, -visit.window_to.timestamp(), visit.order_id))
    return [visit.order_id for visit in chosen[:TRIED]]


def _may_be_given(visit: Visit, now: datetime) -> bool:
    fetched = visit.meal is not None and visit.pickup_at is not None and visit.pickup_at <= now
    return visit.state == "accepted" and not visit.together and not fetched and visit.window_to > now


def _late(worker: Candidate, now: datetime, free_from: datetime | None) -> set[int]:
    """The visits she has not set out to and will be late at."""
    found = foresee(worker, now, timedelta(), free_from=free_from).forecasts
    waiting = {visit.order_id for visit in worker.visits if visit.state == "accepted"}
    return {told.order_id for told in found if told.risk == "late"} & waiting


def _is_in_time_without(worker: Candidate, visit: Visit, now: datetime, free_from: datetime | None) -> bool:
    left = tuple(one for one in worker.visits if one.order_id != visit.order_id)
    return not _late(replace(worker, visits=left), now, free_from)


def _told(visit: Visit, begins: datetime, tight: timedelta) -> Forecast:
    slack = visit.window_to - begins
    risk: Risk = "late" if slack < timedelta() else "tight" if slack < tight else "none"
    return Forecast(visit.order_id, begins, slack, risk)


def _order(day: Day) -> list[int | None]:
    return [call.order_id for call in day.calls]
