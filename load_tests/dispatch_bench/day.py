"""What a simulated day is made of: places, workers, kitchens, orders; and what only the world knows of them."""

import math
import random
from dataclasses import dataclass
from typing import Final, Literal

from device_sim.towns import DISTRICT_POINT
from schemas.states import Travel

Kind = Literal["meal", "bath", "heavy_bath", "medicine", "register", "accompany", "clean", "walk"]
Sex = Literal["female", "male"]
Answer = Literal["accepted", "declined", "silent"]

_METRES: Final = 111_320.0
_EAST: Final = _METRES * math.cos(math.radians(DISTRICT_POINT[0]))


@dataclass(frozen=True, slots=True)
class Site:
    """A point: degrees WGS-84, and metres east and north of the district's point."""

    lat: float
    lon: float
    x: float
    y: float


def site(lat: float, lon: float) -> Site:
    """The site at these degrees; over a district the plane is off by less than a thousandth."""
    return Site(lat, lon, (lon - DISTRICT_POINT[1]) * _EAST, (lat - DISTRICT_POINT[0]) * _METRES)


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A central kitchen; from when on its lunches and dinners are hot (seconds of the day)."""

    number: int
    site: Site
    town: str
    lunch_ready: int
    dinner_ready: int


@dataclass(frozen=True, slots=True)
class Provider:
    """An organisation whose workers come; the codes of the units it serves."""

    number: int
    name: str
    areas: tuple[str, ...]

    def serves(self, path: str) -> bool:
        """Whether a unit's path (codes from the root down, each with a slash) lies in one of its areas."""
        return any(f"{code}/" in path for code in self.areas)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a dispatcher knows of a worker; times in seconds of the day."""

    number: int
    name: str
    sex: Sex
    provider: Provider
    town: str
    means: Travel
    base: Site
    skills: frozenset[str]
    """Those with a certificate that holds on the day."""
    lapsed: frozenset[str]
    """Those whose certificate has expired."""
    shift: tuple[int, int]
    meals: int
    """How many she carries at once."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a dispatcher knows of an order from the moment it is placed; times in seconds of the day.

    One that was placed before the day (below 0) was known the evening before.
    """

    number: int
    kind: Kind
    elder: int
    site: Site
    town: str
    path: str
    skill: str
    duration: int
    window: tuple[int, int]
    placed_at: int
    workers: int = 1
    sex: Sex | None = None
    kitchen: int | None = None
    ready: int = 0
    """When the kitchen has it ready."""


@dataclass(frozen=True, slots=True)
class Elder:
    """Who orders; two may not be sent to her who were excluded."""

    number: int
    site: Site
    town: str
    path: str
    sex: Sex
    excluded: frozenset[int]


@dataclass(frozen=True)
class Day:
    """A whole day: what is there, and what will happen that nobody knows yet."""

    seed: int
    kitchens: tuple[Kitchen, ...]
    providers: tuple[Provider, ...]
    workers: tuple[Worker, ...]
    elders: tuple[Elder, ...]
    orders: tuple[Order, ...]
    called_off_at: dict[int, int]
    """By order."""
    ill_at: dict[int, int]
    """By worker; before her shift: she does not come at all."""

    def chance(self, *about: object) -> random.Random:
        """A source of chance that depends on the day and on what it is about, and on nothing that happened before, so
        that every policy meets the same world."""
        return random.Random(f"{self.seed}:{':'.join(map(str, about))}")
