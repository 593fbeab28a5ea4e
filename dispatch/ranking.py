"""Who is asked first: circle by circle, by travel, skill, load, familiarity and pairing; with the reasons; pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from math import ceil
from typing import Any, Final

from dispatch.assignment import LIMITS, POSITION_MATTERS, Candidate, Missing, Task, assess, starting_place
from dispatch.travel import Place, distance_m, travel_minutes

MOST_FAMILIAR: Final = 5
"""More earlier visits than this make nobody more familiar."""
NAMED: Final = 20
"""So many of those left out are named, the nearest; the others are counted."""


@dataclass(frozen=True)
class RankingPolicy:
    """What makes a candidate better, in minutes of travel."""

    travel_weight: float
    load_minutes: float
    familiarity_minutes: float
    unskilled_minutes: float = 0
    """What it costs to lack a skill that is wanted and not required."""
    paired_minutes: float = 0
    doubt_minutes: float = 0
    """What it costs that nobody knows where somebody is who is wanted now."""
    position_trusted_seconds: float = 120
    position_lost_seconds: float = 1800


@dataclass(frozen=True)
class Circle:
    """Whom a round may ask: how many minutes away at most (None: no limit), and which conditions it sets aside."""

    number: int
    travel_minutes: int | None = None
    waived: frozenset[Missing] = frozenset()

    def holds(self, missing: Collection[Missing], minutes: float) -> bool:
        """Whether somebody so far away who misses these conditions may be asked. Only whole minutes count."""
        near = self.travel_minutes is None or int(minutes) <= self.travel_minutes
        return near and self.waived.issuperset(missing)


EVERYWHERE: Final = (Circle(1),)
FAR: Final[tuple[Missing, ...]] = ("far",)


@dataclass(frozen=True)
class Weighed:
    """One worker held against a task."""

    candidate: Candidate
    missing: tuple[Missing, ...]
    minutes: float
    """Of travel, as far as anybody knows where she is."""
    trust: float
    """How far her phone's last word about her place counts, from 0 to 1."""
    origin: Place | None
    circle: int | None
    """The innermost one that holds her; None when none does."""
    cost: float


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
    circle: int = 1
    trust: float = 0
    waived: tuple[Missing, ...] = ()

    def reasons(self) -> dict[str, Any]:
        """As stored with the offer."""
        one = self.candidate
        return {
            "rank": self.rank,
            "candidates": self.candidates,
            "travel_minutes": self.travel_minutes,
            "distance_m": self.distance_m,
            "load": self.load,
            "familiarity": self.familiarity,
            "cost": self.cost,
            "kind": one.kind,
            "circle": self.circle,
            "skilled": one.skilled,
            "paired": one.paired,
            "on_shift": bool(one.shifts),
            "position_seconds": None if one.position is None else round(one.position_age.total_seconds()),
            "trust": round(self.trust, 2),
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
    weighed: tuple[Weighed, ...] = ()
    """Everybody who was held against the task."""

    def innermost(self) -> tuple[Ranked, ...]:
        """The eligible of the innermost circle in which there is anybody: those whom a round asks."""
        return tuple(one for one in self.ranked if one.circle == self.ranked[0].circle)

    def detail(self) -> dict[str, Any]:
        """What a person is told when nobody was found: turned_away and nearest_miss."""
        miss = self.nearest_miss
        told = None if miss is None else {
            "worker": miss.worker, "missing": miss.missing, "travel_minutes": miss.travel_minutes,
        }  # fmt: skip
        return {"turned_away": dict(self.turned_away), "nearest_miss": told}

    def left_out(self, picked: Collection[int], limit: int = NAMED) -> list[dict[str, Any]]:
        """The nearest workers but the `picked` ones, each with everything that kept her out; nothing missing means
        that others were better placed, and then her rank is told."""
        ranks = {one.candidate.worker_id: one.rank for one in self.ranked}
        others = (one for one in self.weighed if one.candidate.worker_id not in picked)
        nearest = nsmallest(limit, others, key=lambda one: (one.minutes, one.candidate.worker_id))
        return [
            {
                "worker_id": one.candidate.worker_id,
                "worker": one.candidate.name,
                "kind": one.candidate.kind,
                "missing": list(one.missing),
                "travel_minutes": ceil(one.minutes),
                "circle": one.circle,
                "rank": ranks.get(one.candidate.worker_id),
                "cost": round(one.cost, 2),
            }
            for one in nearest
        ]


def choose(
    task: Task,
    candidates: Sequence[Candidate],
    policy: RankingPolicy,
    now: datetime,
    circles: Sequence[Circle] = EVERYWHERE,
) -> Choice:
    """Turn away whoever misses a limit, rank the others by circle and cost; ties go to the lower worker id."""
    weighed = tuple(weigh(task, candidate, policy, now, circles) for candidate in candidates)
    eligible = sorted((one.circle, one.cost, one.candidate.worker_id, one) for one in weighed if one.circle is not None)
    missed = [one for one in weighed if one.circle is None]
    turned_away = Counter(one.missing[0] for one in missed)
    misses = [one for one in missed if len(one.missing) == 1]
    return Choice(
        ranked=tuple(
            ranked_as(task, one, circle, rank=rank, candidates=len(eligible))
            for rank, (circle, _, _, one) in enumerate(eligible, 1)
        ),
        turned_away={limit: turned_away[limit] for limit in LIMITS if turned_away[limit]},
        nearest_miss=_nearest(misses),
        everybody_asked=not eligible
        and any(one.missing == ("asked",) and one.candidate.worker_id not in task.excluded for one in misses),
        weighed=weighed,
    )


def weigh(
    task: Task, candidate: Candidate, policy: RankingPolicy, now: datetime, circles: Sequence[Circle] = EVERYWHERE
) -> Weighed:
    """Hold one worker against the limits and the circles, and say what sending her costs in minutes."""
    found = assess(task, candidate, now)
    trust = belief(policy, candidate, task, now)
    minutes = way(task, candidate, found.origin, trust, now)
    circle = next((one.number for one in circles if one.holds(found.missing, minutes)), None)
    missing = found.missing if circle is not None or found.missing else FAR
    return Weighed(
        candidate, missing, minutes, trust, found.origin, circle, _cost(task, candidate, minutes, trust, policy)
    )


def belief(policy: RankingPolicy, candidate: Candidate, task: Task, now: datetime) -> float:
    """How far the last position of a worker's phone counts for a task, from 1 (told just now) to 0: it never grows
    with the position's age, and says nothing about work that begins hours later."""
    if candidate.position is None or task.window_from - now > POSITION_MATTERS:
        return 0
    age = candidate.position_age.total_seconds() - policy.position_trusted_seconds
    return min(1.0, max(0.0, 1 - age / (policy.position_lost_seconds - policy.position_trusted_seconds)))


def way(task: Task, candidate: Candidate, origin: Place | None, trust: float, now: datetime) -> float:
    """Minutes of travel from `origin`: the visit before the task, or else where the worker is by what is known, the
    way from her phone's position counting with its `trust`, that from her base with the rest."""
    if origin is None or origin != starting_place(task, candidate, now):
        return travel_minutes(origin, task.place, candidate.means)
    minutes = 0.0
    if trust > 0:
        minutes += trust * travel_minutes(candidate.position, task.place, candidate.means)
    if trust < 1:
        minutes += (1 - trust) * travel_minutes(candidate.base, task.place, candidate.means)
    return minutes


def _cost(task: Task, candidate: Candidate, minutes: float, trust: float, policy: RankingPolicy) -> float:
    cost = (
        minutes * policy.travel_weight
        + candidate.load * policy.load_minutes
        - min(candidate.familiarity, MOST_FAMILIAR) * policy.familiarity_minutes
    )
    if task.kind == "alarm":
        cost += (1 - trust) * policy.doubt_minutes
    if candidate.paired:
        cost -= policy.paired_minutes
    return cost if candidate.skilled else cost + policy.unskilled_minutes


def ranked_as(task: Task, one: Weighed, circle: int = 0, *, rank: int = 0, candidates: int = 0) -> Ranked:
    """A weighed worker with her place; whoever was named has none."""
    return Ranked(
        candidate=one.candidate,
        rank=rank,
        candidates=candidates,
        travel_minutes=ceil(one.minutes),
        distance_m=round(distance_m(one.origin, task.place)) if one.origin and task.place else 0,
        load=one.candidate.load,
        familiarity=one.candidate.familiarity,
        cost=round(one.cost, 2),
        circle=circle,
        trust=one.trust,
        waived=one.missing,
    )


def _nearest(misses: Sequence[Weighed]) -> NearestMiss | None:
    if not misses:
        return None
    nearest = min(misses, key=lambda one: (one.minutes, one.candidate.worker_id))
    return NearestMiss(nearest.candidate.name, nearest.missing[0], ceil(nearest.minutes))
