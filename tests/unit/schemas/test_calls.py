"""A call's state follows from its times, whatever the order and number of words in which they are heard."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from schemas.calls import CALL_OVER, CallTimes, CallWord

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
words = st.lists(
    st.tuples(st.sampled_from(get_args(CallWord)), st.integers(0, 300).map(lambda s: START + timedelta(seconds=s))),
    max_size=8,
)


def told(said: list[tuple[CallWord, datetime]]) -> CallTimes:
    """The times after some words."""
    times = CallTimes(START)
    for word, at in said:
        times = times.after(word, at)
    return times


@given(words, st.randoms())
def test_words_in_another_order_and_twice_come_to_the_same(said: list[tuple[CallWord, datetime]], rng: object) -> None:
    again = [*said, *said]
    rng.shuffle(again)  # type: ignore[attr-defined]
    assert told(again) == told(said)
    assert told(again).state == told(said).state


@given(words, st.sampled_from(get_args(CallWord)))
def test_a_call_that_is_over_stays_over(said: list[tuple[CallWord, datetime]], word: CallWord) -> None:
    before = told(said)
    after = before.after(word, START)
    assert before.state not in CALL_OVER or after.state in CALL_OVER


@given(words)
def test_it_ended_only_if_somebody_spoke_and_was_missed_only_if_nobody_did(
    said: list[tuple[CallWord, datetime]],
) -> None:
    times = told(said)
    assert (times.state == "ended") == (times.answered_at is not None and times.ended_at is not None)
    assert times.state not in ("missed", "failed") or times.answered_at is None
    assert (times.state in CALL_OVER) == (times.ended_at is not None)


def test_an_answer_that_is_heard_of_after_the_end_turns_a_missed_call_into_a_talk() -> None:
    ended = CallTimes(START).after("ringing", START).after("ended", START + timedelta(seconds=90))
    assert ended.state == "missed"
    assert ended.after("answered", START + timedelta(seconds=9)).state == "ended"
