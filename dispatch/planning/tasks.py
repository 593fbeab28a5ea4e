"""A problem as a solver sees it: one task for each visit, places and workers as numbers, and who may do what."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from dispatch.planning.format import Job, Problem, Worker
from dispatch.planning.travel_times import Ways

NO_PICKUP: Final = -1
_OPTIONAL_WAYS: Final = 3
_REQUIRED_WAYS: Final = 10
_FIXED_WORTH: Final = 5
_HALF_WORTH: Final = 1.5


@dataclass(frozen=True, slots=True)
class Fixed:
    """A visit that a solver before has given to a worker at a time: numbers as in the problem, `worker` by its id."""

    job: str
    visit: int
    worker: str
    start: float


@dataclass(slots=True)
class Task:
    """One visit. `latest` is when it must start, `wished` until when it costs nothing but the way."""

    number: int
    job: int
    visit: int
    place: int
    earliest: float
    latest: float
    wished: tuple[float, float]
    due: float
    duration: float
    load: dict[str, float]
    pickup: int
    ready: float | None
    hot: float | None
    able: frozenset[int]
    """The workers who may do it."""
    extra: dict[int, float]
    """What it costs beside the way if that worker does it; others cost `otherwise`."""
    otherwise: float
    moved: float
    """What it costs to start outside `wished` on account of a promise."""
    prize: float
    """What a plan without it loses: more than any way costs."""
    is_fixed: bool


@dataclass(slots=True)
class Crew:
    """A worker with places as numbers; `ways[from, to]` takes so long."""

    number: int
    worker: Worker
    start: int
    end: int | None
    ways: memoryview


@dataclass(slots=True)
class Day:
    """A problem, ready to be solved."""

    problem: Problem
    ways: Ways
    tasks: list[Task]
    crews: list[Crew]
    fixed: list[Fixed] = field(default_factory=list)

    def subset(self, tasks: Iterable[int], crews: Iterable[int]) -> tuple[list[Task], list[Crew]]:
        """Some of the tasks and workers, by number."""
        return [self.tasks[number] for number in tasks], [self.crews[number] for number in crews]


def day_of(problem: Problem, ways: Ways, fixed: list[Fixed], only: set[str] | None = None) -> Day:
    """Number everything. Visits in `fixed` are bound to worker and start; other jobs of two visits are left out.

    With `only`, tasks are made of those jobs alone, and of all their visits.
    """
    numbers = {worker.id: number for number, worker in enumerate(problem.workers)}
    tables = {means: memoryview(table.data) for means, table in ways.durations.items()}
    crews = [
        Crew(
            number,
            worker,
            ways.index[worker.start],
            None if worker.end is None else ways.index[worker.end],
            tables[worker.means],
        )
        for number, worker in enumerate(problem.workers)
    ]
    bound = {(one.job, one.visit): one for one in fixed}
    skilled: dict[frozenset[str], frozenset[int]] = {}
    prizes = Prizes.of(problem, ways)
    tasks: list[Task] = []
    for number, job in enumerate(problem.jobs):
        for visit, part in enumerate(job.visits):
            if (len(job.visits) > 1 and (job.id, visit) not in bound) if only is None else job.id not in only:
                continue
            needed = frozenset(part.skills)
            if needed not in skilled:
                skilled[needed] = frozenset(w.number for w in crews if needed <= set(w.worker.skills))
            able = frozenset(allowed(job, skilled[needed], numbers, problem.workers))
            task = _task(problem, ways, job, visit, able, prizes)
            task.number, task.job = len(tasks), number
            _price(problem, job, task, numbers)
            tasks.append(_bind(task, bound.get((job.id, visit)), job, numbers))
    return Day(problem, ways, tasks, crews, fixed)


def allowed(job: Job, skilled: frozenset[int], numbers: dict[str, int], workers: list[Worker]) -> list[int]:
    """Those of the skilled who may do the job and can carry its load."""
    out = {numbers[name] for name in job.excluded}
    only = None if job.workers is None else {numbers[name] for name in job.workers}
    return [
        number
        for number in sorted(skilled)
        if number not in out
        and (only is None or number in only)
        and all(workers[number].capacity.get(kind, 0) >= amount for kind, amount in job.load.items())
    ]


@dataclass(frozen=True)
class Prizes:
    """What jobs are worth in the objective's unit, so that serving comes before saving ways."""

    required: float
    a_point: float

    @classmethod
    def of(cls, problem: Problem, ways: Ways) -> "Prizes":
        """Prizes above the greatest cost that one job can add: a detour, a worker, a broken promise, points."""
        weights = problem.objective
        longest = max((float(table.max()) for table in ways.durations.values() if table.size), default=1.0)
        points = max((points for job in problem.jobs for points in job.prefers.values()), default=0)
        most = weights.travel * 2 * longest + weights.worker + weights.moved + weights.continuity * points
        priorities = [job.priority for job in problem.jobs if job.priority is not None]
        a_point = _OPTIONAL_WAYS * max(most, problem.resolution) / min(priorities, default=1.0)
        best = a_point * max(priorities, default=0)
        return cls(max(_REQUIRED_WAYS * max(most, problem.resolution), 5 * best), a_point)


