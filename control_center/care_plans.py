"""Care plans and green buttons: what is agreed for an elder, as staff write it down and relatives read it."""

from datetime import date, datetime, time
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, StringConstraints, model_validator

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff, Viewer
from control_center.cards import Person, Shape
from control_center.dependencies import LARGEST_BIGINT, Connection, Db, ElderId, Now, Storable
from control_center.registry import found_in_scope
from control_center.schedule_cards import ScheduleCard, schedules_of
from control_center.schedules import Code, Day, Ending
from dispatch.sources import care_plans, green_button
from dispatch.sources.care_plans import Need, NewPlan
from dispatch.sources.recurrence import OnHolidays
from schemas.database import Row, Transaction, rows
from schemas.statements import statement

OF_ELDER = statement("""
    SELECT plan.*, maker.name AS made_name, reviewer.name AS reviewed_name
    FROM care_plan AS plan
    JOIN account AS maker ON maker.id = plan.made_by
    LEFT JOIN account AS reviewer ON reviewer.id = plan.reviewed_by
    WHERE plan.elder_id = %(elder_id)s::integer AND (%(ended)s::boolean OR plan.ended_at IS NULL)
    ORDER BY plan.ended_at IS NOT NULL, plan.id DESC
    LIMIT 50
""")
BUTTON = statement("""
    SELECT item_code AS item, for_home, note, set_at FROM green_button WHERE elder_id = %(elder_id)s::integer
""")
router = APIRouter(prefix="/api", tags=["care plans"])
PlanId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable]


class PlanItem(BaseModel):
    """So many visits a week from a time of the district's clock; without weekdays they are spread over the week."""

    item: Code
    times_per_week: Annotated[int, Field(strict=True, ge=1, le=7)]
    weekdays: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=7)]], Field(max_length=7)] = []
    from_time: time
    on_holidays: OnHolidays = "keep"
    note: Note | None = None

    @model_validator(mode="after")
    def _as_many_days_as_times(self) -> Self:
        if self.weekdays and len(set(self.weekdays)) != self.times_per_week:
            raise ValueError("as many weekdays as times a week")
        if self.from_time.tzinfo is not None:
            raise ValueError("a time of the district's clock has no zone")
        return self

    def need(self) -> Need:
        """The same as dispatch knows it."""
        days = frozenset(self.weekdays)
        return Need(self.item, self.times_per_week, self.from_time, days, self.on_holidays, self.note or None)


