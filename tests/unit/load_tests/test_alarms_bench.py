"""The alarms benchmark's own judgement: what it plays, and what it calls late."""

import itertools
import random
from collections import Counter

import pytest

from load_tests.alarms_bench.account import Entry, Steps, judge, rate
from load_tests.alarms_bench.cast import Caller
from load_tests.alarms_bench.life import Span, lived, merged
from load_tests.alarms_bench.people import Story
from load_tests.alarms_bench.plan import plan, step_seconds
from load_tests.alarms_bench.provider import FAILING, HANGING, fate

ALWAYS = [Span(-1000, 10_000)]


def _judged(timeline: list[Entry], spans: list[Span] = ALWAYS, *, is_fall: bool = False) -> tuple[int, int, int]:
    """Steps taken, late, missing."""
    steps = Steps()
    judge(timeline, spans, steps, is_fall=is_fall)
    return steps.taken, len(steps.late), steps.missing


def _raised(*taken: tuple[int, float, float], answered: float) -> list[Entry]:
    """An alarm raised at 0; steps by position, moment and planned moment."""
    steps = [Entry(at, "escalated", position, planned) for position, at, planned in taken]
    return [Entry(0, "raised"), *steps, Entry(answered, "acknowledged"), Entry(answered + 3, "resolved")]


def test_the_same_seed_plays_the_same_and_everybody_is_answered_or_calls_off() -> None:
    planned = plan(2000, 50, 7)
    assert planned == plan(2000, 50, 7) != plan(2000, 50, 8)
    assert [one.at for one in planned] == sorted(one.at for one in planned)
    assert planned[-1].at == pytest.approx(40, abs=0.1)
    kinds = Counter(one.kind for one in planned)
    assert kinds.keys() == {"sos", "fall", "smoke", "leak"} and kinds["sos"] > 1200
    assert all(one.kind == "fall" for one in planned if one.called_off_after is not None)
    assert sum(one.answered_after > 60 for one in planned) > 50, "nobody would call the whole chain"
    assert max(one.answered_after for one in planned) < 70


def test_at_a_quicker_pace_the_same_happens_in_less_time_to_the_same_steps() -> None:
    usual, quick = plan(500, 50, 7), plan(500, 50, 7, 0.4)
    assert [one.at for one in quick] == [one.at for one in usual], "as many begin in a second"
    assert [one.kind for one in quick] == [one.kind for one in usual]
    assert step_seconds(1.0) == (20, 40, 60) and step_seconds(0.4) == (8, 16, 24)
    for slow, fast in zip(usual, quick, strict=True):
        assert fast.answered_after == pytest.approx(0.4 * slow.answered_after, abs=0.15), "races stay races"
        assert fast.called_off_after == pytest.approx(slow.called_off_after and 0.4 * slow.called_off_after)
    fall = [Entry(0, "raised"), Entry(12.2, "confirmed"), Entry(12.4, "summoned", 1, 12), Entry(18, "acknowledged")]
    steps = Steps()
    judge(fall, ALWAYS, steps, is_fall=True, pace=0.4)
    judge(_raised((1, 0.1, 0), (2, 8.2, 8), answered=17.5), ALWAYS, steps, pace=0.4)
    assert (steps.taken, len(steps.late), steps.missing) == (4, 0, 1)


def test_steps_taken_to_the_second_are_neither_late_nor_missing() -> None:
    assert _judged(_raised((1, 0.1, 0), (2, 20.2, 20), answered=25)) == (2, 0, 0)


def test_a_step_taken_more_than_a_second_after_its_time_is_late() -> None:
    assert _judged(_raised((1, 0.1, 0), (2, 21.2, 20), answered=25)) == (2, 1, 0)


def test_a_step_that_was_due_before_somebody_answered_and_never_taken_is_missing() -> None:
    assert _judged(_raised((1, 0.1, 0), answered=25)) == (1, 0, 1)
    assert _judged(_raised((1, 0.1, 0), answered=20.9)) == (1, 0, 0), "the answer came first"


def test_time_without_an_engine_does_not_count() -> None:
    assert _judged(_raised((1, 0.1, 0), (2, 24, 20), answered=25), [Span(-5, 19), Span(23.5, 99)]) == (2, 0, 0)
    assert _judged(_raised((1, 0.1, 0), (2, 24, 20), answered=25), [Span(-5, 19), Span(22.5, 99)]) == (2, 1, 0)


def test_a_step_taken_early_because_nobody_could_be_reached_is_not_late() -> None:
    assert _judged(_raised((1, 0.1, 0), (2, 0.3, 20), answered=25)) == (2, 0, 0)


def test_nobody_is_called_to_a_fall_before_it_is_confirmed() -> None:
    fall = [Entry(0, "raised"), Entry(30.2, "confirmed"), Entry(30.4, "summoned", 1, 30), Entry(45, "acknowledged")]
    assert _judged(fall, is_fall=True) == (2, 0, 0)
    late = [Entry(0, "raised"), Entry(32, "confirmed"), Entry(32.1, "summoned", 1, 30), Entry(45, "acknowledged")]
    assert _judged(late, is_fall=True) == (2, 2, 0)
    assert _judged([Entry(0, "raised"), Entry(8, "cancelled")], is_fall=True) == (0, 0, 0)


def test_an_alarm_that_rings_again_is_counted_from_then() -> None:
    timeline = [
        *_raised((1, 0.1, 0), answered=5)[:-1],
        Entry(20, "realarmed"),
        Entry(20.1, "summoned", 1, 20),
        Entry(45, "acknowledged"),
    ]
    assert _judged(timeline) == (2, 0, 1), "the step 20 s after it rang again was never taken"


def test_what_an_engine_lived_is_counted_once_however_many_lived() -> None:
    chance = random.Random(3)
    spans = [Span(begin, begin + chance.uniform(0, 9)) for begin in (chance.uniform(0, 100) for _ in range(30))]
    found = merged(reversed(spans))
    tenths = sum(any(one.begin <= moment / 10 < one.end for one in spans) for moment in range(1200)) / 10
    assert lived(found, 0, 120) == pytest.approx(tenths, abs=1.5)
    assert all(earlier.end < later.begin for earlier, later in itertools.pairwise(found))
    assert lived(found, 50, 40) == 0


def test_a_message_has_the_same_luck_however_often_it_is_sent() -> None:
    lucks = [fate(str(number)) for number in range(5000)]
    assert lucks == [fate(str(number)) for number in range(5000)]
    assert 0.02 < sum(luck < FAILING for luck in lucks) / 5000 < 0.04
    assert any(FAILING <= luck < FAILING + HANGING for luck in lucks)


def _stories(number: int, per_second: float, lives: float) -> list[Story]:
    return [
        Story(one, Caller(1, 1, 1), alarm_id=one.number, raised=one.at, ended=one.at + lives)
        for one in plan(number, per_second, 1)
    ]


def test_the_rate_is_that_at_which_incidents_end_while_others_begin() -> None:
    assert rate(_stories(9000, 60, 20)) == pytest.approx(60, rel=0.02)
    assert rate(_stories(100, 10, 20)) == pytest.approx(100 / 30, rel=0.02), "too short for a steady state"
    slow = _stories(9000, 60, 20)
    for story in slow:
        assert story.ended is not None
        story.ended += story.planned.at
    assert rate(slow) < 40, "incidents that take longer and longer are not kept up with"
    assert rate([]) == 0
