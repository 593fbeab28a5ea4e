"""A part of a day in whole numbers, as PyVRP wants it: clients, depots, vehicles, and travel by profile."""

from dataclasses import dataclass, field
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.planning.tasks import NO_PICKUP, Crew
from dispatch.planning.timing import BREAK, PICKUP, is_task
from dispatch.planning.units import Part, Unit, depots

Whole = NDArray[np.int64]
_FRACTIONS: Final = 1000
_NEAR: Final = 1e-6


@dataclass
class Client:
    """A unit, or one worker's break."""

    location: int
    earliest: int
    latest: int
    duration: int
    prize: int
    delivery: list[int]
    release: int


@dataclass
class Profile:
    """How one kind of worker travels: a base table, the clients forbidden to them, and what each client costs extra."""

    means: str
    forbidden: tuple[int, ...]
    extra: tuple[int, ...]


@dataclass
class Vehicle:
    """Workers who are alike; `crews` are their numbers."""

    crews: list[int]
    start: int
    end: int
    shift: tuple[int, int]
    capacity: list[int]
    profile: int
    fixed_cost: int
    reloads: list[int]
    initial_load: list[int]


@dataclass
class Sheet:
    """All of it. `depots` are (location, loading time); `durations` and `costs` are by means."""

    durations: dict[str, Whole]
    costs: dict[str, Whole]
    clients: list[Client]
    depots: list[tuple[int, int]]
    vehicles: list[Vehicle]
    profiles: list[Profile]
    forbidden_cost: int
    routes: list[tuple[int, list[tuple[str, int]]]] = field(default_factory=list)
    """What was found before: a vehicle and its ("client", number) and ("depot", number)."""


def units_cost(part: Part) -> float:
    """How many of the solver's whole units one of the objective is."""
    weights = part.day.problem.objective
    values = (weights.travel, weights.worker, weights.moved, weights.continuity)
    exact = all(value == int(value) for value in values)
    return (1 if exact else _FRACTIONS) / part.day.problem.resolution


