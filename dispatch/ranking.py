"""Who is asked first: circle by circle, by travel, skill, load, familiarity and pairing; with the reasons; pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from heapq import nsmallest
from math import ceil, inf
from typing import Any, Final

from dispatch.assignment import (
    LIMITS,
    POSITION_MATTERS,
    Candidate,
    Missing,
    Task,
    assess,
    starting_place,
    unmet,
)
from dispatch.costs import NO_COST, NO_LOADS, Loads, Parts, RankingPolicy, alarm_parts, loads_of, order_parts
from dispatch.travel import Place, distance_m, travel_minutes
from dispatch.workdays import Insertion

REARRANGED: Final = 6
"""So many are tried with their visits in another order."""
NAMED: Final = 20
"""So many of those left out are named, the nearest; the others are counted."""


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
    parts: Parts
    cost: float
    """The sum of its parts."""
    insertion: Insertion | None = None
    """Where in her day an order would lie."""


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
    parts: Parts = NO_COST
    starts_at: datetime | None = None
    """When an order's visit would begin, as her day stands."""
    added_minutes: float | None = None
    """Of travel that it adds to her day."""
    slack_minutes: float | None = None
    """By which it and what follows could begin later."""

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
            "parts": {name: round(minutes, 2) for name, minutes in self.parts._asdict().items() if minutes},
            "added_minutes": None if self.added_minutes is None else round(self.added_minutes, 1),
            "slack_minutes": None if self.slack_minutes is None else round(self.slack_minutes),
            "starts_at": None if self.starts_at is None else self.starts_at.isoformat(),
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

    task: Task | None
    eligible: tuple[Weighed, ...]
    turned_away: dict[Missing, int] = field(default_factory=dict)
    nearest_miss: NearestMiss | None = None
    everybody_asked: bool = False
    """Nobody is left to ask in this round, but somebody eligible was asked in it."""
    weighed: tuple[Weighed, ...] = ()
    """Everybody who was held against the task."""
    others: tuple[Weighed, ...] = ()
    """Those into whose day nobody looked, because others are better placed: what they would cost at the least."""
    counted: int = 0
    """Those who were only counted, for they miss several limits whatever their day is like."""
    now: datetime | None = None

    @property
    def considered(self) -> int:
        """How many workers were gone through."""
        return len(self.weighed) + len(self.others) + self.counted

    @property
    def able(self) -> int:
        """How many could do it, as far as it was looked into."""
        return len(self.eligible) + len(self.others)

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """The eligible with their places."""
        return self.best(len(self.eligible))

    def best(self, number: int) -> tuple[Ranked, ...]:
        """The first of the eligible with their places."""
        if self.task is None:
            return ()
        return tuple(
            ranked_as(self.task, one, one.circle or 0, rank=rank, candidates=self.able, now=self.now)
            for rank, one in enumerate(self.eligible[:number], 1)
        )

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
        ranks = {one.candidate.worker_id: rank for rank, one in enumerate(self.eligible, 1)}
        others = (one for one in (*self.weighed, *self.others) if one.candidate.worker_id not in picked)
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
                "parts": {name: round(minutes, 2) for name, minutes in one.parts._asdict().items() if minutes},
                "looked_into": one.circle is not None,
            }
            for one in nearest
        ]


NOBODY: Final = Choice(None, ())


def choose(
    task: Task,
    candidates: Sequence[Candidate],
    policy: RankingPolicy,
    now: datetime,
    circles: Sequence[Circle] = EVERYWHERE,
    counted: Mapping[Missing, int] | None = None,
    others: Sequence[Weighed] = (),
    anyhow: bool = True,
) -> Choice:
    """Turn away whoever misses a limit, rank the others by circle and cost; ties go to the lower worker id.

    `counted` are workers who were turned away before, `others` those into whose day nobody looked. An order that fits
    into nobody's day as it stands is tried `anyhow` with the visits of the nearest in another order.
    """
    loads = loads_of([*candidates, *(one.candidate for one in others)])
    weighed = tuple(weigh(task, candidate, policy, now, circles, loads) for candidate in candidates)
    if task.kind == "order" and anyhow and not any(one.circle is not None for one in weighed):
        weighed = _rearranging(
            weighed, lambda candidate: weigh(task, candidate, policy, now, circles, loads, anyhow=True)
        )
    eligible = [one for one in weighed if one.circle is not None]
    eligible.sort(key=lambda one: (one.circle, one.cost, one.candidate.worker_id))
    missed = [one for one in weighed if one.circle is None]
    turned_away = Counter(one.missing[0] for one in missed) + Counter(counted or {})
    misses = [one for one in missed if len(one.missing) == 1]
    return Choice(
        task=task,
        eligible=tuple(eligible),
        turned_away={limit: turned_away[limit] for limit in LIMITS if turned_away[limit]},
        nearest_miss=_nearest(misses),
        everybody_asked=not eligible
        and any(one.missing == ("asked",) and one.candidate.worker_id not in task.excluded for one in misses),
        weighed=weighed,
        others=tuple(others),
        counted=sum((counted or {}).values()),
        now=now,
    )


