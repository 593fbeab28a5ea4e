"""Plans with visits by two workers, together or one after the other: small days whole, and those visits of large
ones.

PyVRP knows no visits that depend on each other. A problem of the home-care kind (skills, double visits, lateness, no
loads or breaks) is solved here as a whole. Of a district's day the double visits are placed first, with room for
breaks; PyVRP plans the single ones around them; then `improve` moves double visits, and single ones of the same
workers, where that makes the plan better.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic

from msgspec.structs import replace

from dispatch.planning.format import Plan, Problem, Route, Stop, Unserved, VisitStop
from dispatch.planning.sync.building import Model, Scope, model_of, route_of
from dispatch.planning.sync.improving import open_plan
from dispatch.planning.sync.network import Network
from dispatch.planning.sync.placing import doubles_model
from dispatch.planning.sync.schedule import Routes, no_routes, time_routes
from dispatch.planning.sync.search import Effort, search, total
from dispatch.planning.tasks import Fixed
from dispatch.planning.travel_times import Ways
from dispatch.planning.verify import figures, verify

_FIRST_TRY = 0.7
"""The share of the time in which promised times are kept; then those of jobs left out are given up."""


def can_solve(problem: Problem) -> bool:
    """Whether `solve` takes the problem: no loads, pickups, ready times or breaks."""
    bare = all(not job.load and job.pickup is None and job.ready is None for job in problem.jobs)
    return bare and not any(worker.breaks for worker in problem.workers)


def solve(
    problem: Problem, ways: Ways, seconds: float, seed: int, rounds: int | None = None, processes: int = 2
) -> Plan:
    """Plan a whole problem that `can_solve` takes; each process searches for `seconds`, and at most `rounds`."""
    everybody, everything = range(len(problem.workers)), range(len(problem.jobs))
    share = _FIRST_TRY if _has_times(problem) else 1.0
    model = model_of(problem, ways, Scope(everybody, everything))
    routes = _best_of(model.network, seed, Effort(seconds * share, rounds), no_routes(model.network), processes)
    if share < 1.0:
        loose = frozenset(model.visits[stop][0] for stop in routes.unserved)
        model = model_of(problem, ways, Scope(everybody, everything, loose=loose))
        routes = _best_of(model.network, seed, Effort(seconds * (1 - share), rounds), routes, processes)
    out = [*model.impossible, *(model.visits[stop][0] for stop in routes.unserved)]
    plan = Plan(
        version=1,
        name=problem.name,
        routes=routes_of(problem, ways, model, routes, []),
        unserved=[Unserved(job=problem.jobs[number].id, reason="full") for number in sorted(out)],
        figures=None,  # type: ignore[arg-type]
    )
    plan.figures = figures(problem, ways, plan, seconds)
    return plan


def place_doubles(problem: Problem, ways: Ways, seconds: float, seed: int, rounds: int | None = None) -> list[Fixed]:
    """Workers and starts for both visits of every double job that can be placed; the others are missing."""
    model, routes = doubles_model(problem, ways)
    if all(other < 0 for other in model.network.other):
        return []
    share = _FIRST_TRY if _has_times(problem) else 1.0
    routes = search(model.network, seed, Effort(seconds * share, rounds), routes)
    if share < 1.0:
        loose = frozenset(model.visits[stop][0] for stop in routes.unserved)
        model, _ = doubles_model(problem, ways, loose)
        routes = search(model.network, seed, Effort(seconds * (1 - share), rounds), routes)
    return [
        Fixed(
            job=problem.jobs[number].id,
            visit=visit,
            worker=problem.workers[model.scope.workers[routes.route[stop]]].id,
            start=routes.start[stop],
        )
        for stop, (number, visit) in enumerate(model.visits)
        if routes.route[stop] >= 0 and model.network.other[stop] >= 0
    ]


def _has_times(problem: Problem) -> bool:
    return any(job.promised is not None and job.promised.within is not None for job in problem.jobs)


def improve(problem: Problem, ways: Ways, plan: Plan, seconds: float, seed: int, rounds: int | None = None) -> Plan:
    """A plan that is better by the objective, or serves more, and keeps every rule; else the plan itself.

    Double visits, and single ones without loads, move among those who could come to a double visit.
    """
    began = monotonic()
    opened = open_plan(problem, ways, plan)
    if opened is None or not time_routes(opened.model.network, opened.routes):
        return plan
    model = opened.model
    # Writing and verifying what is found takes about as long as reading the plan did.
    effort = Effort(max(0.1, seconds - 2 * (monotonic() - began)), rounds)
    routes = search(model.network, seed, effort, opened.routes)
    again = {problem.workers[number].id for number in model.scope.workers}
    served = {problem.jobs[model.visits[stop][0]].id for stop in range(len(model.visits)) if routes.route[stop] >= 0}
    before = {left.job: left.reason for left in plan.unserved}
    out = before.keys() | {problem.jobs[model.visits[stop][0]].id for stop in routes.unserved}
    better = Plan(
        version=1,
        name=plan.name,
        routes=[route for route in plan.routes if route.worker not in again]
        + routes_of(problem, ways, model, routes, opened.held),
        unserved=[
            Unserved(job=job.id, reason=before.get(job.id, "full" if job.priority is None else "priority"))
            for job in problem.jobs
            if job.id in out and job.id not in served
        ],
        figures=plan.figures,
    )
    better.figures = figures(problem, ways, better, plan.figures.seconds + seconds)
    return better if _rank(problem, better) < _rank(problem, plan) and not verify(problem, ways, better) else plan


def _rank(problem: Problem, plan: Plan) -> tuple[int, float, float]:
    out = {left.job for left in plan.unserved}
    required = sum(job.priority is None for job in problem.jobs if job.id in out)
    return required, round(plan.figures.unserved_priority, 6), plan.figures.objective


def _best_of(network: Network, seed: int, effort: Effort, begin: Routes, processes: int) -> Routes:
    """The best of several searches at the same time."""
    if processes == 1:
        return search(network, seed, effort, begin)
    # Spawned, not forked: the caller may have threads that hold locks.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        tries = [pool.submit(search, network, seed * processes + n, effort, begin) for n in range(processes)]
        return min((one.result() for one in tries), key=lambda routes: total(network, routes))


def routes_of(problem: Problem, ways: Ways, model: Model, routes: Routes, held: Sequence[Stop]) -> list[Route]:
    """The routes of a plan; `held` are the stops that stayed, of which only the times are new."""
    network = model.network
    made: list[Route] = []
    for position, number in enumerate(model.scope.workers):
        stops: list[Stop] = []
        node = network.start_of(position)
        for stop in routes.stops_of(network, position):
            arrive = routes.start[node] + network.stay[node] + network.ways[position][node][stop]
            start = routes.start[stop]
            # Whoever would only wait at her first door sets out later.
            stops.append(_stop(problem, model, stop, (arrive if stops else start, start), held))
            node = stop
        # A break is owed only on a day with visits.
        if any(isinstance(stop, VisitStop) for stop in stops):
            made.append(route_of(problem, ways, problem.workers[number], stops))
    return made


def _stop(problem: Problem, model: Model, stop: int, times: tuple[float, float], held: Sequence[Stop]) -> Stop:
    arrive, start = times
    end = start + model.network.stay[stop]
    if stop < len(model.visits):
        number, visit = model.visits[stop]
        job = problem.jobs[number]
    else:
        old = held[stop - len(model.visits)]
        if not isinstance(old, VisitStop):
            return replace(old, arrive=arrive, start=start, end=end)
        job = next(job for job in problem.jobs if job.id == old.job)
        visit = old.visit
    late = max(0.0, start - job.window[1])
    return VisitStop(job=job.id, visit=visit, arrive=arrive, start=start, end=end, late=late)
