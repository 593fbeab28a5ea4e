"""When workers work: single shifts, and weekly hours from which shifts are made ahead."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from psycopg.errors import ExclusionViolation

from dispatch.pool.lapses import look_at_work
from dispatch.pool.policy import pool_policy
from dispatch.pool.workers import locked_worker, record
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.district_time import DISTRICT_TIME, today
from schemas.statements import statement

TEMPLATES = statement("""
    SELECT id, weekday, starts, ends, valid_from, valid_to, made_until FROM shift_template
    WHERE worker_id = %(id)s::integer AND (valid_to IS NULL OR valid_to >= %(today)s::date)
      AND (made_until IS NULL OR made_until < %(until)s::date)
    FOR NO KEY UPDATE
""")
# A shift that is there already, of whatever origin, keeps a made one out.
MAKE = statement("""
    INSERT INTO worker_shift (worker_id, starts_at, ends_at, template_id)
    SELECT %(worker_id)s::integer, starts_at, ends_at, %(template_id)s::bigint
    FROM unnest(%(starts_at)s::timestamptz[], %(ends_at)s::timestamptz[]) AS wanted (starts_at, ends_at)
    ON CONFLICT DO NOTHING
""")
MADE = statement("UPDATE shift_template SET made_until = %(until)s::date WHERE id = %(id)s::bigint")
ADD = statement("""
    INSERT INTO worker_shift (worker_id, starts_at, ends_at)
    VALUES (%(worker_id)s::integer, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz)
""")
TAKE = statement("""
    DELETE FROM worker_shift
    WHERE id = %(id)s::bigint AND worker_id = %(worker_id)s::integer AND ends_at > %(now)s::timestamptz
""")
ADD_TEMPLATE = statement("""
    INSERT INTO shift_template (worker_id, weekday, starts, ends, valid_from, valid_to, set_by)
    VALUES (%(worker_id)s::integer, %(weekday)s::smallint, %(starts)s::time, %(ends)s::time, %(valid_from)s::date,
            %(valid_to)s::date, %(actor_id)s::integer)
""")
END_TEMPLATE = statement("""
    UPDATE shift_template
    SET valid_to = GREATEST(valid_from, %(today)s::date), made_until = '9999-12-31'
    WHERE id = %(id)s::bigint AND worker_id = %(worker_id)s::integer
      AND (valid_to IS NULL OR valid_to > %(today)s::date)
    RETURNING id
""")
TAKE_MADE = statement("""
    DELETE FROM worker_shift WHERE template_id = %(id)s::bigint AND starts_at > %(now)s::timestamptz
