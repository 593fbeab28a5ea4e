"""Homes that have been still for too long: their limits from their own past days, and the alarm when one has passed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter

from dispatch.home_alarms import raise_home_alarm
from dispatch.stillness import HOURS, MovementPolicy, Still, judge, limits, usual_minutes
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.statements import statement

SUPPRESSED_FOR: Final = timedelta(minutes=15)
"""A home whose elders are away is looked at again after this time: they may come back."""

CLAIM = statement("""
    SELECT home_watch.household_id AS id, home_watch.device_key, home_watch.watched_since, home_watch.moved_at,
           home_watch.in_bed, home_watch.bed_changed_at, home_watch.door_opened_at, home_watch.signalled_at,
           COALESCE(home_watch.heard_at, presence.last_seen_at) AS heard_at
    FROM home_watch
    LEFT JOIN device_presence AS presence ON presence.device_key = home_watch.device_key
    WHERE home_watch.due_at <= %(now)s::timestamptz
    ORDER BY home_watch.due_at LIMIT %(limit)s::integer
    FOR UPDATE OF home_watch SKIP LOCKED
""")
POSTPONE = statement("""
    UPDATE home_watch SET due_at = %(due_at)s::timestamptz WHERE household_id = %(id)s::integer
""")
RANG = statement("""
    UPDATE home_watch SET due_at = %(due_at)s::timestamptz, signalled_at = %(now)s::timestamptz,
        alarm_id = %(alarm_id)s::bigint
    WHERE household_id = %(id)s::integer
""")
OVERDUE = statement("SELECT count(*) AS overdue FROM home_watch WHERE due_at < %(before)s::timestamptz")
POLICY = statement("""
    SELECT stretch, patience_minutes, patience_hours, least_minutes, most_minutes, days_kept, days_needed,
           days_set_aside, left_bed_minutes, night_from, night_until, away_minutes, heard_minutes, repeat_minutes
    FROM movement_policy
""")
DEFAULTS = statement("SELECT hour, minutes FROM movement_default")
DAYS = statement("""
    SELECT longest FROM home_day
    WHERE household_id = %(household_id)s::integer AND day >= %(since)s::date AND day < %(until)s::date
""")
OWN_LIMIT = statement("""
    SELECT least_minutes FROM movement_limit WHERE household_id = %(household_id)s::integer AND valid_to IS NULL
""")
FORGET_DAYS = statement("""
    DELETE FROM home_day WHERE household_id = %(household_id)s::integer AND day < %(before)s::date
""")
SWEEP: Final = Sweep(
    "home", POSTPONE, OVERDUE, Counter("anban_home_failures_total", "Homes that could not be looked at, put off")
)


def movement_policy(tx: Transaction) -> MovementPolicy | None:
    """What holds for the no-movement rule; None when somebody deleted the row: then no home rings."""
    row = tx.row(POLICY)
    return MovementPolicy(**row) if row else None


def default_day(tx: Transaction) -> tuple[int, ...]:
    """What is usual at each hour where nothing else is known; hours without a row count as still all along."""
    known = {row["hour"]: row["minutes"] for row in tx.rows(DEFAULTS)}
    return tuple(known.get(hour, HOURS * 60) for hour in range(HOURS))


def limits_of(
    tx: Transaction, household_id: int, on: date, policy: MovementPolicy, default: Sequence[int]
) -> tuple[int, ...]:
    """A home's limits by the hour in minutes, from its days before `on` and the least that staff set."""
    about = {"household_id": household_id, "since": on - timedelta(days=policy.days_kept), "until": on}
    days = [row["longest"] for row in tx.rows(DAYS, about)]
    own = tx.row(OWN_LIMIT, {"household_id": household_id})
    return limits(usual_minutes(days, default, policy), policy, own["least_minutes"] if own else None)


def still_of(home: Row) -> Still | None:
    """What is known of a home that does not move; None where nobody watches."""
    watched, moved = home["watched_since"], home["moved_at"]
    if watched is None:
        return None
    since = max(watched, moved) if moved else watched
    opened, turned = home["door_opened_at"], home["bed_changed_at"]
    return Still(
        since,
        left_bed=home["in_bed"] is False and turned is not None and turned >= since,
        may_be_empty=opened is not None and opened >= since,
    )


def sweep_homes(tx: Transaction, now: datetime, limit: int) -> int:
    """Look at the homes whose time has come; returns how many were dealt with."""
    due = tx.rows(CLAIM, {"now": now, "limit": limit})
    if not due:
        return 0
    policy, default = movement_policy(tx), default_day(tx)
    if policy is None:
        return act_on_each(tx, now, due, lambda home: _put_off(tx, home, now + timedelta(hours=1)), SWEEP)
    return act_on_each(tx, now, due, lambda home: _look_at(tx, now, home, policy, default), SWEEP)


def _put_off(tx: Transaction, home: Row, until: datetime) -> None:
    tx.execute(POSTPONE, {"id": home["id"], "due_at": until})


def _look_at(tx: Transaction, now: datetime, home: Row, policy: MovementPolicy, default: Sequence[int]) -> None:
    still = still_of(home)
    tx.execute(FORGET_DAYS, {"household_id": home["id"], "before": today(now) - timedelta(days=policy.days_kept)})
    by_hour = limits_of(tx, home["id"], today(now), policy, default)
    rang_at = home["signalled_at"] if still and home["signalled_at"] and home["signalled_at"] >= still.since else None
    verdict = judge(still, home["heard_at"], rang_at, by_hour, policy, now)
    if not verdict.rings or still is None:
        _put_off(tx, home, verdict.look_at)
        return
    details = _details(still, verdict.limit_minutes)
    alarm_id = raise_home_alarm(tx, now, "no_movement", home, now, details)
    if alarm_id is None:
        _put_off(tx, home, now + SUPPRESSED_FOR)
    else:
        tx.execute(RANG, {"id": home["id"], "due_at": verdict.look_at, "now": now, "alarm_id": alarm_id})


def _details(still: Still, limit_minutes: int | None) -> dict[str, Any]:
    reason = "may_be_empty" if still.may_be_empty else "left_bed" if still.left_bed else "still"
    return {"reason": reason, "still_since": still.since.isoformat(), "limit_minutes": limit_minutes}
