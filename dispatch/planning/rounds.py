"""Loads that must be hot, or come from several places: visits gathered into rounds that start at one pickup.

A round is planned first, as a route from the pickup that may last no longer than the food stays hot; then it is one
unit of the day, so that no solver needs to know about loads, pickups and heat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np

from dispatch.planning.sheet import Client, Profile, Sheet, Vehicle, Whole
from dispatch.planning.tasks import NO_PICKUP, Crew, Day, Task
from dispatch.planning.timing import PICKUP
from dispatch.planning.travel_times import Table
from dispatch.planning.units import Unit

_TRIPS: Final = 6
"""How many rounds a worker may have from one pickup."""
_NEAR: Final = 1e-6


@dataclass
class Gathering:
    """Tasks fetched at one place, for workers who travel alike; `sheet` is the question for the solver."""

    tasks: list[Task]
    crews: list[Crew]
    pickup: int
    sheet: Sheet


def needs_rounds(day: Day) -> bool:
    """Whether loads must be gathered first: PyVRP can reload at one place, and knows no heat."""
    tasks = [task for task in day.tasks if task.pickup != NO_PICKUP]
    return len({task.pickup for task in tasks}) > 1 or any(task.hot is not None for task in tasks)


def gatherings(day: Day) -> list[Gathering]:
    """What has to be gathered, by pickup, heat and means of travel."""
    groups: dict[tuple[int, float, str], list[Task]] = {}
    for task in day.tasks:
        if task.pickup == NO_PICKUP or not task.able:
            continue
        counts: dict[str, int] = {}
        for number in task.able:
            means = day.crews[number].worker.means
            counts[means] = counts.get(means, 0) + 1
        means = min(counts, key=lambda name: (-counts[name], name))
        heat = float("inf") if task.hot is None else task.hot
        groups.setdefault((task.pickup, heat, means), []).append(task)
    made = []
    for (pickup, heat, means), tasks in sorted(groups.items()):
        able = frozenset().union(*(task.able for task in tasks))
        crews = [crew for crew in day.crews if crew.number in able and crew.worker.means == means]
        made.append(Gathering(tasks, crews, pickup, _sheet(day, pickup, heat, tasks, crews)))
    return made


def rounds_of(day: Day, gathering: Gathering, paths: list[tuple[int, list[tuple[str, int]]]]) -> list[Unit]:
    """The rounds of a gathering from the solver's paths; a task that fits no round stays out."""
    units = []
    means = gathering.crews[0].worker.means
    for _, path in paths:
        tasks = [gathering.tasks[number] for kind, number in path if kind == "client"]
        units.extend(_cut(day, gathering.pickup, means, tasks))
    return units


def _cut(day: Day, pickup: int, means: str, tasks: Sequence[Task]) -> list[Unit]:
    """One round where the tasks allow it, else two or more."""
    if not tasks:
        return []
    whole = round_unit(day, pickup, means, tasks)
    if whole is not None:
        return [whole]
    if len(tasks) == 1:
        return []
    half = len(tasks) // 2
    return _cut(day, pickup, means, tasks[:half]) + _cut(day, pickup, means, tasks[half:])


def round_unit(day: Day, pickup: int, means: str, tasks: Sequence[Task]) -> Unit | None:
    """Tasks in this order as one unit, for workers who travel by `means`; None where no start keeps every rule.

    Its start may vary as far as nobody waits on the round; where somebody must, it starts as late as it can.
    """
    loading = day.problem.pickup_duration
    leave = max([task.ready for task in tasks if task.ready is not None], default=float("-inf"))
    offsets = _offsets(day, pickup, means, tasks)
    first = max([leave, *(task.wished[0] - offset for task, offset in zip(tasks, offsets, strict=True))])
    last = min(task.wished[1] - offset for task, offset in zip(tasks, offsets, strict=True))
    if first > last:
        if last < leave:
            return None
        first, offsets = last, _offsets(day, pickup, means, tasks, last)
    if any(task.hot is not None and offset > task.hot for task, offset in zip(tasks, offsets, strict=True)):
        return None
    if any(first + offset > task.wished[1] + _NEAR for task, offset in zip(tasks, offsets, strict=True)):
        return None
    load: dict[str, float] = {}
    for task in tasks:
        for kind, amount in task.load.items():
            load[kind] = load.get(kind, 0) + amount
    able = frozenset.intersection(*(task.able for task in tasks))
    able = frozenset(number for number in able if _carries(day.crews[number], means, load))
    if not able:
        return None
    numbers = tuple(task.number for task in tasks)
    return Unit(
        stops=(PICKUP - pickup, *numbers),
        tasks=numbers,
        entry=pickup,
        exit=tasks[-1].place,
        earliest=first - loading,
        latest=last - loading,
        duration=loading + offsets[-1] + tasks[-1].duration,
        able=able,
        prize=sum(task.prize for task in tasks),
        load={},
        pickup=NO_PICKUP,
        ready=None,
    )


