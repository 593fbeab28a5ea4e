"""The district's day, whatever the server's time zone."""

from datetime import UTC, date, datetime, timedelta

from schemas.district_time import day_bounds, day_start, today

EVENING = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


def test_the_day_is_the_districts_day() -> None:
    assert today(EVENING) == date(2026, 11, 23)
    assert day_start(EVENING) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def test_a_day_ends_where_the_next_one_begins() -> None:
    first, end = day_bounds(EVENING)
    assert first <= EVENING < end
    assert day_bounds(end) == (end, end + timedelta(days=1))
