"""From a telemetry message to rows of `reading`: sensor-off, human ranges and device clocks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.messages import Sample, Telemetry, TelemetryBackfill
from schemas.vitals import RANGES, SCORED, Quality

CLOCK_AHEAD: Final = timedelta(minutes=5)
CLOCK_BEHIND: Final = timedelta(days=35)
"""A device's time outside these bounds is not believed."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENVELOPE: Final = frozenset({"v", "boot", "seq", "at", *RANGES})


@dataclass(frozen=True)
class Reading:
    """One row: when, the values by their message names (absent: None), and what to mistrust."""

    at: datetime
    sample: int
    values: dict[str, float | None]
    quality: Quality
    extra: dict[str, Any] | None

    def scored(self) -> dict[str, float]:
        """The values that NEWS2 scores and that are there."""
        return {name: value for name in SCORED if (value := self.values.get(name)) is not None}


def believed_time(millis: int, now: datetime) -> datetime | None:
    """The device's time, or None when it is too far off to believe (or beyond any calendar)."""
    try:
        at = _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        return None
    return at if now - CLOCK_BEHIND <= at <= now + CLOCK_AHEAD else None


def _value(name: str, raw: float) -> tuple[float | None, Quality]:
    limits = RANGES[name]
    if raw == 0 and limits.zero_is_off:
        return None, Quality.SENSOR_OFF
    if not limits.low <= raw <= limits.high:
        return None, Quality.OUT_OF_RANGE
    return raw, Quality(0)


def plausible(name: str, raw: float | None) -> float | None:
    """A value inside its human (or physical) range, or None."""
    return None if raw is None else _value(name, raw)[0]


def _reading(sample: Sample, index: int, now: datetime, quality: Quality) -> Reading:
    extra = {name: value for name, value in (sample.model_extra or {}).items() if name not in _ENVELOPE}
    at = believed_time(sample.at, now)
    if at is None:
        quality |= Quality.CLOCK_OFF
        extra["at"] = sample.at
        at = now
    values: dict[str, float | None] = {}
    for name in RANGES:
        raw = getattr(sample, name)
        if raw is None:
            continue
        values[name], fault = _value(name, raw)
        quality |= fault
        if fault is Quality.OUT_OF_RANGE:
            extra[name] = raw
    return Reading(at, index, values, quality, extra or None)


def readings_of(message: Telemetry | TelemetryBackfill, now: datetime) -> list[Reading]:
    """The rows of one message; `now` is when it was received."""
    if isinstance(message, TelemetryBackfill):
        return [_reading(sample, index, now, Quality.BACKFILL) for index, sample in enumerate(message.samples)]
    return [_reading(message, 0, now, Quality(0))]
