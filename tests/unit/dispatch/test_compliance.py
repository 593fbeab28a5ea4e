"""Figures of a service level follow from tallies: what each means, and that they are those of the single times."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.compliance import Bar, Measure, Tally, figures, in_all, spread, summed, telecare_bar


def tally(
    *tenths: int, missed: int = 0, late: int = 0, key: str | None = "a", measure: Measure = "answer", help_: bool = True
) -> Tally:
    """Promises of one group: met in so many tenths of a second, `late` of them too late, and so many never met."""
    return Tally(key, measure, help_, len(tenths) + missed, missed + late, tenths)


times = st.lists(st.integers(0, 50_000), min_size=1, max_size=200)


@given(times)
def test_a_spread_has_the_nearest_ranks(tenths: list[int]) -> None:
    found = spread([tenths])
    assert found is not None
    ordered = sorted(tenths)
    for percent, value in ((50, found.p50), (90, found.p90), (99, found.p99)):
        assert value == ordered[math.ceil(percent * len(ordered) / 100) - 1] / 10
    assert found.mean == pytest.approx(sum(tenths) / len(tenths) / 10, abs=0.006)
    assert found.p50 <= found.p90 <= found.p99 <= max(tenths) / 10


@given(times, st.data())
def test_it_does_not_matter_how_times_are_grouped(tenths: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(tenths)))
    assert summed([tally(*tenths)]) == summed([tally(*tenths[cut:]), tally(*tenths[:cut])])


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), times, st.integers(0, 3))))
def test_groups_add_up_to_all(found: list[tuple[str | None, list[int], int]]) -> None:
    tallies = [tally(*tenths, missed=missed, key=key) for key, tenths, missed in found]
    groups = figures(tallies)
    every = in_all(tallies)
    for name in ("decided", "broken", "kept"):
        assert sum(getattr(group["answer"], name) for group in groups.values()) == (
            getattr(every["answer"], name) if every else 0
        )
    assert list(groups) == sorted(groups, key=lambda key: (key is None, key or ""))


@pytest.mark.parametrize(
    ("within_60", "within_180", "passed"),
    [(975, 990, True), (974, 990, False), (975, 989, False), (1000, 1000, True)],
)
def test_the_bar_asks_for_both_shares(within_60: int, within_180: int, passed: bool) -> None:
    assert Bar(1000, within_60, within_180).passed is passed


def test_the_bar_counts_calls_for_help_and_what_nobody_answered() -> None:
    calls = tally(*[600] * 39, 601, 1800, 1801, missed=1)
    assert telecare_bar([calls, tally(*[5] * 100, help_=False)]) == Bar(43, 39, 41)
    assert telecare_bar([tally(5, measure="resolve")]) is None
    assert telecare_bar([tally(5, help_=False)]) is None
    assert telecare_bar([tally(5, measure="call_answer")]) == Bar(1, 1, 1)


def test_what_was_never_met_has_no_time_but_counts_as_broken() -> None:
    found = summed([tally(100, 90, missed=3, late=1)])
    assert (found.decided, found.broken, found.kept) == (5, 4, 1)
    assert found.spread is not None and (found.spread.mean, found.spread.p99) == (9.5, 10.0)
    assert summed([tally(missed=3)]).spread is None
