"""From a telemetry message to rows of `reading`: sensor-off, human ranges and device clocks."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas.messages import Measurement, Sample, TelemetryBackfill
from schemas.vitals import RANGES, SCORED, Quality

CLOCK_AHEAD: Final = timedelta(minutes=5)
CLOCK_BEHIND: Final = timedelta(days=35)
"""A device's time outside these bounds is not believed."""
_AHEAD_MS: Final = CLOCK_AHEAD / timedelta(milliseconds=-1)
_BEHIND_MS: Final = CLOCK_BEHIND / timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENVELOPE: Final = frozenset({"v", "boot", "seq", "at", *RANGES})
_LIMITS: Final = tuple((name, limits.low, limits.high, limits.zero_is_off) for name, limits in RANGES.items())
# Plain integers: every operation on flags makes an object, and there are several a value.
_SENSOR_OFF: Final = int(Quality.SENSOR_OFF)
_OUT_OF_RANGE: Final = int(Quality.OUT_OF_RANGE)
_CLOCK_OFF: Final = int(Quality.CLOCK_OFF)
_BACKFILL: Final = int(Quality.BACKFILL)


class Reading(NamedTuple):
    """One row: when, the values by their message names (absent: None), and the Quality flags of what to mistrust."""

    at: datetime
    sample: int
    values: dict[str, float | None]
    quality: int
    extra: dict[str, Any] | None

    def scored(self) -> dict[str, float]:
        """The values that NEWS2 scores and that are there."""
        return {name: value for name in SCORED if (value := self.values.get(name)) is not None}


def claimed_time(millis: int) -> datetime | None:
    """The device's time as it says it, or None when it is beyond any calendar."""
    try:
        return _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        return None


def believed_time(millis: int, now: datetime) -> datetime | None:
    """The device's time, or None when it is too far off to believe (or beyond any calendar)."""
    behind = now.timestamp() * 1000 - millis
    return datetime.fromtimestamp(millis / 1000, UTC) if _AHEAD_MS <= behind <= _BEHIND_MS else None


def plausible(name: str, raw: float | None) -> float | None:
    """A value inside its human (or physical) range, or None."""
    limits = RANGES[name]
    if raw is None or (raw == 0 and limits.zero_is_off):
        return None
    return raw if limits.low <= raw <= limits.high else None


def _reading(sample: Sample | Measurement, index: int, now: datetime, quality: int, extra: dict[str, Any]) -> Reading:
    at = believed_time(sample.at, now)
    if at is None:
        quality |= _CLOCK_OFF
        extra["at"] = sample.at
        at = now
    values: dict[str, float | None] = {}
    for name, low, high, zero_is_off in _LIMITS:
        raw = getattr(sample, name)
        if raw is None:
            continue
        if raw == 0 and zero_is_off:
            values[name] = None
            quality |= _SENSOR_OFF
        elif low <= raw <= high:
            values[name] = raw
        else:
            values[name] = None
            quality |= _OUT_OF_RANGE
            extra[name] = raw
    return Reading(at, index, values, quality, extra or None)


def _unknown(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _ENVELOPE} if fields else {}


def readings_of(message: Measurement | TelemetryBackfill, now: datetime) -> list[Reading]:
    """The rows of one message; `now` is when it was received. What a backfill says beside its samples stays with the
    first of them."""
    if isinstance(message, Measurement):
        return [_reading(message, 0, now, 0, _unknown(message.model_extra))]
    beside = dict(message.model_extra or {})
    return [
        _reading(sample, index, now, _BACKFILL, (beside if index == 0 else {}) | _unknown(sample.model_extra))
        for index, sample in enumerate(message.samples)
    ]
