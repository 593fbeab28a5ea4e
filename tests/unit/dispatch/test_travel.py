"""How far and how long: symmetric, never shorter than the bird flies, longer on foot."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.travel import DOORS, Place, distance_m, travel_time
from schemas.states import Travel

TIANSHENG, CHAOYANG = Place(29.8270, 106.4230), Place(29.8280, 106.4420)
places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))
nearby = st.builds(Place, st.floats(29.6, 30.1), st.floats(106.2, 106.7))
means = st.sampled_from(["walk", "scooter", "car"])


def test_a_degree_of_latitude_is_111_km() -> None:
    assert distance_m(Place(29, 106), Place(30, 106)) == pytest.approx(111_195, abs=1)
    assert distance_m(TIANSHENG, CHAOYANG) == pytest.approx(1837, abs=5)


def test_antipodes_are_half_the_world_apart() -> None:
    assert distance_m(Place(0, 0), Place(0, 180)) == pytest.approx(20_015_115, abs=10)
    assert distance_m(Place(90, 0), Place(-90, 77)) == pytest.approx(20_015_115, abs=10)


@given(places, places, means)
def test_travel_is_symmetric(a: Place, b: Place, by: Travel) -> None:
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-3)
    assert abs(travel_time(a, b, by) - travel_time(b, a, by)) < timedelta(milliseconds=10)


@given(places, means)
def test_next_door_is_a_minute_away(a: Place, by: Travel) -> None:
    assert travel_time(a, a, by) == DOORS
    assert travel_time(None, a, by) == travel_time(a, None, by) == DOORS


@given(nearby, nearby, nearby, means)
def test_a_detour_is_never_quicker(a: Place, b: Place, c: Place, by: Travel) -> None:
    assert travel_time(a, c, by) <= travel_time(a, b, by) + travel_time(b, c, by)


def test_a_kilometre_on_foot_by_scooter_and_by_car() -> None:
    a, b = Place(29.8, 106.4), Place(29.8 + 1000 / 111_195, 106.4)
    minutes = [travel_time(a, b, by).total_seconds() / 60 for by in ("walk", "scooter", "car")]
    assert minutes == pytest.approx([1 + 60 * 1.4 / 4.5, 1 + 60 * 1.4 / 18, 1 + 60 * 1.4 / 28], abs=0.01)
