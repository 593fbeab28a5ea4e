"""What staff do with an elder's schedules: make, pause, resume, change, end them, and treat a day otherwise."""

from datetime import date, datetime
from typing import Final

from dispatch import orders
from dispatch.orders import ELDER_IN_SCOPE, STAFF
from dispatch.refusals import Refused
from dispatch.sources.quotes import buyer, item_for
from dispatch.sources.recurrence import DAY
from dispatch.sources.schedule_rows import SCHEDULES, DayChange, Terms, decide, terms_of, window_of
from dispatch.sources.scheduling import settle_day
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.events import Event
from schemas.statements import statement

LONGEST_MOVE: Final = 31 * DAY
"""A single visit moved farther than this is another visit."""
LOCK_IN_SCOPE = statement(f"""{SCHEDULES}
    WHERE schedule.id = %(id)s::bigint AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = schedule.elder_id AND audience.account_id = %(actor_id)s::integer
          AND audience.role = ANY(%(roles)s::text[]))
    FOR UPDATE OF schedule
""")
KNOWN_SKILLS = statement("SELECT count(*) AS known FROM skill WHERE code = ANY(%(skills)s::text[])")
MAKE = statement("""
    INSERT INTO order_schedule (elder_id, plan_id, item_code, weekdays, every_weeks, first_day, last_day, from_time,
                                window_minutes, on_holidays, skills, note, made_at, made_by, replaces_id,
                                decided_until, due_at)
    VALUES (%(elder_id)s::integer, %(plan_id)s::bigint, %(item_code)s::text, %(weekdays)s::smallint[],
            %(every_weeks)s::smallint, %(first_day)s::date, %(last_day)s::date, %(from_time)s::time,
            %(window_minutes)s::smallint, %(on_holidays)s::text, %(skills)s::text[], %(note)s::text,
            %(now)s::timestamptz, %(actor_id)s::integer, %(replaces_id)s::bigint, %(decided_until)s::date,
            %(now)s::timestamptz)
    RETURNING id
""")
END = statement("""
    UPDATE order_schedule
    SET ended_at = %(now)s::timestamptz, ended_by = %(actor_id)s::integer, end_reason = %(reason)s::text, due_at = NULL
    WHERE id = %(id)s::bigint
""")
PAUSE = statement("""
    UPDATE order_schedule
    SET paused_at = %(now)s::timestamptz, paused_by = %(actor_id)s::integer, pause_reason = %(reason)s::text,
        due_at = %(now)s::timestamptz
    WHERE id = %(id)s::bigint
""")
RESUME = statement("""
    UPDATE order_schedule SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, due_at = %(now)s::timestamptz
    WHERE id = %(id)s::bigint
""")
# Those that a worker is not on the way to.
PLACED = statement("""
    SELECT schedule_day.order_id AS id
    FROM schedule_day JOIN service_order ON service_order.id = schedule_day.order_id
    WHERE schedule_day.schedule_id = %(id)s::bigint AND service_order.window_from > %(now)s::timestamptz
      AND service_order.state IN ('requested', 'offered', 'accepted')
    ORDER BY schedule_day.order_id
""")
FIRST_PLACED = statement("""
    SELECT min(day) AS day FROM schedule_day
    WHERE schedule_id = %(id)s::bigint AND order_id = ANY(%(order_ids)s::bigint[])
""")
DAY_OF = statement("""
    SELECT schedule_day.outcome, schedule_day.order_id, service_order.state
    FROM schedule_day LEFT JOIN service_order ON service_order.id = schedule_day.order_id
    WHERE schedule_day.schedule_id = %(id)s::bigint AND schedule_day.day = %(day)s::date
""")
FORGET_DAY = statement("""
    DELETE FROM schedule_day WHERE schedule_id = %(id)s::bigint AND day = %(day)s::date
""")
EXCEPT = statement("""
    INSERT INTO schedule_exception (schedule_id, day, moved_to, from_time, reason, set_at, set_by)
    VALUES (%(id)s::bigint, %(day)s::date, %(moved_to)s::date, %(from_time)s::time, %(reason)s::text,
            %(now)s::timestamptz, %(actor_id)s::integer)
    ON CONFLICT (schedule_id, day) DO UPDATE
    SET moved_to = EXCLUDED.moved_to, from_time = EXCLUDED.from_time, reason = EXCLUDED.reason,
        set_at = EXCLUDED.set_at, set_by = EXCLUDED.set_by
""")

