"""How much older people move hour by hour.

Mean of three wrist actigraphs of 13-22 days (example_01, 02 and 04 of PyPI `pyActigraphy` 1.2.2): each hour's share of
a day's activity counts, local time.
"""

from datetime import datetime
from typing import Final

from schemas.district_time import DISTRICT_TIME

HOURLY_SHARE: Final = (
    0.0031, 0.0027, 0.0017, 0.0016, 0.0032, 0.0017, 0.0060, 0.0476, 0.0717, 0.0824, 0.0774, 0.0886,
    0.0641, 0.0511, 0.0635, 0.0636, 0.0687, 0.0756, 0.0801, 0.0482, 0.0299, 0.0258, 0.0201, 0.0213,
)  # fmt: skip

FALLS_BY_PART_OF_DAY: Final = {"morning": 0.33, "afternoon": 0.36, "evening": 0.21, "night": 0.10}
"""Sheridan 2024: 1,169 ambulance activations for falls of people of 65 and more, one US suburb; six hours each."""


def hour_of(moment: datetime) -> float:
    """The local time of day in hours, 0 up to but not including 24."""
    local = moment.astimezone(DISTRICT_TIME)
    return local.hour + local.minute / 60 + local.second / 3600


def activity_at(hour: float) -> float:
    """How active people are at a local hour, 1.0 on average over the day."""
    first = int(hour - 0.5) % 24 if hour >= 0.5 else 23
    fraction = (hour - 0.5) % 1
    share = HOURLY_SHARE[first] * (1 - fraction) + HOURLY_SHARE[(first + 1) % 24] * fraction
    return share * 24


def share_walked_by(hour: float) -> float:
    """Which share of a day's steps is done by a local hour, 0 to 1."""
    whole = int(hour)
    return min(1.0, (sum(HOURLY_SHARE[:whole]) + HOURLY_SHARE[whole] * (hour - whole)) / sum(HOURLY_SHARE))


def fall_factor(hour: float) -> float:
    """How likely a fall is at a local hour, 1.0 on average over the day."""
    part = "night" if hour < 6 else "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return FALLS_BY_PART_OF_DAY[part] * 4
