"""From a problem, and the routes of a plan where there is one, to a network, and back to routes of a plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from dispatch.planning.format import EndStop, Job, Problem, Route, Stop, VisitStop, Worker
from dispatch.planning.sync.network import INFINITY, Network, neighbours
from dispatch.planning.sync.schedule import Routes
from dispatch.planning.tasks import allowed
from dispatch.planning.travel_times import Ways

_FOREMOST = 1e7
"""An unserved point of priority outweighs so many units of the dearest weight: serving comes before all else."""


@dataclass(frozen=True, slots=True)
class Held:
    """A stop that stays in its route: where it is, when it may start, how long it takes, and its ties to other stops.

    `place` None is where the worker is after the stop before: then `travel` is what the way from it is taken to be,
    and the way to it nothing. `ties` are (index of another held stop, lag) as in the network.
    """

    worker: int
    place: int | None
    earliest: float
    latest: float
    limit: float
    stay: float
    is_sealed: bool = False
    travel: float = 0.0
    ties: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True)
class Scope:
    """Which part of a problem a network is about: workers and jobs by their number, and what stays where it is."""

    workers: Sequence[int]
    jobs: Sequence[int]
    held: Sequence[Held] = ()
    hours: dict[int, tuple[float, float]] = field(default_factory=dict)
    """When a worker may set out and must be back, where that is less than her shift with overtime."""
    loose: frozenset[int] = frozenset()
    """Jobs whose promise may be broken in time; the others are kept to it."""


@dataclass(slots=True)
class Model:
    """A network with the names of its parts: the first stops are `visits` (job, visit), then come the held ones."""

    network: Network
    scope: Scope
    visits: list[tuple[int, int]]
    impossible: list[int]
    """Jobs of which a visit has nobody."""


def model_of(problem: Problem, ways: Ways, scope: Scope) -> Model:
    """Build the network for a part of a problem. Jobs with loads can only be held."""
    crew = [problem.workers[number] for number in scope.workers]
    visits: list[tuple[int, int]] = []
    able: list[list[int]] = []
    impossible: list[int] = []
    for number in scope.jobs:
        job = problem.jobs[number]
        who = [_able(job, visit, crew) for visit in range(len(job.visits))]
        if not all(who) or (len(who) == 2 and len({*who[0], *who[1]}) < 2):
            impossible.append(number)
            continue
        visits.extend((number, visit) for visit in range(len(who)))
        able.extend(who)
    network = _empty_network(problem, scope, visits, able)
    for stop, (number, visit) in enumerate(visits):
        _put_visit(problem, network, scope, stop, number, visit)
    for position, held in enumerate(scope.held):
        stop = len(visits) + position
        network.earliest[stop], network.latest[stop] = held.earliest, min(held.latest, held.limit)
        network.limit[stop], network.stay[stop] = held.limit, held.stay
        network.ties[stop] = tuple((len(visits) + other, lag) for other, lag in held.ties)
        network.late_price[stop] = problem.objective.lateness
        network.sealed[stop] = held.is_sealed
    for position, number in enumerate(scope.workers):
        _put_worker(problem, network, scope, position, number)
    _put_ways(problem, ways, network, scope, visits)
    network.near = neighbours(network, range(len(visits)))
    return Model(network, scope, visits, impossible)


def _able(job: Job, visit: int, crew: list[Worker]) -> list[int]:
    needed = set(job.visits[visit].skills)
    skilled = frozenset(at for at, worker in enumerate(crew) if needed <= set(worker.skills))
    numbers = dict.fromkeys((*job.excluded, *(job.workers or [])), -1) | {w.id: at for at, w in enumerate(crew)}
    able = allowed(job, skilled, numbers, crew)
    if job.fixed and job.promised is not None:
        return [at for at in able if crew[at].id == job.promised.who[visit]]
    return able


def _empty_network(problem: Problem, scope: Scope, visits: list[tuple[int, int]], able: list[list[int]]) -> Network:
    held, workers = len(scope.held), len(scope.workers)
    stops = len(visits) + held
    nodes = stops + 2 * workers
    is_double = [len(problem.jobs[number].visits) == 2 for number, _ in visits]
    return Network(
        stops=stops,
        workers=workers,
        earliest=[0.0] * nodes,
        latest=[INFINITY] * nodes,
        limit=[INFINITY] * nodes,
        late_price=[0.0] * nodes,
        stay=[0.0] * nodes,
        ties=[()] * nodes,
        ways=[],
        able=[*able, *([] for _ in range(held))],
        other=[stop + 1 - 2 * visits[stop][1] if is_double[stop] else -1 for stop in range(len(visits))] + [-1] * held,
        lead=[stop - visits[stop][1] for stop in range(len(visits))] + list(range(len(visits), stops)),
        forgone=[_forgone(problem, problem.jobs[number]) for number, _ in visits] + [0.0] * held,
        sealed=[False] * nodes,
        travel_price=problem.objective.travel,
        greatest_price=problem.objective.greatest_lateness,
        opening=problem.objective.worker,
    )


def _forgone(problem: Problem, job: Job) -> float:
    weights = problem.objective
    unit = _FOREMOST * max(weights.travel, weights.lateness, weights.greatest_lateness, weights.worker, 1e-3)
    if job.priority is not None and not job.fixed:
        return unit * job.priority
    # What is fixed does not make room for two that are not.
    return unit * (10 if job.fixed else 1) * (1 + sum(other.priority or 0 for other in problem.jobs))


def _put_visit(problem: Problem, network: Network, scope: Scope, stop: int, number: int, visit: int) -> None:
    job = problem.jobs[number]
    first, last = job.window
    network.limit[stop] = INFINITY if job.late == "allowed" else last
    if job.promised is not None and visit == 0:
        within = 0.0 if job.fixed else None if number in scope.loose else job.promised.within
        told = job.promised.start
        if within is not None and told + within >= first and (told - within <= last or job.late == "allowed"):
            first = max(first, told - within)
            network.limit[stop] = min(network.limit[stop], told + within)
    network.earliest[stop], network.latest[stop] = first, min(last, network.limit[stop])
    network.late_price[stop] = problem.objective.lateness
    network.stay[stop] = job.visits[visit].duration
    if len(job.visits) == 2:
        network.ties[stop] = ((stop - 1, -job.gap[1]),) if visit else ((stop + 1, job.gap[0]),)
    if visit == 0 and (prices := _choice(problem, scope, network, stop, job)):
        network.choice[stop] = prices


def _choice(
    problem: Problem, scope: Scope, network: Network, stop: int, job: Job
) -> dict[tuple[int, ...], float] | None:
    """What missed points and a promise broken by another worker cost, by who comes."""
    weights = problem.objective
    told = set(job.promised.who) if job.promised is not None and weights.moved else None
    if told is None and not (job.prefers and weights.continuity):
        return None
    best = max(job.prefers.values(), default=0)
    names = [problem.workers[number].id for number in scope.workers]
    whos: Iterable[tuple[int, ...]] = ((one,) for one in network.able[stop])
    if network.other[stop] >= 0:
        whos = ((one, two) for one in network.able[stop] for two in network.able[stop + 1] if one != two)
    return {
        who: weights.continuity * (best - max(job.prefers.get(names[at], 0) for at in who))
        + (weights.moved if told is not None and {names[at] for at in who} != told else 0.0)
        for who in whos
    }


def _put_worker(problem: Problem, network: Network, scope: Scope, position: int, number: int) -> None:
    worker = problem.workers[number]
    begin, end = network.start_of(position), network.end_of(position)
    first, last = scope.hours.get(number, (worker.shift[0], worker.shift[1] + worker.overtime))
    network.earliest[begin], network.limit[begin] = first, INFINITY
    network.latest[end], network.limit[end] = min(worker.shift[1], last), last
    network.late_price[end] = problem.objective.overtime
    network.earliest[end] = -INFINITY


def _put_ways(problem: Problem, ways: Ways, network: Network, scope: Scope, visits: list[tuple[int, int]]) -> None:
    crew = [problem.workers[number] for number in scope.workers]
    at = [ways.index[problem.jobs[number].place] for number, _ in visits]
    at += [0 if held.place is None else held.place for held in scope.held]
    at += [ways.index[worker.start] for worker in crew]
    at += [ways.index[worker.start if worker.end is None else worker.end] for worker in crew]
    nowhere = [(len(visits) + n, held.travel) for n, held in enumerate(scope.held) if held.place is None]
    tables: dict[str, list[list[float]]] = {}
    for worker in crew:
        if worker.means in tables:
            continue
        table = ways.durations[worker.means][np.ix_(at, at)]
        for position, other in enumerate(crew):
            if other.end is None:
                table[:, network.end_of(position)] = 0
            # Whoever has no stop stays where she is.
            table[network.start_of(position), network.end_of(position)] = 0
        for stop, travel in nowhere:
            table[stop, :] = travel
        for stop, _ in nowhere:
            table[:, stop] = 0
        tables[worker.means] = table.tolist()
    network.ways = [tables[worker.means] for worker in crew]


def hold(model: Model, routes: Routes) -> None:
    """Put the held stops into the routes, in their order behind what a route has already."""
    network = model.network
    for position, held in enumerate(model.scope.held):
        end = network.end_of(held.worker)
        routes.link(len(model.visits) + position, routes.before[end], held.worker)


def route_of(problem: Problem, ways: Ways, worker: Worker, stops: Sequence[Stop]) -> Route:
    """A route of a plan with these stops, all but the end; what it leaves open is said by the way and the clock."""
    places, at = [worker.start], worker.start
    jobs = {job.id: job for job in problem.jobs} if stops else {}
    for stop in stops:
        if isinstance(stop, VisitStop):
            at = jobs[stop.job].place
        elif not hasattr(stop, "number"):
            at = stop.place
        places.append(at)
    whole = list(stops)
    if worker.end is not None and whole:
        home = whole[-1].end + ways.duration(worker.means, at, worker.end)
        whole.append(EndStop(place=worker.end, arrive=home, start=home, end=home))
        places.append(worker.end)
    legs = list(pairwise(places))
    return Route(
        worker=worker.id,
        stops=whole,
        travel=sum(ways.duration(worker.means, here, there) for here, there in legs),
        distance=sum(ways.distance(worker.means, here, there) for here, there in legs),
    )
