"""The district's kitchens as pure functions: a canteen in each street and town, from which meals are delivered."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from device_sim.places import scatter
from device_sim.towns import TOWNS

_SEED: Final = "anban-beibei:kitchen"
_SPREAD: Final = 200.0
"""Metres from the town's point."""


@dataclass(frozen=True)
class Kitchen:
    """A kitchen at which anybody's workers fetch; degrees WGS-84."""

    name: str
    town_code: str
    lat: float
    lon: float


def kitchens() -> Iterator[Kitchen]:
    """One in each town, where it always is; the names are invented."""
    for town in TOWNS:
        lat, lon = scatter(random.Random(f"{_SEED}:{town.code}"), town.lat, town.lon, _SPREAD)
        yield Kitchen(f"{town.name}社区老年食堂", town.code, lat, lon)
