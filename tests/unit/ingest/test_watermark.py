"""The watermark tells every message apart from its redeliveries, in whatever order they come."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.watermark import WINDOW, Watermark

sequences = st.lists(st.integers(min_value=0, max_value=4 * WINDOW), min_size=1, max_size=120)


def _run(sequence: list[int]) -> list[int]:
    admitted: list[int] = []
    mark: Watermark | None = None
    for seq in sequence:
        verdict = mark.judge(seq) if mark else "new"
        if verdict == "too_old_to_tell":
            verdict = "duplicate" if seq in admitted else "new"
        if verdict == "new":
            admitted.append(seq)
            mark = mark.advanced(seq) if mark else Watermark.first(seq)
    return admitted


@given(sequences)
def test_each_sequence_number_is_admitted_exactly_once(sequence: list[int]) -> None:
    admitted = _run(sequence)
    assert sorted(admitted) == sorted(set(sequence))


@given(sequences)
def test_inside_the_window_it_never_needs_to_look_elsewhere(sequence: list[int]) -> None:
    mark = Watermark.first(sequence[0])
    stored = {sequence[0]}
    for seq in sequence[1:]:
        if mark.high - seq < WINDOW:
            assert mark.judge(seq) == ("duplicate" if seq in stored else "new")
        mark = mark.advanced(seq)
        stored.add(seq)


@given(sequences)
def test_it_remembers_runs_in_order_and_no_more_than_its_window(sequence: list[int]) -> None:
    mark = Watermark.first(sequence[0])
    for seq in sequence[1:]:
        mark = mark.advanced(seq)
    runs = list(zip(mark.ranges[::2], mark.ranges[1::2], strict=True))
    assert all(first <= last for first, last in runs)
    assert all(below[1] + 1 < above[0] for below, above in itertools.pairwise(runs))
    assert all(mark.high - last < WINDOW for _, last in runs)


def test_a_jump_beyond_the_window_forgets_what_was_below() -> None:
    mark = Watermark.first(1).advanced(1 + 2 * WINDOW)
    assert mark.judge(1) == "too_old_to_tell"
    assert mark.judge(2 * WINDOW) == "new"
    assert mark.judge(1 + 2 * WINDOW) == "duplicate"
