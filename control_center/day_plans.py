"""Plans of a district's days: asked for, read, carried out or put aside by its dispatchers."""

from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, model_validator

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import LARGEST_BIGINT, Before, Db, Nothing, Now
from control_center.district_rights import own_districts
from control_center.errors import ApiError
from control_center.shapes import Person, Shape
from dispatch.day_plans import asking
from dispatch.day_plans.reading import PlanningPolicy, planning_policy
from schemas.database import Row, Transaction
from schemas.statements import statement

State = Literal["queued", "solving", "ready", "applying", "applied", "discarded", "failed"]
PLANS: Final = """
    SELECT plan.*, asker.name AS asker, applier.name AS applier, outcomes.counted
    FROM day_plan AS plan
    LEFT JOIN account AS asker ON asker.id = plan.asked_by
    LEFT JOIN account AS applier ON applier.id = plan.applied_by
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(said.outcome, said.visits) AS counted
        FROM (SELECT COALESCE(outcome, 'waiting') AS outcome, count(*) AS visits FROM day_plan_visit
              WHERE day_plan_visit.plan_id = plan.id GROUP BY 1) AS said) AS outcomes ON true
    WHERE plan.org_code = %(org_code)s::text
"""
LIST = statement(f"{PLANS} AND plan.id < %(before)s::bigint ORDER BY plan.id DESC LIMIT %(limit)s::integer")
ONE = statement(f"{PLANS} AND plan.id = %(id)s::bigint")
VISITS = statement("""
    SELECT visit.order_id, visit.worker_id, visit.planned_at, visit.pickup_at, visit.reason, visit.moved,
           visit.outcome, visit.refusal, account.name AS worker, elder.id AS elder_id, elder.name AS elder,
           service_order.window_from, service_order.window_to, service_order.item_code
    FROM day_plan_visit AS visit
    JOIN service_order ON service_order.id = visit.order_id
    JOIN elder ON elder.id = service_order.elder_id
    LEFT JOIN worker ON worker.id = visit.worker_id
    LEFT JOIN account ON account.id = worker.account_id
    WHERE visit.plan_id = %(id)s::bigint
    ORDER BY visit.worker_id NULLS FIRST, visit.planned_at, visit.order_id
""")
DECIDE = statement("""
    UPDATE day_plan
    SET state = %(state)s::text, applied_by = %(account_id)s::integer, due_at = %(due_at)s::timestamptz
    WHERE id = %(id)s::bigint AND org_code = %(org_code)s::text AND state = 'ready'
""")
SET_POLICY = statement("""
    INSERT INTO planning_policy (org_code, plan_at, seconds, spare_minutes, longer_percent, hot_spare_minutes,
                                 moved_seconds, known_seconds, break_minutes,
                                 break_after_minutes, break_from, break_to, at_once, again_minutes)
    VALUES (%(org_code)s::text, %(plan_at)s::time, %(seconds)s::smallint, %(spare_minutes)s::smallint,
            %(longer_percent)s::smallint, %(hot_spare_minutes)s::smallint, %(moved_seconds)s::integer,
            %(known_seconds)s::integer, %(break_minutes)s::smallint, %(break_after_minutes)s::smallint,
            %(break_from)s::time, %(break_to)s::time, %(at_once)s::boolean, %(again_minutes)s::smallint)
    ON CONFLICT (org_code) DO UPDATE
    SET plan_at = EXCLUDED.plan_at, seconds = EXCLUDED.seconds, spare_minutes = EXCLUDED.spare_minutes,
        longer_percent = EXCLUDED.longer_percent, hot_spare_minutes = EXCLUDED.hot_spare_minutes,
        moved_seconds = EXCLUDED.moved_seconds,
        known_seconds = EXCLUDED.known_seconds, break_minutes = EXCLUDED.break_minutes,
        break_after_minutes = EXCLUDED.break_after_minutes, break_from = EXCLUDED.break_from,
        break_to = EXCLUDED.break_to, at_once = EXCLUDED.at_once, again_minutes = EXCLUDED.again_minutes
""")