class SheetMaker:
    """Writes the sheet of one part, and reads routes in its numbers."""

    def __init__(self, part: Part) -> None:
        """Number the clients: units first, then the breaks within the shifts of workers that no unit holds."""
        self.part = part
        self._step = part.day.problem.resolution
        self._cost = units_cost(part)
        # PyVRP's clock begins at 0.
        begins = [crew.worker.shift[0] for crew in part.crews] + [unit.earliest for unit in part.units]
        begins += [rest.window[0] for crew in part.crews for rest in crew.worker.breaks]
        self._zero = floor(min(begins, default=0) / self._step)
        # A unit with a break is one worker's alone.
        held = {(min(unit.able), stop) for unit in part.units for stop in unit.stops if stop >= BREAK}
        self.breaks: list[tuple[Crew, int]] = [
            (crew, number)
            for crew in part.crews
            for number, rest in enumerate(crew.worker.breaks)
            if crew.worker.shift[0] < rest.window[0] + rest.duration
            and crew.worker.shift[1] > rest.window[1]
            and (crew.number, BREAK + number) not in held
        ]
        kinds = {kind for unit in part.units for kind in unit.load}
        self._kinds = sorted(kinds)
        amounts = [amount for unit in part.units for amount in unit.load.values()]
        self._load_scale = 1 if all(amount == int(amount) for amount in amounts) else _FRACTIONS
        self._pickups = sorted(depots(part.units))

    def sheet(self) -> Sheet:
        """The part in whole numbers."""
        part = self.part
        starts = sorted({crew.start for crew in part.crews} | {crew.end for crew in part.crews if crew.end is not None})
        offset = len(part.units) + len(self.breaks)
        durations, costs = self._tables([*starts, *self._pickups])
        profiles, profile_of = self._profiles()
        loading = ceil(part.day.problem.pickup_duration / self._step - _NEAR)
        sheet = Sheet(
            durations=durations,
            costs=costs,
            clients=[self._client(number, unit) for number, unit in enumerate(part.units)]
            + [self._break(number) for number in range(len(self.breaks))],
            depots=[(offset + at, 0) for at in range(len(starts))]
            + [(offset + len(starts) + at, loading) for at in range(len(self._pickups))]
            + [(offset + len(starts) + len(self._pickups), 0)],
            vehicles=[],
            profiles=profiles,
            forbidden_cost=2 * self._whole_cost(max((unit.prize for unit in part.units), default=1)),
        )
        self._add_vehicles(sheet, starts, profile_of)
        self._add_routes(sheet)
        return sheet

    def _whole_cost(self, cost: float) -> int:
        return round(cost * self._cost)

    def _up(self, time: float) -> int:
        """A time by PyVRP's clock, not before the real one."""
        return ceil(time / self._step - _NEAR) - self._zero

    def _down(self, time: float) -> int:
        """The same, not after the real one."""
        return floor(time / self._step + _NEAR) - self._zero

    def _span(self, duration: float) -> int:
        return ceil(duration / self._step - _NEAR)

    def _tables(self, places: list[int]) -> tuple[dict[str, Whole], dict[str, Whole]]:
        """Durations and costs between all locations by means; the last location is nowhere: no way at all."""
        part, units = self.part, self.part.units
        centre = self._centre()
        entries = [unit.entry for unit in units] + [centre] * len(self.breaks) + places
        exits = [unit.exit for unit in units] + [centre] * len(self.breaks) + places
        rests = slice(len(units), len(units) + len(self.breaks))
        durations, costs = {}, {}
        for means in sorted({crew.worker.means for crew in part.crews}):
            ways = part.day.ways.durations[means][np.ix_(exits, entries)]
            # The way to a break and from it is halved: the break will be taken at a door, not at the centre.
            ways[:, rests] /= 2
            ways[rests, :] /= 2
            price = ways * part.day.problem.objective.travel * self._cost
            durations[means] = _with_nowhere(np.ceil(ways / self._step - _NEAR))
            costs[means] = _with_nowhere(np.rint(price))
        return durations, costs

    def _centre(self) -> int:
        """The place of the part that is nearest to all its units."""
        places = sorted({unit.entry for unit in self.part.units})
        if not places or not self.breaks:
            return 0
        table = self.part.day.ways.durations[self.part.crews[0].worker.means]
        return places[int(table[np.ix_(places, places)].sum(axis=0).argmin())]

    def _profiles(self) -> tuple[list[Profile], dict[int, int]]:
        """The different ways in which workers see the clients, and each worker's."""
        part = self.part
        numbers: dict[tuple[str, tuple[int, ...], tuple[int, ...]], int] = {}
        profile_of: dict[int, int] = {}
        for crew in part.crews:
            barred = [at for at, unit in enumerate(part.units) if crew.number not in unit.able]
            barred += [len(part.units) + at for at, (owner, _) in enumerate(self.breaks) if owner is not crew]
            extra = tuple(self._whole_cost(part.cost(unit, crew)) for unit in part.units)
            key = (crew.worker.means, tuple(barred), extra if any(extra) else ())
            profile_of[crew.number] = numbers.setdefault(key, len(numbers))
        return [Profile(*key) for key in numbers], profile_of

    def _client(self, location: int, unit: Unit) -> Client:
        earliest = self._up(unit.earliest)
        return Client(
            location=location,
            earliest=earliest,
            latest=max(earliest, self._down(unit.latest)),
            duration=self._span(unit.duration),
            prize=self._whole_cost(unit.prize),
            delivery=self._amounts(unit.load),
            release=0 if unit.ready is None else max(0, self._up(unit.ready)),
        )

    def _break(self, number: int) -> Client:
        crew, which = self.breaks[number]
        rest = crew.worker.breaks[which]
        return Client(
            location=len(self.part.units) + number,
            earliest=self._up(rest.window[0]),
            latest=max(self._up(rest.window[0]), self._down(rest.window[1])),
            duration=self._span(rest.duration),
            prize=self._whole_cost(max(unit.prize for unit in self.part.units)),
            delivery=self._amounts({}),
            release=0,
        )

    def _amounts(self, load: dict[str, float]) -> list[int]:
        return [ceil(load.get(kind, 0) * self._load_scale - _NEAR) for kind in self._kinds]

    def _add_vehicles(self, sheet: Sheet, starts: list[int], profile_of: dict[int, int]) -> None:
        alike: dict[tuple[object, ...], Vehicle] = {}
        nowhere = len(sheet.depots) - 1
        first_pickup = len(starts)
        for crew in self.part.crews:
            worker = crew.worker
            carried = [int(worker.capacity.get(kind, 0) * self._load_scale) for kind in self._kinds]
            at_kitchen = crew.start in self._pickups
            start = first_pickup + self._pickups.index(crew.start) if at_kitchen else starts.index(crew.start)
            made = Vehicle(
                crews=[],
                start=start,
                end=nowhere if crew.end is None else starts.index(crew.end),
                shift=(self._up(worker.shift[0]), self._down(worker.shift[1])),
                capacity=carried,
                profile=profile_of[crew.number],
                fixed_cost=self._whole_cost(self.part.day.problem.objective.worker),
                reloads=[first_pickup + at for at in range(len(self._pickups))],
                # Away from the kitchen she has nothing: a vehicle that starts full is emptied there first.
                initial_load=carried if self._pickups and not at_kitchen else [],
            )
            key = (made.start, made.end, made.shift, tuple(carried), made.profile)
            alike.setdefault(key, made).crews.append(crew.number)
        sheet.vehicles = list(alike.values())

    def _add_routes(self, sheet: Sheet) -> None:
        vehicle_of = {crew: at for at, vehicle in enumerate(sheet.vehicles) for crew in vehicle.crews}
        client_of = {unit.head: at for at, unit in enumerate(self.part.units)}
        rest_of = {(crew.number, which): len(client_of) + at for at, (crew, which) in enumerate(self.breaks)}
        for crew, stops in self.part.routes.items():
            vehicle = sheet.vehicles[vehicle_of[crew]]
            path: list[tuple[str, int]] = []
            for at, stop in enumerate(stops):
                if is_task(stop) and stop in client_of:
                    path.append(("client", client_of[stop]))
                elif stop >= BREAK and (crew, stop - BREAK) in rest_of:
                    path.append(("client", rest_of[crew, stop - BREAK]))
                elif stop < 0 and PICKUP - stop in self._pickups:
                    depot = vehicle.reloads[self._pickups.index(PICKUP - stop)]
                    if at > 0 or depot != vehicle.start:
                        path.append(("depot", depot))
            if any(kind == "client" for kind, _ in path):
                sheet.routes.append((vehicle_of[crew], path))

    def stops(self, sheet: Sheet, vehicle: int, path: list[tuple[str, int]]) -> list[int]:
        """Turn a route in the sheet's numbers into stops; pickups stand where a trip needs them."""
        part, stops = self.part, list[int]()
        at_depot: int | None = sheet.vehicles[vehicle].start
        first_pickup = len(sheet.depots) - 1 - len(self._pickups)
        for kind, number in path:
            if kind == "depot":
                at_depot = number
            elif number >= len(part.units):
                stops.append(BREAK + self.breaks[number - len(part.units)][1])
            else:
                unit = part.units[number]
                if unit.pickup != NO_PICKUP and at_depot is not None and at_depot >= first_pickup:
                    stops.append(PICKUP - self._pickups[at_depot - first_pickup])
                    at_depot = None
                stops.extend(unit.stops)
        return stops


def _with_nowhere(table: NDArray[np.float64]) -> Whole:
    size = len(table)
    whole = np.zeros((size + 1, size + 1), dtype=np.int64)
    whole[:size, :size] = table
    np.fill_diagonal(whole, 0)
    return whole
