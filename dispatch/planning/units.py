"""What a solver orders: single visits, or rounds of several that one worker does in one go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatch.planning.format import Break
from dispatch.planning.tasks import NO_PICKUP, Crew, Day, Task


@dataclass(frozen=True, slots=True)
class Unit:
    """Stops in a row (as `timing` numbers them), entered at one place and left at another."""

    stops: tuple[int, ...]
    tasks: tuple[int, ...]
    entry: int
    exit: int
    earliest: float
    latest: float
    duration: float
    able: frozenset[int]
    prize: float
    load: dict[str, float]
    pickup: int
    ready: float | None

    @property
    def head(self) -> int:
        """The task that stands for all."""
        return self.tasks[0]


def single(task: Task) -> Unit:
    """A visit by itself, within what is wished of it."""
    return Unit(
        stops=(task.number,),
        tasks=(task.number,),
        entry=task.place,
        exit=task.place,
        earliest=task.wished[0],
        latest=task.wished[1],
        duration=task.duration,
        able=task.able,
        prize=task.prize,
        load=task.load,
        pickup=task.pickup,
        ready=task.ready,
    )


def rested(unit: Unit, crew: int, stop: int, rest: Break, way: float | None = None) -> Unit | None:
    """The unit with a worker's break after it; None where the break's window does not allow it.

    With the `way` from where her shift begins, the break comes before the unit.

    PyVRP knows no break that is taken wherever one is. With a visit that the worker has already, it needs no place.
    """
    first, last = rest.window
    duration = unit.duration + rest.duration
    if way is not None:
        # For PyVRP she travels before the break.
        earliest, latest = max(first + way, unit.earliest - rest.duration), unit.latest - rest.duration
        stops = (stop, *unit.stops)
    else:
        earliest, latest = max(unit.earliest, first - unit.duration), min(unit.latest, last - unit.duration)
        stops = (*unit.stops, stop)
        if unit.latest + unit.duration < first:
            earliest = latest = unit.latest
            duration = first + rest.duration - unit.latest
    if earliest > latest or crew not in unit.able:
        return None
    able = frozenset({crew})
    return replace(unit, stops=stops, earliest=earliest, latest=latest, duration=duration, able=able)


@dataclass(slots=True)
class Part:
    """Units and workers that are planned together; `routes` is what was found before, by worker."""

    day: Day
    units: list[Unit]
    crews: list[Crew]
    routes: dict[int, list[int]]
    """Numbers in `units`, in order."""

    def cost(self, unit: Unit, crew: Crew) -> float:
        """What the unit costs beside the way when this worker does it."""
        tasks = (self.day.tasks[number] for number in unit.tasks)
        return sum(task.extra.get(crew.number, task.otherwise) for task in tasks)


def depots(units: Sequence[Unit]) -> set[int]:
    """The places where loads of these units are fetched."""
    return {unit.pickup for unit in units if unit.pickup != NO_PICKUP}
