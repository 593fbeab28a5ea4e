"""Builds what screens are shown of schedules: their terms, what became of the last days, and the days to come."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from control_center.cards import Person, Shape
from control_center.dependencies import Connection
from dispatch.holidays import is_public_holiday
from dispatch.sources.recurrence import DAY, OnHolidays, days_between, takes_place_on
from dispatch.sources.schedule_rows import DayOutcome, terms_of
from schemas.database import Row, rows
from schemas.district_time import today
from schemas.statements import statement

SHOWN_BACK: Final = timedelta(days=14)
SHOWN_AHEAD: Final = timedelta(days=28)

OF_ELDER = statement("""
    SELECT schedule.*, account.name AS made_name
    FROM order_schedule AS schedule
    JOIN account ON account.id = schedule.made_by
    WHERE schedule.elder_id = %(elder_id)s::integer
      AND (%(ended)s::boolean OR schedule.ended_at IS NULL)
    ORDER BY schedule.ended_at IS NOT NULL, schedule.id DESC
    LIMIT 200
""")
DAYS = statement("""
    SELECT schedule_id, day, takes_place, outcome, order_id FROM schedule_day
    WHERE schedule_id = ANY(%(ids)s::bigint[]) AND day >= %(since)s::date
    ORDER BY schedule_id, day
""")
CHANGES = statement("""
    SELECT schedule_id, day, moved_to FROM schedule_exception
    WHERE schedule_id = ANY(%(ids)s::bigint[]) AND day >= %(since)s::date
""")


class ScheduledDay(Shape):
    """One of a schedule's days: on which day its visit takes place, if on any, and what became of it; planned: the
    engine has not come to it."""

    day: date
    takes_place: date | None
    outcome: DayOutcome | Literal["planned"]
    order_id: int | None


class ScheduleCard(Shape):
    """What is ordered regularly; times by the district's clock. Families are not told notes, reasons and who made
    it."""

    id: int
    plan_id: int | None
    item: str
    weekdays: list[int]
    """1 is Monday."""
    every_weeks: int
    first_day: date
    last_day: date | None
    from_time: time
    window_minutes: int | None
    on_holidays: OnHolidays
    skills: list[str]
    note: str | None
    made_at: datetime
    made_by: Person | None
    paused_at: datetime | None
    pause_reason: str | None
    ended_at: datetime | None
    end_reason: str | None
    days: list[ScheduledDay]
    """Of the last two weeks and the next four, by day."""


class ScheduleList(Shape):
    """An elder's schedules, the newest first, those that have ended last."""

    schedules: list[ScheduleCard]


def _planned(schedule: Row, changes: dict[date, date | None], until: date) -> list[ScheduledDay]:
    if schedule["ended_at"] is not None:
        return []
    rule = terms_of(schedule).rule
    found = []
    for day in days_between(rule, schedule["decided_until"], until):
        on = changes[day] if day in changes else takes_place_on(rule, day, is_public_holiday)
        found.append(ScheduledDay(day=day, takes_place=on, outcome="planned", order_id=None))
    return found


def _card(schedule: Row, decided: Collection[Row], changes: dict[date, date | None], until: date) -> ScheduleCard:
    past = [
        ScheduledDay(day=row["day"], takes_place=row["takes_place"], outcome=row["outcome"], order_id=row["order_id"])
        for row in decided
    ]
    return ScheduleCard(
        id=schedule["id"],
        plan_id=schedule["plan_id"],
        item=schedule["item_code"],
        weekdays=schedule["weekdays"],
        every_weeks=schedule["every_weeks"],
        first_day=schedule["first_day"],
        last_day=schedule["last_day"],
        from_time=schedule["from_time"],
        window_minutes=schedule["window_minutes"],
        on_holidays=schedule["on_holidays"],
        skills=schedule["skills"],
        note=schedule["note"],
        made_at=schedule["made_at"],
        made_by=Person(id=schedule["made_by"], name=schedule["made_name"]),
        paused_at=schedule["paused_at"],
        pause_reason=schedule["pause_reason"],
        ended_at=schedule["ended_at"],
        end_reason=schedule["end_reason"],
        days=[*past, *_planned(schedule, changes, until)],
    )


def schedules_of(conn: Connection, now: datetime, elder_id: int, *, ended: bool, family: bool) -> list[ScheduleCard]:
    """An elder's schedules, in three queries; scope is the caller's business."""
    found = rows(conn, OF_ELDER, {"elder_id": elder_id, "ended": ended})
    since = {"ids": [schedule["id"] for schedule in found], "since": today(now) - SHOWN_BACK}
    decided = rows(conn, DAYS, since)
    said = rows(conn, CHANGES, since)
    cards = [
        _card(
            schedule,
            [day for day in decided if day["schedule_id"] == schedule["id"]],
            {one["day"]: one["moved_to"] for one in said if one["schedule_id"] == schedule["id"]},
            today(now) + SHOWN_AHEAD - DAY,
        )
        for schedule in found
    ]
    return [for_family(card) for card in cards] if family else cards


def for_family(card: ScheduleCard) -> ScheduleCard:
    """A schedule as a relative is told it: staff's words stay with the staff."""
    return card.model_copy(update={"note": None, "made_by": None, "pause_reason": None, "end_reason": None})
