"""An ordinary day of 300 elders calls nobody; a deterioration calls somebody; every number is one a human can have."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.episodes import KINDS, Episode, some_episode
from device_sim.population import Elder, households
from device_sim.vitals import Sample, Wearer
from schemas.district_time import DISTRICT_TIME
from schemas.vitals import RANGES

MIDNIGHT = datetime(2026, 5, 11, tzinfo=DISTRICT_TIME).astimezone(UTC)
ELDERS = [(elder, home) for home in households(300) for elder in home.elders]

# Upper ends of the bands of the design page, with their points; the last band is open.
BANDS = {
    "rr": ((8, 3), (11, 1), (20, 0), (24, 2), (None, 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (None, 0)),
    "spo2 scale 2": ((83, 3), (85, 2), (87, 1), (None, 0)),
    "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (None, 3)),
    "hr": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (None, 3)),
    "temp": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (None, 2)),
}


def points(name: str, value: float) -> int:
    return next(score for upper, score in BANDS[name] if upper is None or value <= upper)


class EarlyWarning:
    """NEWS2 from the newest value of each vital sign that is not older than half an hour."""

    def __init__(self, elder: Elder) -> None:
        self._oxygen = "spo2" if elder.oxygen_scale == 1 else "spo2 scale 2"
        self._latest: dict[str, tuple[float, datetime]] = {}

    def alarming(self, now: datetime, sample: Sample) -> bool:
        for name in ("rr", "spo2", "sbp", "hr", "temp"):
            if sample.get(name):
                self._latest[name] = (sample[name], now)
        scores = [
            points(self._oxygen if name == "spo2" else name, value)
            for name, (value, at) in self._latest.items()
            if now - at <= timedelta(minutes=30)
        ]
        return sum(scores) >= 5 or 3 in scores


def wearer_of(index: int, start: datetime = MIDNIGHT) -> Wearer:
    elder, household = ELDERS[index]
    return Wearer(elder, (household.home.lat, household.home.lon), start, random.Random(index))


def moments(start: datetime, hours: float, seconds: float) -> Iterator[datetime]:
    count = int(hours * 3600 / seconds)
    return (start + timedelta(seconds=seconds * number) for number in range(count))


def test_an_ordinary_day_of_the_whole_district_trips_nothing() -> None:
    false_alarms = measured = absent = 0
    for index in range(len(ELDERS)):
        wearer, warning = wearer_of(index), EarlyWarning(ELDERS[index][0])
        for now in moments(MIDNIGHT, 24, 150):
            sample = wearer.measure(now)
            false_alarms += warning.alarming(now, sample)
            measured += 1
            absent += sample["hr"] == 0
    assert measured == 300 * 576
    assert false_alarms == 0
    assert 0.02 < absent / measured < 0.2


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("index", [0, 7, 60, 111])
def test_a_deterioration_is_noticed_within_three_minutes(kind: str, index: int) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    wearer, warning = wearer_of(index, noon), EarlyWarning(ELDERS[index][0])
    wearer.fall_ill(Episode(KINDS[kind], noon))
    alarming = [warning.alarming(now, wearer.measure(now)) for now in moments(noon, 0.05, 10)]
    assert any(one and other for one, other in itertools.pairwise(alarming))


def test_a_deterioration_passes() -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    episode = some_episode(random.Random(1), noon)
    assert episode.shift(noon).hr == 0
    assert episode.shift(noon + episode.onset) == episode.full
    assert episode.shift(noon + 3 * episode.onset + episode.holds).hr == 0
    assert episode.is_over(noon + 3 * episode.onset + episode.holds)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 299),
    st.lists(st.floats(0.001, 90_000), min_size=1, max_size=60),
    st.one_of(st.none(), st.integers(0, 59)),
)
def test_every_value_is_one_a_living_person_can_show(index: int, waits: list[float], ill_at: int | None) -> None:
    wearer, now = wearer_of(index), MIDNIGHT
    for number, wait in enumerate(waits):
        now += timedelta(seconds=wait)
        if number == ill_at:
            wearer.fall_ill(some_episode(random.Random(index), now))
        for name, value in wearer.measure(now).items():
            limits = RANGES[name]
            assert limits.low <= value <= limits.high or (value == 0 and limits.zero_is_off), (name, value)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 299))
def test_steps_only_grow_within_a_day_and_begin_again_at_midnight(index: int) -> None:
    wearer = wearer_of(index)
    steps = [wearer.measure(now)["steps"] for now in moments(MIDNIGHT, 24, 300)]
    assert steps == sorted(steps)
    assert wearer.measure(MIDNIGHT + timedelta(hours=24))["steps"] < max(50, steps[-1])


def test_hearts_beat_slower_at_night() -> None:
    rates: dict[bool, list[float]] = defaultdict(list)
    for index in range(60):
        wearer = wearer_of(index)
        for now in moments(MIDNIGHT, 24, 600):
            hr = wearer.measure(now)["hr"]
            if hr:
                rates[wearer.is_asleep(now)].append(hr)
    asleep, awake = (sum(rates[sleeping]) / len(rates[sleeping]) for sleeping in (True, False))
    assert asleep + 5 < awake


def test_temperature_and_pressure_are_measured_rarely() -> None:
    wearer = wearer_of(3)
    samples = [wearer.measure(now) for now in moments(MIDNIGHT, 24, 60)]
    assert 20 < sum("temp" in sample for sample in samples) < 120
    assert 1 <= sum("sbp" in sample for sample in samples) < 10


def test_an_unwell_wearer_has_the_wearable_on() -> None:
    wearer = wearer_of(5)
    wearer.fall_ill(some_episode(random.Random(2), MIDNIGHT))
    for now in moments(MIDNIGHT, 0.1, 10):
        assert wearer.measure(now)["hr"] > 0
