"""How promises about visits were kept, by day, unit, provider, item or worker."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dispatch.service_level.clocks import VisitPromise
from schemas.database import Transaction
from schemas.statements import statement

VisitGrouping = Literal["day", "unit", "provider", "item", "worker"]

# An order counts on the district's day on which its window begins. What is neither met nor broken is not counted; a
# companion's order is, for its worker may be the one who was late.
KEPT = statement("""
    WITH visit AS (
        SELECT service_order.*, worker.provider_id, household.org_code, policy.overrun_seconds
        FROM service_order
        JOIN elder ON elder.id = service_order.elder_id
        JOIN household ON household.id = elder.household_id
        JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
        JOIN assist_policy AS policy ON policy.assist = item.assist
        LEFT JOIN worker ON worker.id = service_order.worker_id
        WHERE service_order.window_from >= %(since)s::timestamptz AND service_order.window_from < %(until)s::timestamptz
          AND NOT service_order.is_test AND household.org_code = ANY(%(units)s::text[])
    ), result AS (
        SELECT CASE %(by)s::text
                   WHEN 'day' THEN (visit.window_from AT TIME ZONE interval '8 hours')::date::text
                   WHEN 'unit' THEN visit.org_code WHEN 'provider' THEN visit.provider_id::text
                   WHEN 'worker' THEN visit.worker_id::text ELSE visit.item_code END AS key,
               promise.name, promise.due_at, promise.met_at,
               COALESCE(promise.met_at, visit.ended_at, %(now)s::timestamptz) AS stood_at
        FROM visit
        CROSS JOIN LATERAL (VALUES
            ('accept', visit.accept_due_at, visit.accepted_at),
            ('arrive', visit.window_to, CASE WHEN visit.checked_in_at IS NOT NULL THEN
                COALESCE((visit.phone_times->>'checked_in')::timestamptz, visit.checked_in_at) END),
            ('finish', visit.checked_in_at
                       + make_interval(mins => visit.duration_minutes, secs => visit.overrun_seconds),
             visit.completed_at)
        ) AS promise (name, due_at, met_at)
        WHERE promise.due_at IS NOT NULL
    )
    SELECT key, name AS promise, count(*) AS decided, count(*) FILTER (WHERE stood_at > due_at) AS broken,
           COALESCE(avg(date_part('epoch', stood_at - due_at)) FILTER (WHERE stood_at > due_at), 0) / 60 AS late_minutes
    FROM result
    WHERE met_at IS NOT NULL OR stood_at > due_at
    GROUP BY key, name
    ORDER BY key NULLS LAST, name
""")


@dataclass(frozen=True)
class Kept:
    """How one promise was kept in one group; `late_minutes` is the mean of those that were broken."""

    key: str | None
    promise: VisitPromise
    decided: int
    broken: int
    late_minutes: float


def kept(
    tx: Transaction, now: datetime, since: datetime, until: datetime, units: list[str], by: VisitGrouping
) -> list[Kept]:
    """The figures of the orders whose windows begin from `since` until before `until` at homes of these units."""
    asked = {"now": now, "since": since, "until": until, "units": units, "by": by}
    return [Kept(**{**row, "late_minutes": float(row["late_minutes"])}) for row in tx.rows(KEPT, asked)]
