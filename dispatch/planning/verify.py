"""Does a plan keep every rule of its problem, and are its figures right? Recomputed without any solver."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from dispatch.planning.format import (
    BreakStop,
    EndStop,
    Figures,
    Job,
    PickupStop,
    Plan,
    Problem,
    Route,
    VisitStop,
    Worker,
)
from dispatch.planning.travel_times import Ways

_STEP: Final = 1e-3
"""By how many steps of the resolution a rule may be broken: sums of decimal fractions are never exact."""


@dataclass
class _Found:
    """What reading the routes has told."""

    faults: list[str] = field(default_factory=list)
    visits: dict[str, dict[int, tuple[str, VisitStop]]] = field(default_factory=dict)
    travel: float = 0
    distance: float = 0
    overtime: float = 0
    workers_used: int = 0


def verify(problem: Problem, ways: Ways, plan: Plan) -> list[str]:
    """Return what is wrong with a plan, a line each; empty when it keeps every rule and its figures are right."""
    found = _read_routes(problem, ways, plan)
    found.faults.extend(_job_faults(problem, plan, found))
    if not found.faults:
        found.faults.extend(_figure_faults(problem, _figures(problem, found), plan.figures))
    return found.faults


def figures(problem: Problem, ways: Ways, plan: Plan, seconds: float = 0) -> Figures:
    """Return what the routes of a plan amount to; `seconds` is what the solver took."""
    told = _figures(problem, _read_routes(problem, ways, plan))
    told.seconds = seconds
    return told


def _slack(problem: Problem) -> float:
    return problem.resolution * _STEP


def _read_routes(problem: Problem, ways: Ways, plan: Plan) -> _Found:
    workers = {worker.id: worker for worker in problem.workers}
    jobs = {job.id: job for job in problem.jobs}
    found = _Found()
    seen: set[str] = set()
    for route in plan.routes:
        worker = workers.get(route.worker)
        if worker is None or route.worker in seen:
            found.faults.append(f"worker {route.worker}: {'two routes' if worker else 'unknown'}")
            continue
        seen.add(route.worker)
        unknown = [s.job for s in route.stops if isinstance(s, VisitStop) and not _exists(jobs, s)]
        if unknown:
            found.faults.append(f"worker {worker.id}: unknown visit of {unknown[0]}")
            continue
        _read_route(problem, ways, _Walk(worker, route, jobs), found)
    return found


def _exists(jobs: dict[str, Job], stop: VisitStop) -> bool:
    return stop.job in jobs and 0 <= stop.visit < len(jobs[stop.job].visits)


@dataclass
class _Walk:
    """A route with its worker, and where each stop is."""

    worker: Worker
    route: Route
    jobs: dict[str, Job]

    def places(self) -> list[str]:
        """The start, then the place of each stop; a break is where the worker is."""
        at = [self.worker.start]
        for stop in self.route.stops:
            if isinstance(stop, VisitStop):
                at.append(self.jobs[stop.job].place)
            elif isinstance(stop, BreakStop):
                at.append(at[-1])
            else:
                at.append(stop.place)
        return at


def _read_route(problem: Problem, ways: Ways, walk: _Walk, found: _Found) -> None:
    worker, route = walk.worker, walk.route
    slack = _slack(problem)
    places = walk.places()
    legs = [ways.duration(worker.means, here, there) for here, there in pairwise(places)]
    lengths = [ways.distance(worker.means, here, there) for here, there in pairwise(places)]
    if not any(isinstance(stop, VisitStop) for stop in route.stops):
        found.faults.append(f"worker {worker.id}: a route without a visit")
        return
    said = [*_clock_faults(problem, walk, legs, slack), *_load_faults(walk, legs, slack)]
    said += [*_break_faults(walk, legs, slack), *_end_faults(walk)]
    for what, told, real in (("travel", route.travel, sum(legs)), ("distance", route.distance, sum(lengths))):
        if abs(told - real) > slack * (1 + len(legs)):
            said.append(f"{what} is {real:g}, not {told:g}")
    found.faults.extend(f"worker {worker.id}: {fault}" for fault in said)
    for stop in route.stops:
        if isinstance(stop, VisitStop):
            parts = found.visits.setdefault(stop.job, {})
            if stop.visit in parts:
                found.faults.append(f"job {stop.job}: visit {stop.visit} twice")
            parts[stop.visit] = (worker.id, stop)
    found.travel += sum(legs)
    found.distance += sum(lengths)
    found.overtime += max(0.0, route.stops[-1].end - worker.shift[1])
    found.workers_used += 1


def _clock_faults(problem: Problem, walk: _Walk, legs: list[float], slack: float) -> Iterator[str]:
    worker = walk.worker
    free = worker.shift[0]
    for number, (stop, leg) in enumerate(zip(walk.route.stops, legs, strict=True)):
        name = _name(stop, number)
        if stop.arrive < free + leg - slack:
            yield f"{name}: arrives at {stop.arrive:g}, cannot be there before {free + leg:g}"
        if stop.start < stop.arrive - slack:
            yield f"{name}: starts before arriving"
        if abs(stop.end - stop.start - _stay(problem, walk, stop)) > slack:
            yield f"{name}: takes {stop.end - stop.start:g}, not {_stay(problem, walk, stop):g}"
        if isinstance(stop, VisitStop):
            yield from (f"{name}: {fault}" for fault in _window_faults(walk.jobs[stop.job], stop, slack))
        free = stop.end
    if free > worker.shift[1] + worker.overtime + slack:
        yield f"ends at {free:g}, after the shift"


def _name(stop: VisitStop | PickupStop | BreakStop | EndStop, number: int) -> str:
    return f"job {stop.job}" if isinstance(stop, VisitStop) else f"stop {number + 1}"


def _stay(problem: Problem, walk: _Walk, stop: VisitStop | PickupStop | BreakStop | EndStop) -> float:
    if isinstance(stop, VisitStop):
        return walk.jobs[stop.job].visits[stop.visit].duration
    if isinstance(stop, PickupStop):
        return problem.pickup_duration
    if isinstance(stop, BreakStop) and 0 <= stop.number < len(walk.worker.breaks):
        return walk.worker.breaks[stop.number].duration
    return 0


def _window_faults(job: Job, stop: VisitStop, slack: float) -> Iterator[str]:
    if stop.start < job.window[0] - slack:
        yield "starts before its window"
    late = max(0.0, stop.start - job.window[1])
    if late > slack and job.late == "never":
        yield f"starts {late:g} too late"
    if abs(stop.late - late) > slack:
        yield f"is {late:g} late, not {stop.late:g}"


def _load_faults(walk: _Walk, legs: list[float], slack: float) -> Iterator[str]:
    """Follow what is on board: each visit's load comes from the last pickup at its place, or from the start."""
    stops = walk.route.stops
    origin: dict[int, int] = {}
    for at, stop in enumerate(stops):
        if not isinstance(stop, VisitStop):
            continue
        job = walk.jobs[stop.job]
        came = -1
        if job.pickup is not None:
            before = (n for n in range(at - 1, -1, -1) if _is_pickup(stops[n], job.pickup))
            came = next(before, -2)
        if came == -2:
            yield f"job {job.id}: not fetched at {job.pickup}"
            continue
        origin[at] = came
        left = stops[0].arrive - legs[0] if came == -1 else stops[came].end
        if job.ready is not None and left < job.ready - slack:
            yield f"job {job.id}: left at {left:g}, ready only at {job.ready:g}"
        if job.hot is not None and stop.start - left > job.hot + slack:
            yield f"job {job.id}: {stop.start - left:g} on the way, hot only for {job.hot:g}"
    yield from _capacity_faults(walk, origin)


