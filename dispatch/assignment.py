"""Who is to be asked: every hard limit that turns a worker away, and the ranking of those who pass; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, Literal, get_args

from dispatch.itinerary import Leg, Stop, plan
from dispatch.travel import Place, distance_m, travel_time
from schemas.states import OrderState, Travel

TaskKind = Literal["order", "alarm"]
Missing = Literal["provider", "skill", "area", "shift", "busy", "asked"]
LIMITS: Final[tuple[Missing, ...]] = get_args(Missing)
"""Who misses several is counted under the first."""
AT_THE_HOME: Final[frozenset[OrderState]] = frozenset({"checked_in", "in_service"})
POSITION_MATTERS: Final = timedelta(hours=2)
"""Where a worker is now says where she will start from only for work that begins within this time."""
MOST_FAMILIAR: Final = 5
"""More earlier visits than this make nobody more familiar."""


@dataclass(frozen=True)
class Task:
    """What somebody is looked for: an order's visit or an alarm.

    It is to begin between `window_from` and `window_to`; an alarm's window is the present moment and its duration
    zero. `place` is None when nobody knows where the home is. `asked` are workers who had their turn in this round,
    `excluded` those who are not to be asked at all.
    """

    kind: TaskKind
    place: Place | None
    org_path: str
    skills: frozenset[str]
    window_from: datetime
    window_to: datetime
    duration: timedelta
    elder_id: int | None
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
    """Where her phone says she is; None when it has not said so for a while."""
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
    """Earlier visits to the same elder."""
    visits: tuple[Visit, ...] = ()
    """Those near the task in time."""


@dataclass(frozen=True)
class RankingPolicy:
    """What makes a candidate better, in minutes of travel."""

    travel_weight: float
    load_minutes: float
    familiarity_minutes: float


@dataclass(frozen=True)
class Ranked:
    """An eligible worker and why she stands where she does."""

    candidate: Candidate
    rank: int
    candidates: int
    travel_minutes: int
    distance_m: int
    load: int
    familiarity: int
    cost: float

    def reasons(self) -> dict[str, Any]:
        """As stored with the offer."""
        return {
            "rank": self.rank,
            "candidates": self.candidates,
            "travel_minutes": self.travel_minutes,
            "distance_m": self.distance_m,
            "load": self.load,
            "familiarity": self.familiarity,
            "cost": self.cost,
        }


@dataclass(frozen=True)
class NearestMiss:
    """Who came closest to being eligible, and the one thing that was missing."""

    worker: str
    missing: Missing
    travel_minutes: int | None


@dataclass(frozen=True)
class Choice:
    """The eligible, best first, and how many workers each limit turned away (each worker counts once)."""

    ranked: tuple[Ranked, ...]
    turned_away: dict[Missing, int] = field(default_factory=dict)
    nearest_miss: NearestMiss | None = None
    everybody_asked: bool = False
    """Nobody is left to ask in this round, but somebody eligible was asked in it."""

    def detail(self) -> dict[str, Any]:
        """What a person is told when nobody was found: turned_away and nearest_miss."""
        miss = self.nearest_miss
        told = None if miss is None else {
            "worker": miss.worker, "missing": miss.missing, "travel_minutes": miss.travel_minutes,
        }  # fmt: skip
        return {"turned_away": dict(self.turned_away), "nearest_miss": told}


@dataclass(frozen=True)
class Assessment:
    """Which limits a worker misses, in the order they are counted in, and from where she would set out."""

    missing: tuple[Missing, ...]
    origin: Place | None


def choose(task: Task, candidates: Sequence[Candidate], policy: RankingPolicy, now: datetime) -> Choice:
    """Turn away whoever misses a limit, rank the others by cost; ties go to the lower worker id."""
    turned_away: Counter[Missing] = Counter()
    eligible: list[tuple[float, Candidate, Place | None]] = []
    misses: list[tuple[Candidate, Missing, Place | None]] = []
    for candidate in candidates:
        found = assess(task, candidate, now)
        if not found.missing:
            eligible.append((_cost(task, candidate, found.origin, policy), candidate, found.origin))
            continue
        turned_away[found.missing[0]] += 1
        if len(found.missing) == 1:
            misses.append((candidate, found.missing[0], found.origin))
    eligible.sort(key=lambda one: (one[0], one[1].worker_id))
    return Choice(
        ranked=tuple(
            _ranked(task, candidate, origin, rank=rank, candidates=len(eligible), cost=cost)
            for rank, (cost, candidate, origin) in enumerate(eligible, 1)
        ),
        turned_away={limit: turned_away[limit] for limit in LIMITS if turned_away[limit]},
        nearest_miss=_nearest(task, misses),
        everybody_asked=not eligible
        and any(limit == "asked" and one.worker_id not in task.excluded for one, limit, _ in misses),
    )


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
        "skill": candidate.skilled,
        "area": candidate.covers,
        "shift": bool(openings),
        "busy": free and not candidate.responding,
        "asked": candidate.worker_id not in task.asked | task.excluded,
    }
    return Assessment(tuple(limit for limit in LIMITS if not passed[limit]), origin)


def starting_place(task: Task, candidate: Candidate, now: datetime) -> Place:
    """Where a worker sets out from when no visit comes before the task."""
    if candidate.position is not None and task.window_from - now <= POSITION_MATTERS:
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


def _way(task: Task, candidate: Candidate, origin: Place | None) -> float:
    """Minutes from there to the task."""
    return travel_time(origin, task.place, candidate.means).total_seconds() / 60


def _cost(task: Task, candidate: Candidate, origin: Place | None, policy: RankingPolicy) -> float:
    return (
        _way(task, candidate, origin) * policy.travel_weight
        + candidate.load * policy.load_minutes
        - min(candidate.familiarity, MOST_FAMILIAR) * policy.familiarity_minutes
    )


def _ranked(
    task: Task, candidate: Candidate, origin: Place | None, *, rank: int, candidates: int, cost: float
) -> Ranked:
    return Ranked(
        candidate=candidate,
        rank=rank,
        candidates=candidates,
        travel_minutes=ceil(_way(task, candidate, origin)),
        distance_m=round(distance_m(origin, task.place)) if origin and task.place else 0,
        load=candidate.load,
        familiarity=candidate.familiarity,
        cost=round(cost, 2),
    )


def _nearest(task: Task, misses: Sequence[tuple[Candidate, Missing, Place | None]]) -> NearestMiss | None:
    if not misses:
        return None
    way, _, candidate, limit = min(
        (_way(task, candidate, origin), candidate.worker_id, candidate, limit) for candidate, limit, origin in misses
    )
    return NearestMiss(candidate.name, limit, ceil(way))
