"""Why a job is in no route: the first reason of docs/plan-format.md that holds."""

from itertools import product

from dispatch.planning.format import Job, Problem, Reason, Worker
from dispatch.planning.tasks import NO_PICKUP, Day, Task, day_of
from dispatch.planning.timing import PICKUP, Clock
from dispatch.planning.travel_times import Ways


def reasons(problem: Problem, ways: Ways, jobs: list[str]) -> dict[str, Reason]:
    """Why each of these jobs is left out, by its id."""
    left = set(jobs)
    chosen = [job for job in problem.jobs if job.id in left]
    day = day_of(problem, ways, [], only=left)
    clock = Clock(day)
    tasks: dict[int, list[Task]] = {}
    for task in day.tasks:
        tasks.setdefault(task.job, []).append(task)
    numbers = {job.id: number for number, job in enumerate(problem.jobs)}
    return {job.id: _reason(day, clock, job, tasks[numbers[job.id]]) for job in chosen}


def _reason(day: Day, clock: Clock, job: Job, tasks: list[Task]) -> Reason:
    workers = day.problem.workers
    alone: list[set[int]] = []
    for visit, task in zip(job.visits, tasks, strict=True):
        skilled = [(number, worker) for number, worker in enumerate(workers) if set(visit.skills) <= set(worker.skills)]
        if not skilled:
            return "no_skill"
        admitted = [(number, worker) for number, worker in skilled if _is_admitted(job, worker, task.visit)]
        if not admitted:
            return "excluded"
        strong = [(number, worker) for number, worker in admitted if _can_carry(job, worker)]
        if not strong:
            return "capacity"
        on_shift = [number for number, worker in strong if _is_on_shift(worker, task)]
        if not on_shift:
            return "no_shift"
        alone.append({number for number in on_shift if _reaches(day, clock, number, task)})
        if not alone[-1]:
            return "window"
    if len(alone) > 1 and not any(one != other for one, other in product(*alone)):
        return "no_pair"
    return "full" if job.priority is None else "priority"


def _is_admitted(job: Job, worker: Worker, visit: int) -> bool:
    if job.fixed and job.promised is not None and worker.id != job.promised.who[visit]:
        return False
    return worker.id not in job.excluded and (job.workers is None or worker.id in job.workers)


def _can_carry(job: Job, worker: Worker) -> bool:
    return all(worker.capacity.get(kind, 0) >= amount for kind, amount in job.load.items())


def _is_on_shift(worker: Worker, task: Task) -> bool:
    begin = max(worker.shift[0], task.earliest)
    return begin <= task.latest and begin + task.duration <= worker.shift[1] + worker.overtime


def _reaches(day: Day, clock: Clock, number: int, task: Task) -> bool:
    if task.is_fixed and not task.able:
        return False
    stops = [task.number] if task.pickup == NO_PICKUP else [PICKUP - task.pickup, task.number]
    return clock.with_breaks(day.crews[number], stops) is not None
