"""Percentiles by nearest rank."""

from hypothesis import given
from hypothesis import strategies as st

from load_tests.percentiles import percentile

values = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300)


@given(values, st.floats(0, 1))
def test_a_percentile_is_a_measured_value_that_the_wanted_share_does_not_exceed(
    measured: list[float], share: float
) -> None:
    found = percentile(measured, share)
    assert found in measured
    assert sum(value <= found for value in measured) >= share * len(measured)


@given(values, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_share_never_gives_less(measured: list[float], one: float, other: float) -> None:
    low, high = (percentile(measured, share) for share in sorted((one, other)))
    assert low is not None and high is not None and low <= high


def test_known_ranks() -> None:
    hundred = list(range(1, 101))
    assert percentile(hundred, 0.5) == 50
    assert percentile(hundred, 0.99) == 99
    assert percentile([*hundred, 1000], 0.99) == 100
    assert percentile([], 0.5) is None
