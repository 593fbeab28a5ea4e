"""A worker's day as an order of visits: when each begins, when meals leave their kitchen, and what one more would cost.

Times are seconds from any moment that is the same for the whole day. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dispatch.travel import Place, travel_seconds
from schemas.states import Travel

LOADING: Final = 180.0
"""What it takes to have meals packed at the kitchen's door."""
SAME_ROUND: Final = 120.0
"""Meals that leave their kitchen within so many seconds by the plan leave it together."""
GOES_HOME: Final = 5 * 3600.0
"""Whoever has so long until the next visit sets out for it from her base."""


class Meal(NamedTuple):
    """Where a meal is picked up, and the most time from leaving the kitchen to the door; `left_at` when it has left.

    `planned`: when it is to leave, which tells apart the rounds of a day. `wanted`: so much time is not to be exceeded
    for the sake of a further call.
    """

    kitchen_id: int
    kitchen: Place
    hot: float
    left_at: float | None = None
    planned: float | None = None
    wanted: float | None = None


class Call(NamedTuple):
    """A visit to be made: it may begin from `earliest` to `latest` (inf: as soon as possible)."""

    place: Place | None
    earliest: float
    latest: float
    duration: float
    meal: Meal | None = None
    order_id: int | None = None


class Round(NamedTuple):
    """Meals of one kitchen in the car: since when, how many more it would have held, and since when by the plan."""

    left_at: float
    room: int
    planned: float | None = None

    def takes(self, meal: Meal) -> bool:
        """Whether a meal may go with it: one that was planned for a round of its own has that."""
        apart = meal.planned is not None and self.planned is not None and abs(meal.planned - self.planned) > SAME_ROUND
        return self.room > 0 and not apart

    def with_one(self, meal: Meal) -> "Round":
        """With a further meal."""
        return Round(self.left_at, self.room - 1, meal.planned if self.planned is None else self.planned)


class At(NamedTuple):
    """How a call lies in a day: from where the way to it begins, when the visit begins and is over, how many seconds of
    travel lead to it, and when its meal leaves the kitchen. `fetched`: the way leads by the kitchen."""

    call: Call
    origin: Place | None
    starts: float
    over: float
    travel: float
    left_at: float | None = None
    fetched: bool = False


@dataclass(frozen=True)
class Beginning:
    """Where a day begins from now on, when, and how its worker gets about."""

    place: Place | None
    at: float
    base: Place | None
    means: Travel
    carries: int


@dataclass(frozen=True)
class Insertion:
    """A further call at its cheapest place in a day: how many come before it, how it lies there, the seconds of travel
    it adds, and for how many seconds it and what follows could begin later. `calls` is the day with it."""

    index: int
    at: At
    added: float
    slack: float
    beginning: Beginning
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class _Trial:
    index: int
    at: At
    added: float
    slack: float


Rounds = dict[int, Round]


def _step(day: Beginning, place: Place | None, at: float, rounds: Rounds, call: Call) -> At:
    """The next call from a place at a time; what is picked up for it is put into `rounds`."""
    if call.earliest - at > GOES_HOME:
        place = day.base
    way = travel_seconds(place, call.place, day.means)
    starts = max(at + way, call.earliest)
    meal = call.meal
    if meal is None or meal.left_at is not None:
        return At(call, place, starts, starts + call.duration, way, meal and meal.left_at)
    aboard = rounds.get(meal.kitchen_id)
    if aboard is not None and aboard.takes(meal) and starts - aboard.left_at <= meal.hot:
        rounds[meal.kitchen_id] = aboard.with_one(meal)
        return At(call, place, starts, starts + call.duration, way, aboard.left_at)
    onward = travel_seconds(meal.kitchen, call.place, day.means)
    way = travel_seconds(place, meal.kitchen, day.means) + onward
    starts = max(at + way + LOADING, call.earliest)
    # It leaves as late as it may, so that it is hot at the door and others can still share the way.
    rounds[meal.kitchen_id] = Round(starts - onward, day.carries - 1, meal.planned)
    return At(call, place, starts, starts + call.duration, way, starts - onward, fetched=True)


