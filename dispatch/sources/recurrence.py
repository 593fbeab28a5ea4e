"""On which days a schedule's visits take place, by the district's calendar; pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

OnHolidays = Literal["keep", "skip", "move"]
"""What becomes of a visit on a public holiday: it takes place, is left out, or waits until the holiday is over."""
IsHoliday = Callable[[date], bool]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """Certain weekdays (1 is Monday) of every so many weeks, counted from the week of the first day; both ends count,
    and without `last_day` there is none."""

    weekdays: frozenset[int]
    every_weeks: int
    first_day: date
    last_day: date | None
    on_holidays: OnHolidays

    def falls_on(self, day: date) -> bool:
        """Whether a day is one of the rule's, holidays aside."""
        if day < self.first_day or (self.last_day is not None and day > self.last_day):
            return False
        weeks = (monday_of(day) - monday_of(self.first_day)).days // 7
        return day.isoweekday() in self.weekdays and weeks % self.every_weeks == 0


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - (day.isoweekday() - 1) * DAY


def days_between(rule: Rule, after: date, until: date) -> Iterator[date]:
    """The rule's days after one day, up to and including another, in order; holidays aside."""
    day = max(after + DAY, rule.first_day)
    last = until if rule.last_day is None else min(until, rule.last_day)
    while day <= last:
        if rule.falls_on(day):
            yield day
        day += DAY


def takes_place_on(rule: Rule, day: date, is_holiday: IsHoliday) -> date | None:
    """The day on which the visit of one of the rule's days takes place; None when it is left out.

    A visit that waits for the end of a holiday is left out when the rule's next day, or its last, comes first: the
    next visit stands in for it, so that no two meet on one day.
    """
    if rule.on_holidays == "keep" or not is_holiday(day):
        return day
    if rule.on_holidays == "skip":
        return None
    moved = day + DAY
    while is_holiday(moved):
        moved += DAY
    stood_in_for = any(days_between(rule, day, moved))
    over = rule.last_day is not None and moved > rule.last_day
    return None if stood_in_for or over else moved


def spread(times_per_week: int) -> frozenset[int]:
    """Weekdays for so many visits a week (1 to 7), as far apart as they can be, from Monday on."""
    return frozenset(1 + 7 * index // times_per_week for index in range(times_per_week))
