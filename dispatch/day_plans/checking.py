"""Whether a plan is one of its problem, before anybody is promised anything by it; pure.

The planner proves its own plans whole (`dispatch.planning.verify`), and every limit is held against each visit when it
is given; this is what neither does for a plan that came out of another process: it names what was asked, and no visit
begins outside its window or its worker's shift.
"""

from typing import Final

from dispatch.planning.format import Plan, Problem, VisitStop

ROUNDED: Final = 1.0
"""Seconds by which times may be off."""


def fault_of(problem: Problem, plan: Plan) -> str | None:
    """What is wrong with a plan, as it is written down for whoever looks after the engine; None when nothing is."""
    workers = {worker.id: worker for worker in problem.workers}
    jobs = {job.id: job for job in problem.jobs}
    seen: set[tuple[str, int]] = set()
    for route in plan.routes:
        worker = workers.get(route.worker)
        if worker is None:
            return f"worker {route.worker}: unknown"
        for stop in route.stops:
            if not isinstance(stop, VisitStop):
                continue
            job, which = jobs.get(stop.job), (stop.job, stop.visit)
            if job is None or not 0 <= stop.visit < len(job.visits):
                return f"job {stop.job}: unknown"
            if which in seen:
                return f"job {stop.job}: visited twice"
            seen.add(which)
            late = job.late == "never" and stop.start > job.window[1] + ROUNDED
            if stop.start < job.window[0] - ROUNDED or late:
                return f"job {stop.job}: outside its window"
            latest = worker.shift[1] + worker.overtime + ROUNDED
            if stop.start < worker.shift[0] - ROUNDED or stop.start + job.visits[stop.visit].duration > latest:
                return f"job {stop.job}: outside the shift of {worker.id}"
    return _left_out_fault(problem, plan, seen)


def _left_out_fault(problem: Problem, plan: Plan, seen: set[tuple[str, int]]) -> str | None:
    left_out = [one.job for one in plan.unserved]
    served = {job.id for job in problem.jobs if all((job.id, number) in seen for number in range(len(job.visits)))}
    begun = {job for job, _ in seen}
    if len(set(left_out)) < len(left_out) or begun & set(left_out) or begun - served:
        return "a job is served in part, or served and left out"
    missing = {job.id for job in problem.jobs} ^ (served | set(left_out))
    return f"job {min(missing)}: neither served nor left out" if missing else None
