"""When ingest counts as behind: late for long enough, until steady for long enough."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.ingest_watch import LIMITS, UNWATCHED, Judged, judge

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
TELEMETRY = LIMITS["telemetry"]
FINE, BETWEEN, LATE = 0.0, 7.0, 30.0


def _watched(lags: list[float], *, shards: int = 0, every: float = 1.0) -> list[Judged]:
    """A look every so many seconds."""
    seen: list[Judged] = []
    for index, lag in enumerate(lags):
        now = START + timedelta(seconds=index * every)
        seen.append(judge(seen[-1] if seen else None, lag, shards, TELEMETRY, now))
    return seen


def test_a_short_delay_tells_nobody() -> None:
    assert all(seen.behind_since is None for seen in _watched([LATE] * 9 + [FINE] * 5))


def test_a_delay_that_lasts_is_told_once_and_over_when_it_was_steady_for_a_while() -> None:
    seen = _watched([LATE] * 15 + [FINE] * 20)
    told = [index for index, judged in enumerate(seen) if judged.behind_since is not None]
    assert told == list(range(10, 25))
    assert {seen[index].behind_since for index in told} == {START + timedelta(seconds=10)}


def test_a_shard_for_which_nobody_works_is_a_delay() -> None:
    assert _watched([FINE] * 12, shards=1)[-1].behind_since is not None


def test_between_late_and_steady_everything_stays_as_it_was() -> None:
    assert _watched([LATE] * 5 + [BETWEEN] * 10)[-1].behind_since is not None
    assert _watched([FINE] * 5 + [BETWEEN] * 60)[-1].behind_since is None
    assert _watched([LATE] * 12 + [BETWEEN] * 60)[-1].behind_since is not None


def test_a_look_after_nobody_watched_begins_anew() -> None:
    (late,) = _watched([LATE])
    much_later = START + UNWATCHED + timedelta(seconds=1)
    again = judge(late, LATE, 0, TELEMETRY, much_later)
    assert (again.behind_since, again.late_since) == (None, much_later)


def test_events_are_late_sooner_than_readings() -> None:
    assert LIMITS["event"].late_seconds < TELEMETRY.late_seconds
    assert LIMITS["event"].patience < TELEMETRY.patience


@given(st.lists(st.sampled_from([FINE, BETWEEN, LATE]), max_size=80))
def test_whatever_happens_nobody_is_told_early_and_it_ends_after_calm(lags: list[float]) -> None:
    seen = _watched(lags)
    for index, judged in enumerate(seen):
        if judged.behind_since is not None and (index == 0 or seen[index - 1].behind_since is None):
            assert FINE not in lags[index - 10 : index + 1]
    calm = _watched([*lags, *[FINE] * 12])
    assert not calm or calm[-1].behind_since is None