def _is_pickup(stop: object, place: str) -> bool:
    return isinstance(stop, PickupStop) and stop.place == place


def _capacity_faults(walk: _Walk, origin: dict[int, int]) -> Iterator[str]:
    for after in range(-1, len(walk.route.stops)):
        aboard: dict[str, float] = {}
        for at, came in origin.items():
            stop = walk.route.stops[at]
            if came <= after < at and isinstance(stop, VisitStop):
                for kind, amount in walk.jobs[stop.job].load.items():
                    aboard[kind] = aboard.get(kind, 0) + amount
        for kind, amount in aboard.items():
            if amount > walk.worker.capacity.get(kind, 0) + 1e-9:
                yield f"carries {amount:g} {kind} after stop {after + 1}"
                return


def _break_faults(walk: _Walk, legs: list[float], slack: float) -> Iterator[str]:
    stops = walk.route.stops
    taken = {stop.number: stop for stop in stops if isinstance(stop, BreakStop)}
    if len(taken) != sum(isinstance(stop, BreakStop) for stop in stops):
        yield "a break twice"
    begins, ends = stops[0].arrive - legs[0], stops[-1].end
    for number, stop in taken.items():
        if not 0 <= number < len(walk.worker.breaks):
            yield f"no break {number}"
            continue
        first, last = walk.worker.breaks[number].window
        if not first - slack <= stop.start <= last + slack:
            yield f"break {number} outside its window"
    for number, rest in enumerate(walk.worker.breaks):
        is_owed = ends > rest.window[1] + slack and begins < rest.window[0] + rest.duration - slack
        if is_owed and number not in taken:
            yield f"no break {number}"


