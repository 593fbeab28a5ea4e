"""Care plans: what an elder was assessed to need, who signed for it, the schedules it makes, and its reviews."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch import tasks
from dispatch.orders import ELDER_IN_SCOPE, STAFF
from dispatch.refusals import Refused
from dispatch.sources.recurrence import DAY, OnHolidays, Rule, spread
from dispatch.sources.schedule_rows import SCHEDULES, Terms
from dispatch.sources.schedules import add, finish
from dispatch.sources.windows import at
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.events import Event
from schemas.statements import statement

REVIEW_AT: Final = time(9)
REVIEW_WITHIN: Final = timedelta(days=7)
"""How long somebody has for a review that has come due."""
MAKE = statement("""
    INSERT INTO care_plan (elder_id, need, first_day, last_day, signed_by, signed_on, review_every_days, made_at,
                           made_by, due_at)
    VALUES (%(elder_id)s::integer, %(need)s::text, %(first_day)s::date, %(last_day)s::date, %(signed_by)s::text,
            %(signed_on)s::date, %(review_every_days)s::smallint, %(now)s::timestamptz, %(actor_id)s::integer,
            %(due_at)s::timestamptz)
    RETURNING id
""")
LOCK_IN_SCOPE = statement("""
    SELECT plan.* FROM care_plan AS plan
    WHERE plan.id = %(id)s::bigint AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = plan.elder_id AND audience.account_id = %(actor_id)s::integer
          AND audience.role = ANY(%(roles)s::text[]))
    FOR UPDATE OF plan
""")
SCHEDULES_OF = statement(f"""{SCHEDULES}
    WHERE schedule.plan_id = %(id)s::bigint AND schedule.ended_at IS NULL
    ORDER BY schedule.id
    FOR UPDATE OF schedule
""")
REVIEWED = statement("""
    UPDATE care_plan
    SET reviewed_at = %(now)s::timestamptz, reviewed_by = %(actor_id)s::integer, review_note = %(note)s::text,
        due_at = %(due_at)s::timestamptz
    WHERE id = %(id)s::bigint
""")
END = statement("""
    UPDATE care_plan
    SET ended_at = %(now)s::timestamptz, ended_by = %(actor_id)s::integer, end_reason = %(reason)s::text, due_at = NULL
    WHERE id = %(id)s::bigint
""")
OPEN_REVIEWS = statement("""
    SELECT about FROM task
    WHERE kind = 'plan_review' AND done_at IS NULL AND elder_id = %(elder_id)s::integer
      AND starts_with(about, %(plan)s::text)
    ORDER BY id
""")
CLAIM = statement("""
    SELECT id, elder_id, last_day, review_every_days, due_at FROM care_plan
    WHERE due_at <= %(now)s::timestamptz
    ORDER BY due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
SET_DUE = statement("UPDATE care_plan SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM care_plan WHERE due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "care plan",
    SET_DUE,
    OVERDUE,
    Counter("anban_care_plan_steps_failed_total", "Care plans whose review could not be asked for, put off"),
)


@dataclass(frozen=True)
class Need:
    """One item of a plan: so many times a week from a time of the district's clock; the days are spread over the week
    unless they are said."""

    item_code: str
    times_per_week: int
    from_time: time
    weekdays: frozenset[int] = frozenset()
    on_holidays: OnHolidays = "keep"
    note: str | None = None

    def terms(self, first_day: date, last_day: date | None) -> Terms:
        """The schedule it makes."""
        days = self.weekdays or spread(self.times_per_week)
        return Terms(
            self.item_code, Rule(days, 1, first_day, last_day, self.on_holidays), self.from_time, note=self.note
        )


@dataclass(frozen=True)
class NewPlan:
    """What was assessed and agreed: `need` in words, for which days, signed by whom on which day."""

    need: str
    first_day: date
    last_day: date | None
    signed_by: str
    signed_on: date
    review_every_days: int
    items: tuple[Need, ...]


def next_review(now: datetime, every_days: int, last_day: date | None) -> datetime:
    """When a plan is looked at again: so many days from now, or when it is over; pure."""
    due = today(now) + every_days * DAY
    return at(due if last_day is None else min(due, max(last_day + DAY, today(now) + DAY)), REVIEW_AT)


