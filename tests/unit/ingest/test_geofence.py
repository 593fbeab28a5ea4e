"""Who has left the place where she may be, by positions as watches send them."""

from datetime import UTC, datetime, timedelta
from math import cos, radians

from hypothesis import given
from hypothesis import strategies as st

from ingest.geofence import METRES_A_DEGREE, Fence, FencePolicy, FenceState, Fix, Turn

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FENCE = Fence(1, 7, 70, 29.83, 106.44, 500)
POLICY = FencePolicy(2, 30 * MINUTE, 30, 30, 120 * MINUTE, 22, 6)


def at(minutes: float, east_m: float) -> Fix:
    """A position some metres east of the fence's middle."""
    degrees = east_m / (METRES_A_DEGREE * cos(radians(FENCE.lat)))
    return Fix(NOW + minutes * MINUTE, FENCE.lat, FENCE.lon + degrees)


def turns(*fixes: Fix, start: FenceState | None = None) -> list[Turn | None]:
    """What each position means."""
    state, told = start or FenceState(), []
    for fix in fixes:
        state, turn = state.after(fix, FENCE, POLICY)
        told.append(turn)
    return told


def test_one_wild_position_is_no_exit_and_two_are() -> None:
    assert turns(at(0, 10), at(5, 3000), at(10, 12), at(15, 3000)) == [None, None, None, None]
    assert turns(at(0, 10), at(5, 600), at(10, 650)) == [None, None, "left"]


def test_two_positions_far_apart_in_time_do_not_confirm_each_other() -> None:
    assert turns(at(0, 600), at(31, 600), at(60, 600)) == [None, None, "left"]


def test_whoever_stays_away_is_called_about_again_after_two_hours_and_not_before() -> None:
    told = turns(*(at(5 * step, 900) for step in range(50)))
    assert [step * 5 for step, turn in enumerate(told) if turn] == [5, 125, 245]


def test_a_position_on_the_line_changes_nothing() -> None:
    outside = [at(0, 600), at(5, 600)]
    assert turns(*outside, at(10, 510), at(15, 480), at(20, 600)) == [None, "left", None, None, None]


def test_the_way_home_is_told_once_and_the_next_exit_rings_again() -> None:
    fixes = [at(0, 600), at(5, 600), at(10, 100), at(15, 90), at(20, 700), at(25, 700)]
    assert turns(*fixes) == [None, "left", "returned", None, None, "left"]


def test_older_positions_are_history() -> None:
    assert turns(at(10, 20), at(0, 900), at(5, 900)) == [None, None, None]


def test_the_fence_is_round_across_the_date_line() -> None:
    fence = Fence(1, 7, 70, 60.0, 179.999, 500)
    assert abs(fence.distance_m(60.0, -179.999) - METRES_A_DEGREE * 0.002 * 0.5) < 1


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0, 5000)), max_size=40))
def test_it_never_rings_without_two_positions_outside_since_the_last_return(steps: list[tuple[int, float]]) -> None:
    state, outside = FenceState(), 0
    for minutes, distance in steps:
        fix = at(minutes, distance)
        is_new = state.at is None or fix.at > state.at
        state, turn = state.after(fix, FENCE, POLICY)
        if not is_new:
            assert turn is None
            continue
        outside = outside + 1 if distance > 531 else 0 if distance < 469 else outside
        assert turn != "left" or outside >= POLICY.fixes or 469 <= distance <= 531