class WantedPlan(BaseModel):
    """What was assessed and agreed; its items become schedules."""

    need: Words
    first_day: Day
    last_day: Day | None = None
    signed_by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
    signed_on: Day
    review_every_days: Annotated[int, Field(strict=True, ge=7, le=730)] = 180
    items: Annotated[list[PlanItem], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _ends_after_its_beginning(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("the last day is before the first")
        return self


class Reviewed(BaseModel):
    """Why a plan still fits."""

    note: Words


class WantedButton(BaseModel):
    """What a press brings about; `for_home`: the home's shared devices are hers."""

    item: Code
    for_home: bool
    note: Note | None = None


class CarePlanCard(Shape):
    """What an elder was assessed to need, and its schedules. Families are not told reviews, reasons and who made it."""

    id: int
    need: str
    first_day: date
    last_day: date | None
    signed_by: str
    signed_on: date
    review_every_days: int
    review_due_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by: Person | None
    review_note: str | None
    made_at: datetime
    made_by: Person | None
    ended_at: datetime | None
    end_reason: str | None
    schedules: list[ScheduleCard]


class CarePlans(Shape):
    """An elder's care plans, the newest first, those that have ended last."""

    plans: list[CarePlanCard]


class GreenButton(Shape):
    """What an elder's green button brings about; the item is null where nothing is agreed: then somebody calls back."""

    item: str | None
    for_home: bool
    note: str | None
    set_at: datetime | None


def _plan(plan: Row, schedules: list[ScheduleCard], *, family: bool) -> CarePlanCard:
    reviewer = None if plan["reviewed_by"] is None else Person(id=plan["reviewed_by"], name=plan["reviewed_name"])
    return CarePlanCard(
        id=plan["id"],
        need=plan["need"],
        first_day=plan["first_day"],
        last_day=plan["last_day"],
        signed_by=plan["signed_by"],
        signed_on=plan["signed_on"],
        review_every_days=plan["review_every_days"],
        review_due_at=plan["due_at"],
        reviewed_at=plan["reviewed_at"],
        reviewed_by=None if family else reviewer,
        review_note=None if family else plan["review_note"],
        made_at=plan["made_at"],
        made_by=None if family else Person(id=plan["made_by"], name=plan["made_name"]),
        ended_at=plan["ended_at"],
        end_reason=None if family else plan["end_reason"],
        schedules=[schedule for schedule in schedules if schedule.plan_id == plan["id"]],
    )


def _plans(conn: Connection, now: datetime, account: SignedIn, elder_id: int, *, ended: bool = False) -> CarePlans:
    family = account.role == "family"
    schedules = schedules_of(conn, now, elder_id, ended=ended, family=family)
    found = rows(conn, OF_ELDER, {"elder_id": elder_id, "ended": ended})
    return CarePlans(plans=[_plan(plan, schedules, family=family) for plan in found])


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, elder_id: int) -> CarePlans:
    log_access(tx, now, account.id, action, elder_id=elder_id)
    return _plans(tx.conn, now, account, elder_id)


@router.get("/elders/{elder_id}/care-plans")
def list_plans(
    elder_id: ElderId,
    account: Viewer,
    db: Db,
    now: Now,
    ended: Annotated[bool, Query(description="Those that have ended too")] = False,
) -> CarePlans:
    """What an elder was assessed to need, with the schedules made of it."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        log_access(tx, now, account.id, "care_plans.read", elder_id=elder_id)
        return _plans(tx.conn, now, account, elder_id, ended=ended)


@router.post("/elders/{elder_id}/care-plans", status_code=201)
def make_plan(elder_id: ElderId, wanted: WantedPlan, account: Staff, db: Db, now: Now) -> CarePlans:
    """Write a plan down; each of its items becomes a schedule."""
    items = tuple(item.need() for item in wanted.items)
    told = wanted.model_dump(exclude={"items"})
    with db.transaction(account.seat_id) as tx:
        care_plans.make(tx, now, account.id, elder_id, NewPlan(**told, items=items))
        return _answer(tx, now, account, "care_plan.made", elder_id)


@router.post("/care-plans/{plan_id}/review")
def review_plan(plan_id: PlanId, body: Reviewed, account: Staff, db: Db, now: Now) -> CarePlans:
    """Say that a plan still fits."""
    with db.transaction(account.seat_id) as tx:
        elder_id = care_plans.review(tx, now, plan_id, account.id, body.note)
        return _answer(tx, now, account, "care_plan.reviewed", elder_id)


@router.post("/care-plans/{plan_id}/end")
def end_plan(plan_id: PlanId, body: Ending, account: Staff, db: Db, now: Now) -> CarePlans:
    """End a plan together with its schedules."""
    with db.transaction(account.seat_id) as tx:
        elder_id = care_plans.end(tx, now, plan_id, account.id, body.reason, orders_too=body.orders_too)
        return _answer(tx, now, account, "care_plan.ended", elder_id)


def _button(conn: Connection, elder_id: int) -> GreenButton:
    found = rows(conn, BUTTON, {"elder_id": elder_id})
    return GreenButton(**found[0]) if found else GreenButton(item=None, for_home=False, note=None, set_at=None)


@router.get("/elders/{elder_id}/green-button")
def read_button(elder_id: ElderId, account: Staff, db: Db, now: Now) -> GreenButton:
    """What an elder's green button brings about."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        log_access(tx, now, account.id, "green_button.read", elder_id=elder_id)
        return _button(tx.conn, elder_id)


@router.put("/elders/{elder_id}/green-button")
def set_button(elder_id: ElderId, wanted: WantedButton, account: Staff, db: Db, now: Now) -> GreenButton:
    """Say what an elder's green button brings about."""
    with db.transaction(account.seat_id) as tx:
        note = wanted.note or None
        green_button.agree(tx, now, account.id, elder_id, wanted.item, for_home=wanted.for_home, note=note)
        log_access(tx, now, account.id, "green_button.set", elder_id=elder_id)
        return _button(tx.conn, elder_id)


@router.delete("/elders/{elder_id}/green-button")
def forget_button(elder_id: ElderId, account: Staff, db: Db, now: Now) -> GreenButton:
    """Nothing is agreed any more: a press asks for a call back."""
    with db.transaction(account.seat_id) as tx:
        green_button.forget(tx, now, account.id, elder_id)
        log_access(tx, now, account.id, "green_button.set", elder_id=elder_id)
        return _button(tx.conn, elder_id)
