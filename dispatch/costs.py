"""What it costs to send a worker, in minutes of travel, part by part; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dispatch.assignment import Candidate, Task

MOST_FAMILIAR: Final = 5
"""More earlier visits than this make nobody more familiar."""
USUAL_RATING: Final = 4.5
"""What counts for somebody whom nobody has rated."""
BEST_RATING: Final = 5.0
FURTHEST_OUT: Final = 5.0
"""Visits a day, and times the average earnings, beyond which an imbalance weighs no more."""


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
    usual_minutes: float = 0
    """What it is worth that she is the one who comes most often."""
    balance_minutes: float = 0
    """For each visit a day that a worker of her provider has more than one of all providers."""
    earnings_minutes: float = 0
    """For a provider whose workers earned twice the average lately."""
    rating_minutes: float = 0
    """For each star below the best rating."""
    risk_minutes: float = 0
    """For a day in which nothing may be late any more."""
    sex_minutes: float = 0
    """For a worker of the other sex than the elder would like."""
    calm_minutes: float = 30
    """More slack than this is as good as any."""
    spare_minutes: float = 0
    """So long before its window closes each visit of a day is to begin, where anybody can manage that."""
    id: int | None = None


class Parts(NamedTuple):
    """A cost in its parts, each in minutes; what speaks for somebody is below zero."""

    travel: float = 0
    load: float = 0
    familiarity: float = 0
    usual: float = 0
    paired: float = 0
    balance: float = 0
    earnings: float = 0
    rating: float = 0
    risk: float = 0
    sex: float = 0
    skill: float = 0
    doubt: float = 0


NO_COST: Final = Parts()


@dataclass(frozen=True)
class Loads:
    """Visits on the day for each worker who could come: of all providers, and of each one."""

    mean: float = 0
    of_provider: Mapping[int, float] = field(default_factory=dict)

    def excess(self, provider_id: int) -> float:
        """How many more visits a provider's workers have than everybody on average, at most FURTHEST_OUT either way."""
        return _bounded(self.of_provider.get(provider_id, self.mean) - self.mean)


NO_LOADS: Final = Loads()


def loads_of(candidates: Iterable[Candidate]) -> Loads:
    """How busy the workers of each provider are on the task's day."""
    by_provider: defaultdict[int, list[int]] = defaultdict(list)
    for one in candidates:
        by_provider[one.provider_id].append(one.load)
    total = sum(len(loads) for loads in by_provider.values())
    if not total:
        return NO_LOADS
    mean = sum(sum(loads) for loads in by_provider.values()) / total
    return Loads(mean, {provider_id: sum(loads) / len(loads) for provider_id, loads in by_provider.items()})


def order_parts(
    task: Task, candidate: Candidate, policy: RankingPolicy, added: float, slack: float, loads: Loads
) -> Parts:
    """What an order costs with a worker to whose day it adds so many minutes of travel, and leaves so many of slack."""
    rating = USUAL_RATING if candidate.rating is None else candidate.rating
    unwanted = task.worker_sex is not None and candidate.sex != task.worker_sex
    return Parts(
        travel=added * policy.travel_weight,
        load=candidate.load * policy.load_minutes,
        familiarity=-min(candidate.familiarity, MOST_FAMILIAR) * policy.familiarity_minutes,
        usual=-policy.usual_minutes if candidate.usual else 0,
        paired=-policy.paired_minutes if candidate.paired else 0,
        balance=loads.excess(candidate.provider_id) * policy.balance_minutes,
        earnings=_bounded(candidate.share - 1) * policy.earnings_minutes,
        rating=(BEST_RATING - rating) * policy.rating_minutes,
        risk=policy.risk_minutes * (1 - min(1.0, max(0.0, slack) / policy.calm_minutes)),
        sex=policy.sex_minutes if unwanted else 0,
        skill=0 if candidate.skilled else policy.unskilled_minutes,
    )


def alarm_parts(candidate: Candidate, policy: RankingPolicy, minutes: float, trust: float) -> Parts:
    """What an alarm costs with somebody so many minutes away, whose position counts with this trust."""
    return Parts(
        travel=minutes * policy.travel_weight,
        load=candidate.load * policy.load_minutes,
        familiarity=-min(candidate.familiarity, MOST_FAMILIAR) * policy.familiarity_minutes,
        paired=-policy.paired_minutes if candidate.paired else 0,
        skill=0 if candidate.skilled else policy.unskilled_minutes,
        doubt=(1 - trust) * policy.doubt_minutes,
    )


def _bounded(figure: float) -> float:
    return min(FURTHEST_OUT, max(-FURTHEST_OUT, figure))
