"""A problem to a plan: the way in for everybody who plans."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from dispatch.planning import synchronised
from dispatch.planning.apart import WHOLE_MOST, districts, doubles_of, together
from dispatch.planning.format import (
    BreakStop,
    EndStop,
    PickupStop,
    Plan,
    Problem,
    Route,
    Stop,
    Unserved,
    VisitStop,
)
from dispatch.planning.insertion import Routes
from dispatch.planning.reasons import reasons
from dispatch.planning.search import Search
from dispatch.planning.tasks import Crew, Day, day_of, way_length
from dispatch.planning.timing import BREAK, PICKUP, Timed, is_task
from dispatch.planning.travel_times import Ways, ways_of
from dispatch.planning.verify import figures, verify

Tell = Callable[[str], None]
_WHOLE_MOST: Final = 200
"""Problems of so many jobs with visits by two are solved by `synchronised` alone."""
_PLACING: Final = 0.15
_A_DOUBLE: Final = 0.3
"""Seconds for each visit by two are enough to place it."""
_IMPROVING: Final = 0.12
_SEARCHING: Final = 0.7
"""The share of that in which it searches; the rest reads the plan and writes it."""


_APART: Final = 0.8
"""The share of the time of a very large day in which its districts are planned apart."""
_CHECKING: Final = 0.05
"""The share of that time in which the plan is written and checked."""


class CannotPlan(Exception):
    """The solver's plan broke a rule of the problem: a fault of ours; the text says which."""


def solve(
    problem: Problem,
    seconds: float,
    seed: int = 0,
    *,
    ways: Ways | None = None,
    iterations: int | None = None,
    processes: int | None = None,
    tell: Tell = lambda _: None,
) -> Plan:
    """Plan a checked problem in about so many seconds by the clock.

    `ways`: travel times where they are known already. With `iterations` each search also ends after so many, and a run
    that ends by them alone can be repeated exactly, with as many `processes` at a time (one a processor by default).
    Raises CannotPlan rather than return a plan that breaks a rule.
    """
    began = time.monotonic()
    ways = ways or ways_of(problem)
    has_doubles = any(len(job.visits) > 1 for job in problem.jobs)
    if has_doubles and len(problem.jobs) <= _WHOLE_MOST and synchronised.can_solve(problem):
        plan = synchronised.solve(problem, ways, seconds, seed, iterations, processes or 2)
    elif len(problem.jobs) > WHOLE_MOST and len(problem.workers) > 1:
        plan = _apart(problem, ways, began + seconds, seed, iterations, processes, tell)
    else:
        plan = _around(problem, ways, began + seconds, seed, has_doubles, iterations, processes, tell)
    why = reasons(problem, ways, [left.job for left in plan.unserved])
    plan.unserved = [Unserved(job=job.id, reason=why[job.id]) for job in problem.jobs if job.id in why]
    plan.figures = figures(problem, ways, plan, time.monotonic() - began)
    faults = verify(problem, ways, plan)
    if faults:
        raise CannotPlan(faults[0])
    return plan


def _around(
    problem: Problem,
    ways: Ways,
    until: float,
    seed: int,
    has_doubles: bool,
    iterations: int | None,
    processes: int | None,
    tell: Tell,
) -> Plan:
    """Visits by two first, the others around them; then both together where that is better."""
    fixed = []
    whole = until - time.monotonic()
    if has_doubles:
        tell("visits by two")
        doubles = sum(len(job.visits) > 1 for job in problem.jobs)
        fixed = synchronised.place_doubles(problem, ways, min(whole * _PLACING, doubles * _A_DOUBLE), seed, iterations)
    day = day_of(problem, ways, fixed)
    search = Search(day, until - (whole * _IMPROVING if has_doubles else 0), seed, iterations, processes, tell)
    routes = search.run()
    _part_halves(day, routes)
    plan = plan_of(day, routes)
    if has_doubles:
        tell("visits by two, improved")
        left = max(0.1, (until - time.monotonic()) * _SEARCHING)
        plan = synchronised.improve(problem, ways, plan, left, seed, iterations)
    return plan


def _apart(
    problem: Problem,
    ways: Ways,
    until: float,
    seed: int,
    iterations: int | None,
    processes: int | None,
    tell: Tell,
) -> Plan:
    """Districts first, each in a process; then the whole day from there."""
    at_once = processes or os.cpu_count() or 1
    whole = until - time.monotonic()
    pieces = districts(problem, ways, seed, at_once)
    tell(f"{len(pieces)} districts")
    end = until - whole * (1 - _APART)
    waves = max(1, -(-len(pieces) // at_once))
    each = max(0.1, (end - time.monotonic()) / waves)
    work = partial(_district, each, seed, iterations)
    if at_once == 1:
        plans = [work(piece) for piece in pieces]
    else:
        # Spawned, not forked: the caller may have threads that hold locks.
        with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
            plans = list(pool.map(work, pieces))
    day = day_of(problem, ways, doubles_of(problem, plans))
    known = together(day, plans)
    search = Search(day, until - whole * _CHECKING, seed, iterations, processes, tell, known)
    routes = search.run()
    _part_halves(day, routes)
    return plan_of(day, routes)


def _district(seconds: float, seed: int, iterations: int | None, piece: tuple[Problem, Ways]) -> Plan:
    """One district, by one process."""
    problem, ways = piece
    has_doubles = any(len(job.visits) > 1 for job in problem.jobs)
    until = time.monotonic() + seconds
    return _around(problem, ways, until, seed, has_doubles, iterations, 1, lambda _: None)


def _part_halves(day: Day, routes: Routes) -> None:
    """Where only one of two visits has a place, the other goes too."""
    while True:
        missing = {day.tasks[number].job for number in routes.left}
        halves = {
            stop
            for made in routes.timed.values()
            for stop in made.stops
            if is_task(stop) and day.tasks[stop].job in missing
        }
        if not halves:
            return
        routes.remove(halves)


def plan_of(day: Day, routes: Routes) -> Plan:
    """Write routes as a plan; every job in none of them is unserved as `full`, until `reasons` says better."""
    problem = day.problem
    served = {day.tasks[stop].job for made in routes.timed.values() for stop in made.stops if is_task(stop)}
    plan = Plan(
        version=1,
        name=problem.name,
        routes=[_route(day, day.crews[crew], made) for crew, made in sorted(routes.timed.items())],
        unserved=[
            Unserved(job=job.id, reason="full") for number, job in enumerate(problem.jobs) if number not in served
        ],
        figures=None,  # type: ignore[arg-type]
    )
    plan.figures = figures(problem, day.ways, plan)
    return plan


def _route(day: Day, crew: Crew, made: Timed) -> Route:
    keys = list(day.ways.index)
    stops: list[Stop] = []
    places = [crew.start]
    for at, stop in enumerate(made.stops):
        times = {"arrive": made.arrive[at], "start": made.start[at], "end": made.end[at]}
        if is_task(stop):
            task = day.tasks[stop]
            job = day.problem.jobs[task.job]
            late = max(0.0, made.start[at] - job.window[1])
            stops.append(VisitStop(job=job.id, visit=task.visit, late=late, **times))
            places.append(task.place)
        elif stop < 0:
            stops.append(PickupStop(place=keys[PICKUP - stop], **times))
            places.append(PICKUP - stop)
        else:
            stops.append(BreakStop(number=stop - BREAK, **times))
    if crew.end is not None:
        stops.append(EndStop(place=keys[crew.end], arrive=made.home, start=made.home, end=made.home))
        places.append(crew.end)
    return Route(worker=crew.worker.id, stops=stops, travel=made.travel, distance=way_length(day, crew, places))
