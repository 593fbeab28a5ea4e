"""How far it is between two places and how long a worker takes: an estimate without a road map."""

from datetime import timedelta
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Final, NamedTuple

from schemas.states import Travel

EARTH_RADIUS_M: Final = 6_371_008.8
DEGREE_M: Final = EARTH_RADIUS_M * radians(1)
"""A degree of latitude."""
DETOUR: Final = 1.4
"""Streets are longer than the great circle; Beibei lies between hills and a river."""
SPEED_KMH: Final[dict[Travel, float]] = {"walk": 4.5, "scooter": 18.0, "car": 28.0}
DOORS: Final = timedelta(minutes=1)
"""Out of one door and in at the next, however near."""


class Place(NamedTuple):
    """A point on the map, WGS-84 degrees."""

    lat: float
    lon: float


def distance_m(a: Place, b: Place) -> float:
    """Metres along the great circle."""
    half_lat, half_lon = radians(b.lat - a.lat) / 2, radians(b.lon - a.lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, chord)))


@lru_cache(maxsize=1 << 17)
def travel_minutes(a: Place | None, b: Place | None, means: Travel) -> float:
    """How many minutes the way takes from door to door; only the doors count when nobody knows where one of them is."""
    doors = DOORS.total_seconds() / 60
    return doors if a is None or b is None else doors + distance_m(a, b) * DETOUR * 0.06 / SPEED_KMH[means]


def minutes_for(metres: float, means: Travel) -> float:
    """How many minutes a way takes that is so long in a straight line."""
    return DOORS.total_seconds() / 60 + metres * DETOUR * 0.06 / SPEED_KMH[means]


def travel_seconds(a: Place | None, b: Place | None, means: Travel) -> float:
    """The same in seconds."""
    return 60 * travel_minutes(a, b, means)


def travel_time(a: Place | None, b: Place | None, means: Travel) -> timedelta:
    """The same as a span of time."""
    return timedelta(minutes=travel_minutes(a, b, means))
