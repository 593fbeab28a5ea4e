"""What is ordered regularly for an elder: staff make, pause, change and end schedules, relatives read them."""

from datetime import date, datetime, time
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, StringConstraints, model_validator

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff, Viewer
from control_center.dependencies import LARGEST_BIGINT, Db, ElderId, Nothing, Now, Storable
from control_center.registry import found_in_scope
from control_center.schedule_cards import ScheduleList, schedules_of
from dispatch.sources import schedules
from dispatch.sources.recurrence import OnHolidays, Rule
from dispatch.sources.schedule_rows import DayChange, Terms
from schemas.database import Transaction

router = APIRouter(prefix="/api", tags=["schedules"])
ScheduleId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
Day = Annotated[date, Field(ge=date(2020, 1, 1), le=date(2100, 1, 1))]
"""By the district's calendar."""
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]


class Recurring(BaseModel):
    """What is ordered on which days; times by the district's clock, weekdays 1 (Monday) to 7. Weeks are counted from
    that of the first day; without `window_minutes` the window is as long as the item's usual one."""

    item: Code
    weekdays: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=7)]], Field(min_length=1, max_length=7)]
    every_weeks: Annotated[int, Field(strict=True, ge=1, le=52)] = 1
    first_day: Day
    last_day: Day | None = None
    from_time: time
    window_minutes: Annotated[int, Field(strict=True, ge=10, le=1440)] | None = None
    on_holidays: OnHolidays
    skills: Annotated[list[Code], Field(max_length=20)] = []
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None

    @model_validator(mode="after")
    def _ends_after_its_beginning(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("the last day is before the first")
        if self.from_time.tzinfo is not None:
            raise ValueError("a time of the district's clock has no zone")
        return self

    def terms(self) -> Terms:
        """The same as dispatch knows it."""
        rule = Rule(frozenset(self.weekdays), self.every_weeks, self.first_day, self.last_day, self.on_holidays)
        skills = tuple(dict.fromkeys(self.skills))
        return Terms(self.item, rule, self.from_time, self.window_minutes, skills, self.note or None)


class Changed(Recurring):
    """A schedule's new terms; `orders_too`: what is ordered and not on its way is cancelled and ordered anew."""

    reason: Why
    orders_too: bool = False


class Ending(BaseModel):
    """Why nothing more is to be ordered; `orders_too`: what is ordered and not on its way is cancelled."""

    reason: Why
    orders_too: bool = False


class Reason(BaseModel):
    """Why a schedule stands still."""

    reason: Why


class OtherDay(BaseModel):
    """What is to become of one day: left out without `moved_to`. `orders_too`: an order that stands is cancelled."""

    moved_to: Day | None = None
    from_time: time | None = None
    reason: Why
    orders_too: bool = False

    @model_validator(mode="after")
    def _time_needs_a_day(self) -> Self:
        if self.from_time is not None and (self.moved_to is None or self.from_time.tzinfo is not None):
            raise ValueError("a time needs a day, and no zone")
        return self


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, elder_id: int) -> ScheduleList:
    log_access(tx, now, account.id, action, elder_id=elder_id)
    return ScheduleList(schedules=schedules_of(tx.conn, now, elder_id, ended=False, family=account.role == "family"))


@router.get("/elders/{elder_id}/schedules")
def list_schedules(
    elder_id: ElderId,
    account: Viewer,
    db: Db,
    now: Now,
    ended: Annotated[bool, Query(description="Those that have ended too")] = False,
) -> ScheduleList:
    """What is ordered regularly for an elder, with what became of the last days and the days to come."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        log_access(tx, now, account.id, "schedules.read", elder_id=elder_id)
        family = account.role == "family"
        return ScheduleList(schedules=schedules_of(tx.conn, now, elder_id, ended=ended, family=family))


@router.post("/elders/{elder_id}/schedules", status_code=201)
def make_schedule(elder_id: ElderId, wanted: Recurring, account: Staff, db: Db, now: Now) -> ScheduleList:
    """Order something regularly; the engine orders each visit some days before its day."""
    with db.transaction(account.seat_id) as tx:
        schedules.make(tx, now, account.id, elder_id, wanted.terms())
        return _answer(tx, now, account, "schedule.made", elder_id)


@router.put("/schedules/{schedule_id}")
def change_schedule(schedule_id: ScheduleId, wanted: Changed, account: Staff, db: Db, now: Now) -> ScheduleList:
    """Replace a schedule; days that are ordered stay as they are unless their orders are to be cancelled too."""
    with db.transaction(account.seat_id) as tx:
        elder_id = schedules.change(
            tx, now, schedule_id, account.id, wanted.terms(), wanted.reason, orders_too=wanted.orders_too
        )
        return _answer(tx, now, account, "schedule.changed", elder_id)


@router.post("/schedules/{schedule_id}/end")
def end_schedule(schedule_id: ScheduleId, body: Ending, account: Staff, db: Db, now: Now) -> ScheduleList:
    """Order nothing more of it."""
    with db.transaction(account.seat_id) as tx:
        elder_id = schedules.end(tx, now, schedule_id, account.id, body.reason, orders_too=body.orders_too)
        return _answer(tx, now, account, "schedule.ended", elder_id)


@router.post("/schedules/{schedule_id}/pause")
def pause_schedule(schedule_id: ScheduleId, body: Reason, account: Staff, db: Db, now: Now) -> ScheduleList:
    """Let days pass without an order until it is resumed."""
    with db.transaction(account.seat_id) as tx:
        elder_id = schedules.pause(tx, now, schedule_id, account.id, body.reason)
        return _answer(tx, now, account, "schedule.changed", elder_id)


@router.post("/schedules/{schedule_id}/resume")
def resume_schedule(
    schedule_id: ScheduleId, account: Staff, db: Db, now: Now, _body: Nothing | None = None
) -> ScheduleList:
    """Order again."""
    with db.transaction(account.seat_id) as tx:
        elder_id = schedules.resume(tx, now, schedule_id, account.id)
        return _answer(tx, now, account, "schedule.changed", elder_id)


@router.put("/schedules/{schedule_id}/days/{day}")
def treat_day(
    schedule_id: ScheduleId, day: Annotated[Day, Path()], body: OtherDay, account: Staff, db: Db, now: Now
) -> ScheduleList:
    """Leave one day out, or move it to another day or time."""
    instead = DayChange(body.moved_to, body.from_time)
    with db.transaction(account.seat_id) as tx:
        elder_id = schedules.treat_day(
            tx, now, schedule_id, account.id, day, instead, body.reason, orders_too=body.orders_too
        )
        return _answer(tx, now, account, "schedule.changed", elder_id)
