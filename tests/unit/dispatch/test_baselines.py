"""From an elder's usual range to what is unusual."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.baselines import BaselinePolicy, own_limits
from schemas.vitals import VITALS

POLICY = BaselinePolicy(25, 72)


@pytest.mark.parametrize(
    ("vital", "usual", "margin", "limits"),
    [
        ("hr", (58.4, 91.2), 25, (33, 117)),
        ("temp", (36.1, 37.2), 1.0, (35.1, 38.2)),
        ("temp", (36.14, 37.21), 1.0, (35.1, 38.3)),
        ("spo2", (94, 99), 4, (90, None)),
        ("spo2", (88, 93), 4, (84, 97)),
    ],
)
def test_the_margin_widens_the_usual_range_and_bounds_are_rounded_outwards(
    vital: str, usual: tuple[float, float], margin: float, limits: tuple[float | None, float | None]
) -> None:
    assert own_limits(vital, *usual, 100, BaselinePolicy(margin, 72)) == limits


def test_too_few_hours_no_range_or_no_policy_give_no_limits() -> None:
    nothing = (None, None)
    assert own_limits("hr", 60, 80, 71, POLICY) == nothing
    assert own_limits("hr", 60, 80, 72, POLICY) != nothing
    assert own_limits("hr", None, None, 0, POLICY) == nothing
    assert own_limits("hr", 60, 80, 100, None) == nothing


@given(st.sampled_from(VITALS), st.floats(2, 300), st.floats(0, 100), st.floats(0, 50))
def test_what_is_usual_is_never_unusual(vital: str, low: float, width: float, margin: float) -> None:
    lower, upper = own_limits(vital, low, low + width, 1, BaselinePolicy(margin, 1))
    assert lower is not None
    assert lower <= low + 1e-6
    assert upper is None or upper >= low + width - 1e-6