router = APIRouter(prefix="/api", tags=["planning"])
PlanId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]


class NewPlan(BaseModel):
    """Which day is to be planned, within how many seconds, and whether the plan is carried out at once; what is left
    out is as the district's policy says."""

    day: date
    seconds: Annotated[int, Field(strict=True, ge=1, le=3600)] | None = None
    at_once: bool | None = None


class Policy(BaseModel):
    """How a district plans its days: when the next one is planned, for how long, what is left free of windows,
    durations and hot meals, what moving a promised visit and sending a known worker are worth in seconds of travel,
    breaks, and how soon a day is planned anew (null: never)."""

    plan_at: time
    seconds: Annotated[int, Field(strict=True, ge=1, le=3600)]
    spare_minutes: Annotated[int, Field(strict=True, ge=0, le=120)]
    longer_percent: Annotated[int, Field(strict=True, ge=0, le=100)]
    hot_spare_minutes: Annotated[int, Field(strict=True, ge=0, le=60)]
    moved_seconds: Annotated[int, Field(strict=True, ge=0, le=86_400)]
    known_seconds: Annotated[int, Field(strict=True, ge=0, le=86_400)]
    break_minutes: Annotated[int, Field(strict=True, ge=0, le=120)]
    break_after_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)]
    break_from: time
    break_to: time
    at_once: bool
    again_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] | None

    @model_validator(mode="after")
    def _by_the_districts_clock(self) -> Self:
        if any(one.tzinfo is not None for one in (self.plan_at, self.break_from, self.break_to)):
            raise ValueError("a time of the district's clock has no zone")
        if self.break_to <= self.break_from:
            raise ValueError("the break ends before it begins")
        return self


class PlannedOrder(Shape):
    """What a plan says of one order, and what became of it; without a worker it was left out for the reason."""

    order_id: int
    elder: Person
    item: str
    window_from: datetime
    window_to: datetime
    worker: Person | None
    planned_at: datetime | None
    pickup_at: datetime | None
    reason: str | None
    moved: bool
    outcome: str | None
    refusal: str | None


class DayPlan(Shape):
    """A plan; its figures are those of the plan format, its outcomes count visits."""

    id: int
    day: date
    state: State
    reason: asking.PlanReason
    asked_at: datetime
    asked_by: str | None
    seconds: int
    at_once: bool
    solved_at: datetime | None
    applied_at: datetime | None
    applied_by: str | None
    error: str | None
    figures: dict[str, float] | None
    outcomes: dict[str, int]


class DayPlanDetail(Shape):
    """A plan with what it says of every order."""

    plan: DayPlan
    visits: list[PlannedOrder]


class DayPlans(Shape):
    """Plans of the district, newest first."""

    plans: list[DayPlan]


def _district(tx: Transaction, now: datetime, account: SignedIn) -> str:
    """A plan moves visits all over a district: it takes a right to the whole of it."""
    own = own_districts(tx, now, account)
    if not own:
        raise ApiError("not_permitted")
    return own[0]


def _plan(found: Row) -> DayPlan:
    same = {name: found[name] for name in DayPlan.model_fields if name in found and not name.endswith("_by")}
    return DayPlan(**same, asked_by=found["asker"], applied_by=found["applier"], outcomes=found["counted"] or {})


def _detail(tx: Transaction, now: datetime, account: SignedIn, plan_id: int, org_code: str) -> DayPlanDetail:
    found = tx.row(ONE, {"id": plan_id, "org_code": org_code})
    if found is None:
        raise ApiError("not_found")
    visits = tx.rows(VISITS, {"id": plan_id})
    log_access(tx, now, account.id, "plan.read", elder_ids={visit["elder_id"] for visit in visits})
    return DayPlanDetail(plan=_plan(found), visits=[_visit(visit) for visit in visits])


