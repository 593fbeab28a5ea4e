"""A large day cut into parts that are planned apart: workers near each other, with the units that are near them."""

from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.planning.tasks import Crew, Day
from dispatch.planning.units import Part, Unit

UNITS_A_PART: Final = 220
MOST_ALIKE: Final = 1500
_KINDS: Final = 3
"""Workers of so few kinds make a day that needs no cutting until it has `MOST_ALIKE` units."""
_UNEVEN: Final = 0.2
"""A side may be so much larger or smaller than its share for the sake of a border between towns."""


@dataclass
class Held:
    """A worker with what she has so far."""

    crew: Crew
    units: list[Unit]
    stops: list[int]


def parts_of(day: Day, held: list[Held], loose: list[Unit], random: Random, processes: int = 1) -> list[Part]:
    """Cut workers and units into parts of about `UNITS_A_PART`; units of nobody go where somebody can do them.

    More parts than one are a multiple of the processes, so that none of these is idle while the last are routed.
    """
    count = len(loose) + sum(len(one.units) for one in held)
    kinds = {_kind(one.crew) for one in held}
    most = MOST_ALIKE if len(kinds) <= _KINDS else UNITS_A_PART
    number = ceil(count / most)
    if number > 1:
        number = ceil(number / processes) * processes
    return cut(day, held, loose, max(1, min(number, len(held))), random)


def _kind(crew: Crew) -> tuple[object, ...]:
    worker = crew.worker
    return (worker.start, worker.end, worker.shift, worker.means, frozenset(worker.skills), bool(worker.breaks))


def cut(day: Day, held: list[Held], loose: list[Unit], number: int, random: Random) -> list[Part]:
    """Cut workers and units into so many parts of about the same size."""
    if number <= 1 or len(held) < 2:
        units = [unit for one in held for unit in one.units] + loose
        routes = {one.crew.number: one.stops for one in held if one.stops}
        return [Part(day, units, [one.crew for one in held], routes)]
    share = (number // 2) / number
    line = _Line(day, [one.crew.start for one in held] + [unit.entry for unit in loose], random)
    left, right, border = _halves(held, line, share)
    near, far = _sides(loose, line, border, share, left, right)
    return cut(day, left, near, number // 2, random) + cut(day, right, far, number - number // 2, random)


class _Line:
    """Places on a line between two that are far apart (FastMap's projection): needs times only, no coordinates."""

    def __init__(self, day: Day, places: list[int], random: Random) -> None:
        table: NDArray[np.float64] = next(iter(day.ways.durations.values()))
        every = sorted(set(places))
        origin = random.choice(every)
        one = every[int(table[origin, every].argmax())]
        other = every[int(table[one, every].argmax())]
        self._where = table[one] ** 2 - table[other] ** 2

    def at(self, place: int) -> float:
        return float(self._where[place])

    def of(self, held: Held) -> float:
        places = [unit.entry for unit in held.units] or [held.crew.start]
        return float(np.mean(self._where[places]))


def _halves(held: list[Held], line: _Line, share: float) -> tuple[list[Held], list[Held], float | None]:
    """Workers on either side of a border, which lies in the widest gap near the share; None when all begin at one place
    and have nothing yet."""
    ordered = sorted(held, key=lambda one: (line.of(one), one.crew.number))
    where = [line.of(one) for one in ordered]
    first = min(len(held) - 1, max(1, round(len(held) * share * (1 - _UNEVEN))))
    last = min(len(held) - 1, max(first, round(len(held) * share * (1 + _UNEVEN))))
    middle = len(held) * share
    at = max(range(first, last + 1), key=lambda index: (where[index] - where[index - 1], -abs(index - middle)))
    border = (where[at - 1] + where[at]) / 2
    return ordered[:at], ordered[at:], border if where[0] < where[-1] else None


def _sides(
    loose: list[Unit], line: _Line, border: float | None, share: float, left: list[Held], right: list[Held]
) -> tuple[list[Unit], list[Unit]]:
    """Units of nobody on the side where they lie, or by share where there is no border; where nobody there can do them,
    on the other."""
    ordered = sorted(loose, key=lambda unit: (line.at(unit.entry), unit.head))
    cut = round(len(ordered) * share) if border is None else sum(line.at(unit.entry) <= border for unit in ordered)
    here = {one.crew.number for one in left}
    there = {one.crew.number for one in right}
    near: list[Unit] = []
    far: list[Unit] = []
    for at, unit in enumerate(ordered):
        is_near = (at < cut and bool(unit.able & here)) or not unit.able & there
        (near if is_near else far).append(unit)
    return near, far