def walk(day: Beginning, calls: Sequence[Call], *, late: bool = False) -> list[At] | None:
    """The day in this order, each call as soon as possible; None when one would begin after its window, unless it may
    be `late`, or a meal would be cold."""
    place, at = day.place, day.at
    rounds: Rounds = {}
    found: list[At] = []
    for call in calls:
        step = _step(day, place, at, rounds, call)
        if not late and not _in_time(step):
            return None
        found.append(step)
        place, at = call.place, step.over
    return found


def _in_time(step: At) -> bool:
    call = step.call
    if step.starts > call.latest:
        return False
    return not step.fetched or call.meal is None or step.left_at is None or step.starts - step.left_at <= call.meal.hot


def _cools(step: At, former: At) -> bool:
    """Whether a meal would be in the car for longer than it was, and than it should be."""
    meal = step.call.meal
    if meal is None or meal.wanted is None or step.left_at is None or former.left_at is None:
        return False
    return step.starts - step.left_at > max(meal.wanted, former.starts - former.left_at + 1)


class Day:
    """A worker's day as it stands, into which further calls can be put.

    What is late in it already may stay as late as it is, and no later.
    """

    def __init__(self, beginning: Beginning, calls: Sequence[Call]) -> None:
        self.beginning = beginning
        self.steps: list[At] = []
        # The rounds as they stand before each call.
        self._rounds: list[Rounds] = [{}]
        place, at, rounds = beginning.place, beginning.at, Rounds()
        for call in calls:
            step = _step(beginning, place, at, rounds, call)
            self.steps.append(step)
            self._rounds.append(dict(rounds))
            place, at = call.place, step.over
        self.calls = [
            step.call if step.starts <= step.call.latest else step.call._replace(latest=step.starts)
            for step in self.steps
        ]
        self.late = any(step.starts > step.call.latest for step in self.steps)

    def cheapest(self, call: Call) -> Insertion | None:
        """The place for a further call that adds the least travel, of those equal the earliest; None when there is
        none in which everything keeps its window."""
        best: _Trial | None = None
        for index in range(len(self.calls) + 1):
            at = self.steps[index - 1].over if index else self.beginning.at
            if at > call.latest:
                break
            # What must have begun before the call may begin comes before it.
            if index < len(self.calls) and self.calls[index].latest < call.earliest:
                continue
            found = self._tried(index, call)
            if found is not None and (best is None or found.added < best.added - 1e-6):
                best = found
        return (
            None
            if best is None
            else Insertion(best.index, best.at, best.added, best.slack, self.beginning, self._with(best.index, call))
        )

    def _tried(self, index: int, call: Call) -> _Trial | None:
        place = self.steps[index - 1].call.place if index else self.beginning.place
        at = self.steps[index - 1].over if index else self.beginning.at
        rounds = dict(self._rounds[index])
        put = _step(self.beginning, place, at, rounds, call)
        if not _in_time(put):
            return None
        added, slack = put.travel, call.latest - put.starts
        last = put
        for number in range(index, len(self.calls)):
            former = self.steps[number]
            step = _step(self.beginning, last.call.place, last.over, rounds, self.calls[number])
            if step.starts > self.calls[number].latest or not _in_time(step) or _cools(step, former):
                return None
            added += step.travel - former.travel
            if step.starts <= former.starts and rounds == self._rounds[number + 1]:
                # From here on the day is what it was, whatever its slack.
                return _Trial(index, put, added, slack)
            slack = min(slack, self.calls[number].latest - step.starts)
            last = step
        return _Trial(index, put, added, slack)

    def _with(self, index: int, call: Call) -> tuple[Call, ...]:
        return (*self.calls[:index], call, *self.calls[index:])


def rearranged(beginning: Beginning, calls: Sequence[Call]) -> list[Call] | None:
    """Another order in which all these calls keep their windows, each put where it costs least, the soonest to close
    first; None when none was found so."""
    day = Day(beginning, ())
    for call in sorted(calls, key=lambda one: (one.latest, one.earliest)):
        found = day.cheapest(call)
        if found is None:
            return None
        day = Day(beginning, found.calls)
    return day.calls
