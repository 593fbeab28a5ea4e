"""Ruin and recreate: strings of neighbouring jobs are taken out and put back where cheapest, under simulated
annealing.

After Christiaens and Vanden Berghe, "Slack Induction by String Removals for Vehicle Routing Problems" (Transportation
Science 54(2), 2020), with jobs of two visits taken out and put back as one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from random import Random
from time import monotonic

from dispatch.planning.sync.insertion import best_pair, best_single, insert
from dispatch.planning.sync.network import Network
from dispatch.planning.sync.schedule import Routes, no_routes, time_routes


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search: seconds of `clock`, and no more than `rounds` where given (then the result is repeatable)."""

    seconds: float
    rounds: int | None = None
    clock: Callable[[], float] = monotonic


@dataclass(frozen=True, slots=True)
class Taste:
    """How the search goes about it."""

    removed: float = 8.0
    """Jobs taken out in a round, on average about half of it."""
    string: float = 10.0
    """The longest string of stops taken from one route."""
    split: float = 0.5
    """How often a string keeps some stops in its middle."""
    blink: float = 0.01
    """How often a place is overlooked."""
    warm: float = 1.5
    cold: float = 0.04
    """First and last temperature, as shares of what a stop costs on average at the beginning."""


def total(network: Network, routes: Routes) -> float:
    """The cost with what the unserved jobs cost."""
    return routes.cost + sum(network.forgone[job] for job in routes.unserved)


def search(network: Network, seed: int, effort: Effort, begin: Routes | None = None, taste: Taste = Taste()) -> Routes:
    """The best routes found; from `begin` where given, else from none. Their times are exact."""
    random, started, rounds = Random(seed), effort.clock(), 0
    current = no_routes(network) if begin is None else begin.copy()
    waiting, current.unserved = current.unserved, []
    time_routes(network, current)
    recreate(network, current, sorted(waiting, key=lambda job: network.earliest[job]), never)
    best = current.copy()
    current_cost = best_cost = total(network, current)
    warm, cooling = taste.warm * max(best.cost, 1.0) / max(1, network.stops), taste.cold / taste.warm

    def overlook() -> bool:
        return random.random() < taste.blink

    while current.unserved or any(network.able[stop] and current.route[stop] >= 0 for stop in range(network.stops)):
        passed = (effort.clock() - started) / effort.seconds if effort.seconds > 0 else 1.0
        if effort.rounds is not None:
            passed = max(passed, rounds / effort.rounds) if effort.rounds > 0 else 1.0
        if passed >= 1.0:
            break
        rounds += 1
        candidate = current.copy()
        jobs = ruin(network, candidate, random, taste)
        if not jobs and not candidate.unserved:
            continue
        time_routes(network, candidate)
        jobs += candidate.unserved
        candidate.unserved = []
        recreate(network, candidate, _in_some_order(network, jobs, random), overlook)
        cost = total(network, candidate)
        if cost < current_cost - warm * cooling**passed * log(1.0 - random.random()):
            current, current_cost = candidate, cost
            if cost < best_cost - 1e-9:
                best, best_cost = candidate.copy(), cost
    time_routes(network, best)
    return best


def never() -> bool:
    """No place is overlooked."""
    return False


def recreate(network: Network, routes: Routes, jobs: list[int], skip: Callable[[], bool]) -> None:
    """Put jobs back one by one, each at its cheapest place; those that fit nowhere or cost too much stay out."""
    for job in jobs:
        find = best_single if network.other[job] < 0 else best_pair
        insertion = find(network, routes, job, skip)
        if insertion is None or insertion.cost >= network.forgone[job]:
            routes.unserved.append(job)
        else:
            insert(network, routes, insertion)


def _in_some_order(network: Network, jobs: list[int], random: Random) -> list[int]:
    """Chance, by time, double visits first, or by the way from where the day begins."""
    random.shuffle(jobs)
    draw = random.random()
    if draw < 0.35:
        return jobs
    if draw < 0.6:
        return sorted(jobs, key=lambda job: network.earliest[job])
    if draw < 0.8:
        return sorted(jobs, key=lambda job: network.other[job] < 0)
    return sorted(
        jobs,
        key=lambda job: network.ways[network.able[job][0]][network.start_of(network.able[job][0])][job],
        reverse=draw < 0.9,
    )


def ruin(network: Network, routes: Routes, random: Random, taste: Taste) -> list[int]:
    """Take strings of stops out of routes that are near each other; returns the leads of the jobs taken out."""
    movable = [stop for stop in range(network.stops) if routes.route[stop] >= 0 and network.able[stop]]
    if not movable:
        return []
    used = len({routes.route[stop] for stop in movable})
    longest = min(taste.string, len(movable) / used)
    strings = int(random.random() * (4 * taste.removed / (1 + longest) - 1) + 1)
    touched: set[int] = set()
    taken: list[int] = []
    for stop in network.near[random.choice(movable)]:
        if len(touched) >= strings:
            break
        worker = routes.route[stop]
        if worker < 0 or worker in touched:
            continue
        touched.add(worker)
        for chosen in _string(routes.stops_of(network, worker), stop, longest, random, taste):
            _take_out(network, routes, chosen, taken)
    return taken


def _string(stops: list[int], around: int, longest: float, random: Random, taste: Taste) -> list[int]:
    """Consecutive stops that hold `around`; sometimes a longer string of which a middle part is kept."""
    length = int(random.random() * min(longest, len(stops)) + 1)
    length = min(length, len(stops))
    kept = 0
    if 1 < length < len(stops) and random.random() < taste.split:
        kept = 1
        while length + kept < len(stops) and random.random() < taste.split:
            kept += 1
    span = length + kept
    at = stops.index(around)
    first = random.randint(max(0, at - span + 1), min(at, len(stops) - span))
    cut = first + (random.randint(1, length - 1) if kept else length)
    return stops[first:cut] + stops[cut + kept : first + span]


def _take_out(network: Network, routes: Routes, stop: int, taken: list[int]) -> None:
    both = [half for half in (stop, network.other[stop]) if half >= 0]
    for half in both:
        following = routes.after[half]
        if routes.route[half] < 0 or not network.able[half] or network.sealed[following]:
            return
    for half in both:
        routes.unlink(half)
    taken.append(network.lead[stop])
