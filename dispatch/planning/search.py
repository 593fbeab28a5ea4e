"""The search for good routes of a day: gathered, cut into parts, routed by PyVRP, and mended under the exact clock."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import ceil
from multiprocessing import get_context
from random import Random
from typing import Final

from dispatch.planning.insertion import Routes
from dispatch.planning.parts import Held, parts_of
from dispatch.planning.rounds import needs_rounds, round_unit
from dispatch.planning.routing import Effort, route
from dispatch.planning.sheet import Sheet, SheetMaker
from dispatch.planning.tasks import NO_PICKUP, Crew, Day
from dispatch.planning.timing import BREAK, PICKUP, Clock, Timed, is_task
from dispatch.planning.units import Part, Unit, rested, single

Tell = Callable[[str], None]
Paths = list[tuple[int, list[tuple[str, int]]]]
_FIRST: Final = 0.45
"""The most of the time in which the first routes are made by insertion alone."""
_PHASES: Final = (0.4, 0.25, 0.2, 0.15)
"""How the time is shared: the first routes, then with the day cut elsewhere each time."""
_MENDING: Final = 0.15
"""The share of a phase in which what is left is inserted."""
_WRITING: Final = 0.02
"""The same where nothing can be inserted that PyVRP has left."""
_ALONE_BELOW: Final = 60
"""Fewer units are not worth processes of their own."""


@dataclass
class Search:
    """How to search: until when (by `time.monotonic`), with which seed, and with how many processes."""

    day: Day
    until: float
    seed: int
    iterations: int | None = None
    processes: int | None = None
    tell: Tell = lambda _: None
    known: Routes | None = None
    """Routes to begin with."""
    random: Random = field(init=False)
    _clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        """Everything that is left to chance comes from the seed."""
        self.random = Random(self.seed)
        self._clock = Clock(self.day)

    def run(self) -> Routes:
        """Search until the time is over and return the best routes."""
        best = self.known or Routes(self.day)
        if not self.day.crews or not any(task.able for task in self.day.tasks):
            return best
        began = time.monotonic()
        whole = max(0.1, self.until - began)
        held = [Held(crew, [], []) for crew in self.day.crews]
        units = [single(task) for task in self.day.tasks if task.able]
        if self._is_relaxed() or len(parts_of(self.day, held, units, Random(self.seed))) > 1:
            # PyVRP alone finds room for everybody only late on a full day; what is inserted at first it makes shorter.
            self.tell(f"{len(best.left)} to insert")
            self._mend(best, began + whole * _FIRST)
            held, units = self._opened(best)
        with ExitStack() as stack:
            pool = self._pool(stack)
            began = time.monotonic()
            whole = max(0.1, self.until - began)
            for phase in range(len(_PHASES)):
                parts = parts_of(self.day, held, units, self.random, self._processes())
                end = began + whole * sum(_PHASES[: phase + 1])
                if len(parts) == 1:
                    # A day in one piece gains nothing from being cut elsewhere: one long search, and a short one
                    # from where the exact clock has put what was left.
                    end = self.until - (whole * _PHASES[-1] if phase == 0 and self._is_relaxed() else 0)
                made = self._routed(pool, parts, end, self._rest(best, held))
                self.tell(f"{len(made.left)} left, {made.cost():.0f}")
                if made.cost() < best.cost():
                    best = made
                if time.monotonic() >= self.until - whole * _WRITING or (
                    len(parts) == 1 and (phase > 0 or not self._is_relaxed())
                ):
                    break
                held, units = self._opened(best)
        return best

    def _is_relaxed(self) -> bool:
        """Whether the exact clock knows more than PyVRP was told: breaks, rounds, lateness, promises, overtime."""
        day = self.day
        return (
            needs_rounds(day)
            or any(crew.worker.breaks or crew.worker.overtime for crew in day.crews)
            or any(task.wished != (task.earliest, task.latest) for task in day.tasks)
        )

    def _processes(self) -> int:
        return self.processes or os.cpu_count() or 1

    def _pool(self, stack: ExitStack) -> Executor | None:
        processes = self._processes()
        if processes < 2 or len(self.day.tasks) < _ALONE_BELOW:
            return None
        # Spawned, not forked: the caller may have threads that hold locks.
        return stack.enter_context(ProcessPoolExecutor(processes, mp_context=get_context("spawn")))

    def _ask(self, pool: Executor | None, sheets: Sequence[Sheet], seconds: float) -> list[Paths]:
        """Route all sheets within about so many seconds."""
        processes = 1 if pool is None else self._processes()
        waves = ceil(len(sheets) / processes)
        efforts = [Effort(seconds / max(1, waves), self.random.randrange(1 << 30), self.iterations) for _ in sheets]
        if pool is None or len(sheets) == 1:
            return [route(sheet, effort) for sheet, effort in zip(sheets, efforts, strict=True)]
        return list(pool.map(route, sheets, efforts))

    def _routed(self, pool: Executor | None, parts: list[Part], end: float, routes: Routes) -> Routes:
        """Route the parts, time what comes back, and insert what was left until the phase ends."""
        self.tell(f"{len(parts)} parts")
        makers = [SheetMaker(part) for part in parts if part.units and part.crews]
        sheets = [maker.sheet() for maker in makers]
        left = max(0.1, end - time.monotonic())
        found = self._ask(pool, sheets, left * (1 - (_MENDING if self._is_relaxed() else _WRITING)))
        latest = max(end, time.monotonic() + left * _MENDING / 2)
        for maker, sheet, paths in zip(makers, sheets, found, strict=True):
            free = [list(vehicle.crews) for vehicle in sheet.vehicles]
            made = {free[vehicle].pop(0): maker.stops(sheet, vehicle, path) for vehicle, path in paths}
            crews = {crew.number for crew in maker.part.crews}
            routes.take_better(crews, made, maker.part.routes, lambda: time.monotonic() > latest)
        self._mend(routes, latest)
        return routes

    def _mend(self, routes: Routes, end: float) -> None:
        """Insert what is left, and make room for the rest."""
        routes.insert(sorted(routes.left), lambda: time.monotonic() > end)
        routes.exchange(lambda: time.monotonic() > end)

    def _rest(self, best: Routes, held: list[Held]) -> Routes:
        """Only the routes of those who are not planned again."""
        made = Routes(self.day)
        again = {one.crew.number for one in held}
        for number, timed in best.timed.items():
            if number not in again:
                made.take(number, timed.stops)
        return made

    def _opened(self, best: Routes) -> tuple[list[Held], list[Unit]]:
        """What each worker has, as units again; whoever has what cannot be told in units keeps it."""
        held = []
        for crew in self.day.crews:
            made = best.timed.get(crew.number)
            made = made and self._rested(made, crew)
            units = [] if made is None else self._units(made, crew)
            if units is not None:
                held.append(Held(crew, units, [] if made is None else list(made.stops)))
        in_rounds = needs_rounds(self.day)
        loose = []
        for number in sorted(best.left):
            task = self.day.tasks[number]
            if not task.able:
                continue
            if task.pickup == NO_PICKUP or not in_rounds:
                loose.append(single(task))
            else:
                means = self.day.crews[min(task.able)].worker.means
                alone = round_unit(self.day, task.pickup, means, [task])
                loose.extend([] if alone is None else [alone])
        return held, loose

    def _units(self, made: Timed, crew: Crew) -> list[Unit] | None:
        tasks = self.day.tasks
        in_rounds = needs_rounds(self.day)
        units: list[Unit] = []
        at = 0
        while at < len(made.stops):
            stop = made.stops[at]
            if is_task(stop):
                if in_rounds and tasks[stop].pickup != NO_PICKUP:
                    return None
                # What had to be late, or earlier than promised, may stay so.
                wider = single(tasks[stop])
                start = made.start[at]
                units.append(replace(wider, earliest=min(wider.earliest, start), latest=max(wider.latest, start)))
            elif stop < 0 and in_rounds:
                place = PICKUP - stop
                last = at
                while (
                    last + 1 < len(made.stops)
                    and is_task(made.stops[last + 1])
                    and (tasks[made.stops[last + 1]].pickup == place)
                ):
                    last += 1
                gathered = [tasks[number] for number in made.stops[at + 1 : last + 1]]
                whole = round_unit(self.day, place, crew.worker.means, gathered) if gathered else None
                if whole is None:
                    return None
                units.append(whole)
                at = last
            at += 1
        return self._with_breaks(made, crew, units)

    def _rested(self, made: Timed, crew: Crew) -> Timed:
        """The route with a break at its end or start for each that it does not owe: who has longer days will owe it."""
        for number, rest in enumerate(crew.worker.breaks):
            is_within = crew.worker.shift[0] < rest.window[0] + rest.duration and crew.worker.shift[1] > rest.window[1]
            if is_within and BREAK + number not in made.stops:
                for stops in ((*made.stops, BREAK + number), (BREAK + number, *made.stops)):
                    longer = self._clock.timed(crew, stops)
                    if longer is not None:
                        made = longer
                        break
        return made

    def _with_breaks(self, made: Timed, crew: Crew, units: list[Unit]) -> list[Unit]:
        """Each break with the unit before it, or the first; one that fits with neither stays a stop of its own."""
        holder = {stop: at for at, unit in enumerate(units) for stop in unit.stops}
        last = None
        for stop in made.stops:
            if stop < BREAK:
                last = holder.get(stop, last)
                continue
            rest = crew.worker.breaks[stop - BREAK]
            at = 0 if last is None else last
            way = float(crew.ways[crew.start, units[0].entry]) if last is None else None
            whole = rested(units[at], crew.number, stop, rest, way)
            units[at] = units[at] if whole is None else whole
        return units
