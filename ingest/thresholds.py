"""What holds for one wearer: NEWS2 bands, thresholds set for the elder or the care level, the own baseline; pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Literal

from schemas import news2
from schemas.states import Severity
from schemas.vitals import SCORED

SIGNS: Final = (*SCORED, "dbp")
"""The vital signs that rules look at; the first five have NEWS2 points."""
SEVERITIES: Final[tuple[Severity, ...]] = ("advisory", "urgent", "emergency")
"""What a threshold may raise, mildest first."""
Source = Literal["elder", "care_level", "baseline"]

# A verdict is a set of bits: NEWS2 first, then a threshold for each sign and severity, then a baseline for each sign.
NEWS2_URGENT: Final = 1
NEWS2_EMERGENCY: Final = 2
_FIRST_THRESHOLD: Final = 2
_FIRST_BASELINE: Final = _FIRST_THRESHOLD + len(SIGNS) * len(SEVERITIES)
BASELINE_BITS: Final = ((1 << len(SIGNS)) - 1) << _FIRST_BASELINE
THRESHOLD_BITS: Final = tuple(
    sum(1 << (_FIRST_THRESHOLD + sign * len(SEVERITIES) + rank) for sign in range(len(SIGNS)))
    for rank in range(len(SEVERITIES))
)
"""The bits of all signs, for each severity."""
POINTS: Final = 3
"""The lowest two bits of a judgement are NEWS2 points 0..3; the bits of crossed limits stand above them."""
UNBOUNDED: Final[tuple[float, ...]] = (-inf, inf) * len(SIGNS)


@dataclass(frozen=True, slots=True)
class Limit:
    """A value below `low` or above `high`, in the vital sign's unit, crosses it; None is no limit on that side."""

    vital: str
    severity: Severity
    low: float | None
    high: float | None
    source: Source

    @property
    def sign(self) -> int:
        """Its place in SIGNS."""
        return SIGNS.index(self.vital)

    @property
    def bit(self) -> int:
        """Its bit in a verdict."""
        if self.source == "baseline":
            return 1 << (_FIRST_BASELINE + self.sign)
        return 1 << (_FIRST_THRESHOLD + self.sign * len(SEVERITIES) + SEVERITIES.index(self.severity))

    def crossed_by(self, value: float) -> bool:
        """Whether a value lies outside."""
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)

    def shown(self, value: float) -> dict[str, Any]:
        """The limit and the value that crossed it, as JSON."""
        return {
            "vital": self.vital,
            "value": value,
            "low": self.low,
            "high": self.high,
            "severity": self.severity,
            "source": self.source,
        }


class WearerRules:
    """The bands and limits of one wearer, laid out for a look at every message.

    `baseline` is low, high of each sign in the order of SIGNS, infinite where nothing is known.
    """

    __slots__ = ("_bands", "_baseline", "_calm", "_thresholds", "scale")

    def __init__(self, scale: int, thresholds: tuple[Limit, ...] = (), baseline: tuple[float, ...] = UNBOUNDED) -> None:
        self.scale = scale
        self._bands = BANDS[scale]
        self._thresholds = thresholds
        self._baseline = baseline
        self._calm = _narrowed(baseline, thresholds) if thresholds else baseline

    def judge(self, sign: int, value: float) -> int:
        """NEWS2 points of a value of SIGNS[sign] in the lowest two bits, the limits it crosses above them."""
        edges, scores = self._bands[sign]
        found = scores[bisect_right(edges, value)]
        calm = self._calm
        if calm[2 * sign] <= value <= calm[2 * sign + 1]:
            return found
        return found | sum(limit.bit for limit in self.limits(sign) if limit.crossed_by(value))

    def limits(self, sign: int) -> list[Limit]:
        """The limits on one sign; at most one for each severity, and the baseline."""
        found = [limit for limit in self._thresholds if limit.vital == SIGNS[sign]]
        low, high = self._baseline[2 * sign], self._baseline[2 * sign + 1]
        if low > -inf or high < inf:
            found.append(baseline_limit(SIGNS[sign], low, high))
        return found


def baseline_limit(vital: str, low: float, high: float) -> Limit:
    """An elder's own usual range of a vital sign as a limit; infinite is no limit."""
    return Limit(vital, "advisory", low if low > -inf else None, high if high < inf else None, "baseline")


def standing(own: Iterable[Limit], of_level: Sequence[Limit]) -> tuple[Limit, ...]:
    """The thresholds that hold for an elder: the own ones, and the care level's where there is no own one.

    An own threshold without limits takes the care level's away.
    """
    chosen = {(limit.vital, limit.severity): limit for limit in of_level}
    chosen |= {(limit.vital, limit.severity): limit for limit in own}
    return tuple(limit for limit in chosen.values() if limit.low is not None or limit.high is not None)


def _narrowed(bounds: tuple[float, ...], limits: Iterable[Limit]) -> tuple[float, ...]:
    narrow = list(bounds)
    for limit in limits:
        sign = limit.sign
        if limit.low is not None:
            narrow[2 * sign] = max(narrow[2 * sign], limit.low)
        if limit.high is not None:
            narrow[2 * sign + 1] = min(narrow[2 * sign + 1], limit.high)
    return tuple(narrow)


_NO_POINTS: Final[news2.Scale] = ((), (0,))
BANDS: Final[dict[int, tuple[news2.Scale, ...]]] = {
    scale: tuple(news2.bands(name, scale) if name in SCORED else _NO_POINTS for name in SIGNS) for scale in (1, 2)
}
PLAIN: Final[dict[int, WearerRules]] = {scale: WearerRules(scale) for scale in (1, 2)}
"""The rules of whoever has no limits of their own, by NEWS2 SpO2 scale."""
