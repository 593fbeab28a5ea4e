"""Schedules as the engine and staff read them, and what became of their days."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, LiteralString

from dispatch.sources.recurrence import OnHolidays, Rule
from dispatch.sources.windows import at
from schemas.database import Row, Transaction
from schemas.statements import statement

DayOutcome = Literal["ordered", "holiday", "away", "paused", "exception", "refused"]
"""What became of one of a schedule's days; refused: the order could not be placed."""

SCHEDULES: Final[LiteralString] = """
    SELECT schedule.id, schedule.elder_id, schedule.plan_id, schedule.item_code, schedule.weekdays,
           schedule.every_weeks, schedule.first_day, schedule.last_day, schedule.from_time, schedule.window_minutes,
           schedule.on_holidays, schedule.skills, schedule.note, schedule.made_at, schedule.made_by,
           schedule.paused_at, schedule.pause_reason, schedule.ended_at, schedule.end_reason, schedule.decided_until,
           schedule.due_at, elder.state AS elder_state
    FROM order_schedule AS schedule
    JOIN elder ON elder.id = schedule.elder_id
"""
EXCEPTIONS = statement("""
    SELECT day, moved_to, from_time FROM schedule_exception
    WHERE schedule_id = %(id)s::bigint AND day > %(after)s::date
""")
DECIDE = statement("""
    INSERT INTO schedule_day (schedule_id, day, takes_place, outcome, refusal, order_id, at)
    VALUES (%(id)s::bigint, %(day)s::date, %(takes_place)s::date, %(outcome)s::text, %(refusal)s::text,
            %(order_id)s::bigint, %(now)s::timestamptz)
""")


@dataclass(frozen=True)
class DayChange:
    """Another day, or another time, for one of a schedule's days; left out where there is no other day."""

    moved_to: date | None
    from_time: time | None


@dataclass(frozen=True)
class Terms:
    """What is ordered regularly: which item, on which days, from what time by the district's clock; without
    `window_minutes` the item's usual window."""

    item_code: str
    rule: Rule
    from_time: time
    window_minutes: int | None = None
    skills: tuple[str, ...] = ()
    note: str | None = None


def terms_of(row: Row) -> Terms:
    """A schedule's terms from its row."""
    on_holidays: OnHolidays = row["on_holidays"]
    rule = Rule(frozenset(row["weekdays"]), row["every_weeks"], row["first_day"], row["last_day"], on_holidays)
    skills = tuple(row["skills"])
    return Terms(row["item_code"], rule, row["from_time"], row["window_minutes"], skills, row["note"])


def window_of(terms: Terms, day: date, from_time: time | None = None) -> tuple[datetime, datetime | None]:
    """The window of a visit on a day; its end is None where it is the item's usual one."""
    begins = at(day, from_time or terms.from_time)
    minutes = terms.window_minutes
    return begins, None if minutes is None else begins + timedelta(minutes=minutes)


def exceptions_after(tx: Transaction, schedule_id: int, after: date) -> dict[date, DayChange]:
    """What staff said about a schedule's later days."""
    found = tx.rows(EXCEPTIONS, {"id": schedule_id, "after": after})
    return {row["day"]: DayChange(row["moved_to"], row["from_time"]) for row in found}


def decide(
    tx: Transaction,
    now: datetime,
    schedule_id: int,
    day: date,
    outcome: DayOutcome,
    *,
    takes_place: date | None = None,
    order_id: int | None = None,
    refusal: str | None = None,
) -> None:
    """Write down what became of one of a locked schedule's days."""
    tx.execute(
        DECIDE,
        {
            "id": schedule_id,
            "day": day,
            "takes_place": takes_place,
            "outcome": outcome,
            "refusal": refusal,
            "order_id": order_id,
            "now": now,
        },
    )
