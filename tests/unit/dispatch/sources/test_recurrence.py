"""Days of recurring visits: by weekday, every so many weeks, around public holidays."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.holidays import is_public_holiday
from dispatch.sources.recurrence import DAY, OnHolidays, Rule, days_between, spread, takes_place_on

MONDAY = date(2026, 1, 5)
YEARS = st.dates(date(2024, 1, 1), date(2026, 12, 31))


def rule(
    *weekdays: int,
    every: int = 1,
    first: date = MONDAY,
    last: date | None = None,
    on_holidays: OnHolidays = "keep",
) -> Rule:
    """A rule from a Monday on."""
    return Rule(frozenset(weekdays), every, first, last, on_holidays)


RULES = st.builds(
    Rule,
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
    every_weeks=st.integers(1, 5),
    first_day=YEARS,
    last_day=st.one_of(st.none(), YEARS),
    on_holidays=st.sampled_from(["keep", "skip", "move"]),
)


def test_meals_on_weekdays_leave_the_weekend_out() -> None:
    found = list(days_between(rule(1, 2, 3, 4, 5), MONDAY - DAY, MONDAY + 6 * DAY))
    assert found == [MONDAY + index * DAY for index in range(5)]


def test_every_second_week_is_counted_from_the_week_of_the_first_day() -> None:
    thursday = MONDAY + 3 * DAY
    bath = rule(1, 4, every=2, first=thursday)
    found = list(days_between(bath, MONDAY - DAY, MONDAY + 28 * DAY))
    assert found == [thursday, MONDAY + 14 * DAY, thursday + 14 * DAY, MONDAY + 28 * DAY]


def test_both_ends_count() -> None:
    assert list(days_between(rule(1, last=MONDAY + 7 * DAY), date(2025, 1, 1), date(2026, 12, 31))) == [
        MONDAY,
        MONDAY + 7 * DAY,
    ]


@pytest.mark.parametrize(
    ("on_holidays", "day", "expected"),
    [
        ("keep", date(2026, 10, 1), date(2026, 10, 1)),
        ("skip", date(2026, 10, 1), None),
        # National Day lasts until the 7th.
        ("move", date(2026, 10, 1), None),
        ("move", date(2026, 10, 5), date(2026, 10, 8)),
        ("move", date(2026, 10, 12), date(2026, 10, 12)),
    ],
)
def test_a_holiday_is_kept_left_out_or_waited_for(on_holidays: OnHolidays, day: date, expected: date | None) -> None:
    weekly = rule(day.isoweekday(), 1, on_holidays=on_holidays)
    assert takes_place_on(weekly, day, is_public_holiday) == expected


def test_a_visit_does_not_wait_beyond_the_last_day() -> None:
    weekly = rule(1, last=date(2026, 10, 7), on_holidays="move")
    assert takes_place_on(weekly, date(2026, 10, 5), is_public_holiday) is None


def test_an_ordinary_weekend_is_no_holiday() -> None:
    assert not is_public_holiday(date(2026, 11, 21))
    assert is_public_holiday(date(2026, 10, 3))
    assert not is_public_holiday(date(2099, 10, 1))


@given(RULES, YEARS, st.integers(0, 120), st.integers(0, 120))
def test_looking_twice_finds_the_same_days_as_looking_once(one: Rule, after: date, first: int, second: int) -> None:
    middle, until = after + timedelta(days=first), after + timedelta(days=first + second)
    found = list(days_between(one, after, until))
    assert [*days_between(one, after, middle), *days_between(one, middle, until)] == found
    assert found == sorted(set(found))
    assert all(after < day <= until and one.falls_on(day) for day in found)


@given(RULES, YEARS)
def test_no_two_visits_meet_on_one_day(one: Rule, after: date) -> None:
    nominal = list(days_between(one, after, after + timedelta(days=200)))
    placed = [takes_place_on(one, day, is_public_holiday) for day in nominal]
    kept = [day for day in placed if day is not None]
    assert kept == sorted(set(kept))
    for day, at in zip(nominal, placed, strict=True):
        assert at is None or (at >= day and (one.last_day is None or at <= one.last_day))
        assert one.on_holidays == "keep" or at is None or not is_public_holiday(at)
        assert is_public_holiday(day) or at == day


@given(st.integers(1, 7))
def test_visits_of_a_week_are_spread_over_it(times: int) -> None:
    days = sorted(spread(times))
    assert len(days) == times
    assert days[0] == 1
    assert days[-1] <= 7
    gaps = [later - earlier for earlier, later in zip(days, [*days[1:], days[0] + 7], strict=True)]
    assert max(gaps) - min(gaps) <= 1
