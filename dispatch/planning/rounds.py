"""Loads that must be hot, or come from several places: a pickup and the visits it serves, as one unit.

PyVRP can reload at one place only and knows no heat. A round that is done in one go, with the times inside it fixed, is
for PyVRP a single visit that begins at the pickup and ends at the last door.
"""

from collections.abc import Sequence
from typing import Final

from dispatch.planning.tasks import NO_PICKUP, Crew, Day, Task
from dispatch.planning.timing import PICKUP
from dispatch.planning.units import Unit

_NEAR: Final = 1e-6


def needs_rounds(day: Day) -> bool:
    """Whether loads have to be in rounds."""
    tasks = [task for task in day.tasks if task.pickup != NO_PICKUP]
    return len({task.pickup for task in tasks}) > 1 or any(task.hot is not None for task in tasks)


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
