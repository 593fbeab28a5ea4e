"""Who helps beside the providers' workers, as pure functions: grid workers of the towns, and neighbours paired with
elders who live alone. Worker n depends only on n; all names are invented."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from device_sim.names import Gender, younger_name
from device_sim.places import Home, scatter
from device_sim.population import Elder, households
from device_sim.towns import DISTRICT_CODE, TOWNS
from device_sim.workforce import Proof, Provider, Worker, shifts_of

GRID_SERVICE: Final = Provider("北碚区网格服务中心", "admitted", (DISTRICT_CODE,), frozenset(), 0)
NEIGHBOURHOOD_AID: Final = Provider("邻里互助志愿服务队", "admitted", (DISTRICT_CODE,), frozenset(), 0)
MOST_HELPERS: Final = 40
_SEED: Final = "anban-beibei:neighbour"
_GRID_FROM, _HELPERS_FROM = 10_000, 20_000
_NEXT_DOOR: Final = 60.0


@dataclass(frozen=True)
class Helper:
    """A neighbour and the elder she looks after."""

    worker: Worker
    elder: Elder


def grid_workers() -> list[Worker]:
    """One for each town, on duty by shifts; every third knows first aid."""
    return [_grid_worker(number) for number in range(1, len(TOWNS) + 1)]


def helpers(elders: int) -> Iterator[Helper]:
    """A neighbour for every twelfth elder among so many, if she lives alone; at most MOST_HELPERS."""
    paired = (
        Helper(_helper(elder.number, household.home), elder)
        for household in households(elders)
        for elder in household.elders
        if elder.living_alone and elder.number % 12 == 5
    )
    return islice(paired, MOST_HELPERS)


def hours_of(worker: Worker, now: datetime) -> list[tuple[datetime, datetime]]:
    """The shifts of anybody but a paired helper, who has none and is asked at any hour; see `shifts_of`."""
    return [] if worker.kind == "paired" else shifts_of(worker.number, now)


def _person(number: int) -> tuple[random.Random, str]:
    rng = random.Random(f"{_SEED}:{number}")
    gender: Gender = "female" if rng.random() < 0.6 else "male"
    return rng, younger_name(rng, gender)


def _grid_worker(number: int) -> Worker:
    rng, name = _person(_GRID_FROM + number)
    town = TOWNS[number - 1]
    lat, lon = scatter(rng, town.lat, town.lon, 250)
    proofs = (Proof("first_aid", f"救护员证 演示G{number:03d}", 200, 900),) if number % 3 == 0 else ()
    return Worker(
        number=_GRID_FROM + number,
        username=f"sim-grid-{number}",
        name=name,
        phone=f"103{number:08d}",
        provider=GRID_SERVICE,
        town=town,
        travel="scooter",
        lat=lat,
        lon=lon,
        proofs=proofs,
        kind="grid",
    )


def _helper(number: int, home: Home) -> Worker:
    rng, name = _person(_HELPERS_FROM + number)
    lat, lon = scatter(rng, home.lat, home.lon, _NEXT_DOOR)
    return Worker(
        number=_HELPERS_FROM + number,
        username=f"sim-helper-{number}",
        name=name,
        phone=f"104{number:08d}",
        provider=NEIGHBOURHOOD_AID,
        town=home.town,
        travel="walk",
        lat=lat,
        lon=lon,
        proofs=(),
        kind="paired",
    )