# Before the schedule, as whoever ends the plan does: a schedule that takes another's place is the plan's as well.
PLAN_OF = statement("""
    SELECT id FROM care_plan WHERE id = (SELECT plan_id FROM order_schedule WHERE id = %(id)s::bigint) FOR NO KEY UPDATE
""")
# What was said about days that are the new schedule's holds for it too, and so does a pause.
CARRY_OVER = statement("""
    INSERT INTO schedule_exception (schedule_id, day, moved_to, from_time, reason, set_at, set_by)
    SELECT %(id)s::bigint, day, moved_to, from_time, reason, set_at, set_by FROM schedule_exception
    WHERE schedule_id = %(former_id)s::bigint AND day > %(until)s::date
""")
STAND_STILL = statement("""
    UPDATE order_schedule
    SET paused_at = former.paused_at, paused_by = former.paused_by, pause_reason = former.pause_reason
    FROM order_schedule AS former
    WHERE order_schedule.id = %(id)s::bigint AND former.id = %(former_id)s::bigint AND former.paused_at IS NOT NULL
""")


def make(tx: Transaction, now: datetime, actor_id: int, elder_id: int, terms: Terms) -> int:
    """Order something regularly for an elder in the scope of staff; returns the schedule's id.

    Raises Refused: not_found, unknown_item, unknown_skill, in_the_past (over before it began).
    """
    asking = {"id": elder_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)}
    if tx.row(ELDER_IN_SCOPE, asking) is None:
        raise Refused("not_found")
    return add(tx, now, actor_id, elder_id, terms)


def add(
    tx: Transaction,
    now: datetime,
    actor_id: int,
    elder_id: int,
    terms: Terms,
    *,
    plan_id: int | None = None,
    replaces_id: int | None = None,
    decided_until: date | None = None,
) -> int:
    """Write a schedule down, for whoever may; its days up to `decided_until` are not its own. Returns the id.

    Raises Refused: unknown_item, unknown_skill, in_the_past.
    """
    if item_for(tx, now, buyer(tx, elder_id), terms.item_code) is None:
        raise Refused("unknown_item")
    [found] = tx.rows(KNOWN_SKILLS, {"skills": list(terms.skills)})
    if found["known"] < len(set(terms.skills)):
        raise Refused("unknown_skill")
    if terms.rule.last_day is not None and terms.rule.last_day < today(now):
        raise Refused("in_the_past")
    begun_today = window_of(terms, today(now))[0] <= now
    until = max(today(now) if begun_today else today(now) - DAY, terms.rule.first_day - DAY)
    [made] = tx.rows(
        MAKE,
        {
            "elder_id": elder_id,
            "plan_id": plan_id,
            "item_code": terms.item_code,
            "weekdays": sorted(terms.rule.weekdays),
            "every_weeks": terms.rule.every_weeks,
            "first_day": terms.rule.first_day,
            "last_day": terms.rule.last_day,
            "from_time": terms.from_time,
            "window_minutes": terms.window_minutes,
            "on_holidays": terms.rule.on_holidays,
            "skills": sorted(set(terms.skills)),
            "note": terms.note,
            "now": now,
            "actor_id": actor_id,
            "replaces_id": replaces_id,
            "decided_until": until if decided_until is None else max(until, decided_until),
        },
    )
    _changed(tx, now, elder_id, actor_id)
    return int(made["id"])


def _changed(tx: Transaction, now: datetime, elder_id: int, actor_id: int | None) -> None:
    tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=actor_id))


def _lock(tx: Transaction, now: datetime, schedule_id: int, actor_id: int) -> Row:
    schedule = tx.row(LOCK_IN_SCOPE, {"id": schedule_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)})
    if schedule is None:
        raise Refused("not_found")
    if schedule["ended_at"] is not None:
        raise Refused("schedule_ended")
    return schedule


def end(tx: Transaction, now: datetime, schedule_id: int, actor_id: int, reason: str, *, orders_too: bool) -> int:
    """Order nothing more of a schedule; what is ordered already stays, unless it is asked to be cancelled too. Returns
    whose schedule it was.

    Raises Refused: not_found, schedule_ended.
    """
    schedule = _lock(tx, now, schedule_id, actor_id)
    finish(tx, now, schedule, actor_id, reason, orders_too=orders_too)
    return int(schedule["elder_id"])


def finish(tx: Transaction, now: datetime, schedule: Row, actor_id: int, reason: str, *, orders_too: bool) -> None:
    """End a locked schedule."""
    tx.execute(END, {"id": schedule["id"], "now": now, "actor_id": actor_id, "reason": reason})
    if orders_too:
        _cancel_placed(tx, now, schedule["id"], actor_id, reason)
    _changed(tx, now, schedule["elder_id"], actor_id)


def _cancel_placed(tx: Transaction, now: datetime, schedule_id: int, actor_id: int, reason: str) -> list[int]:
    placed = [int(order["id"]) for order in tx.rows(PLACED, {"id": schedule_id, "now": now})]
    for order_id in placed:
        orders.cancel(tx, now, order_id, actor_id, reason)
    return placed


