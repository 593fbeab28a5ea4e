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
