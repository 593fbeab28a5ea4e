"""Which homes are in one building, by their addresses and positions; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dispatch.travel import Place, distance_m

_BUILDING: Final = re.compile(r"^.*?(?:\d+|[A-Za-z]|[一二三四五六七八九十]+)(?:号楼|栋|幢|座|楼)")
_NUMBER: Final = re.compile(r"^.*?\d+号")


@dataclass(frozen=True)
class Home:
    """A home that raised an alarm, and the incident and group that alarm belongs to."""

    household_id: int
    incident_id: int
    group_id: int | None
    address: str
    place: Place | None


def address_stem(address: str) -> str:
    """An address as far as the building: without entrance, floor and flat; the whole where no building can be told."""
    bare = "".join(address.split())
    found = _BUILDING.match(bare) or _NUMBER.match(bare)
    return found.group(0) if found else bare


def same_building(one: Home, other: Home, metres: float) -> bool:
    """Whether two homes of one unit have the same address as far as the building, or stand within so many metres."""
    stem = address_stem(one.address)
    if stem and stem == address_stem(other.address):
        return True
    return one.place is not None and other.place is not None and distance_m(one.place, other.place) <= metres


def neighbours(home: Home, others: Sequence[Home], metres: float, homes: int) -> list[Home]:
    """The homes that are in trouble together with `home`, itself among them.

    Empty while they are fewer than `homes` and none of them has a group yet.
    """
    near = [home, *(other for other in others if same_building(home, other, metres))]
    grouped = any(other.group_id is not None for other in near)
    return near if grouped or len({other.household_id for other in near}) >= homes else []
