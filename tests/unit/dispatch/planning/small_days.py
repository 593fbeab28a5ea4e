"""Small random days with double visits, and a second opinion on plans of them that shares nothing with the solver."""

from collections.abc import Iterator
from itertools import pairwise, permutations, product

from hypothesis import strategies as st

from dispatch.planning.format import Job, Matrix, Means, Objective, Plan, Problem, Promise, Visit, VisitStop, Worker

SKILLS = ("bath", "nurse")
HORIZON = 400


@st.composite
def days(draw: st.DrawFn, most_jobs: int = 6, most_workers: int = 4, late: bool | None = None) -> Problem:
    """A day of a few jobs and workers on a whole-number grid; `late` true or false for all jobs, else either."""
    places = [f"n{number}" for number in range(draw(st.integers(2, 5)))]
    points = draw(
        st.lists(
            st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=len(places), max_size=len(places), unique=True
        )
    )
    table = [[float(abs(a - c) + abs(b - d)) for c, d in points] for a, b in points]
    workers = [_worker(draw, number, places) for number in range(draw(st.integers(1, most_workers)))]
    names = [worker.id for worker in workers]
    return Problem(
        version=1,
        objective=Objective(
            travel=1,
            lateness=draw(st.sampled_from([0, 1, 3])),
            greatest_lateness=draw(st.sampled_from([0, 1])),
            worker=draw(st.sampled_from([0, 10])),
            moved=draw(st.sampled_from([0, 25])),
            continuity=draw(st.sampled_from([0, 2])),
        ),
        matrix=Matrix(places=places, means={"walk": Means(durations=table)}),
        workers=workers,
        jobs=[_job(draw, number, places, names, late) for number in range(draw(st.integers(1, most_jobs)))],
    )


def _worker(draw: st.DrawFn, number: int, places: list[str]) -> Worker:
    begin = draw(st.sampled_from([0, 50]))
    return Worker(
        id=f"w{number}",
        start=draw(st.sampled_from(places)),
        end=draw(st.sampled_from([None, *places])),
        shift=(begin, draw(st.sampled_from([200, HORIZON]))),
        overtime=draw(st.sampled_from([0, 30])),
        skills=sorted(draw(st.sets(st.sampled_from(SKILLS), min_size=1))),
    )


def _job(draw: st.DrawFn, number: int, places: list[str], names: list[str], late: bool | None) -> Job:
    visits = draw(st.integers(1, 2)) if len(names) > 1 else 1
    earliest = draw(st.integers(0, 250))
    least = draw(st.sampled_from([0, 0, 15])) if visits == 2 else 0
    promised = None
    if draw(st.integers(0, 4)) == 0:
        told = draw(st.permutations(names))[:visits]
        promised = Promise(start=earliest + 10, workers=told, within=draw(st.sampled_from([None, 20])))
    return Job(
        id=f"j{number}",
        place=draw(st.sampled_from(places)),
        window=(earliest, earliest + draw(st.sampled_from([20, 60]))),
        visits=[
            Visit(skills=draw(st.sampled_from([[], *([one] for one in SKILLS)])), duration=draw(st.integers(5, 30)))
            for _ in range(visits)
        ],
        late="allowed" if (draw(st.booleans()) if late is None else late) else "never",
        gap=(least, least + draw(st.sampled_from([0, 20]))) if visits == 2 else (0, 0),
        priority=draw(st.sampled_from([None, None, 1, 5])),
        excluded=draw(st.sampled_from([[], [names[0]]])),
        prefers=draw(st.sampled_from([{}, {names[-1]: 5}])),
        promised=promised,
    )


def visits_of(plan: Plan) -> dict[tuple[str, int], tuple[str, VisitStop]]:
    """Who comes and when, by job and visit."""
    return {
        (stop.job, stop.visit): (route.worker, stop)
        for route in plan.routes
        for stop in route.stops
        if isinstance(stop, VisitStop)
    }


def cheapest(problem: Problem) -> float:
    """The least objective with every job served, by trying everything; infinity when that cannot be.

    Only for required jobs that may be late, without promises and preferences.
    """
    visits = [(job, visit) for job in problem.jobs for visit in range(len(job.visits))]
    able = [[w for w in problem.workers if _may(w, job, visit)] for job, visit in visits]
    best = float("inf")
    for who in product(*able):
        hands = {worker.id: [v for v, w in zip(visits, who, strict=True) if w is worker] for worker in problem.workers}
        if any(len({job.id for job, _ in mine}) < len(mine) for mine in hands.values()):
            continue
        for orders in product(*(permutations(mine) for mine in hands.values())):
            best = min(best, _cost(problem, list(orders)))
    return best


def _may(worker: Worker, job: Job, visit: int) -> bool:
    return set(job.visits[visit].skills) <= set(worker.skills) and worker.id not in job.excluded


def _cost(problem: Problem, orders: list[tuple[tuple[Job, int], ...]]) -> float:
    """The objective of routes in these orders, with times found by pushing starts until nothing moves."""
    start = {(job.id, visit): job.window[0] for order in orders for job, visit in order}
    for _ in range(200):
        before = dict(start)
        for (job, visit), at in _arrivals(problem, orders, start):
            start[job.id, visit] = max(start[job.id, visit], at)
        for job in problem.jobs:
            if len(job.visits) == 2:
                start[job.id, 1] = max(start[job.id, 1], start[job.id, 0] + job.gap[0])
                start[job.id, 0] = max(start[job.id, 0], start[job.id, 1] - job.gap[1])
        if start == before:
            break
    else:
        return float("inf")
    weights, travel, overtime = problem.objective, 0.0, 0.0
    for worker, order in zip(problem.workers, orders, strict=True):
        if order:
            (last, visit), home = order[-1], worker.end or order[-1][0].place
            back = start[last.id, visit] + last.visits[visit].duration + _way(problem, last.place, home)
            if back > worker.shift[1] + worker.overtime:
                return float("inf")
            overtime += max(0.0, back - worker.shift[1])
            stops = [worker.start, *(job.place for job, _ in order), home]
            travel += sum(_way(problem, here, there) for here, there in pairwise(stops))
    late = [max(0.0, start[job.id, visit] - job.window[1]) for order in orders for job, visit in order]
    return (
        weights.travel * travel
        + weights.lateness * sum(late)
        + weights.greatest_lateness * max(late, default=0.0)
        + weights.worker * sum(bool(order) for order in orders)
        + weights.overtime * overtime
    )


def _arrivals(
    problem: Problem, orders: list[tuple[tuple[Job, int], ...]], start: dict[tuple[str, int], float]
) -> Iterator[tuple[tuple[Job, int], float]]:
    for worker, order in zip(problem.workers, orders, strict=True):
        here, free = worker.start, worker.shift[0]
        for job, visit in order:
            yield (job, visit), free + _way(problem, here, job.place)
            here, free = job.place, start[job.id, visit] + job.visits[visit].duration


def _way(problem: Problem, here: str, there: str) -> float:
    assert problem.matrix is not None
    index = problem.matrix.places.index
    return problem.matrix.means["walk"].durations[index(here)][index(there)]