def make(tx: Transaction, now: datetime, actor_id: int, elder_id: int, new: NewPlan) -> int:
    """Write a plan down with the schedules it makes; returns its id.

    Raises Refused: not_found, and what `schedules.add` does.
    """
    asking = {"id": elder_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)}
    if tx.row(ELDER_IN_SCOPE, asking) is None:
        raise Refused("not_found")
    [made] = tx.rows(
        MAKE,
        {
            "elder_id": elder_id,
            "need": new.need,
            "first_day": new.first_day,
            "last_day": new.last_day,
            "signed_by": new.signed_by,
            "signed_on": new.signed_on,
            "review_every_days": new.review_every_days,
            "now": now,
            "actor_id": actor_id,
            "due_at": next_review(now, new.review_every_days, new.last_day),
        },
    )
    for item in new.items:
        add(tx, now, actor_id, elder_id, item.terms(new.first_day, new.last_day), plan_id=made["id"])
    tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=actor_id))
    return int(made["id"])


def _lock(tx: Transaction, now: datetime, plan_id: int, actor_id: int) -> Row:
    plan = tx.row(LOCK_IN_SCOPE, {"id": plan_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)})
    if plan is None:
        raise Refused("not_found")
    if plan["ended_at"] is not None:
        raise Refused("plan_ended")
    return plan


def review(tx: Transaction, now: datetime, plan_id: int, actor_id: int, note: str) -> int:
    """Say that a plan still fits, and why; it is looked at again in its time. Returns whose it is.

    Raises Refused: not_found, plan_ended.
    """
    plan = _lock(tx, now, plan_id, actor_id)
    due_at = next_review(now, plan["review_every_days"], plan["last_day"])
    tx.execute(REVIEWED, {"id": plan_id, "now": now, "actor_id": actor_id, "note": note, "due_at": due_at})
    _settle_reviews(tx, now, plan)
    tx.emit(Event("elder.changed", now, elder_id=plan["elder_id"], account_id=actor_id))
    return int(plan["elder_id"])


def end(tx: Transaction, now: datetime, plan_id: int, actor_id: int, reason: str, *, orders_too: bool) -> int:
    """End a plan and its schedules; what is ordered stays unless it is asked to be cancelled. Returns whose it is.

    Raises Refused: not_found, plan_ended.
    """
    plan = _lock(tx, now, plan_id, actor_id)
    for schedule in tx.rows(SCHEDULES_OF, {"id": plan_id}):
        finish(tx, now, schedule, actor_id, reason, orders_too=orders_too)
    tx.execute(END, {"id": plan_id, "now": now, "actor_id": actor_id, "reason": reason})
    _settle_reviews(tx, now, plan)
    tx.emit(Event("elder.changed", now, elder_id=plan["elder_id"], account_id=actor_id))
    return int(plan["elder_id"])


def _settle_reviews(tx: Transaction, now: datetime, plan: Row) -> None:
    asked = tx.rows(OPEN_REVIEWS, {"elder_id": plan["elder_id"], "plan": f"plan:{plan['id']}:"})
    for task in asked:
        tasks.settle(tx, now, "plan_review", task["about"], "renewed")


def sweep_plans(tx: Transaction, now: datetime, limit: int) -> int:
    """Ask for the reviews that have come due, and end plans that are over; returns how many were dealt with."""
    due = tx.rows(CLAIM, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda plan: _look_at(tx, now, plan), SWEEP)


def _look_at(tx: Transaction, now: datetime, plan: Row) -> None:
    """Its schedules end by themselves with their last day, which is the plan's."""
    if plan["last_day"] is not None and today(now) > plan["last_day"]:
        tx.execute(END, {"id": plan["id"], "now": now, "actor_id": None, "reason": None})
        _settle_reviews(tx, now, plan)
        return
    new = tasks.NewTask(
        kind="plan_review",
        due_at=now + REVIEW_WITHIN,
        elder_id=plan["elder_id"],
        about=f"plan:{plan['id']}:{today(plan['due_at']).isoformat()}",
        detail={"plan_id": plan["id"]},
    )
    tasks.create(tx, now, new)
    tx.execute(SET_DUE, {"id": plan["id"], "due_at": next_review(now, plan["review_every_days"], plan["last_day"])})