def _end_faults(walk: _Walk) -> Iterator[str]:
    ends = [at for at, stop in enumerate(walk.route.stops) if isinstance(stop, EndStop)]
    if walk.worker.end is None:
        if ends:
            yield "has an end that she does not have"
        return
    last = walk.route.stops[-1]
    if ends != [len(walk.route.stops) - 1] or not isinstance(last, EndStop) or last.place != walk.worker.end:
        yield f"does not end at {walk.worker.end}"


def _job_faults(problem: Problem, plan: Plan, found: _Found) -> Iterator[str]:
    workers = {worker.id: worker for worker in problem.workers}
    out = [left.job for left in plan.unserved]
    names = {job.id for job in problem.jobs}
    if len(set(out)) != len(out) or not set(out) <= names:
        yield "unserved names a job twice, or one that is unknown"
    for job in problem.jobs:
        parts = found.visits.get(job.id, {})
        if (len(parts) == len(job.visits)) == (job.id in out) or 0 < len(parts) < len(job.visits):
            yield f"job {job.id}: {len(parts)} of {len(job.visits)} visits, {'' if job.id in out else 'not '}unserved"
        elif parts:
            yield from (f"job {job.id}: {fault}" for fault in _served_faults(problem, workers, job, parts))


def _served_faults(
    problem: Problem, workers: dict[str, Worker], job: Job, parts: dict[int, tuple[str, VisitStop]]
) -> Iterator[str]:
    slack = _slack(problem)
    for number, (name, _) in parts.items():
        if not set(job.visits[number].skills) <= set(workers[name].skills):
            yield f"{name} lacks a skill"
        if name in job.excluded or (job.workers is not None and name not in job.workers):
            yield f"{name} must not do it"
    if len(parts) > 1:
        apart = parts[1][1].start - parts[0][1].start
        if parts[0][0] == parts[1][0]:
            yield "both visits by one worker"
        if not job.gap[0] - slack <= apart <= job.gap[1] + slack:
            yield f"{apart:g} between the two starts"
    if job.fixed and job.promised is not None:
        came = [parts[number][0] for number in sorted(parts)]
        if came != job.promised.who or abs(parts[0][1].start - job.promised.start) > slack:
            yield "is fixed and was moved"


def _figures(problem: Problem, found: _Found) -> Figures:
    late = [stop.late for parts in found.visits.values() for _, stop in parts.values()]
    served = {job.id for job in problem.jobs if len(found.visits.get(job.id, {})) == len(job.visits)}
    moved = sum(job.promised is not None and not _is_kept(problem, job, found.visits) for job in problem.jobs)
    missed = sum(_missed(job, found.visits[job.id]) for job in problem.jobs if job.id in served)
    weights = problem.objective
    lateness, greatest = sum(late), max(late, default=0.0)
    return Figures(
        jobs=len(problem.jobs),
        served=len(served),
        unserved=len(problem.jobs) - len(served),
        travel=found.travel,
        distance=found.distance,
        lateness=lateness,
        greatest_lateness=greatest,
        objective=weights.travel * found.travel
        + weights.lateness * lateness
        + weights.greatest_lateness * greatest
        + weights.worker * found.workers_used
        + weights.overtime * found.overtime
        + weights.moved * moved
        + weights.continuity * missed,
        workers_used=found.workers_used,
        moved=moved,
        overtime=found.overtime,
        missed_points=missed,
        unserved_priority=sum(job.priority or 0 for job in problem.jobs if job.id not in served),
    )


def _is_kept(problem: Problem, job: Job, visits: dict[str, dict[int, tuple[str, VisitStop]]]) -> bool:
    parts = visits.get(job.id, {})
    if (
        job.promised is None
        or len(parts) != len(job.visits)
        or {name for name, _ in parts.values()} != set(job.promised.who)
    ):
        return False
    within = job.promised.within
    return within is None or abs(parts[0][1].start - job.promised.start) <= within + _slack(problem)


def _missed(job: Job, parts: dict[int, tuple[str, VisitStop]]) -> float:
    return max(job.prefers.values(), default=0) - max(job.prefers.get(name, 0) for name, _ in parts.values())


def _figure_faults(problem: Problem, real: Figures, told: Figures) -> Iterator[str]:
    near = _slack(problem) * (1 + len(problem.jobs) + len(problem.workers))
    for name in Figures.__struct_fields__:
        if name != "seconds" and abs(getattr(real, name) - getattr(told, name)) > near * (
            10 if name == "objective" else 1
        ):
            yield f"figures.{name} is {getattr(real, name):g}, not {getattr(told, name):g}"
