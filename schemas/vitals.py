"""Vital signs: units, human ranges and what counts as a sensor that is off. The ranges are data, widest plausible."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final, Literal, get_args

Vital = Literal["hr", "spo2", "rr", "temp", "sbp", "dbp"]
VITALS: Final[tuple[Vital, ...]] = get_args(Vital)


class Quality(IntFlag):
    """Why a stored reading is not to be taken at face value."""

    SENSOR_OFF = 1
    """At least one vital sign was 0: stored as null."""
    OUT_OF_RANGE = 2
    """At least one value was outside the human range: stored as null, the value kept in `extra`."""
    CLOCK_OFF = 4
    """The device's time was far off: the time of receipt is used, the device's kept in `extra`."""
    BACKFILL = 8
    """One of several samples sent together."""


@dataclass(frozen=True)
class Range:
    """A vital sign's unit and the widest range a living person can show (inclusive)."""

    unit: str
    low: float
    high: float
    zero_is_off: bool = True


RANGES: Final[dict[str, Range]] = {
    "hr": Range("/min", 20, 300),
    "spo2": Range("%", 30, 100),
    "rr": Range("/min", 2, 90),
    "temp": Range("°C", 25, 44),
    "sbp": Range("mmHg", 30, 300),
    "dbp": Range("mmHg", 10, 200),
    "steps": Range("count today", 0, 200_000, zero_is_off=False),
    "lat": Range("degrees WGS-84", -90, 90, zero_is_off=False),
    "lon": Range("degrees WGS-84", -180, 180, zero_is_off=False),
    "bat": Range("%", 0, 100, zero_is_off=False),
}
SCORED: Final = ("rr", "spo2", "sbp", "hr", "temp")
"""The vital signs that NEWS2 scores and a device may send."""