def pause(tx: Transaction, now: datetime, schedule_id: int, actor_id: int, reason: str) -> int:
    """Let days pass without an order until it is resumed; what is ordered already stays. Returns whose schedule it is.

    Raises Refused: not_found, schedule_ended, schedule_paused.
    """
    schedule = _lock(tx, now, schedule_id, actor_id)
    if schedule["paused_at"] is not None:
        raise Refused("schedule_paused")
    tx.execute(PAUSE, {"id": schedule_id, "now": now, "actor_id": actor_id, "reason": reason})
    _changed(tx, now, schedule["elder_id"], actor_id)
    return int(schedule["elder_id"])


def resume(tx: Transaction, now: datetime, schedule_id: int, actor_id: int) -> int:
    """Order again, from the next visit that can still be ordered. Returns whose schedule it is.

    Raises Refused: not_found, schedule_ended, schedule_not_paused.
    """
    schedule = _lock(tx, now, schedule_id, actor_id)
    if schedule["paused_at"] is None:
        raise Refused("schedule_not_paused")
    tx.execute(RESUME, {"id": schedule_id, "now": now})
    _changed(tx, now, schedule["elder_id"], actor_id)
    return int(schedule["elder_id"])


def change(
    tx: Transaction, now: datetime, schedule_id: int, actor_id: int, terms: Terms, reason: str, *, orders_too: bool
) -> int:
    """Replace a schedule by another; returns whose it is. Days that are decided stay as they are; asked to, what is
    ordered and not yet on its way is cancelled, and its days are the new schedule's. Days that were to be left out or
    moved still are, and one that is paused stays so.

    Raises Refused: not_found, schedule_ended, unknown_item, unknown_skill, in_the_past.
    """
    tx.rows(PLAN_OF, {"id": schedule_id})
    schedule = _lock(tx, now, schedule_id, actor_id)
    tx.execute(END, {"id": schedule_id, "now": now, "actor_id": actor_id, "reason": reason})
    until = schedule["decided_until"]
    cancelled = _cancel_placed(tx, now, schedule_id, actor_id, reason) if orders_too else []
    if cancelled:
        [first] = tx.rows(FIRST_PLACED, {"id": schedule_id, "order_ids": cancelled})
        until = first["day"] - DAY
    elder_id = int(schedule["elder_id"])
    of_plan = {"plan_id": schedule["plan_id"], "replaces_id": schedule_id}
    made = add(tx, now, actor_id, elder_id, terms, **of_plan, decided_until=until)
    tx.execute(CARRY_OVER, {"id": made, "former_id": schedule_id, "until": until})
    tx.execute(STAND_STILL, {"id": made, "former_id": schedule_id})
    return elder_id


def treat_day(
    tx: Transaction,
    now: datetime,
    schedule_id: int,
    actor_id: int,
    day: date,
    instead: DayChange,
    reason: str,
    *,
    orders_too: bool,
) -> int:
    """Leave one of a schedule's days out, or move it to another day or time. Where it is ordered already that order
    is cancelled when this is asked for. Returns whose schedule it is.

    Raises Refused: not_found, schedule_ended, not_scheduled, in_the_past, too_far_ahead, already_ordered, and what
    `orders.cancel` does.
    """
    schedule = _lock(tx, now, schedule_id, actor_id)
    terms = terms_of(schedule)
    if not terms.rule.falls_on(day):
        raise Refused("not_scheduled")
    if day < today(now) or (instead.moved_to is not None and instead.moved_to < today(now)):
        raise Refused("in_the_past")
    if instead.moved_to is not None and abs(instead.moved_to - day) > LONGEST_MOVE:
        raise Refused("too_far_ahead")
    said = {"moved_to": instead.moved_to, "from_time": instead.from_time, "reason": reason}
    decided = tx.row(DAY_OF, {"id": schedule_id, "day": day})
    if decided is not None and decided["state"] not in (None, "cancelled"):
        if not orders_too:
            raise Refused("already_ordered")
        orders.cancel(tx, now, decided["order_id"], actor_id, reason)
    tx.execute(EXCEPT, {"id": schedule_id, "day": day, **said, "now": now, "actor_id": actor_id})
    if decided is not None or day <= schedule["decided_until"]:
        tx.execute(FORGET_DAY, {"id": schedule_id, "day": day})
        if settle_day(tx, now, schedule, terms, day, instead) is not None:
            decide(tx, now, schedule_id, day, "away" if schedule["paused_at"] is None else "paused")
    _changed(tx, now, schedule["elder_id"], actor_id)
    return int(schedule["elder_id"])
