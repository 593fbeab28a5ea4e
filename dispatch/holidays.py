"""Which days people in China work: the State Council's calendar, and the weekday where it is not known yet."""

from datetime import date
from typing import Final, Literal

import chinese_calendar
import structlog
from prometheus_client import Gauge

DayKind = Literal["workday", "holiday"]
LAST_KNOWN_YEAR: Final[int] = max(chinese_calendar.constants.holidays).year
"""The last year whose holidays and days worked in lieu are known; the calendar of a year is published in November."""
CALENDAR_DAYS_LEFT = Gauge(
    "anban_calendar_days_left", "Days until holidays are no longer known and weekdays stand in for them; 0 since then"
)
log = structlog.get_logger()


def is_known(day: date) -> bool:
    """Whether the calendar knows the day's year."""
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def day_kind(day: date) -> DayKind:
    """Whether people work on a day, days worked in lieu of a holiday included; Monday to Friday in an unknown year."""
    try:
        works = bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        works = day.weekday() < 5
    return "workday" if works else "holiday"


def is_public_holiday(day: date) -> bool:
    """Whether a day is one of a public holiday's, a weekend within it included; no day of an unknown year is."""
    return day in chinese_calendar.constants.holidays


def watch_calendar(day: date) -> int:
    """Say in the metrics, and in the log during the last two weeks, how many days the calendar still knows."""
    left = max((date(LAST_KNOWN_YEAR + 1, 1, 1) - day).days, 0)
    CALENDAR_DAYS_LEFT.set(left)
    if left < 14:
        log.warning("calendar_ends", days_left=left, last_known_year=LAST_KNOWN_YEAR)
    return left