def _carries(crew: Crew, means: str, load: dict[str, float]) -> bool:
    return crew.worker.means == means and all(crew.worker.capacity.get(kind, 0) >= much for kind, much in load.items())


def _offsets(day: Day, pickup: int, means: str, tasks: Sequence[Task], leave: float | None = None) -> list[float]:
    """How long after leaving the pickup each visit starts; with `leave` she waits for windows to open."""
    table = day.ways.durations[means]
    offsets, here, now = [], pickup, 0.0
    for task in tasks:
        now += float(table[here, task.place])
        if leave is not None:
            now = max(now, task.wished[0] - leave)
        offsets.append(now)
        now += task.duration
        here = task.place
    return offsets


def _sheet(day: Day, pickup: int, heat: float, tasks: list[Task], crews: list[Crew]) -> Sheet:
    """Rounds as routes: from the pickup to nowhere, no longer than the food is hot; the way back is paid, not timed."""
    step, means = day.problem.resolution, crews[0].worker.means
    places = [task.place for task in tasks] + [pickup]
    ways = day.ways.durations[means][np.ix_(places, places)]
    durations = _with_end(np.ceil(ways / step - _NEAR), np.zeros(len(places)))
    costs = _with_end(np.rint(ways / step), np.rint(ways[:, -1] / step))
    kinds = sorted({kind for task in tasks for kind in task.load})
    scale = 1 if all(amount == int(amount) for task in tasks for amount in task.load.values()) else 1000
    dearest = int(costs.max(initial=1))
    counts: dict[tuple[int, ...], int] = {}
    for crew in crews:
        carried = tuple(floor(crew.worker.capacity.get(kind, 0) * scale) for kind in kinds)
        counts[carried] = counts.get(carried, 0) + 1
    shift = min(crew.worker.shift[0] for crew in crews), max(crew.worker.shift[1] for crew in crews)
    zero = floor(min([shift[0], *(task.wished[0] for task in tasks)]) / step)
    longest = None if heat == float("inf") else floor((heat + min(task.duration for task in tasks)) / step + _NEAR)
    return Sheet(
        durations={means: durations},
        costs={means: costs},
        clients=[
            Client(
                location=at,
                earliest=round(task.wished[0] / step) - zero,
                latest=round(task.wished[1] / step) - zero,
                duration=round(task.duration / step),
                prize=20 * dearest,
                delivery=[round(task.load.get(kind, 0) * scale) for kind in kinds],
                release=0 if task.ready is None else max(0, round(task.ready / step) - zero),
            )
            for at, task in enumerate(tasks)
        ],
        depots=[(len(tasks), 0), (len(tasks) + 1, 0)],
        vehicles=[
            Vehicle(
                crews=list(range(min(count * _TRIPS, len(tasks)))),
                start=0,
                end=1,
                shift=(round(shift[0] / step) - zero, round(shift[1] / step) - zero),
                capacity=list(carried),
                profile=0,
                fixed_cost=0,
                reloads=[],
                initial_load=[],
                longest=longest,
            )
            for carried, count in counts.items()
        ],
        profiles=[Profile(means, (), ())],
        forbidden_cost=0,
    )


def _with_end(table: Table, back: Table) -> Whole:
    size = len(table)
    whole = np.zeros((size + 1, size + 1), dtype=np.int64)
    whole[:size, :size] = table
    whole[:size, size] = back
    np.fill_diagonal(whole, 0)
    return whole
