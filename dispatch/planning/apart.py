"""A very large day cut into districts, each a problem of its own that one process plans, and their plans put together.

What no district could do, for want of a worker near the border, is left to a search of the whole day.
"""

from collections.abc import Iterable
from math import ceil
from random import Random
from typing import Final

import numpy as np
from msgspec.structs import replace

from dispatch.planning.format import BreakStop, Job, PickupStop, Plan, Problem, VisitStop, Worker
from dispatch.planning.insertion import Routes
from dispatch.planning.parts import Held, cut
from dispatch.planning.tasks import Day, Fixed, day_of
from dispatch.planning.timing import BREAK, PICKUP
from dispatch.planning.travel_times import Ways
from dispatch.planning.units import single

WHOLE_MOST: Final = 1500
"""Problems of more jobs are cut."""
_JOBS_EACH: Final = 650


def districts(problem: Problem, ways: Ways, seed: int, processes: int) -> list[tuple[Problem, Ways]]:
    """Problems of workers and jobs that are near each other, as many as a multiple of the processes.

    A job that was promised, or is bound, to workers of another district is in none.
    """
    number = ceil(ceil(len(problem.jobs) / _JOBS_EACH) / processes) * processes
    day = day_of(problem, ways, [], {job.id for job in problem.jobs})
    units = [single(task) for task in day.tasks if task.able]
    parts = cut(day, [Held(crew, [], []) for crew in day.crews], units, min(number, len(day.crews)), Random(seed))
    made = []
    for part in parts:
        # Both visits of a job go where its first one is.
        tasks = (day.tasks[unit.head] for unit in part.units)
        numbers = sorted({task.job for task in tasks if task.visit == 0})
        workers = [crew.worker for crew in part.crews]
        made.append(_district(problem, ways, workers, [problem.jobs[number] for number in numbers]))
    return [one for one in made if one[0].jobs]


def _district(problem: Problem, ways: Ways, workers: list[Worker], jobs: list[Job]) -> tuple[Problem, Ways]:
    here = {worker.id for worker in workers}
    jobs = [_among(job, here) for job in jobs if job.promised is None or here.issuperset(job.promised.who)]
    ends = {worker.end for worker in workers} | {job.pickup for job in jobs}
    needed = {worker.start for worker in workers} | {job.place for job in jobs} | {key for key in ends if key}
    keys = sorted(needed, key=ways.index.__getitem__)
    chosen = np.array([ways.index[key] for key in keys], dtype=np.intp)
    table = np.ix_(chosen, chosen)
    part = Ways(
        {key: at for at, key in enumerate(keys)},
        {means: whole[table] for means, whole in ways.durations.items()},
        {means: whole[table] for means, whole in ways.distances.items()},
    )
    # The ways stand for places and matrix.
    return replace(problem, workers=workers, jobs=jobs, places={}, matrix=None), part


def _among(job: Job, here: set[str]) -> Job:
    return replace(
        job,
        workers=None if job.workers is None else [name for name in job.workers if name in here],
        excluded=[name for name in job.excluded if name in here],
        prefers={name: points for name, points in job.prefers.items() if name in here},
    )


def doubles_of(problem: Problem, plans: Iterable[Plan]) -> list[Fixed]:
    """Who comes to each visit by two in these plans, and when."""
    doubles = {job.id for job in problem.jobs if len(job.visits) > 1}
    return [
        Fixed(stop.job, stop.visit, route.worker, stop.start)
        for plan in plans
        for route in plan.routes
        for stop in route.stops
        if isinstance(stop, VisitStop) and stop.job in doubles
    ]


def together(day: Day, plans: Iterable[Plan]) -> Routes:
    """The routes of all districts on the whole day."""
    jobs = day.problem.jobs
    numbers = {(jobs[task.job].id, task.visit): task.number for task in day.tasks}
    crews = {crew.worker.id: crew.number for crew in day.crews}
    routes = Routes(day)
    for plan in plans:
        for route in plan.routes:
            stops: list[int] = []
            for stop in route.stops:
                if isinstance(stop, VisitStop):
                    stops.append(numbers[stop.job, stop.visit])
                elif isinstance(stop, PickupStop):
                    stops.append(PICKUP - day.ways.index[stop.place])
                elif isinstance(stop, BreakStop):
                    stops.append(BREAK + stop.number)
            routes.take(crews[route.worker], stops)
    return routes
