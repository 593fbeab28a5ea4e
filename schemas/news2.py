"""NEWS2, the National Early Warning Score 2 (Royal College of Physicians, 2017), for what a wearable can measure.

A home device sends some of the seven parameters, so the score is partial and a lower bound: a missing parameter is
named, never counted as 0.
"""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from schemas.states import Severity

MAX_AGE: Final = timedelta(minutes=30)
"""A sample older than this does not count."""

Band = tuple[float, int]
"""Highest value of the band (inclusive) and its points."""

_BANDS: Final[dict[str, tuple[Band, ...]]] = {
    "rr": ((8, 3), (11, 1), (20, 0), (24, 2), (float("inf"), 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (float("inf"), 0)),
    "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (float("inf"), 3)),
    "hr": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (float("inf"), 3)),
    "temp": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (float("inf"), 2)),
}
_SPO2_SCALE_2_AIR: Final[tuple[Band, ...]] = ((83, 3), (85, 2), (87, 1), (float("inf"), 0))
_SPO2_SCALE_2_OXYGEN: Final[tuple[Band, ...]] = (
    (83, 3),
    (85, 2),
    (87, 1),
    (92, 0),
    (94, 1),
    (96, 2),
    (float("inf"), 3),
)
PARAMETERS: Final = ("rr", "spo2", "sbp", "hr", "temp", "oxygen", "consciousness")
_STEP: Final = {"temp": Decimal("0.1")}


def points(parameter: str, value: float, scale: int = 1, *, on_oxygen: bool | None = None) -> int:
    """Points 0..3 of one measured parameter, rounded to its band's precision first."""
    bands = _BANDS[parameter]
    if parameter == "spo2" and scale == 2:
        bands = _SPO2_SCALE_2_OXYGEN if on_oxygen else _SPO2_SCALE_2_AIR
    rounded = float(Decimal(str(value)).quantize(_STEP.get(parameter, Decimal(1)), rounding=ROUND_HALF_UP))
    return next(score for highest, score in bands if rounded <= highest)


def score(values: dict[str, tuple[float, datetime]], scale: int, now: datetime) -> dict[str, Any] | None:
    """The partial score of the newest value of each parameter, or None when no value is fresh enough.

    `values` maps rr, spo2, sbp, hr, temp to (value, time measured); the result is JSON:
    score, complete, missing, single_three, scale and values with value, points and age_seconds.
    """
    fresh = {
        name: (value, at)
        for name, (value, at) in values.items()
        if name in _BANDS and timedelta(0) <= now - at <= MAX_AGE
    }
    if not fresh:
        return None
    scored = {
        name: {"value": value, "points": points(name, value, scale), "age_seconds": round((now - at).total_seconds())}
        for name, (value, at) in fresh.items()
    }
    missing = [name for name in PARAMETERS if name not in fresh]
    return {
        "score": sum(int(part["points"]) for part in scored.values()),
        "complete": not missing,
        "missing": missing,
        "single_three": any(part["points"] == 3 for part in scored.values()),
        "scale": scale,
        "values": scored,
    }


def severity(result: dict[str, Any]) -> Severity | None:
    """Emergency at 7 and above, urgent at 5 and above or any single 3, otherwise nothing to raise."""
    if result["score"] >= 7:
        return "emergency"
    if result["score"] >= 5 or result["single_three"]:
        return "urgent"
    return None
