"""Where homes stand: around the towns' points, in villages in the rural towns, with plausible addresses."""

import math
import random
from dataclasses import dataclass
from typing import Final

from device_sim.towns import DISTRICT_NAME, TOWNS, Town

_METRES_PER_DEGREE: Final = 111_320
_WEIGHTS: Final = tuple(town.weight for town in TOWNS)
_STREET_SPREAD: Final = 380.0
_SEAT_SPREAD: Final = 300.0
_VILLAGE_SPREAD: Final = 160.0
_VILLAGE_DISTANCE: Final = (800.0, 1900.0)
_IN_VILLAGES: Final = 0.55


@dataclass(frozen=True)
class Home:
    """A home's town, postal address and point (degrees WGS-84)."""

    town: Town
    address: str
    lat: float
    lon: float


def make_home(rng: random.Random) -> Home:
    """Draw a home, the towns weighted by population."""
    town = rng.choices(TOWNS, _WEIGHTS)[0]
    if town.villages and rng.random() < _IN_VILLAGES:
        return _village_home(rng, town)
    spread = _SEAT_SPREAD if town.villages else _STREET_SPREAD
    lat, lon = scatter(rng, town.lat, town.lon, spread)
    number, block, unit = rng.randint(1, 218), rng.randint(1, 16), rng.randint(1, 4)
    flat = f"{rng.randint(1, 18)}-{rng.randint(1, 4)}"
    address = f"{DISTRICT_NAME}{town.name}{rng.choice(town.roads)}{number}号{block}幢{unit}单元{flat}"
    return Home(town, address, lat, lon)


def scatter(rng: random.Random, lat: float, lon: float, metres: float) -> tuple[float, float]:
    """A point around another, normally distributed, never farther than 2.5 standard deviations along an axis."""
    north = min(2.5, max(-2.5, rng.gauss(0, 1))) * metres
    east = min(2.5, max(-2.5, rng.gauss(0, 1))) * metres
    return offset(lat, lon, north, east)


def offset(lat: float, lon: float, north: float, east: float) -> tuple[float, float]:
    """The point `north` and `east` metres away, to about a decimetre."""
    return (
        round(lat + north / _METRES_PER_DEGREE, 6),
        round(lon + east / (_METRES_PER_DEGREE * math.cos(math.radians(lat))), 6),
    )


def _village_home(rng: random.Random, town: Town) -> Home:
    village = rng.choice(town.villages)
    place = random.Random(f"{town.code}:{village}")
    distance, direction = place.uniform(*_VILLAGE_DISTANCE), place.uniform(0, 2 * math.pi)
    centre = offset(town.lat, town.lon, distance * math.cos(direction), distance * math.sin(direction))
    lat, lon = scatter(rng, *centre, _VILLAGE_SPREAD)
    address = f"{DISTRICT_NAME}{town.name}{village}{rng.randint(1, 9)}组{rng.randint(1, 86)}号"
    return Home(town, address, lat, lon)