def _task(problem: Problem, ways: Ways, job: Job, visit: int, able: frozenset[int], prizes: Prizes) -> Task:
    late = job.late == "allowed"
    end = max((worker.shift[1] + worker.overtime for worker in problem.workers), default=job.window[1])
    return Task(
        number=0,
        job=0,
        visit=visit,
        place=ways.index[job.place],
        earliest=job.window[0],
        latest=max(end, job.window[1]) if late else job.window[1],
        wished=job.window,
        due=job.window[1],
        duration=job.visits[visit].duration,
        load={kind: amount for kind, amount in job.load.items() if amount > 0},
        pickup=NO_PICKUP if job.pickup is None else ways.index[job.pickup],
        ready=job.ready,
        hot=job.hot,
        able=able,
        extra={},
        otherwise=0,
        moved=0,
        prize=prizes.required if job.priority is None else prizes.a_point * job.priority,
        is_fixed=False,
    )


def _price(problem: Problem, job: Job, task: Task, numbers: dict[str, int]) -> None:
    """Put the weights of preferences and of a promise on the workers; a promise narrows what is wished."""
    weights = problem.objective
    if job.prefers and weights.continuity:
        best = max(job.prefers.values())
        task.otherwise = weights.continuity * best
        task.extra = {numbers[name]: weights.continuity * (best - points) for name, points in job.prefers.items()}
    if job.promised is None or not weights.moved:
        return
    told = [numbers[name] for name in job.promised.who]
    kept = {name: task.extra.get(name, task.otherwise) for name in told}
    task.otherwise += weights.moved
    task.extra = {name: cost + weights.moved for name, cost in task.extra.items()} | kept
    if job.promised.within is not None and task.visit == 0:
        task.moved = weights.moved
        first, last = job.promised.start - job.promised.within, job.promised.start + job.promised.within
        if first <= task.wished[1] and last >= task.wished[0]:
            task.wished = (max(task.wished[0], first), min(task.wished[1], last))


def _bind(task: Task, fixed: Fixed | None, job: Job, numbers: dict[str, int]) -> Task:
    if fixed is not None:
        who, start = numbers[fixed.worker], fixed.start
    elif job.fixed and job.promised is not None:
        who, start = numbers[job.promised.who[0]], job.promised.start
    else:
        return task
    is_possible = who in task.able and task.earliest <= start <= task.latest
    able = frozenset({who}) if is_possible else frozenset()
    # Half a visit by two is none, and whoever is told an hour that cannot be moved is not told another.
    prize = task.prize * (_FIXED_WORTH if fixed is None else _HALF_WORTH)
    return replace(task, prize=prize, able=able, earliest=start, latest=start, wished=(start, start), is_fixed=True)


def way_length(day: Day, crew: Crew, places: list[int]) -> float:
    """How long a walk along places is, in the problem's unit of distance."""
    table = day.ways.distances[crew.worker.means]
    return float(sum(table[here, there] for here, there in pairwise(places)))
