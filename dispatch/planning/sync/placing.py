"""Double visits before all others: pairs and times for them alone, with room left for breaks."""

from dispatch.planning.format import Break, Problem, Worker
from dispatch.planning.sync.building import Held, Model, Scope, hold, model_of
from dispatch.planning.sync.schedule import Routes, no_routes
from dispatch.planning.travel_times import Ways


def scope_of_doubles(problem: Problem, ways: Ways, loose: frozenset[int]) -> Scope:
    """The jobs of two visits, those who could come to one, what else is fixed for them, and every break they may owe.

    Where a worker will be at her break is not known before single visits are planned: from there to the next visit
    the longest way is allowed for.
    """
    jobs = [number for number, job in enumerate(problem.jobs) if len(job.visits) == 2 or job.fixed]
    needed = {frozenset(visit.skills) for job in problem.jobs if len(job.visits) == 2 for visit in job.visits}
    workers: list[int] = []
    held: list[Held] = []
    hours: dict[int, tuple[float, float]] = {}
    for number, worker in enumerate(problem.workers):
        if not any(skills <= set(worker.skills) for skills in needed):
            continue
        begin, end = worker.shift[0], worker.shift[1] + worker.overtime
        rests = _owed(worker)
        places = [ways.index[problem.jobs[job].place] for job in jobs] + [ways.index[worker.start]]
        if worker.end is not None:
            places.append(ways.index[worker.end])
        table = ways.durations[worker.means]
        far = max(float(table[here, there]) for here in places for there in places)
        if not _fit(rests, begin, end, far):
            end = min(end, rests[0].window[1])
            rests = []
        if begin > end:
            continue
        held += [
            Held(len(workers), None, rest.window[0], rest.window[1], rest.window[1], rest.duration, travel=far)
            for rest in rests
        ]
        hours[number] = (begin, end)
        workers.append(number)
    return Scope(workers, jobs, held, hours, loose)


def _owed(worker: Worker) -> list[Break]:
    """The breaks that a whole shift owes, in order."""
    first, last = worker.shift[0], worker.shift[1] + worker.overtime
    owed = (rest for rest in worker.breaks if last > rest.window[1] and first < rest.window[0] + rest.duration)
    return sorted(owed, key=lambda rest: rest.window)


def _fit(rests: list[Break], begin: float, end: float, far: float) -> bool:
    at = begin
    for rest in rests:
        at = max(at, rest.window[0])
        if at > rest.window[1]:
            return False
        at += rest.duration + far
    return at <= end


def doubles_model(problem: Problem, ways: Ways, loose: frozenset[int] = frozenset()) -> tuple[Model, Routes]:
    """The network of the double visits, and routes that hold the breaks alone."""
    model = model_of(problem, ways, scope_of_doubles(problem, ways, loose))
    routes = no_routes(model.network)
    hold(model, routes)
    return model, routes
