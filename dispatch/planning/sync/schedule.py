"""Exact earliest times for routes whose stops wait for each other, and what they cost."""

from dataclasses import dataclass

from dispatch.planning.sync.network import INFINITY, Network

TOLERANCE = 1e-9


@dataclass(slots=True)
class Routes:
    """Who does what in which order, as linked lists over the nodes of a network, with the start of every stop.

    `route` is the worker of a node (-1 for a stop that nobody does), `unserved` the leads of the jobs nobody does,
    `cost` the weighted cost without those, `greatest` the greatest lateness of any stop.
    """

    after: list[int]
    before: list[int]
    route: list[int]
    start: list[float]
    unserved: list[int]
    cost: float = 0.0
    greatest: float = 0.0

    def copy(self) -> "Routes":
        """The same routes, to change."""
        return Routes(
            self.after[:], self.before[:], self.route[:], self.start[:], self.unserved[:], self.cost, self.greatest
        )

    def link(self, stop: int, after: int, worker: int) -> None:
        """Put a stop into the worker's route behind the node `after`."""
        following = self.after[after]
        self.after[after], self.before[stop] = stop, after
        self.after[stop], self.before[following] = following, stop
        self.route[stop] = worker

    def unlink(self, stop: int) -> None:
        """Take a stop out of its route."""
        before, following = self.before[stop], self.after[stop]
        self.after[before], self.before[following] = following, before
        self.route[stop] = -1

    def stops_of(self, network: Network, worker: int) -> list[int]:
        """The worker's stops in order."""
        stops: list[int] = []
        node = self.after[network.start_of(worker)]
        while node < network.stops:
            stops.append(node)
            node = self.after[node]
        return stops


def no_routes(network: Network) -> Routes:
    """Everybody without a stop."""
    nodes = network.stops + 2 * network.workers
    routes = Routes(
        after=[-1] * nodes,
        before=[-1] * nodes,
        route=[-1] * network.stops + list(range(network.workers)) * 2,
        start=list(network.earliest),
        unserved=[stop for stop in range(network.stops) if network.lead[stop] == stop and network.able[stop]],
    )
    for worker in range(network.workers):
        routes.after[network.start_of(worker)] = network.end_of(worker)
        routes.before[network.end_of(worker)] = network.start_of(worker)
    return routes


def time_routes(network: Network, routes: Routes) -> bool:
    """Set every start to the earliest possible, and the cost; False when no times exist (then nothing is to be used).

    One pass in order of time: a route stops at the first half of a double visit until the other half is reached.
    Where that comes to a stand, or stops have ties other than of a double visit, the times are found by pushing
    starts later until all ties hold; starts that push each other for ever are routes that wait for one another in a
    circle.
    """
    return _sweep(network, routes) or (_relax(network, routes) and _add_up(network, routes))


def _sweep(network: Network, routes: Routes) -> bool:
    after, start, earliest, stay = routes.after, routes.start, network.earliest, network.stay
    other, ties = network.other, network.ties
    waiting: dict[int, float] = {}
    todo = [(network.start_of(worker), earliest[network.start_of(worker)], worker) for worker in range(network.workers)]
    while todo:
        node, at, worker = todo.pop()
        ways = network.ways[worker]
        while True:
            start[node] = at
            following = after[node]
            if following < 0:
                break
            at += stay[node] + ways[node][following]
            if at < earliest[following]:
                at = earliest[following]
            if ties[following]:
                pair = other[following]
                if pair < 0 or len(ties[following]) > 1:
                    return False
                if pair not in waiting:
                    waiting[following] = at
                    break
                theirs = waiting.pop(pair)
                at = max(at, theirs + ties[pair][0][1])
                todo.append((pair, max(theirs, at + ties[following][0][1]), routes.route[pair]))
            node = following
    return not waiting and _add_up(network, routes)


def _relax(network: Network, routes: Routes) -> bool:
    after, start, earliest, stay, ties = routes.after, routes.start, network.earliest, network.stay, network.ties
    nodes = network.stops + 2 * network.workers
    start[:] = [-INFINITY] * nodes
    todo = [(network.start_of(worker), earliest[network.start_of(worker)]) for worker in range(network.workers)]
    pushes = 50 * nodes
    while todo:
        node, at = todo.pop()
        ways = network.ways[routes.route[node]]
        while node >= 0:
            if at < earliest[node]:
                at = earliest[node]
            if at <= start[node] + TOLERANCE:
                break
            pushes -= 1
            if pushes < 0:
                return False
            start[node] = at
            todo.extend((tied, at + lag) for tied, lag in ties[node] if routes.route[tied] >= 0)
            following = after[node]
            if following >= 0:
                at += stay[node] + ways[node][following]
            node = following
    return True


def _add_up(network: Network, routes: Routes) -> bool:
    after, start, latest, limit = routes.after, routes.start, network.latest, network.limit
    travel = late = greatest = other = 0.0
    for worker in range(network.workers):
        ways, node = network.ways[worker], network.start_of(worker)
        if after[node] < network.stops:
            other += network.opening
        while node >= 0:
            over = start[node] - latest[node]
            if over > TOLERANCE:
                if start[node] > limit[node] + TOLERANCE:
                    return False
                late += over * network.late_price[node]
                if over > greatest and node < network.stops:
                    greatest = over
            following = after[node]
            if following >= 0:
                travel += ways[node][following]
            node = following
    for job, prices in network.choice.items():
        if routes.route[job] >= 0:
            pair = network.other[job]
            who = (routes.route[job],) if pair < 0 else (routes.route[job], routes.route[pair])
            other += prices[who]
    routes.cost = network.travel_price * travel + late + network.greatest_price * greatest + other
    routes.greatest = greatest
    return True
