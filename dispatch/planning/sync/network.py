"""What the search over synchronised visits works on: stops as numbers, with their times, ties and ways."""

from collections.abc import Sequence
from dataclasses import dataclass, field

INFINITY = float("inf")


@dataclass(slots=True)
class Network:
    """A problem as flat lists over nodes.

    Nodes 0 … stops-1 are stops (visits, and whatever else a route holds); node `stops + w` is where worker w sets out
    and `stops + workers + w` where the worker's day ends. Lists over nodes have `stops + 2 * workers` entries. Times,
    stays and ways are in the problem's own unit. A start before `earliest` waits; one after `latest` costs
    `late_price` a unit; one after `limit` is impossible. `ties[x]` lists (y, lag): the start of y is never before the
    start of x plus lag, so a double visit with the gap [least, most] has the ties (second, least) on the first and
    (first, -most) on the second.
    """

    stops: int
    workers: int
    earliest: list[float]
    latest: list[float]
    limit: list[float]
    late_price: list[float]
    stay: list[float]
    ties: list[tuple[tuple[int, float], ...]]
    ways: list[list[list[float]]]
    """Travel from node to node, by worker; workers with the same means share one table."""
    able: list[list[int]]
    """Who may do a stop; empty for a stop that stays where it is."""
    other: list[int]
    """The other stop of a double visit, else -1."""
    lead: list[int]
    """The stop that stands for the job: the first of a double visit, else the stop itself."""
    forgone: list[float]
    """What a job costs that nobody does, by its lead."""
    sealed: list[bool]
    """Nothing may come between the node and the one before it."""
    travel_price: float = 1.0
    greatest_price: float = 0.0
    """What a unit of the greatest lateness of all stops costs."""
    opening: float = 0.0
    """What it costs that a worker has any stop at all."""
    choice: dict[int, dict[tuple[int, ...], float]] = field(default_factory=dict)
    """By the lead of a job for which it matters who comes: what these workers cost beside travel, never below 0."""
    near: list[list[int]] = field(default_factory=list)
    """For each stop the movable stops, nearest first."""

    def start_of(self, worker: int) -> int:
        """The node where the worker sets out."""
        return self.stops + worker

    def end_of(self, worker: int) -> int:
        """The node where the worker's day ends."""
        return self.stops + self.workers + worker


def neighbours(network: Network, movable: Sequence[int], most: int = 400) -> list[list[int]]:
    """For each stop the movable ones, nearest first by the quickest means, itself included; at most `most` of them."""
    tables = list({id(table): table for table in network.ways}.values())
    chosen = list(movable)
    return [
        sorted(chosen, key=lambda other: min(table[stop][other] for table in tables))[:most]
        for stop in range(network.stops)
    ]
