"""Which windows are proposed for an item: within the hours in which people come, beside what the elder has already."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from schemas.database import Transaction
from schemas.district_time import DISTRICT_TIME, today
from schemas.statements import statement

POLICY = statement("""
    SELECT days_ahead, first_hour, last_hour, notice_minutes, joins_minutes, call_back_seconds FROM ordering_policy
""")
TAKEN = statement("""
    SELECT window_from, window_to FROM service_order
    WHERE elder_id = %(elder_id)s::integer AND ended_at IS NULL AND lead_id IS NULL
      AND window_to > %(now)s::timestamptz
    ORDER BY window_from
""")
STEP: Final = timedelta(minutes=30)
"""Windows begin on the hour and the half hour."""


@dataclass(frozen=True)
class OrderingPolicy:
    """The figures of ordering, the table `ordering_policy`; these stand in for a row that somebody deleted."""

    days_ahead: int = 2
    first_hour: int = 7
    last_hour: int = 20
    notice_minutes: int = 30
    joins_minutes: int = 15
    call_back_seconds: int = 900


@dataclass(frozen=True)
class Window:
    """From when to when a worker may arrive."""

    begins: datetime
    ends: datetime

    def meets(self, other: "Window") -> bool:
        """Whether both have a moment in common."""
        return self.begins < other.ends and other.begins < self.ends


def ordering_policy(tx: Transaction) -> OrderingPolicy:
    """What holds for ordering."""
    found = tx.row(POLICY)
    return OrderingPolicy(**found) if found else OrderingPolicy()


def taken_windows(tx: Transaction, now: datetime, elder_id: int) -> list[Window]:
    """When somebody comes to an elder already."""
    found = tx.rows(TAKEN, {"elder_id": elder_id, "now": now})
    return [Window(row["window_from"], row["window_to"]) for row in found]


def at(day: date, clock: time) -> datetime:
    """A moment by the district's clock."""
    return datetime.combine(day, clock, DISTRICT_TIME)


def hours_of(day: date, policy: OrderingPolicy) -> Window:
    """When people come on a day."""
    midnight = at(day, time())
    return Window(midnight + timedelta(hours=policy.first_hour), midnight + timedelta(hours=policy.last_hour))


def free_windows(
    now: datetime, length: timedelta, policy: OrderingPolicy, taken: Iterable[Window], days: int
) -> Iterator[Window]:
    """Windows of a length that can be proposed now, one after the other, on so many days from today on; pure.

    A window longer than the hours of a day begins with them.
    """
    busy = list(taken)
    earliest = now + timedelta(minutes=policy.notice_minutes)
    for number in range(days):
        hours = hours_of(today(now) + timedelta(days=number), policy)
        begins = hours.begins
        while begins == hours.begins or begins + length <= hours.ends:
            window = Window(begins, begins + length)
            free = begins >= earliest and not any(window.meets(other) for other in busy)
            if free:
                yield window
            begins += length if free else STEP


def like_last_time(
    now: datetime, length: timedelta, clock: time, policy: OrderingPolicy, taken: Iterable[Window], days: int
) -> Window | None:
    """The next window at the same time of day, within so many days; None when each is past or taken; pure."""
    busy = list(taken)
    earliest = now + timedelta(minutes=policy.notice_minutes)
    for number in range(days):
        begins = at(today(now) + timedelta(days=number), clock)
        window = Window(begins, begins + length)
        if begins >= earliest and not any(window.meets(other) for other in busy):
            return window
    return None
