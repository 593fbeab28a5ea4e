"""The cheapest place for a job in routes whose stops wait for each other, with the delays it causes everywhere."""

from collections.abc import Callable
from typing import NamedTuple

from dispatch.planning.sync.network import INFINITY, Network
from dispatch.planning.sync.schedule import TOLERANCE, Routes

Spot = tuple[float, int, int, float, float]
"""A place for one stop: a lower bound of its cost, the node it follows, worker, earliest start, cost of the detour.
"""
Skip = Callable[[], bool]


class Insertion(NamedTuple):
    """Where the stops of a job go, at which cost, and every start that changes."""

    cost: float
    places: tuple[tuple[int, int, int], ...]
    """(stop, the node it follows, worker)."""
    starts: dict[int, float]


def push_later(
    network: Network, routes: Routes, pushes: list[tuple[int, float]], cost: float, most: float
) -> tuple[float, dict[int, float]]:
    """Let the given starts be no earlier than asked and find all that follows, without changing the routes.

    Returns `cost` plus the lateness this adds, and the new starts; infinity once that reaches `most`, when a limit is
    passed, or when stops push each other in a circle.
    """
    after, start, route = routes.after, routes.start, routes.route
    earliest, latest, limit, stay, ties = network.earliest, network.latest, network.limit, network.stay, network.ties
    late_price, greatest, stops = network.late_price, routes.greatest, network.stops
    patience = 4 * stops + 100
    starts: dict[int, float] = {}
    while pushes:
        node, at = pushes.pop()
        ways = network.ways[route[node]]
        while node >= 0:
            if at < earliest[node]:
                at = earliest[node]
            before = starts[node] if node in starts else start[node]
            if at <= before + TOLERANCE:
                break
            over = at - latest[node]
            if over > TOLERANCE:
                if at > limit[node] + TOLERANCE:
                    return INFINITY, starts
                was = before - latest[node]
                cost += late_price[node] * (over - was if was > 0.0 else over)
                if over > greatest and node < stops:
                    cost += network.greatest_price * (over - greatest)
                    greatest = over
                if cost >= most:
                    return INFINITY, starts
            patience -= 1
            if patience < 0:
                return INFINITY, starts
            starts[node] = at
            for tied, lag in ties[node]:
                if route[tied] >= 0:
                    pushes.append((tied, at + lag))
            following = after[node]
            if following >= 0:
                at += stay[node] + ways[node][following]
            node = following
    return cost, starts


def spots_for(network: Network, routes: Routes, stop: int) -> list[Spot]:
    """Every place for a stop by itself, the cheapest first: by its detour and its own lateness."""
    after, start, stay, sealed = routes.after, routes.start, network.stay, network.sealed
    earliest, latest, limit = network.earliest[stop], network.latest[stop], network.limit[stop]
    travel_price, late_price = network.travel_price, network.late_price[stop]
    spots: list[Spot] = []
    for worker in network.able[stop]:
        ways = network.ways[worker]
        onward = ways[stop]
        node = network.start_of(worker)
        following = after[node]
        opening = network.opening if following >= network.stops else 0.0
        while following >= 0 and start[node] <= limit:
            if not sealed[following]:
                row = ways[node]
                at = start[node] + stay[node] + row[stop]
                if at < earliest:
                    at = earliest
                detour = travel_price * (row[stop] + onward[following] - row[following]) + opening
                if at <= latest:
                    spots.append((detour, node, worker, at, detour))
                elif at <= limit:
                    spots.append((detour + late_price * (at - latest), node, worker, at, detour))
            node, following = following, after[following]
    spots.sort()
    return spots


def best_single(network: Network, routes: Routes, stop: int, skip: Skip) -> Insertion | None:
    """The cheapest insertion of a job of one visit; None when it fits nowhere."""
    prices = network.choice.get(stop)
    best: Insertion | None = None
    most = INFINITY
    for spot in spots_for(network, routes, stop):
        if spot[0] >= most:
            break
        if skip():
            continue
        cost = spot[4] + prices[(spot[2],)] if prices else spot[4]
        cost, starts = _try_single(network, routes, stop, spot, cost, most)
        if cost < most:
            most = cost
            best = Insertion(cost, ((stop, spot[1], spot[2]),), starts)
    return best


