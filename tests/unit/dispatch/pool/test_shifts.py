"""Weekly hours as shifts."""

from datetime import date, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dispatch.pool.shifts import WeeklyHours, shifts_between
from schemas.district_time import DISTRICT_TIME, today

MONDAY = date(2026, 11, 23)


def test_a_weeks_hours_are_made_on_their_weekday_from_the_first_to_the_last_day() -> None:
    hours = WeeklyHours(3, time(8), time(17), MONDAY, MONDAY + timedelta(days=20))
    made = list(shifts_between(hours, MONDAY - timedelta(days=30), MONDAY + timedelta(days=365)))
    assert [today(starts) for starts, _ in made] == [date(2026, 11, 25), date(2026, 12, 2), date(2026, 12, 9)]
    assert {(starts.timetz(), ends - starts) for starts, ends in made} == {
        (time(8, tzinfo=DISTRICT_TIME), timedelta(hours=9))
    }


def test_hours_that_end_before_they_begin_go_on_into_the_next_day() -> None:
    [(starts, ends)] = shifts_between(WeeklyHours(1, time(20), time(6), MONDAY), MONDAY, MONDAY + timedelta(days=6))
    assert (today(starts), today(ends)) == (MONDAY, MONDAY + timedelta(days=1))
    assert ends - starts == timedelta(hours=10)


@given(
    weekday=st.integers(1, 7),
    starts=st.times(),
    ends=st.times(),
    first=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    days=st.integers(0, 90),
    cut=st.integers(0, 90),
)
def test_shifts_made_in_two_parts_are_those_made_at_once_and_never_overlap(
    weekday: int, starts: time, ends: time, first: date, days: int, cut: int
) -> None:
    hours = WeeklyHours(weekday, starts, ends, first)
    last = first + timedelta(days=days)
    middle = first + timedelta(days=min(cut, days))
    at_once = list(shifts_between(hours, first, last))
    assert [
        *shifts_between(hours, first, middle),
        *shifts_between(hours, middle + timedelta(days=1), last),
    ] == at_once
    assert all(begins.isoweekday() == weekday and begins < until for begins, until in at_once)
    assert all(one[1] <= other[0] for one, other in pairwise(at_once))
