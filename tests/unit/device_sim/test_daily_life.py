"""What happens, in which mix."""

import random
from collections import Counter

from device_sim.daily_life import draw_happening


def mix(hour: float) -> Counter[str]:
    rng = random.Random(3)
    return Counter(draw_happening(rng, hour) for _ in range(4000))


def test_over_a_day_falls_and_feeling_unwell_come_about_equally_often() -> None:
    total: Counter[str] = Counter()
    for hour in range(24):
        total += mix(hour)
    unwell = total["sos"] + total["deterioration"]
    assert 0.6 < total["fall"] / unwell < 1.1


def test_falls_are_rarer_at_night_than_in_the_afternoon() -> None:
    assert mix(3)["fall"] < 0.6 * mix(15)["fall"]
