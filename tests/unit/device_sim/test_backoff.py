"""When events are repeated and connections tried again."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from device_sim.backoff import FullJitter, repeat_delays


def test_an_event_is_repeated_after_3_s_doubling_to_30_s() -> None:
    assert list(itertools.islice(repeat_delays(), 7)) == [3, 6, 12, 24, 30, 30, 30]


@given(st.integers(), st.floats(0.01, 5), st.floats(5, 60), st.integers(1, 200))
def test_a_retry_waits_between_nothing_and_a_doubling_ceiling(
    seed: int, first: float, ceiling: float, failures: int
) -> None:
    jitter = FullJitter(random.Random(seed), first, ceiling)
    for number in range(failures):
        assert 0 <= jitter.next_delay() <= min(ceiling, first * 2 ** min(number, 16))


def test_a_success_begins_again() -> None:
    jitter = FullJitter(random.Random(1), first=1, ceiling=30)
    for _ in range(10):
        jitter.next_delay()
    jitter.reset()
    assert jitter.next_delay() <= 1


def test_a_herd_comes_back_spread_out() -> None:
    delays = sorted(FullJitter(random.Random(number)).next_delay() for number in range(1000))
    assert delays[100] < 0.2 and 0.4 < delays[500] < 0.6 and delays[900] > 0.8
