"""How far it is and how fast one gets there, as somebody on foot, on a scooter or in a car."""

import math
from dataclasses import dataclass
from typing import Any, Final

from schemas.states import Travel

_EARTH_METRES: Final = 6_371_000.0
_DETOUR: Final = 1.4
"""How much longer the way through the streets is than the line."""
_KILOMETRES_AN_HOUR: Final[dict[Travel, float]] = {"walk": 4.5, "scooter": 18.0, "car": 28.0}


@dataclass(frozen=True)
class Place:
    """A point, WGS-84 degrees."""

    lat: float
    lon: float

    @classmethod
    def of(cls, point: dict[str, Any] | None) -> "Place | None":
        """The place of a card's point, if it tells one."""
        return cls(point["lat"], point["lon"]) if point else None


def distance_m(one: Place, other: Place) -> float:
    """Metres along the great circle."""
    north, east = math.radians(other.lat - one.lat), math.radians(other.lon - one.lon)
    chord = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(one.lat)) * math.cos(math.radians(other.lat)) * math.sin(east / 2) ** 2
    )
    return 2 * _EARTH_METRES * math.asin(min(1.0, math.sqrt(chord)))


def metres_a_second(travel: Travel) -> float:
    """How fast the line to the goal grows shorter."""
    return _KILOMETRES_AN_HOUR[travel] / 3.6 / _DETOUR


def towards(start: Place, goal: Place, metres: float) -> Place:
    """Where one is after so many metres of the line; at the goal when it is no farther."""
    whole = distance_m(start, goal)
    if whole <= metres:
        return goal
    share = metres / whole
    return Place(
        round(start.lat + (goal.lat - start.lat) * share, 6), round(start.lon + (goal.lon - start.lon) * share, 6)
    )
