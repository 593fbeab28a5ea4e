"""When each stop of one worker's route begins, with every rule kept, and what the route costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dispatch.planning.tasks import NO_PICKUP, Crew, Day

PICKUP: Final = -1
"""Stops are numbers: a task's own, PICKUP - place for a pickup there, BREAK + number for a break."""
BREAK: Final = 1 << 40
_ROUNDS: Final = 50


@dataclass(slots=True)
class Timed:
    """A route that keeps every rule: arrival, start and end of each stop, and when the worker is at her end."""

    stops: tuple[int, ...]
    arrive: list[float]
    start: list[float]
    end: list[float]
    home: float
    travel: float
    cost: float


def is_task(stop: int) -> bool:
    """Whether a stop is a task, and not a pickup or a break."""
    return 0 <= stop < BREAK


class Clock:
    """Times routes of a day."""

    def __init__(self, day: Day) -> None:
        self._tasks = day.tasks
        self._weights = day.problem.objective
        self._loading = day.problem.pickup_duration
        self._eps = day.problem.resolution * 1e-4

    def timed(self, crew: Crew, stops: Sequence[int], rested: bool = True) -> Timed | None:
        """Time these stops as early as possible; None where a rule cannot be kept in this order.

        Unless `rested`, breaks that are owed may be missing. Who would be earlier than promised waits, if she can.
        """
        if not self._carries(crew, stops):
            return None
        if any(is_task(stop) and self._tasks[stop].moved for stop in stops):
            waited = self._timed(crew, stops, rested, True)
            if waited is not None:
                return waited
        return self._timed(crew, stops, rested, False)

    def _timed(self, crew: Crew, stops: Sequence[int], rested: bool, waits: bool) -> Timed | None:
        leave = crew.worker.shift[0]
        holds: dict[int, float] = {}
        hot: list[tuple[int, int, float]] = []
        fetched: dict[int, int] = {}
        for at, stop in enumerate(stops):
            if stop < 0:
                fetched[PICKUP - stop] = at
                continue
            if stop >= BREAK:
                continue
            task = self._tasks[stop]
            if task.pickup == NO_PICKUP:
                leave = leave if task.ready is None else max(leave, task.ready)
                continue
            came = fetched[task.pickup]
            if task.ready is not None:
                holds[came] = max(holds.get(came, task.ready), task.ready)
            if task.hot is not None:
                hot.append((at, came, task.hot))
        for _ in range(_ROUNDS):
            made = self._pass(crew, stops, (leave, waits), holds)
            if made is None:
                return None
            # Leaving a kitchen early only to wait at a door lets food cool: wait at the kitchen instead.
            cold = [(at, came, most) for at, came, most in hot if made.start[at] - most > made.end[came] + self._eps]
            if not cold:
                return made if not rested or self._is_rested(crew, made) else None
            for at, came, most in cold:
                holds[came] = max(holds.get(came, 0), made.start[at] - most)
        return None

    def with_breaks(self, crew: Crew, stops: Sequence[int]) -> Timed | None:
        """Time these stops with the worker's breaks put anew where they cost least; None where that cannot be."""
        now = self.timed(crew, [stop for stop in stops if stop < BREAK], rested=False)
        order = sorted(range(len(crew.worker.breaks)), key=lambda number: crew.worker.breaks[number].window)
        for number in order:
            if now is None:
                return None
            if not self._owes(crew, now, number):
                continue
            tries = [
                self.timed(crew, (*now.stops[:at], BREAK + number, *now.stops[at:]), rested=False)
                for at in range(len(now.stops) + 1)
            ]
            now = min((one for one in tries if one), key=lambda one: (one.cost, one.home), default=None)
        return now if now is not None and self._is_rested(crew, now) else None

    def _pass(
        self, crew: Crew, stops: Sequence[int], leaving: tuple[float, bool], holds: dict[int, float]
    ) -> Timed | None:
        tasks, worker, ways, weights = self._tasks, crew.worker, crew.ways, self._weights
        (free, waits), here = leaving, crew.start
        travel = cost = 0.0
        arrive: list[float] = []
        start: list[float] = []
        end: list[float] = []
        for at, stop in enumerate(stops):
            if is_task(stop):
                task = tasks[stop]
                way = float(ways[here, task.place])
                there = free + way
                earliest = task.wished[0] if waits and task.moved else task.earliest
                begin = earliest if there < earliest else there
                if begin > task.latest + self._eps:
                    return None
                here, free = task.place, begin + task.duration
                cost += task.extra.get(crew.number, task.otherwise)
                if begin > task.due:
                    cost += weights.lateness * (begin - task.due)
                if task.moved and not task.wished[0] - self._eps <= begin <= task.wished[1] + self._eps:
                    cost += task.moved
            elif stop < 0:
                place = PICKUP - stop
                way = ways[here, place]
                there = free + way
                free = max(there + self._loading, holds.get(at, 0))
                here, begin = place, free - self._loading
            else:
                rest = worker.breaks[stop - BREAK]
                way, there = 0.0, free
                begin = max(free, rest.window[0])
                if begin > rest.window[1] + self._eps:
                    return None
                free = begin + rest.duration
            travel += way
            arrive.append(there)
            start.append(begin)
            end.append(free)
        if crew.end is not None:
            travel += ways[here, crew.end]
            free += ways[here, crew.end]
        over = free - worker.shift[1]
        if over > worker.overtime + self._eps:
            return None
        cost += weights.travel * travel + (weights.worker if stops else 0) + weights.overtime * max(0.0, over)
        if start and is_task(stops[0]):
            # Whoever would only wait at her first door sets out later.
            arrive[0] = start[0]
        return Timed(tuple(stops), arrive, start, end, free, travel, cost)

    def _carries(self, crew: Crew, stops: Sequence[int]) -> bool:
        """Whether every load is fetched before its visit and what is on board is never too much."""
        aboard: dict[str, float] = {}
        # Backwards, a visit puts its load on board and its pickup, or the start of the route, takes it off.
        open_loads: dict[int, list[dict[str, float]]] = {}
        for stop in reversed(stops):
            if stop < 0:
                for load in open_loads.pop(PICKUP - stop, ()):
                    for kind, amount in load.items():
                        aboard[kind] -= amount
            elif stop < BREAK:
                task = self._tasks[stop]
                if not task.load and task.pickup == NO_PICKUP:
                    continue
                open_loads.setdefault(task.pickup, []).append(task.load)
                for kind, amount in task.load.items():
                    aboard[kind] = aboard.get(kind, 0) + amount
                    if aboard[kind] > crew.worker.capacity.get(kind, 0) + 1e-9:
                        return False
        return not any(place != NO_PICKUP for place in open_loads)

    def _owes(self, crew: Crew, made: Timed, number: int) -> bool:
        if not made.stops:
            return False
        rest = crew.worker.breaks[number]
        first = made.stops[0]
        place = self._tasks[first].place if is_task(first) else PICKUP - first if first < 0 else crew.start
        begins = made.arrive[0] - crew.ways[crew.start, place]
        return made.home > rest.window[1] + self._eps and begins < rest.window[0] + rest.duration - self._eps

    def _is_rested(self, crew: Crew, made: Timed) -> bool:
        numbers = range(len(crew.worker.breaks))
        return all(BREAK + number in made.stops or not self._owes(crew, made, number) for number in numbers)
