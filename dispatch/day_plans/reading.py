"""What the database knows of a district's day: its orders that can still be planned, and who works."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from schemas.database import Row, Transaction
from schemas.district_time import day_bounds, today
from schemas.statements import statement

ORDERS = statement("""
    SELECT service_order.id, service_order.lead_id, service_order.elder_id, service_order.worker_id,
           service_order.state, service_order.item_code, service_order.skills, service_order.duration_minutes,
           service_order.window_from, service_order.window_to, service_order.worker_sex, service_order.sex_required,
           service_order.priority, service_order.planned_at, service_order.checked_in_at,
           service_order.kitchen_id, kitchen.lat AS kitchen_lat, kitchen.lon AS kitchen_lon, kitchen.hot_minutes,
           kitchen.provider_id AS kitchen_of,
           home.code AS org_code, COALESCE(household.lat, home.lat) AS lat, COALESCE(household.lon, home.lon) AS lon,
           COALESCE(service_order.mode, policy.policy_mode) AS mode
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN assist_policy AS policy ON policy.assist = item.assist
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS district ON district.code = %(org_code)s::text AND starts_with(home.path, district.path)
    LEFT JOIN kitchen ON kitchen.id = service_order.kitchen_id
    WHERE service_order.window_from >= %(day_from)s::timestamptz AND service_order.window_from < %(day_to)s::timestamptz
      AND service_order.window_to > %(now)s::timestamptz AND service_order.ended_at IS NULL
      AND elder.state IN ('home', 'test') AND COALESCE(household.lat, home.lat) IS NOT NULL
      AND (service_order.state IN ('accepted', 'en_route', 'checked_in', 'in_service')
           OR (service_order.state IN ('requested', 'offered')
               AND (%(everything)s::boolean OR COALESCE(service_order.mode, policy.policy_mode) = 'plan')))
    ORDER BY service_order.id
""")
SHIFTS = statement("""
    SELECT worker_shift.id AS shift_id, worker.id AS worker_id, worker.provider_id, worker.travel, worker.base_lat,
           worker.base_lon, worker.sex, worker.carries AS carries_meals, provider.every_service,
           GREATEST(worker_shift.starts_at, %(now)s::timestamptz) AS starts_at, worker_shift.ends_at,
           position.lat AS position_lat, position.lon AS position_lon, position.at AS position_at
    FROM worker_shift
    JOIN worker ON worker.id = worker_shift.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    JOIN responder_kind ON responder_kind.kind = worker.kind
    LEFT JOIN worker_position AS position ON position.worker_id = worker.id
    WHERE worker_shift.starts_at < %(day_to)s::timestamptz AND worker_shift.ends_at > %(from)s::timestamptz
      AND account.role = 'worker' AND account.disabled_at IS NULL AND worker.left_at IS NULL
      AND provider.state = 'admitted' AND responder_kind.takes_orders AND NOT responder_kind.own_elders
      AND NOT EXISTS (
          SELECT FROM worker_leave
          WHERE worker_leave.worker_id = worker.id
            AND tstzrange(worker_leave.starts_at, worker_leave.ends_at)
                && tstzrange(worker_shift.starts_at, worker_shift.ends_at))
      AND EXISTS (
          SELECT FROM provider_area
          JOIN org_unit AS area ON area.code = provider_area.org_code
          JOIN org_unit AS district ON district.code = %(org_code)s::text
          WHERE provider_area.provider_id = provider.id
            AND split_part(area.path, '/', 1) = split_part(district.path, '/', 1)
            AND provider_area.valid_from < %(day_to)s::timestamptz
            AND (provider_area.valid_to IS NULL OR provider_area.valid_to >= %(day_to)s::timestamptz))
    ORDER BY worker.id, worker_shift.starts_at
""")
SKILLS = statement("""
    SELECT worker_id, array_agg(DISTINCT skill ORDER BY skill) AS skills FROM worker_skill
    WHERE worker_id = ANY(%(worker_ids)s::integer[]) AND valid_from <= %(day)s::date
      AND (valid_to IS NULL OR valid_to >= %(day)s::date) AND revoked_at IS NULL
    GROUP BY worker_id
""")
# Each provider's units, down to the ones in which homes lie.
AREAS = statement("""
    SELECT provider_area.provider_id, array_agg(DISTINCT unit.code ORDER BY unit.code) AS units
    FROM provider_area
    JOIN org_unit AS area ON area.code = provider_area.org_code
    JOIN org_unit AS unit ON starts_with(unit.path, area.path)
    WHERE provider_area.valid_from < %(day_to)s::timestamptz
      AND (provider_area.valid_to IS NULL OR provider_area.valid_to >= %(day_to)s::timestamptz)
      AND unit.code = ANY(%(units)s::text[])
    GROUP BY provider_area.provider_id
""")
SERVICES = statement("""
    SELECT provider_id, array_agg(DISTINCT item_code ORDER BY item_code) AS items FROM provider_service
    WHERE valid_from < %(day_to)s::timestamptz AND (valid_to IS NULL OR valid_to >= %(day_to)s::timestamptz)
    GROUP BY provider_id
