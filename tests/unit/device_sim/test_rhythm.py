"""The shape of a day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.rhythm import HOURLY_SHARE, activity_at, fall_factor, hour_of, share_walked_by

hours = st.floats(0, 24, exclude_max=True)


def test_the_shares_are_those_of_one_day() -> None:
    assert sum(HOURLY_SHARE) == pytest.approx(1, abs=0.005)
    assert sum(fall_factor(hour) for hour in range(24)) / 24 == pytest.approx(1)


@given(hours)
def test_activity_is_never_negative_and_lower_than_thrice_the_mean(hour: float) -> None:
    assert 0 <= activity_at(hour) < 3


@given(hours, hours)
def test_steps_accumulate_with_the_hours(one: float, other: float) -> None:
    first, second = sorted((one, other))
    assert 0 <= share_walked_by(first) <= share_walked_by(second) <= 1


def test_hours_are_those_of_beibei() -> None:
    assert hour_of(datetime(2026, 1, 1, 16, 30, tzinfo=UTC)) == 0.5
