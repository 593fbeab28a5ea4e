"""When a day is planned: every evening for the next one, again when somebody is missing, and whenever a person asks."""

from datetime import date, datetime, timedelta
from typing import Final, Literal

from dispatch.day_plans.reading import PlanningPolicy, planning_policy
from dispatch.refusals import Refused
from dispatch.turns import take_turn
from schemas.database import Transaction
from schemas.district_time import DISTRICT_TIME, day_bounds, today
from schemas.locks import AdvisoryLock
from schemas.statements import statement

PlanReason = Literal["nightly", "by_hand", "changed"]
ASK_SECONDS: Final = 20.0
FARTHEST: Final = timedelta(days=14)

DISTRICTS = statement("""
    SELECT district.code FROM org_unit AS district
    WHERE district.parent_code IS NULL AND EXISTS (
        SELECT FROM provider_area JOIN org_unit AS area ON area.code = provider_area.org_code
        WHERE starts_with(area.path, district.path))
    ORDER BY district.code
""")
ASK = statement("""
    INSERT INTO day_plan (org_code, day, reason, asked_at, asked_by, seconds, at_once, due_at)
    VALUES (%(org_code)s::text, %(day)s::date, %(reason)s::text, %(now)s::timestamptz, %(asked_by)s::integer,
            %(seconds)s::smallint, %(at_once)s::boolean, %(now)s::timestamptz)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
# Somebody is missing: an order of today that nobody may take, early enough that others can still be moved for it.
MISSING = statement("""
    SELECT FROM service_order
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS district ON district.code = %(org_code)s::text AND starts_with(home.path, district.path)
    WHERE service_order.ended_at IS NULL AND service_order.state = 'requested'
      AND service_order.attention IN ('nobody_eligible', 'nobody_accepted', 'companion_missing')
      AND service_order.window_to > %(soon)s::timestamptz AND service_order.window_from < %(day_to)s::timestamptz
    LIMIT 1
""")
LATEST = statement("""
    SELECT max(asked_at) AS asked_at FROM day_plan WHERE org_code = %(org_code)s::text AND day = %(day)s::date
""")
EARLY_ENOUGH: Final = timedelta(minutes=20)


def ask(
    tx: Transaction,
    now: datetime,
    org_code: str,
    day: date,
    reason: PlanReason,
    *,
    actor_id: int | None = None,
    seconds: int | None = None,
    at_once: bool | None = None,
) -> int | None:
    """Ask for a plan of a district's day; returns its id, None when one is being made already.

    Raises Refused in_the_past, too_far_ahead.
    """
    if day < today(now):
        raise Refused("in_the_past")
    if day > today(now + FARTHEST):
        raise Refused("too_far_ahead")
    policy = planning_policy(tx, org_code)
    made = tx.row(
        ASK,
        {
            "org_code": org_code,
            "day": day,
            "reason": reason,
            "now": now,
            "asked_by": actor_id,
            "seconds": seconds or policy.seconds,
            "at_once": policy.at_once if at_once is None else at_once,
        },
    )
    return None if made is None else int(made["id"])


def ask_when_due(tx: Transaction, now: datetime) -> bool:
    """Ask for whatever plan is due in any district; returns False when another engine is at it."""
    if not take_turn(tx, AdvisoryLock.DAY_PLANS):
        return False
    for district in tx.rows(DISTRICTS):
        policy = planning_policy(tx, district["code"])
        if evening_has_come(policy, now):
            ask(tx, now, district["code"], today(now + timedelta(days=1)), "nightly")
        if _somebody_is_missing(tx, now, district["code"], policy):
            ask(tx, now, district["code"], today(now), "changed", at_once=True)
    return True


def evening_has_come(policy: PlanningPolicy, now: datetime) -> bool:
    """Whether it is time to plan the next day; pure."""
    return now.astimezone(DISTRICT_TIME).time() >= policy.plan_at


def _somebody_is_missing(tx: Transaction, now: datetime, org_code: str, policy: PlanningPolicy) -> bool:
    if policy.again_minutes is None:
        return False
    day = today(now)
    latest = tx.row(LATEST, {"org_code": org_code, "day": day})
    if latest and latest["asked_at"] and now < latest["asked_at"] + timedelta(minutes=policy.again_minutes):
        return False
    return tx.row(MISSING, {"org_code": org_code, "soon": now + EARLY_ENOUGH, "day_to": day_bounds(now)[1]}) is not None