def _visit(found: Row) -> PlannedOrder:
    names = ("order_id", "window_from", "window_to", "planned_at", "pickup_at", "reason", "moved", "outcome", "refusal")
    same: dict[str, Any] = {name: found[name] for name in names}
    worker = None if found["worker_id"] is None else Person(id=found["worker_id"], name=found["worker"])
    return PlannedOrder(
        **same, elder=Person(id=found["elder_id"], name=found["elder"]), item=found["item_code"], worker=worker
    )


@router.get("/day-plans")
def list_plans(
    account: Staff, db: Db, now: Now, limit: Annotated[int, Query(ge=1, le=200)] = 30, before: Before = None
) -> DayPlans:
    """The district's plans; for staff of the whole district."""
    with db.transaction() as tx:
        asked = {"org_code": _district(tx, now, account), "before": before or LARGEST_BIGINT, "limit": limit}
        return DayPlans(plans=[_plan(found) for found in tx.rows(LIST, asked)])


@router.post("/day-plans", status_code=202)
def ask_for_plan(body: NewPlan, account: Staff, db: Db, now: Now) -> DayPlanDetail:
    """Have a day planned: what waits for somebody, and what may be moved. It is made beside the engine."""
    with db.transaction(account.seat_id) as tx:
        org_code = _district(tx, now, account)
        made = asking.ask(
            tx, now, org_code, body.day, "by_hand", actor_id=account.id, seconds=body.seconds, at_once=body.at_once
        )
        if made is None:
            raise ApiError("being_planned")
        return _detail(tx, now, account, made, org_code)


@router.get("/day-plans/policy")
def read_policy(account: Staff, db: Db, now: Now) -> Policy:
    """How the district plans its days."""
    with db.transaction() as tx:
        return _policy(planning_policy(tx, _district(tx, now, account)))


@router.put("/day-plans/policy")
def set_policy(body: Policy, account: Supervisor, db: Db, now: Now) -> Policy:
    """Change how the district plans its days, from the next plan on."""
    with db.transaction(account.seat_id) as tx:
        org_code = _district(tx, now, account)
        tx.execute(SET_POLICY, {"org_code": org_code, **body.model_dump()})
        log_access(tx, now, account.id, "planning_policy.set", detail=body.model_dump(mode="json"))
        return _policy(planning_policy(tx, org_code))


def _policy(found: PlanningPolicy) -> Policy:
    return Policy(**{name: getattr(found, name) for name in Policy.model_fields})


@router.get("/day-plans/{plan_id}")
def read_plan(plan_id: PlanId, account: Staff, db: Db, now: Now) -> DayPlanDetail:
    """A plan with what it says of every order, and what became of it."""
    with db.transaction() as tx:
        return _detail(tx, now, account, plan_id, _district(tx, now, account))


@router.post("/day-plans/{plan_id}/apply")
def apply(plan_id: PlanId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> DayPlanDetail:
    """Carry out a plan that is ready."""
    return _decide(plan_id, account, db, now, "applying")


@router.post("/day-plans/{plan_id}/discard")
def discard(plan_id: PlanId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> DayPlanDetail:
    """Put a plan that is ready aside: nothing of it comes about."""
    return _decide(plan_id, account, db, now, "discarded")


def _decide(plan_id: int, account: SignedIn, db: Db, now: datetime, state: State) -> DayPlanDetail:
    with db.transaction(account.seat_id) as tx:
        org_code = _district(tx, now, account)
        detail = _detail(tx, now, account, plan_id, org_code)
        due_at = now if state == "applying" else None
        told = {"id": plan_id, "org_code": org_code, "state": state, "account_id": account.id, "due_at": due_at}
        if tx.execute(DECIDE, told) == 0:
            raise ApiError("wrong_step")
        [found] = tx.rows(ONE, {"id": plan_id, "org_code": org_code})
        return DayPlanDetail(plan=_plan(found), visits=detail.visits)