def best_pair(network: Network, routes: Routes, first: int, skip: Skip) -> Insertion | None:
    """The cheapest insertion of a double visit into the routes of two workers; None when it fits nowhere.

    The two together never cost less than one with all its delays and the detour of the other, so pairs for which that
    reaches the best found are not tried.
    """
    second = network.other[first]
    ones, others = spots_for(network, routes, first), spots_for(network, routes, second)
    if not ones or not others:
        return None
    least_one, least_other = min(spot[4] for spot in ones), min(spot[4] for spot in others)
    alone: list[float | None] = [None] * len(others)
    best: Insertion | None = None
    most = INFINITY
    for one in ones:
        if one[0] + others[0][0] >= most:
            break
        mine = _try_single(network, routes, first, one, one[4], most - least_other)[0]
        if mine + least_other >= most or skip():
            continue
        for number, another in enumerate(others):
            if one[0] + another[0] >= most:
                break
            if one[2] == another[2] or mine + another[4] >= most:
                continue
            theirs = alone[number]
            if theirs is None:
                theirs = _try_single(network, routes, second, another, another[4], most - least_one)[0]
                alone[number] = theirs
            if theirs + one[4] >= most or _common_bound(network, routes, first, one, another) >= most or skip():
                continue
            cost, starts = _try_pair(network, routes, first, one, another, most)
            if cost < most:
                most = cost
                best = Insertion(cost, ((first, one[1], one[2]), (second, another[1], another[2])), starts)
    return best


def _common_bound(network: Network, routes: Routes, first: int, one: Spot, another: Spot) -> float:
    """Detours and the two visits' own lateness at times that keep the gap, without the delays they cause."""
    second = network.other[first]
    at, theirs = one[3], another[3]
    soonest = at + network.ties[first][0][1]
    if theirs < soonest:
        theirs = soonest
    soonest = theirs + network.ties[second][0][1]
    if at < soonest:
        at = soonest
    if not _leaves_room(network, routes, first, one, at) or not _leaves_room(network, routes, second, another, theirs):
        return INFINITY
    over, their_over = max(0.0, at - network.latest[first]), max(0.0, theirs - network.latest[second])
    late = network.late_price[first] * over + network.late_price[second] * their_over
    return one[4] + another[4] + late + network.greatest_price * max(0.0, max(over, their_over) - routes.greatest)


def _leaves_room(network: Network, routes: Routes, stop: int, spot: Spot, at: float) -> bool:
    """Whether the stop may start then, and the next one of the route still within its limit."""
    following = routes.after[spot[1]]
    reached = at + network.stay[stop] + network.ways[spot[2]][stop][following]
    return at <= network.limit[stop] + TOLERANCE and reached <= network.limit[following] + TOLERANCE


def _try_single(
    network: Network, routes: Routes, stop: int, spot: Spot, cost: float, most: float
) -> tuple[float, dict[int, float]]:
    after, route = routes.after, routes.route
    _, node, worker, at, _ = spot
    following = after[node]
    after[node], after[stop], route[stop], routes.start[stop] = stop, following, worker, -INFINITY
    found = push_later(network, routes, [(stop, at)], cost, most)
    after[node], route[stop] = following, -1
    return found


def _try_pair(
    network: Network, routes: Routes, first: int, one: Spot, another: Spot, most: float
) -> tuple[float, dict[int, float]]:
    after, route, start = routes.after, routes.route, routes.start
    second = network.other[first]
    prices = network.choice.get(first)
    cost = one[4] + another[4] + (prices[(one[2], another[2])] if prices else 0.0)
    places = ((first, one[1], one[2]), (second, another[1], another[2]))
    behind = [after[node] for _, node, _ in places]
    for (stop, node, worker), following in zip(places, behind, strict=True):
        after[node], after[stop], route[stop], start[stop] = stop, following, worker, -INFINITY
    found = push_later(network, routes, [(first, one[3]), (second, another[3])], cost, most)
    for (stop, node, _), following in zip(places, behind, strict=True):
        after[node], route[stop] = following, -1
    return found


def insert(network: Network, routes: Routes, insertion: Insertion) -> None:
    """Carry an insertion out."""
    for stop, after, worker in insertion.places:
        routes.link(stop, after, worker)
    latest = network.latest
    for node, at in insertion.starts.items():
        routes.start[node] = at
        if at - latest[node] > routes.greatest and node < network.stops:
            routes.greatest = at - latest[node]
    routes.cost += insertion.cost
