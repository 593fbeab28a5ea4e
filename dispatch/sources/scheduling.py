"""The engine's part of schedules: each day's visit is ordered once, some days before, unless the elder is away."""

from datetime import date, datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch import tasks
from dispatch.holidays import is_public_holiday
from dispatch.placing import Wish, place
from dispatch.refusals import Refused
from dispatch.sources.recurrence import DAY, days_between, takes_place_on
from dispatch.sources.schedule_rows import (
    SCHEDULES,
    DayChange,
    DayOutcome,
    Terms,
    decide,
    exceptions_after,
    terms_of,
    window_of,
)
from dispatch.sources.windows import OrderingPolicy, ordering_policy
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.district_time import day_bounds, today
from schemas.statements import statement
from schemas.states import AWAY, OrderSource

SPREAD: Final = timedelta(hours=1)
"""Over so long after midnight the district's schedules are looked at."""
CLAIM = statement(f"""{SCHEDULES}
    WHERE schedule.due_at <= %(now)s::timestamptz
    ORDER BY schedule.due_at LIMIT %(limit)s::integer
    FOR UPDATE OF schedule SKIP LOCKED
""")
POSTPONE = statement("UPDATE order_schedule SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM order_schedule WHERE due_at < %(before)s::timestamptz")
LOOKED = statement("""
    UPDATE order_schedule
    SET decided_until = %(decided_until)s::date, due_at = %(due_at)s::timestamptz
    WHERE id = %(id)s::bigint
""")
OVER = statement("""
    UPDATE order_schedule SET due_at = NULL, ended_at = %(now)s::timestamptz WHERE id = %(id)s::bigint
""")
LOOK_AGAIN = statement("""
    UPDATE order_schedule SET due_at = %(now)s::timestamptz
    WHERE id IN (
        SELECT id FROM order_schedule WHERE elder_id = %(elder_id)s::integer AND ended_at IS NULL
        ORDER BY id FOR UPDATE)
""")
SWEEP: Final = Sweep(
    "schedule",
    POSTPONE,
    OVERDUE,
    Counter("anban_schedule_steps_failed_total", "Schedules that could not be looked at, put off by 30 s"),
)


def sweep_schedules(tx: Transaction, now: datetime, limit: int) -> int:
    """Order what falls due of the schedules whose time has come; returns how many were dealt with."""
    # Ordering locks the elder: every engine takes several in the same order.
    due = sorted(tx.rows(CLAIM, {"now": now, "limit": limit}), key=lambda schedule: schedule["elder_id"])
    policy = ordering_policy(tx) if due else OrderingPolicy()
    return act_on_each(tx, now, due, lambda schedule: look_at(tx, now, schedule, policy), SWEEP)


def elder_state_changed(tx: Transaction, now: datetime, elder_id: int) -> None:
    """An elder went away or came back: the engine looks at her schedules at once."""
    tx.execute(LOOK_AGAIN, {"elder_id": elder_id, "now": now})


def look_at(tx: Transaction, now: datetime, schedule: Row, policy: OrderingPolicy) -> None:
    """Decide a locked schedule's days up to the policy's horizon, and set when to look again.

    While the elder is away, or the schedule is paused, a day is decided only when its time has come, so that she who
    comes back in time is served.
    """
    terms, until = terms_of(schedule), schedule["decided_until"]
    if terms.rule.last_day is not None and max(until + DAY, today(now)) > terms.rule.last_day:
        tx.execute(OVER, {"id": schedule["id"], "now": now})
        return
    horizon = max(until, today(now) + policy.days_ahead * DAY)
    changes = exceptions_after(tx, schedule["id"], until)
    look_again = next_look(now, schedule["id"])
    for day in days_between(terms.rule, until, horizon):
        waits_until = settle_day(tx, now, schedule, terms, day, changes.get(day))
        if waits_until is not None:
            look_again, horizon = min(look_again, waits_until), day - DAY
            break
    tx.execute(LOOKED, {"id": schedule["id"], "decided_until": horizon, "due_at": look_again})


def next_look(now: datetime, schedule_id: int) -> datetime:
    """Within an hour after the next midnight, at a time of each schedule's own; pure."""
    return day_bounds(now)[1] + timedelta(seconds=schedule_id % SPREAD.total_seconds())


def settle_day(
    tx: Transaction, now: datetime, schedule: Row, terms: Terms, day: date, change: DayChange | None
) -> datetime | None:
    """Decide one of a locked schedule's days: order its visit, or write down why there is none; returns until when that
    waits for the elder to come back, or None when it is decided."""
    on = change.moved_to if change else takes_place_on(terms.rule, day, is_public_holiday)
    if on is None:
        decide(tx, now, schedule["id"], day, "exception" if change else "holiday")
        return None
    begins, ends = window_of(terms, on, change.from_time if change else None)
    hindrance: DayOutcome | None = (
        "away" if schedule["elder_state"] in AWAY else "paused" if schedule["paused_at"] is not None else None
    )
    if hindrance is not None and now < begins:
        return begins
    if hindrance is not None:
        decide(tx, now, schedule["id"], day, hindrance, takes_place=on)
        return None
    source: OrderSource = "schedule" if schedule["plan_id"] is None else "care_plan"
    wish = Wish(
        schedule["elder_id"],
        terms.item_code,
        begins,
        ends,
        terms.skills,
        terms.note,
        source=source,
        source_ref=schedule["plan_id"] or schedule["id"],
        mode="plan",
    )
    return _order(tx, now, schedule, day, on, wish)


def _order(tx: Transaction, now: datetime, schedule: Row, day: date, on: date, wish: Wish) -> datetime | None:
    try:
        order_id = place(tx, now, wish, actor_id=None)
    except Refused as refused:
        if refused.code == "elder_away" and now < wish.window_from:
            return wish.window_from
        decide(tx, now, schedule["id"], day, "refused", takes_place=on, refusal=refused.code)
        _ask_somebody(tx, now, schedule, day, wish, refused)
        return None
    decide(tx, now, schedule["id"], day, "ordered", takes_place=on, order_id=order_id)
    return None


def _ask_somebody(tx: Transaction, now: datetime, schedule: Row, day: date, wish: Wish, refused: Refused) -> None:
    """A meal that silently does not come is what nobody may overlook."""
    detail = {
        "schedule_id": schedule["id"],
        "item": wish.item_code,
        "window_from": wish.window_from.isoformat(),
        "refusal": refused.code,
    }
    new = tasks.NewTask(
        kind="unfilled_order",
        due_at=max(now + timedelta(hours=1), wish.window_from - timedelta(hours=12)),
        elder_id=schedule["elder_id"],
        about=f"schedule:{schedule['id']}:{day.isoformat()}",
        detail=detail,
    )
    tasks.create(tx, now, new)