""")
SHORTEST: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=24)
FURTHEST_AHEAD: Final = timedelta(days=366)


@dataclass(frozen=True)
class WeeklyHours:
    """On one weekday (1 is Monday) from `starts` until `ends` of the district's clock, the next day's when that is not
    later; from the first to the last day, None for without end."""

    weekday: int
    starts: time
    ends: time
    valid_from: date
    valid_to: date | None = None


def shifts_between(hours: WeeklyHours, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    """The shifts that weekly hours make on the days from `first` to `last`, both included."""
    day = max(first, hours.valid_from)
    until = last if hours.valid_to is None else min(last, hours.valid_to)
    day += timedelta(days=(hours.weekday - day.isoweekday()) % 7)
    while day <= until:
        ends_on = day if hours.ends > hours.starts else day + timedelta(days=1)
        yield (
            datetime.combine(day, hours.starts, DISTRICT_TIME),
            datetime.combine(ends_on, hours.ends, DISTRICT_TIME),
        )
        day += timedelta(days=7)


def make_shifts_ahead(tx: Transaction, now: datetime, worker_id: int, days: int) -> None:
    """Make the shifts of a worker's weekly hours for so many days; each day is made once, so that a shift that
    somebody takes away stays away."""
    day, until = today(now), today(now) + timedelta(days=days)
    for row in tx.rows(TEMPLATES, {"id": worker_id, "today": day, "until": until}):
        hours = WeeklyHours(row["weekday"], row["starts"], row["ends"], row["valid_from"], row["valid_to"])
        first = day if row["made_until"] is None else max(day, row["made_until"] + timedelta(days=1))
        made = [(starts, ends) for starts, ends in shifts_between(hours, first, until) if ends > now]
        if made:
            about = {"worker_id": worker_id, "template_id": row["id"]}
            times = {"starts_at": [starts for starts, _ in made], "ends_at": [ends for _, ends in made]}
            tx.execute(MAKE, {**about, **times})
        tx.execute(MADE, {"id": row["id"], "until": until})


def add_shift(
    tx: Transaction, now: datetime, worker_id: int, actor_id: int, starts_at: datetime, ends_at: datetime
) -> None:
    """Let a worker work once more. Raises Refused: not_found, supervisor_needed, worker_left, in_the_past,
    window_empty, window_too_long, shift_overlaps."""
    locked_worker(tx, now, worker_id, actor_id)
    if ends_at <= now:
        raise Refused("in_the_past")
    if ends_at - starts_at < SHORTEST:
        raise Refused("window_empty")
    if ends_at - starts_at > LONGEST:
        raise Refused("window_too_long")
    try:
        with tx.conn.transaction():
            tx.execute(ADD, {"worker_id": worker_id, "starts_at": starts_at, "ends_at": ends_at})
    except ExclusionViolation:
        raise Refused("shift_overlaps") from None
    record(tx, now, worker_id, "shift_added", actor_id=actor_id, detail=_times(starts_at, ends_at))


def take_shift(tx: Transaction, now: datetime, worker_id: int, actor_id: int, shift_id: int) -> int:
    """Take a shift that is not over away; what she promised then goes to others. Returns how many orders that changed.

    Raises Refused: not_found, supervisor_needed, worker_left.
    """
    locked_worker(tx, now, worker_id, actor_id)
    if tx.execute(TAKE, {"id": shift_id, "worker_id": worker_id, "now": now}) == 0:
        raise Refused("not_found")
    record(tx, now, worker_id, "shift_taken", actor_id=actor_id, detail={"shift_id": shift_id})
    return look_at_work(tx, now, [worker_id], actor_id=actor_id)


def set_weekly_hours(tx: Transaction, now: datetime, worker_id: int, actor_id: int, hours: WeeklyHours) -> None:
    """Let a worker work every week; the shifts of the coming weeks are there at once.

    Raises Refused: not_found, supervisor_needed, worker_left, window_empty, too_far_ahead (the first day).
    """
    locked_worker(tx, now, worker_id, actor_id)
    if hours.starts == hours.ends:
        raise Refused("window_empty")
    if hours.valid_from > today(now) + FURTHEST_AHEAD:
        raise Refused("too_far_ahead")
    tx.execute(ADD_TEMPLATE, {**vars(hours), "worker_id": worker_id, "actor_id": actor_id})
    make_shifts_ahead(tx, now, worker_id, pool_policy(tx).shift_days)
    record(tx, now, worker_id, "hours_set", actor_id=actor_id, detail={"weekday": hours.weekday})


def end_weekly_hours(tx: Transaction, now: datetime, worker_id: int, actor_id: int, template_id: int) -> int:
    """End weekly hours: the shifts made of them that have not begun are taken away. Returns how many orders that
    changed. Raises Refused: not_found, supervisor_needed, worker_left."""
    locked_worker(tx, now, worker_id, actor_id)
    if tx.row(END_TEMPLATE, {"id": template_id, "worker_id": worker_id, "today": today(now)}) is None:
        raise Refused("not_found")
    tx.execute(TAKE_MADE, {"id": template_id, "now": now})
    record(tx, now, worker_id, "hours_ended", actor_id=actor_id, detail={"template_id": template_id})
    return look_at_work(tx, now, [worker_id], actor_id=actor_id)


def _times(starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