def bounds(task: Task, candidates: Iterable[Candidate], policy: RankingPolicy, now: datetime) -> list[Weighed]:
    """What an order would cost with each of these as far as can be said without her day, the cheapest first."""
    candidates = list(candidates)
    loads = loads_of(candidates)
    found = []
    for one in candidates:
        parts = order_parts(task, one, policy, one.estimate, inf, loads)
        found.append(Weighed(one, tuple(unmet(task, one, now)), one.estimate, 0, None, None, parts, sum(parts)))
    found.sort(key=lambda one: (one.cost, one.candidate.worker_id))
    return found


def _rearranging(weighed: Sequence[Weighed], again: Callable[[Candidate], Weighed]) -> tuple[Weighed, ...]:
    """The same, with the visits of the best of those who are only busy made in another order where that helps."""
    busy = sorted((one for one in weighed if one.missing == ("busy",)), key=lambda one: one.cost)[:REARRANGED]
    tried = {one.candidate.worker_id for one in busy}
    return tuple(again(one.candidate) if one.candidate.worker_id in tried else one for one in weighed)


def weigh(
    task: Task,
    candidate: Candidate,
    policy: RankingPolicy,
    now: datetime,
    circles: Sequence[Circle] = EVERYWHERE,
    loads: Loads = NO_LOADS,
    *,
    anyhow: bool = False,
) -> Weighed:
    """Hold one worker against the limits and the circles, and say what sending her costs in minutes; `anyhow` as for
    `dispatch.assignment.assess`."""
    found = assess(task, candidate, now, anyhow=anyhow)
    insertion = found.insertion
    trust = belief(policy, candidate, task, now)
    if insertion is not None:
        minutes = insertion.at.travel / 60
        parts = order_parts(task, candidate, policy, insertion.added / 60, insertion.slack / 60, loads)
    else:
        minutes = way(task, candidate, found.origin, trust, now)
        if task.kind == "alarm":
            parts = alarm_parts(candidate, policy, minutes, trust)
        else:
            parts = order_parts(task, candidate, policy, minutes, 0, loads)
    circle = next((one.number for one in circles if one.holds(found.missing, minutes)), None)
    missing = found.missing if circle is not None or found.missing else FAR
    return Weighed(candidate, missing, minutes, trust, found.origin, circle, parts, sum(parts), insertion)


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
    if origin is None or origin != starting_place(task.window_from, candidate, now):
        return travel_minutes(origin, task.place, candidate.means)
    minutes = 0.0
    if trust > 0:
        minutes += trust * travel_minutes(candidate.position, task.place, candidate.means)
    if trust < 1:
        minutes += (1 - trust) * travel_minutes(candidate.base, task.place, candidate.means)
    return minutes


def ranked_as(
    task: Task, one: Weighed, circle: int = 0, *, rank: int = 0, candidates: int = 0, now: datetime | None = None
) -> Ranked:
    """A weighed worker with her place; whoever was named has none. `now` is when she was weighed."""
    lies = one.insertion
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
        parts=one.parts,
        starts_at=now + timedelta(seconds=lies.at.starts) if lies and now else None,
        added_minutes=lies.added / 60 if lies else None,
        slack_minutes=lies.slack / 60 if lies else None,
    )


def _nearest(misses: Sequence[Weighed]) -> NearestMiss | None:
    if not misses:
        return None
    nearest = min(misses, key=lambda one: (one.minutes, one.candidate.worker_id))
    return NearestMiss(nearest.candidate.name, nearest.missing[0], ceil(nearest.minutes))
