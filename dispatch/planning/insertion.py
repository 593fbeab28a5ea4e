"""Routes under the exact clock: visits put where they cost least, taken out, and exchanged for others."""

from collections.abc import Callable, Container, Iterable, Sequence
from itertools import pairwise

from dispatch.planning.tasks import NO_PICKUP, Crew, Day, Task
from dispatch.planning.timing import BREAK, PICKUP, Clock, Timed, is_task

_NEAREST = 12
_SHORTEST = 4
"""Where breaks must move for a task, only the positions with the least detour are compared."""
Until = Callable[[], bool]


class Routes:
    """The routes of a day, each of which keeps every rule at every moment; `left` are the tasks in none of them."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self.clock = Clock(day)
        self.timed: dict[int, Timed] = {}
        self.left: set[int] = {task.number for task in day.tasks}
        self._loading = day.problem.pickup_duration
        self._eps = day.problem.resolution * 1e-4
        self._limits: dict[int, tuple[Timed, list[float]]] = {}

    def cost(self) -> float:
        """What the routes cost, and what the tasks outside are worth."""
        day = self._day
        return sum(made.cost for made in self.timed.values()) + sum(day.tasks[number].prize for number in self.left)

    def copy(self) -> "Routes":
        """The same routes, to be changed apart."""
        other = Routes(self._day)
        other.timed, other.left = dict(self.timed), set(self.left)
        return other

    def take(self, crew: int, stops: Sequence[int]) -> None:
        """Give a worker these stops instead of what she has; those that do not fit, or are another's, are left out."""
        self._drop(crew)
        stops = self._needed([stop for stop in stops if not is_task(stop) or stop in self.left])
        made = self.clock.with_breaks(self._day.crews[crew], stops) if stops else None
        if made is not None:
            self._set(crew, made)
            return
        tasks = [stop for stop in stops if is_task(stop)]
        for number in sorted(tasks, key=lambda number: -self._worth(number)):
            found = self._best(self._day.crews[crew], self._day.tasks[number])
            if found is not None:
                self._set(crew, found)

    def take_better(self, crews: set[int], new: dict[int, list[int]], old: dict[int, list[int]], until: Until) -> None:
        """Give some workers their new stops, or their old ones where those are worth more under the exact clock.

        What does not fit into the new routes is inserted again before they are compared.
        """
        elsewhere = {crew.number for crew in self._day.crews} - crews
        for crew, stops in new.items():
            self.take(crew, stops)
        tasks = {stop for stops in (*new.values(), *old.values()) for stop in stops if is_task(stop)}
        self.insert(sorted(tasks & self.left), until, elsewhere)
        self.exchange(until, tasks, elsewhere)
        found = self.cost()
        made = {crew: timed for crew, timed in self.timed.items() if crew in crews}
        for crew in made:
            self._drop(crew)
        for crew, stops in old.items():
            self.take(crew, stops)
        if self.cost() <= found:
            return
        for crew in crews:
            self._drop(crew)
        for crew, timed in made.items():
            self._set(crew, timed)

    def remove(self, tasks: set[int]) -> None:
        """Take tasks out of the routes they are in; a route that cannot stand without them loses what does not fit."""
        for crew, made in list(self.timed.items()):
            if not tasks.isdisjoint(made.stops):
                self.take(crew, [stop for stop in made.stops if stop not in tasks])

    def insert(
        self, numbers: Iterable[int], until: Until = lambda: False, untouched: Container[int] = frozenset()
    ) -> None:
        """Put tasks where they cost least, the most valuable and the hardest to place first; not with the untouched."""
        tasks = [self._day.tasks[number] for number in numbers]
        for task in sorted(tasks, key=lambda task: (-self._worth(task.number), len(task.able), task.due, task.number)):
            if until():
                return
            found = self._cheapest(task, self.near(task, untouched))
            if found is not None:
                self._set(*found)

    def exchange(self, until: Until, only: set[int] | None = None, untouched: Container[int] = frozenset()) -> None:
        """Make room for tasks that are left: another task goes elsewhere, or out where it is worth less."""
        left = self.left if only is None else self.left & only
        for number in sorted(left, key=lambda number: (-self._worth(number), number)):
            if until():
                return
            self._make_room(self._day.tasks[number], untouched)

    def near(self, task: Task, untouched: Container[int] = frozenset()) -> list[list[int]]:
        """Who may do a task: first the nearest, then the others, each in order of the way from the nearest stop."""
        day = self._day

        def way(number: int) -> float:
            crew = day.crews[number]
            made = self.timed.get(number)
            places = [crew.start] if made is None else [day.tasks[at].place for at in made.stops if is_task(at)]
            return min(float(crew.ways[place, task.place]) for place in places)

        able = [number for number in task.able if number not in untouched]
        order = sorted(able, key=lambda number: (way(number), number))
        return [order[:_NEAREST], order[_NEAREST:]]

    def _worth(self, number: int) -> float:
        task = self._day.tasks[number]
        return task.prize * (10 if task.is_fixed else 1)

    def _set(self, crew: int, made: Timed) -> None:
        self._drop(crew)
        if any(is_task(stop) for stop in made.stops):
            self.timed[crew] = made
            self.left.difference_update(stop for stop in made.stops if is_task(stop))

    def _drop(self, crew: int) -> None:
        made = self.timed.pop(crew, None)
        if made is not None:
            self.left.update(stop for stop in made.stops if is_task(stop))

    def _cheapest(self, task: Task, groups: list[list[int]]) -> tuple[int, Timed] | None:
        for group in groups:
            best: tuple[float, int, Timed] | None = None
            for crew in group:
                found = self._best(self._day.crews[crew], task)
                if found is None:
                    continue
                more = found.cost - (self.timed[crew].cost if crew in self.timed else 0.0)
                if best is None or more < best[0]:
                    best = (more, crew, found)
            if best is not None and best[0] < task.prize:
                return best[1], best[2]
        return None

    def _best(self, crew: Crew, task: Task) -> Timed | None:
        """The cheapest way to put a task into a worker's route; None where there is none."""
        made = self.timed.get(crew.number)
        return self.best_in(crew, task, () if made is None else made.stops, made)

    def best_in(self, crew: Crew, task: Task, stops: Sequence[int], made: Timed | None = None) -> Timed | None:
        """The same for any stops; `made` tells their times where they are known."""
        best: Timed | None = None
        for _, way in self._ways(crew, task, stops, made):
            found = self.clock.timed(crew, way)
            if found is not None and (best is None or found.cost < best.cost):
                best = found
        if best is None and crew.worker.breaks:
            bare = [stop for stop in stops if stop < BREAK]
            unrested = self.clock.timed(crew, bare, rested=False)
            for _, way in sorted(self._ways(crew, task, bare, unrested))[:_SHORTEST]:
                found = self.clock.with_breaks(crew, way)
                if found is not None and (best is None or found.cost < best.cost):
                    best = found
        return best

    def _ways(
        self, crew: Crew, task: Task, stops: Sequence[int], made: Timed | None
    ) -> Iterable[tuple[float, list[int]]]:
        """Orders of the stops with the task where it and all after it can be reached; and how far round that is."""
        pickup = PICKUP - task.pickup
        latest = [] if made is None else self._latest(crew, made)
        fetched = False
        here = crew.start
        for at in range(len(stops) + 1):
            if at > 0:
                here = self._place(stops[at - 1], here)
                fetched = fetched or stops[at - 1] == pickup
                if made is not None and made.end[at - 1] > task.latest:
                    return
            free = None if made is None else (made.end[at - 1] if at > 0 else crew.worker.shift[0])
            following = stops[at] if at < len(stops) else None
            until = latest[at] if at < len(latest) else None
            before, after = stops[:at], stops[at:]
            if (task.pickup == NO_PICKUP or fetched) and self._fits(crew, task, (here, free), (following, until)):
                yield self._detour(crew, (here, task.place), following), [*before, task.number, *after]
            if task.pickup != NO_PICKUP:
                there = None if free is None else free + float(crew.ways[here, task.pickup]) + self._loading
                if self._fits(crew, task, (task.pickup, there), (following, until)):
                    longer = self._detour(crew, (here, task.pickup, task.place), following)
                    yield longer, [*before, pickup, task.number, *after]

    def _detour(self, crew: Crew, path: tuple[int, ...], following: int | None) -> float:
        """How much longer the way becomes by a path before the next stop (a break is where she is)."""
        longer = sum(crew.ways[one, other] for one, other in pairwise(path))
        then = crew.end if following is None else self._place(following, path[0])
        if then is None or (following is not None and following >= BREAK):
            return longer
        return longer + float(crew.ways[path[-1], then]) - float(crew.ways[path[0], then])

    def _place(self, stop: int, here: int) -> int:
        return self._day.tasks[stop].place if is_task(stop) else PICKUP - stop if stop < 0 else here

    def _fits(
        self, crew: Crew, task: Task, before: tuple[int, float | None], after: tuple[int | None, float | None]
    ) -> bool:
        """Whether the task can start in time from a place and hour, and leaves time for what follows."""
        (here, free), (following, until) = before, after
        if free is None:
            return True
        begin = max(free + crew.ways[here, task.place], task.earliest)
        if begin > task.latest + self._eps:
            return False
        done = begin + task.duration
        if following is None:
            home = done if crew.end is None else done + crew.ways[task.place, crew.end]
            return home <= crew.worker.shift[1] + crew.worker.overtime + self._eps
        way = crew.ways[task.place, self._place(following, task.place)]
        return until is None or done + way <= until + self._eps

    def _latest(self, crew: Crew, made: Timed) -> list[float]:
        """Until when each stop must be reached so that those after it can be; kept until the route changes."""
        kept = self._limits.get(crew.number)
        if kept is not None and kept[0] is made:
            return kept[1]
        until = crew.worker.shift[1] + crew.worker.overtime
        then = crew.end
        limits: list[float] = []
        for stop in reversed(made.stops):
            if stop >= BREAK:
                rest = crew.worker.breaks[stop - BREAK]
                until = min(rest.window[1], until - rest.duration)
            else:
                place = self._place(stop, 0)
                stay = self._day.tasks[stop].duration if stop >= 0 else self._loading
                until -= stay + (0.0 if then is None else float(crew.ways[place, then]))
                if stop >= 0:
                    until = min(until, self._day.tasks[stop].latest)
                then = place
            limits.append(until)
        limits.reverse()
        self._limits[crew.number] = (made, limits)
        return limits

    def _make_room(self, task: Task, untouched: Container[int]) -> None:
        for crew in self.near(task, untouched)[0]:
            made = self.timed.get(crew)
            if made is None:
                continue
            for out in [stop for stop in made.stops if is_task(stop) and not self._day.tasks[stop].is_fixed]:
                if self._swap(crew, made, (out, task), untouched):
                    return

    def _swap(self, crew: int, made: Timed, pair: tuple[int, Task], untouched: Container[int]) -> bool:
        out, task = pair
        other = self._day.tasks[out]
        rest = [stop for stop in made.stops if stop != out]
        found = self.best_in(self._day.crews[crew], task, self._needed(rest))
        if found is None:
            return False
        gain = made.cost + task.prize - found.cost
        elsewhere = self._cheapest(other, [[number for number in self.near(other, untouched)[0] if number != crew]])
        if elsewhere is not None:
            old = self.timed.get(elsewhere[0])
            if gain > elsewhere[1].cost - (old.cost if old else 0.0):
                self._set(crew, found)
                self._set(*elsewhere)
                return True
        if gain > other.prize:
            self._set(crew, found)
            return True
        return False

    def _needed(self, stops: list[int]) -> list[int]:
        """Leave out pickups from which nothing is fetched any more."""
        kept: list[int] = []
        wanted: set[int] = set()
        for stop in reversed(stops):
            if is_task(stop):
                wanted.add(PICKUP - self._day.tasks[stop].pickup)
            elif stop < 0:
                if stop not in wanted:
                    continue
                wanted.discard(stop)
            kept.append(stop)
        return kept[::-1]
