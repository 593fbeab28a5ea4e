"""How well a score separates two groups: the area under the ROC curve with its confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, variance


@dataclass(frozen=True)
class Area:
    """The chance that one who died scored higher than one who lived (ties count half), and its interval."""

    value: float
    low: float
    high: float


def area_under_curve(died: Sequence[float], lived: Sequence[float], confidence: float = 0.95) -> Area | None:
    """The AUROC with the interval of DeLong, DeLong and Clarke-Pearson (1988) on the logit scale.

    None with fewer than two in a group. An area of 0 or 1 has no variance to speak of: its interval is the point.
    """
    if min(len(died), len(lived)) < 2:
        return None
    above = [_share_below(score, lived) for score in died]
    below = [1 - _share_below(score, died) for score in lived]
    value = sum(above) / len(above)
    spread = math.sqrt(variance(above) / len(died) + variance(below) / len(lived))
    if not 0 < value < 1 or spread == 0:
        return Area(value, value, value)
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * spread / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return Area(value, _expit(middle - reach), _expit(middle + reach))


def _share_below(score: float, others: Sequence[float]) -> float:
    return sum(1.0 if other < score else 0.5 if other == score else 0.0 for other in others) / len(others)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))
