"""The calendar of the place where the elders live: loads, certificates, promises and "today" go by it."""

from datetime import date, datetime, time, timedelta, timezone
from typing import Final

DISTRICT_TIME: Final = timezone(timedelta(hours=8))
"""China has one time zone and no summer time."""


def today(now: datetime) -> date:
    """The date in the district."""
    return now.astimezone(DISTRICT_TIME).date()


def day_bounds(at: datetime) -> tuple[datetime, datetime]:
    """The beginning and the end of the district's day that `at` lies in."""
    first = datetime.combine(today(at), time(), DISTRICT_TIME)
    return first, first + timedelta(days=1)


def day_start(now: datetime) -> datetime:
    """Midnight in the district."""
    return day_bounds(now)[0]


def month_of(at: datetime) -> date:
    """The first day of the district's month that `at` lies in."""
    return today(at).replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after the one that begins on `month`."""
    return (month + timedelta(days=31)).replace(day=1)


def month_bounds(at: datetime) -> tuple[datetime, datetime]:
    """The beginning and the end of the district's month that `at` lies in."""
    first = month_of(at)
    return midnight(first), midnight(next_month(first))


def midnight(day: date) -> datetime:
    """The first moment of a day of the district."""
    return datetime.combine(day, time(), DISTRICT_TIME)


def local_hour(at: datetime) -> int:
    """The hour of the district's clock, 0 to 23."""
    return at.astimezone(DISTRICT_TIME).hour


def is_between_hours(at: datetime, first: int, last: int) -> bool:
    """Whether a moment lies in the hours from `first` (included) to `last` (not included), which may pass midnight."""
    hour = local_hour(at)
    return first <= hour < last if first <= last else hour >= first or hour < last
