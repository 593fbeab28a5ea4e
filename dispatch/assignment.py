"""Who may be asked: what a task wants, what is known of a worker, and every limit that turns her away; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from dispatch.itinerary import Leg, Stop, plan
from dispatch.travel import Place, travel_time
from schemas.states import OrderState, ResponderKind, Travel

TaskKind = Literal["order", "alarm"]
Missing = Literal["provider", "kind", "unpaired", "skill", "area", "shift", "busy", "asked", "far"]
LIMITS: Final[tuple[Missing, ...]] = get_args(Missing)
"""Who misses several is counted under the first. Kind, unpaired and far: she is not asked for such a task, for this
elder, or from so far away."""
AT_THE_HOME: Final[frozenset[OrderState]] = frozenset({"checked_in", "in_service"})
POSITION_MATTERS: Final = timedelta(hours=2)
"""Where a worker is now says where she will start from only for work that begins within this time."""
FRESH: Final = timedelta(minutes=15)
"""A worker sets out from where her phone said she was for so long after it said so, later from her base."""


@dataclass(frozen=True)
class Task:
    """What somebody is looked for: an order's visit or an alarm.

    It is to begin between `window_from` and `window_to`; an alarm's window is the present moment and its duration
    zero. `place` is None when nobody knows where the home is. Where nobody knows whose it is, as with a button on the
    wall, `residents` are all who live there. `asked` are workers who had their turn in this round, `excluded` those who
    are not to be asked at all.
    """

    kind: TaskKind
    place: Place | None
    org_path: str
    skills: frozenset[str]
    window_from: datetime
    window_to: datetime
    duration: timedelta
    elder_id: int | None
    residents: frozenset[int] = frozenset()
    asked: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()


@dataclass(frozen=True)
class WorkingTime:
    """A shift."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Visit:
    """An accepted order that its worker has not ended."""

    order_id: int
    state: OrderState
    place: Place | None
    window_from: datetime
    window_to: datetime
    duration: timedelta
    checked_in_at: datetime | None = None


@dataclass(frozen=True)
class Candidate:
    """A worker as far as a task is concerned."""

    worker_id: int
    account_id: int
    name: str
    means: Travel
    base: Place
    position: Place | None
    """Where her phone said she was; None when it has not said so for a day."""
    admitted: bool
    skilled: bool
    """Holds every skill of the task on its day."""
    covers: bool
    """Her provider serves the home."""
    shifts: tuple[WorkingTime, ...]
    """Those that touch the task's window."""
    responding: bool
    """On the way to an alarm, or there."""
    load: int
    """Visits on the task's day, those done included."""
    familiarity: int
    """How often she was at the same elder's: visits done, and alarms she came to."""
    visits: tuple[Visit, ...] = ()
    """Those near the task in time."""
    kind: ResponderKind = "station"
    position_age: timedelta = timedelta()
    """How long ago the phone said so."""
    paired: bool = False
    """Looks after this elder by agreement."""
    takes_orders: bool = True
    needs_skill: bool = True
    """Otherwise the skill is wanted and not required."""
    needs_shift: bool = True
    """Otherwise she is asked at any hour."""
    own_elders: bool = False
    """Is asked for paired elders alone."""


@dataclass(frozen=True)
class Assessment:
    """Which limits a worker misses, in the order they are counted in, and from where she would set out."""

    missing: tuple[Missing, ...]
    origin: Place | None


def assess(task: Task, candidate: Candidate, now: datetime) -> Assessment:
    """Hold one worker against every limit."""
    openings = _openings(task, candidate, now)
    if task.kind == "alarm":
        # A visit that has not begun waits: an alarm outranks it.
        free = not any(visit.state in AT_THE_HOME for visit in candidate.visits)
        origin: Place | None = starting_place(task, candidate, now)
    else:
        leg = _leg(task, candidate, openings, now)
        free = leg is not None or not openings
        origin = leg.origin if leg else starting_place(task, candidate, now)
    passed: dict[Missing, bool] = {
        "provider": candidate.admitted,
        "kind": candidate.takes_orders or task.kind == "alarm",
        "unpaired": candidate.paired or not candidate.own_elders,
        "skill": candidate.skilled or not candidate.needs_skill,
        # Whoever looks after an elder by agreement comes wherever she lives.
        "area": candidate.covers or candidate.paired,
        "shift": bool(openings) or not candidate.needs_shift,
        "busy": free and not candidate.responding,
        "asked": candidate.worker_id not in task.asked | task.excluded,
    }
    return Assessment(tuple(limit for limit, holds in passed.items() if not holds), origin)


def starting_place(task: Task, candidate: Candidate, now: datetime) -> Place:
    """Where a worker sets out from when no visit comes before the task."""
    lately, soon = candidate.position_age <= FRESH, task.window_from - now <= POSITION_MATTERS
    if candidate.position is not None and lately and soon:
        return candidate.position
    return candidate.base


def _openings(task: Task, candidate: Candidate, now: datetime) -> list[tuple[datetime, datetime]]:
    """When the task could begin so that it lies inside one shift, other work left aside: from and to."""
    begins = max(task.window_from, now)
    within = (
        (max(begins, shift.starts_at), min(task.window_to, shift.ends_at - task.duration)) for shift in candidate.shifts
    )
    return sorted((earliest, latest) for earliest, latest in within if earliest <= latest)


def _leg(task: Task, candidate: Candidate, openings: Sequence[tuple[datetime, datetime]], now: datetime) -> Leg | None:
    """The way to the task in a day that holds it and every visit already accepted; None when there is no such day."""
    place, at, stops = _rest_of_day(task, candidate, now)
    for earliest, latest in openings:
        wanted = Stop(task.place, earliest, latest, task.duration)
        for leg in plan(place, at, [*stops, wanted], candidate.means) or ():
            if leg.stop is wanted:
                return leg
    return None


def _rest_of_day(task: Task, candidate: Candidate, now: datetime) -> tuple[Place | None, datetime, list[Stop]]:
    """Where and when the visits under way are over, and which are still to be made after them."""
    place: Place | None = starting_place(task, candidate, now)
    at = now
    for visit in sorted(candidate.visits, key=lambda one: (one.checked_in_at is None, one.window_from)):
        if visit.checked_in_at is not None:
            at, place = max(at, visit.checked_in_at + visit.duration), visit.place
        elif visit.state == "en_route":
            arrives = max(at + travel_time(place, visit.place, candidate.means), visit.window_from)
            at, place = arrives + visit.duration, visit.place
    stops = [
        Stop(one.place, one.window_from, one.window_to if one.window_to >= now else None, one.duration)
        for one in candidate.visits
        if one.state == "accepted"
    ]
    return place, at, stops
