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
    left, right = _halves(held, line, share)
    near, far = _sides(loose, line, share, left, right)
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


def _halves(held: list[Held], line: _Line, share: float) -> tuple[list[Held], list[Held]]:
    """Both sides get their share of each kind of worker, so that skills and shifts are everywhere."""
    kinds: dict[tuple[frozenset[str], tuple[float, float]], list[Held]] = {}
    for one in held:
        kinds.setdefault((frozenset(one.crew.worker.skills), one.crew.worker.shift), []).append(one)
    left: list[Held] = []
    right: list[Held] = []
    owed = 0.0
    for _, group in sorted(kinds.items(), key=lambda item: (sorted(item[0][0]), item[0][1])):
        group.sort(key=lambda one: (line.of(one), one.crew.number))
        owed += len(group) * share
        cut = min(len(group), max(0, round(owed)))
        owed -= cut
        left += group[:cut]
        right += group[cut:]
    if not left or not right:
        ordered = sorted(held, key=lambda one: (line.of(one), one.crew.number))
        cut = min(len(held) - 1, max(1, round(len(held) * share)))
        return ordered[:cut], ordered[cut:]
    return left, right


def _sides(
    loose: list[Unit], line: _Line, share: float, left: list[Held], right: list[Held]
) -> tuple[list[Unit], list[Unit]]:
    """Units of nobody by their place: by share where all are loose, else beside the workers who are near."""
    ordered = sorted(loose, key=lambda unit: (line.at(unit.entry), unit.head))
    if any(one.units for one in (*left, *right)):
        border = (max(line.of(one) for one in left) + min(line.of(one) for one in right)) / 2
        cut = sum(line.at(unit.entry) <= border for unit in ordered)
    else:
        cut = round(len(ordered) * share)
    here = {one.crew.number for one in left}
    there = {one.crew.number for one in right}
    near: list[Unit] = []
    far: list[Unit] = []
    for at, unit in enumerate(ordered):
        is_near = (at < cut and bool(unit.able & here)) or not unit.able & there
        (near if is_near else far).append(unit)
    return near, far
