"""What is promised of an order: accepted in time, begun within its window, done without overrunning; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from schemas.database import Row

VisitPromise = Literal["accept", "arrive", "finish"]
VISIT_PROMISES: Final[tuple[VisitPromise, ...]] = get_args(VisitPromise)
LATE_LOOK: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class VisitClock:
    """One promise: when it is due, when it was met, and the moment its hand stands at."""

    promise: VisitPromise
    due_at: datetime
    met_at: datetime | None
    stands_at: datetime
    running: bool
    """Neither met nor ended with the order."""

    @property
    def broken(self) -> bool:
        """Whether the hand is past the deadline: met too late, or not met in time."""
        return self.stands_at > self.due_at


def visit_clocks(order: Row, now: datetime) -> tuple[VisitClock, ...]:
    """The clocks of an order with the columns of `order_rows.ORDERS` and `accepted_at`, in the order of VISIT_PROMISES.

    Who checked in without a network arrived when her phone says so. The clock of the finish begins with the check-in
    as the server heard of it.
    """
    begun: datetime | None = order["checked_in_at"]
    by_phone: str | None = order["phone_times"].get("checked_in")
    arrived = begun if begun is None or by_phone is None else datetime.fromisoformat(by_phone)
    allowed = timedelta(minutes=order["duration_minutes"], seconds=order["overrun_seconds"])
    clocks = [
        _clock(order, now, "accept", order["accept_due_at"], order["accepted_at"]),
        _clock(order, now, "arrive", order["window_to"], arrived),
    ]
    if begun is not None:
        clocks.append(_clock(order, now, "finish", begun + allowed, order["completed_at"]))
    return tuple(clocks)


def _clock(order: Row, now: datetime, promise: VisitPromise, due_at: datetime, met_at: datetime | None) -> VisitClock:
    ended: datetime | None = order["ended_at"]
    return VisitClock(promise, due_at, met_at, met_at or ended or now, met_at is None and ended is None)


def newly_broken(order: Row, now: datetime) -> tuple[VisitClock, ...]:
    """Breaches of which nobody has been told."""
    return tuple(clock for clock in visit_clocks(order, now) if clock.broken and clock.promise not in order["breaches"])


def next_look(order: Row, now: datetime) -> datetime | None:
    """When a promise can next be broken; None once all is decided, and for a test. While somebody is late the clock of
    the finish has not begun: it is looked for every quarter of an hour."""
    if order["is_test"]:
        return None
    running = [clock for clock in visit_clocks(order, now) if clock.running]
    return min((now + LATE_LOOK if clock.broken else clock.due_at for clock in running), default=None)
