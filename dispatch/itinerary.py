"""Whether a worker can make all her visits: an order of stops in which each begins within its window."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dispatch.travel import Place, travel_time
from schemas.states import Travel

PATIENCE: Final = 5000
"""Steps of the search after which a day counts as too full: a wrong no is safe, a wrong yes is not."""


@dataclass(frozen=True)
class Stop:
    """A visit to be made: where, from when to when it may begin, and how long it takes.

    `latest` is None once the window has passed: then it is to begin as soon as possible. `place` is None when nobody
    knows where it is.
    """

    place: Place | None
    earliest: datetime
    latest: datetime | None
    duration: timedelta


@dataclass(frozen=True)
class Leg:
    """One stop of a plan: which one, from where the way to it begins, and when the visit does."""

    stop: Stop
    origin: Place | None
    starts_at: datetime


@dataclass
class _Search:
    stops: Sequence[Stop]
    means: Travel
    steps: int = 0
    ways: dict[tuple[Place | None, Place | None], timedelta] = field(default_factory=dict)
    reached: dict[tuple[int, int], datetime] = field(default_factory=dict)
    """For the stops already made (a bit each) and the last of them: the earliest moment at which it was over."""

    def arrival(self, origin: Place | None, at: datetime, stop: Stop) -> datetime | None:
        """When the visit can begin; None when that is after its window."""
        way = self.ways.get((origin, stop.place))
        if way is None:
            way = self.ways[origin, stop.place] = travel_time(origin, stop.place, self.means)
        starts_at = max(at + way, stop.earliest)
        return None if stop.latest is not None and starts_at > stop.latest else starts_at

    def onward(self, origin: Place | None, at: datetime, made: int) -> list[Leg] | None:
        """The rest of the day after the stops in `made`, or None when it cannot be done from here."""
        left = [index for index in range(len(self.stops)) if not made & 1 << index]
        if not left:
            return []
        arrivals = {index: self.arrival(origin, at, self.stops[index]) for index in left}
        if any(arrival is None for arrival in arrivals.values()):
            return None
        for index, starts_at in arrivals.items():
            self.steps += 1
            if starts_at is None or self.steps > PATIENCE:
                return None
            stop = self.stops[index]
            over, key = starts_at + stop.duration, (made | 1 << index, index)
            if key in self.reached and self.reached[key] <= over:
                continue
            self.reached[key] = over
            rest = self.onward(stop.place, over, made | 1 << index)
            if rest is not None:
                return [Leg(stop, origin, starts_at), *rest]
        return None


def plan(origin: Place | None, at: datetime, stops: Sequence[Stop], means: Travel) -> list[Leg] | None:
    """Put the stops into an order that can be kept by somebody who leaves `origin` at `at`; None when there is none.

    Stops are tried in the order of their windows, so that the same stops always give the same plan. Travel obeys the
    triangle inequality, hence a stop that is out of reach now is out of reach by any detour.
    """
    overdue = [stop for stop in stops if stop.latest is None]
    timely = [stop for stop in stops if stop.latest is not None]
    timely.sort(key=lambda stop: (stop.earliest, stop.latest))
    return _Search([*overdue, *timely], means).onward(origin, at, 0)
