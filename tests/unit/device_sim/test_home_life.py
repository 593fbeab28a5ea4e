"""A simulated home's sensors: a day that a real rule would find ordinary, and words like a real sensor's."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from device_sim.home_life import HomeSensors, Sample
from device_sim.population import Household, households
from device_sim.vitals import Wearer
from schemas.home import HomeSample

MINUTE = timedelta(minutes=1)
MIDNIGHT = datetime(2026, 11, 19, 16, 0, tzinfo=UTC)
"""Of the district's clock."""


def _home(passes_on: bool, wanders: bool | None = None) -> Household:
    return next(
        home
        for home in households(3000)
        if home.has_hub
        and (home.number % 2 == 0) is passes_on
        and home.elders[0].state == "home"
        and (wanders is None or home.elders[0].wanders is wanders)
    )


def _day(home: Household, seed: int = 1, away_at: int | None = None) -> list[list[Sample]]:
    """What the hub sends in each minute of a day."""
    rng = random.Random(seed)
    wearer = Wearer(home.elders[0], (29.8, 106.4), MIDNIGHT, rng)
    sensors = HomeSensors(home, [wearer], rng)
    said = []
    for minute in range(1440):
        now = MIDNIGHT + minute * MINUTE
        if minute == away_at:
            wearer.walk_away(now)
        said.append(sensors.speak(now))
    return said


def test_an_ordinary_day_is_never_still_for_long_and_uses_water() -> None:
    home = _home(passes_on=False)
    for seed in range(5):
        samples = [samples[0] for samples in _day(home, seed)]
        moved = [minute for minute, sample in enumerate(samples) if sample["motion"] > 0]
        gaps = [following - one for one, following in pairwise(moved)]
        assert max(gaps) < 200
        assert 0.05 < samples[-1]["water"] - samples[0]["water"] < 0.4
        assert any(sample["bed"] for sample in samples) and not all(sample["bed"] for sample in samples)
        assert 0 < sum(sample["door"] for sample in samples) < 30


def test_water_only_counts_up_and_every_sample_is_one_that_ingest_reads() -> None:
    samples = [samples[0] for samples in _day(_home(passes_on=True))]
    assert all(a["water"] <= b["water"] for a, b in pairwise(samples))
    for sample in samples:
        assert HomeSample.model_validate(sample, strict=True).motion is not None


def test_a_motion_sensor_repeats_its_state_with_battery_reports() -> None:
    said = [sample["said"]["occupancy"] for samples in _day(_home(passes_on=True)) for sample in samples[1:]]
    turns = sum(a != b for a, b in pairwise(said))
    assert len(said) > turns + 1 > 100


def test_a_home_whose_elder_walked_away_does_not_move() -> None:
    said = _day(_home(passes_on=False, wanders=True), away_at=600)
    assert sum(samples[0]["motion"] for samples in said[600:640]) == 0
    assert sum(samples[0]["motion"] for samples in said[700:]) > 0


def test_who_walks_away_is_seen_outside_the_fence_and_back_later() -> None:
    home = _home(passes_on=False, wanders=True)
    wearer = Wearer(home.elders[0], (29.8, 106.4), MIDNIGHT, random.Random(2))
    start = MIDNIGHT + 600 * MINUTE
    wearer.measure(start)
    wearer.walk_away(start)
    north: list[float] = []
    for minute in range(120):
        sample = wearer.measure(start + minute * MINUTE)
        if "lat" in sample:
            north.append(abs(sample["lat"] - 29.8) + abs(sample["lon"] - 106.4))
    assert max(north) > 0.015
    assert north[-1] < 0.015
