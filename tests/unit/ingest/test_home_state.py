"""What is known of a home after each word of its sensors."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.home_state import HomeState, Observation, Stillness, reached_by_hour

START = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SILENCE = 15 * MINUTE


def told(minute: float, moved: bool = False, **said: object) -> Observation:
    """A hub's regular sample."""
    return Observation(START + minute * MINUTE, watches=True, moved=moved, **said)  # type: ignore[arg-type]


def after(*seen: Observation, start: HomeState | None = None) -> tuple[HomeState, list[Stillness]]:
    """The state after observations, and the stillnesses that ended."""
    state, ended = start or HomeState(), []
    for one in seen:
        state, stillness = state.after(one, SILENCE)
        ended += [stillness] if stillness else []
    return state, ended


def watched(since: int, until: int) -> list[Observation]:
    """Regular samples without movement."""
    return [told(minute) for minute in range(since, until, 10)]


def test_a_stillness_that_ends_is_a_lesson_and_a_short_one_is_none() -> None:
    state, ended = after(told(0, True), told(10, True), *watched(20, 100), told(100, True))
    assert ended == [Stillness(START + 10 * MINUTE, START + 100 * MINUTE)]
    assert state.still_since == START + 100 * MINUTE


def test_sensors_that_were_silent_begin_anew_and_teach_nothing() -> None:
    state, ended = after(told(0, True), told(10), told(60), told(70, True))
    assert ended == []
    state, _ = after(told(0, True), told(10), told(60))
    assert state.still_since == START + 60 * MINUTE


def test_a_home_that_may_be_empty_teaches_nothing_until_somebody_moves() -> None:
    out = after(told(0, True), told(10, True, door_opened=True), *watched(20, 200))[0]
    assert out.may_be_empty
    state, ended = after(told(200, True), start=out)
    assert not state.may_be_empty
    assert ended == []


def test_a_stillness_that_rang_teaches_nothing() -> None:
    still = after(told(0, True), *watched(10, 300))[0]
    rang = HomeState(still.heard_at, still.watched_since, still.moved_at, signalled_at=START + 290 * MINUTE, alarm_id=1)
    assert rang.rings
    state, ended = after(told(300, True), start=rang)
    assert (ended, state.rings) == ([], False)


def test_sensors_that_speak_only_when_they_see_something_watch_from_then_on() -> None:
    state, ended = after(Observation(START, moved=True), Observation(START + 90 * MINUTE, moved=True))
    assert state.watched_since == START
    assert ended == [Stillness(START, START + 90 * MINUTE)]
    assert state.heard_at is None


def test_the_last_word_about_the_bed_counts() -> None:
    state, _ = after(told(0, bed=True), told(10, True, bed=False))
    assert (state.in_bed, state.bed_changed_at) == (False, START + 10 * MINUTE)
    assert after(told(5, bed=True), start=state)[0].in_bed is False


@given(st.lists(st.builds(told, st.integers(0, 600), st.booleans(), door_opened=st.booleans()), max_size=30))
def test_time_never_turns_back(seen: list[Observation]) -> None:
    state = HomeState()
    for one in seen:
        later, ended = state.after(one, SILENCE)
        for before, now in ((state.heard_at, later.heard_at), (state.moved_at, later.moved_at)):
            assert before is None or (now is not None and now >= before)
        assert ended is None or ended.until - ended.since >= timedelta(minutes=20)
        state = later


def test_minutes_are_reached_hour_by_hour_over_midnight() -> None:
    # 23:30 to 01:15 of the district's clock.
    since = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    reached = reached_by_hour(Stillness(since, since + timedelta(minutes=105)))
    assert set(reached) == {date(2026, 11, 20), date(2026, 11, 21)}
    assert reached[date(2026, 11, 20)][23] == 30
    assert reached[date(2026, 11, 21)][:3] == [90, 105, 0]


@given(st.integers(0, 5000), st.integers(1, 4000))
def test_no_hour_reaches_more_than_the_whole(start: int, minutes: int) -> None:
    since = START + start * MINUTE
    reached = reached_by_hour(Stillness(since, since + minutes * MINUTE))
    figures = [value for hours in reached.values() for value in hours]
    assert max(figures) == min(minutes, 1440)
    assert all(len(hours) == 24 for hours in reached.values())


@pytest.mark.parametrize("moved", [True, False])
def test_a_late_word_changes_nothing_that_is_newer(moved: bool) -> None:
    state, _ = after(told(0, True), told(30, True))
    late, ended = state.after(told(10, moved), SILENCE)
    assert (late, ended) == (state, None)
