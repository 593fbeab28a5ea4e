"""NEWS2, the National Early Warning Score 2 (Royal College of Physicians, 2017), for whatever was measured.

A home device sends some of the seven parameters, so the score is partial and a lower bound: a missing parameter is
named, never counted as 0.
"""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from schemas.states import Severity

MAX_AGE: Final = timedelta(minutes=30)
"""A sample older than this does not count."""
EMERGENCY: Final = 7
"""The score from which it is an emergency."""
URGENT: Final = 5
"""The score from which it is urgent; a single parameter with 3 points is as well."""

Consciousness = Literal["alert", "cvpu"]
"""Alert, or anything worse: new confusion, responds to voice, responds to pain, unresponsive."""
Scale = tuple[tuple[float, ...], tuple[int, ...]]
"""Where each band after the first begins, and the points of all bands.

A value is rounded half up to its band's precision first: "up to 38.0" is every value below 38.05. Comparing with the
rounded edge says the same as rounding each value, exactly: a value written as 38.05 is the float of the edge.
"""

_SCALES: Final[dict[str, Scale]] = {
    "rr": ((8.5, 11.5, 20.5, 24.5), (3, 1, 0, 2, 3)),
    "spo2": ((91.5, 93.5, 95.5), (3, 2, 1, 0)),
    "sbp": ((90.5, 100.5, 110.5, 219.5), (3, 2, 1, 0, 3)),
    "hr": ((40.5, 50.5, 90.5, 110.5, 130.5), (3, 1, 0, 1, 2, 3)),
    "temp": ((35.05, 36.05, 38.05, 39.05), (3, 1, 0, 1, 2)),
}
_SPO2_SCALE_2_AIR: Final[Scale] = ((83.5, 85.5, 87.5), (3, 2, 1, 0))
_SPO2_SCALE_2_OXYGEN: Final[Scale] = ((83.5, 85.5, 87.5, 92.5, 94.5, 96.5), (3, 2, 1, 0, 1, 2, 3))
PARAMETERS: Final = ("rr", "spo2", "sbp", "hr", "temp", "oxygen", "consciousness")
_ZERO: Final = timedelta(0)


def bands(parameter: str, scale: int = 1, *, on_oxygen: bool | None = None) -> Scale:
    """The bands of one measured parameter; `scale` (1 or 2) and `on_oxygen` matter to SpO2 only."""
    if parameter == "spo2" and scale == 2:
        return _SPO2_SCALE_2_OXYGEN if on_oxygen else _SPO2_SCALE_2_AIR
    return _SCALES[parameter]


def points(parameter: str, value: float, scale: int = 1, *, on_oxygen: bool | None = None) -> int:
    """Points 0..3 of one measured parameter, rounded to its band's precision first."""
    edges, scores = bands(parameter, scale, on_oxygen=on_oxygen)
    return scores[bisect_right(edges, value)]


def score(
    values: Mapping[str, tuple[float, datetime]],
    scale: int,
    now: datetime,
    *,
    on_oxygen: bool | None = None,
    consciousness: Consciousness | None = None,
    max_age: timedelta = MAX_AGE,
) -> dict[str, Any] | None:
    """The partial score of the newest value of each parameter, or None when nothing is known that is fresh enough.

    `values` maps rr, spo2, sbp, hr, temp to (value, time measured); `on_oxygen` and `consciousness` are what somebody
    saw now, None where nobody did. The result is JSON: score, complete, missing, single_three, scale and values with
    value, points and age_seconds.
    """
    scored: dict[str, dict[str, Any]] = {
        name: {
            "value": value,
            "points": points(name, value, scale, on_oxygen=on_oxygen),
            "age_seconds": round((now - at).total_seconds()),
        }
        for name, (value, at) in values.items()
        if name in _SCALES and _ZERO <= now - at <= max_age
    }
    if on_oxygen is not None:
        scored["oxygen"] = {"value": on_oxygen, "points": 2 if on_oxygen else 0, "age_seconds": 0}
    if consciousness is not None:
        scored["consciousness"] = {
            "value": consciousness,
            "points": 0 if consciousness == "alert" else 3,
            "age_seconds": 0,
        }
    if not scored:
        return None
    missing = [name for name in PARAMETERS if name not in scored]
    return {
        "score": sum(int(part["points"]) for part in scored.values()),
        "complete": not missing,
        "missing": missing,
        "single_three": any(part["points"] == 3 for part in scored.values()),
        "scale": scale,
        "values": scored,
    }


def severity(result: Mapping[str, Any]) -> Severity | None:
    """Emergency at 7 and above, urgent at 5 and above or any single 3, otherwise nothing to raise."""
    if result["score"] >= EMERGENCY:
        return "emergency"
    return "urgent" if result["score"] >= URGENT or result["single_three"] else None
