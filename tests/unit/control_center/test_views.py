"""What cards say."""

from datetime import UTC, date, datetime, timedelta

import pytest

from control_center.presence import is_online
from control_center.views import age, day_start, news2_of, promise, today

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
DUE = NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("born", "years"),
    [
        (date(1942, 11, 22), 84),
        (date(1942, 11, 23), 83),
        (date(1944, 2, 29), 82),
        (date(2026, 11, 22), 0),
    ],
)
def test_age_is_in_full_years(born: date, years: int) -> None:
    assert age(born, date(2026, 11, 22)) == years


def test_the_day_is_the_districts_day() -> None:
    assert today(NOW) == date(2026, 11, 23)
    assert day_start(NOW) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("met", "ended", "later", "breached"),
    [
        (None, None, 0, False),
        (None, None, 60, False),
        (None, None, 61, True),
        (59, None, 600, False),
        (61, None, 600, True),
        (None, 30, 600, False),
        (None, 90, 600, True),
        (90, 30, 600, True),
    ],
)
def test_a_promise_is_broken_when_it_was_not_met_in_time(
    met: int | None, ended: int | None, later: int, breached: bool
) -> None:
    met_at = NOW + timedelta(seconds=met) if met is not None else None
    ended_at = NOW + timedelta(seconds=ended) if ended is not None else None
    made = promise(DUE, met_at, ended_at, NOW + timedelta(seconds=later))
    assert made is not None
    assert (made.due_at, made.met_at, made.breached) == (DUE, met_at, breached)


def test_what_was_not_promised_cannot_be_broken() -> None:
    assert promise(None, None, None, NOW) is None


def test_a_device_is_online_for_180_seconds() -> None:
    assert is_online(NOW - timedelta(seconds=180), NOW)
    assert not is_online(NOW - timedelta(seconds=181), NOW)
    assert not is_online(None, NOW)


def test_a_score_in_an_unknown_shape_is_left_out() -> None:
    assert news2_of(None) is None
    assert news2_of([1]) is None
    assert news2_of({"score": 1}) is None