""")
# As a search counts them: what came to nothing leaves room.
FULL = statement("""
    SELECT provider.id FROM provider
    WHERE provider.id = ANY(%(provider_ids)s::integer[]) AND provider.orders_a_day <= (
        SELECT count(*) FROM worker JOIN service_order AS visit ON visit.worker_id = worker.id
        WHERE worker.provider_id = provider.id AND visit.window_from >= %(day_from)s::timestamptz
          AND visit.window_from < %(day_to)s::timestamptz
          AND visit.state NOT IN ('requested', 'offered', 'cancelled', 'failed'))
""")
KNOWN_WORKERS = statement("""
    SELECT elder_id, worker_id, LEAST(count(*), 5)::integer AS visits FROM service_order
    WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND worker_id = ANY(%(worker_ids)s::integer[])
      AND state IN ('completed', 'confirmed', 'settled') AND window_from >= %(since)s::timestamptz
    GROUP BY elder_id, worker_id
""")
EXCLUDED = statement("""
    SELECT elder_id, worker_id FROM exclusion
    WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND valid_from <= %(now)s::timestamptz
      AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
""")
POLICY = statement("""
    SELECT plan_at, seconds, spare_minutes, longer_percent, hot_spare_minutes, moved_seconds,
           known_seconds, break_minutes, break_after_minutes, break_from, break_to,
           at_once, again_minutes
    FROM planning_policy WHERE org_code = %(org_code)s::text
""")


@dataclass(frozen=True)
class PlanningPolicy:
    """The table `planning_policy`; times of day are the district's."""

    plan_at: time = time(18)
    seconds: int = 300
    spare_minutes: int = 12
    longer_percent: int = 8
    hot_spare_minutes: int = 15
    moved_seconds: int = 1200
    known_seconds: int = 120
    break_minutes: int = 30
    break_after_minutes: int = 360
    break_from: time = time(10, 30)
    break_to: time = time(14, 30)
    at_once: bool = True
    again_minutes: int | None = 15


@dataclass(frozen=True)
class DayRows:
    """Everything that a plan of a district's day follows from."""

    day: date
    now: datetime
    orders: list[Row]
    shifts: list[Row]
    skills: dict[int, list[str]]
    areas: dict[int, list[str]]
    services: dict[int, list[str]]
    full: set[int]
    """The providers that have as many visits as they take on a day."""
    known: dict[int, dict[int, int]]
    """By elder and worker: how many visits lately, five at most."""
    excluded: dict[int, set[int]]
    policy: PlanningPolicy


KNOWN_FOR: Final = timedelta(days=180)
"""Who came to an elder longer ago is not known to her any more."""


def planning_policy(tx: Transaction, org_code: str) -> PlanningPolicy:
    """How a district plans its days; the usual figures where nobody has set any."""
    found = tx.row(POLICY, {"org_code": org_code})
    return PlanningPolicy() if found is None else PlanningPolicy(**found)


def read_day(tx: Transaction, now: datetime, org_code: str, at: datetime) -> DayRows:
    """Read the district's day in which `at` lies. Of today only what is still ahead, and then every order that waits
    for somebody; of a later day what waits for its plan, and what somebody has accepted."""
    day_from, day_to = day_bounds(at)
    is_today = day_from <= now
    asked = {
        "org_code": org_code,
        "now": now,
        "from": max(now, day_from),
        "day_from": day_from,
        "day_to": day_to,
        "day": today(at),
        "everything": is_today,
    }
    orders = tx.rows(ORDERS, asked)
    shifts = tx.rows(SHIFTS, asked)
    worker_ids = sorted({row["worker_id"] for row in shifts})
    elder_ids = sorted({row["elder_id"] for row in orders})
    about = {
        **asked,
        "worker_ids": worker_ids,
        "elder_ids": elder_ids,
        "provider_ids": sorted({row["provider_id"] for row in shifts}),
        "units": sorted({row["org_code"] for row in orders}),
        "since": day_from - KNOWN_FOR,
    }
    known: dict[int, dict[int, int]] = {}
    for row in tx.rows(KNOWN_WORKERS, about):
        known.setdefault(row["elder_id"], {})[row["worker_id"]] = row["visits"]
    excluded: dict[int, set[int]] = {}
    for row in tx.rows(EXCLUDED, about):
        excluded.setdefault(row["elder_id"], set()).add(row["worker_id"])
    return DayRows(
        day=today(at),
        now=now,
        orders=orders,
        shifts=shifts,
        skills={row["worker_id"]: row["skills"] for row in tx.rows(SKILLS, about)},
        areas={row["provider_id"]: row["units"] for row in tx.rows(AREAS, about)},
        services={row["provider_id"]: row["items"] for row in tx.rows(SERVICES, about)},
        full={row["id"] for row in tx.rows(FULL, about)},
        known=known,
        excluded=excluded,
        policy=planning_policy(tx, org_code),
    )
