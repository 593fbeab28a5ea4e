"""A plan's routes as a network in which double and plain single visits may move and all else keeps its order."""

from dataclasses import dataclass, field, replace

from dispatch.planning.format import BreakStop, EndStop, Job, PickupStop, Plan, Problem, Route, Stop, VisitStop, Worker
from dispatch.planning.sync.building import Held, Model, Scope, model_of
from dispatch.planning.sync.network import INFINITY
from dispatch.planning.sync.schedule import Routes, no_routes
from dispatch.planning.travel_times import Ways

Place = tuple[int, int] | int
"""A stop of a route: (job, visit) that may move, or the number of a held one."""


@dataclass(slots=True)
class _Reading:
    """What going along the routes has found."""

    held: list[Held] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    """The plan's own stop of each held one."""
    orders: list[list[Place]] = field(default_factory=list)
    hours: dict[int, tuple[float, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Opened:
    """A plan to be improved: the network, its routes as they are, and the plan's stop behind each held one."""

    model: Model
    routes: Routes
    held: list[Stop]


def is_plain(job: Job) -> bool:
    """Whether nothing but its own visits belongs to a job, and no promise binds it."""
    return not job.fixed and not job.load and job.pickup is None and job.ready is None


def open_plan(problem: Problem, ways: Ways, plan: Plan) -> Opened | None:
    """Read a plan that keeps every rule; None when there is no double visit that could move.

    Only the routes of those who could come to a double visit are opened.
    """
    numbers = {job.id: number for number, job in enumerate(problem.jobs)}
    needed = [set(v.skills) for job in problem.jobs if len(job.visits) == 2 and not job.fixed for v in job.visits]
    crew = [n for n, worker in enumerate(problem.workers) if any(skills <= set(worker.skills) for skills in needed)]
    if not crew:
        return None
    routes = {route.worker: route for route in plan.routes}
    reading = _Reading()
    jobs = {numbers[left.job] for left in plan.unserved if is_plain(problem.jobs[numbers[left.job]])}
    for position, number in enumerate(crew):
        worker = problem.workers[number]
        order = _read(problem, ways, (position, worker), routes.get(worker.id), reading)
        reading.hours[number] = _hours(problem, ways, worker, routes.get(worker.id))
        reading.orders.append(order)
        jobs |= {place[0] for place in order if not isinstance(place, int)}
    kept = {job for job in jobs if _is_on_time(problem.jobs[job], plan)}
    scope = Scope(crew, sorted(jobs), reading.held, reading.hours, frozenset(jobs - kept))
    model = model_of(problem, ways, scope)
    return Opened(model, _link(model, reading.orders), reading.stops)


def _link(model: Model, orders: list[list[Place]]) -> Routes:
    network = model.network
    stop_of = {visit: stop for stop, visit in enumerate(model.visits)}
    routes = no_routes(network)
    for worker, order in enumerate(orders):
        for place in order:
            stop = len(model.visits) + place if isinstance(place, int) else stop_of[place]
            routes.link(stop, routes.before[network.end_of(worker)], worker)
    routes.unserved = [job for job in routes.unserved if routes.route[job] < 0]
    return routes


def _is_on_time(job: Job, plan: Plan) -> bool:
    """Whether the plan keeps the time of a promise."""
    if job.promised is None or job.promised.within is None:
        return True
    told, within = job.promised.start, job.promised.within
    stops = (stop for route in plan.routes for stop in route.stops)
    return any(
        isinstance(s, VisitStop) and s.job == job.id and s.visit == 0 and abs(s.start - told) <= within for s in stops
    )


def _read(problem: Problem, ways: Ways, who: tuple[int, Worker], route: Route | None, reading: _Reading) -> list[Place]:
    """Hold what cannot move, with its times and ties; returns the order of the route."""
    position, worker = who
    numbers = {job.id: number for number, job in enumerate(problem.jobs)}
    order: list[Place] = []
    at = ways.index[worker.start]
    pickups: dict[str, int] = {}
    for stop in route.stops if route is not None else []:
        if isinstance(stop, EndStop):
            continue
        if isinstance(stop, VisitStop):
            job = problem.jobs[numbers[stop.job]]
            at = ways.index[job.place]
            if is_plain(job):
                order.append((numbers[stop.job], stop.visit))
                continue
            held = _held_visit(position, at, job, stop, pickups, problem)
            if job.pickup is not None and job.ready is not None:
                _delay(reading.held, pickups[job.pickup], job.ready - problem.pickup_duration)
        elif isinstance(stop, PickupStop):
            at = ways.index[stop.place]
            pickups[stop.place] = len(reading.held)
            held = Held(position, at, -INFINITY, INFINITY, INFINITY, problem.pickup_duration)
        else:
            rest = worker.breaks[stop.number]
            held = Held(position, at, *rest.window, rest.window[1], rest.duration, is_sealed=True)
        order.append(len(reading.held))
        reading.held.append(held)
        reading.stops.append(stop)
    return order


def _held_visit(position: int, at: int, job: Job, stop: VisitStop, pickups: dict[str, int], problem: Problem) -> Held:
    first, last = job.window
    limit = INFINITY if job.late == "allowed" else last
    if job.fixed:
        first = limit = stop.start
    elif job.promised is not None and job.promised.within is not None:
        told, within = job.promised.start, job.promised.within
        if abs(stop.start - told) <= within:
            first, limit = max(first, told - within), min(limit, told + within)
    ties: tuple[tuple[int, float], ...] = ()
    if job.pickup is not None and job.hot is not None:
        ties = ((pickups[job.pickup], -job.hot - problem.pickup_duration),)
    return Held(position, at, first, last, limit, job.visits[stop.visit].duration, ties=ties)


def _delay(held: list[Held], number: int, earliest: float) -> None:
    held[number] = replace(held[number], earliest=max(held[number].earliest, earliest))


def _hours(problem: Problem, ways: Ways, worker: Worker, route: Route | None) -> tuple[float, float]:
    """Between which times the route has to stay, so that no further break is owed and no load is missed."""
    first, last = worker.shift[0], worker.shift[1] + worker.overtime
    stops = route.stops if route is not None else []
    jobs = {job.id: job for job in problem.jobs} if stops else {}
    for stop in stops:
        if isinstance(stop, VisitStop) and jobs[stop.job].pickup is None:
            first = max(first, jobs[stop.job].ready or first)
    taken = {stop.number for stop in stops if isinstance(stop, BreakStop)}
    begins = stops[0].arrive - _first_leg(ways, worker, stops[0], jobs) if stops else first
    for number, rest in enumerate(worker.breaks):
        if number in taken:
            continue
        if stops and begins >= rest.window[0] + rest.duration and stops[-1].end > rest.window[1]:
            first = max(first, rest.window[0] + rest.duration)
        elif first < rest.window[0] + rest.duration:
            last = min(last, max(rest.window[1], first))
    return first, last


def _first_leg(ways: Ways, worker: Worker, stop: Stop, jobs: dict[str, Job]) -> float:
    if isinstance(stop, BreakStop):
        return 0.0
    place = jobs[stop.job].place if isinstance(stop, VisitStop) else stop.place
    return ways.duration(worker.means, worker.start, place)
