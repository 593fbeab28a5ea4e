"""Says before it happens that a worker will not be at a visit in time, twice a minute for the hours ahead."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Gauge

from dispatch.attention import call_attention, withdraw_attention
from dispatch.candidates import own_days
from dispatch.order_rows import orders_where, subject_of
from dispatch.service_level.cases import VisitPolicy, visit_policy
from dispatch.service_level.forecasts import Forecast, foresee
from dispatch.turns import take_turn
from dispatch.worker_days import tell
from schemas.database import Row, Transaction
from schemas.locks import AdvisoryLock
from schemas.statements import statement

FORECAST_SECONDS: Final = 30.0
AHEAD: Final = timedelta(hours=3)
"""Visits that begin later are not looked at: much can happen until then."""
NEWS: Final = timedelta(minutes=5)
"""A forecast that moves by less is not told to screens."""
LIKELY_LATE = Gauge("anban_visits_likely_late", "Accepted visits that will not begin in their window by the forecast")

VISITS = statement("""
    SELECT service_order.id, service_order.worker_id, service_order.state, service_order.predicted_at,
           service_order.risk, service_order.hand_over_at, shift.starts_at
    FROM service_order
    LEFT JOIN LATERAL (
        SELECT starts_at FROM worker_shift
        WHERE worker_shift.worker_id = service_order.worker_id AND ends_at > %(now)s::timestamptz
        ORDER BY starts_at LIMIT 1) AS shift ON true
    WHERE service_order.ended_at IS NULL AND service_order.state IN ('accepted', 'en_route')
      AND service_order.window_from < %(until)s::timestamptz AND service_order.worker_id IS NOT NULL
    ORDER BY service_order.worker_id, service_order.id
""")
# Somebody else is looked for at once, and again as often as nobody was found.
KEEP = statement("""
    UPDATE service_order
    SET predicted_at = told.begins_at, risk = told.risk,
        hand_over_at = CASE WHEN told.too_late AND service_order.state = 'accepted'
                            THEN COALESCE(hand_over_at, %(now)s::timestamptz) END
    FROM unnest(%(ids)s::bigint[], %(begins)s::timestamptz[], %(risks)s::text[], %(too_late)s::boolean[])
        AS told (id, begins_at, risk, too_late)
    WHERE service_order.id = told.id AND service_order.state IN ('accepted', 'en_route')
""")
LOCK_TOLD = orders_where(
    "service_order.id = ANY(%(ids)s::bigint[]) AND service_order.state IN ('accepted', 'en_route')",
    "ORDER BY service_order.id FOR UPDATE OF service_order SKIP LOCKED",
)


def look_ahead(tx: Transaction, now: datetime) -> int | None:
    """Forecast every visit of the hours ahead; returns how many will be late, None when another engine is at it.

    An order whose risk changed, or whose forecast moved by minutes, is shown anew. One that will be late asks for
    attention unless something worse does already, and no longer once it will be in time after all. Where a worker keeps
    her windows only in another order, she is told that one.
    """
    if not take_turn(tx, AdvisoryLock.FORECASTS):
        return None
    policy = visit_policy(tx)
    known = {row["id"]: row for row in tx.rows(VISITS, {"now": now, "until": now + AHEAD})}
    begins = {row["worker_id"]: row["starts_at"] for row in known.values()}
    late, news = 0, []
    for worker in own_days(tx, now, list(begins)):
        outlook = foresee(worker, now, policy.tight, free_from=begins[worker.worker_id])
        if outlook.rearranged:
            tell(tx, now, outlook.day.steps)
        ahead = [told for told in outlook.forecasts if told.order_id in known]
        late += sum(told.risk == "late" for told in ahead)
        news += [told for told in ahead if _is_news(told, known[told.order_id], policy)]
    LIKELY_LATE.set(late)
    _keep(tx, now, news, policy)
    return late


def _is_news(told: Forecast, known: Row, policy: VisitPolicy) -> bool:
    before: datetime | None = known["predicted_at"]
    moved = before is None or abs(told.begins_at - before) >= NEWS
    too_late = known["state"] == "accepted" and policy.is_too_late(told.slack)
    changed = known["risk"] != told.risk or too_late != (known["hand_over_at"] is not None)
    return changed or (moved and told.risk != "none")


def _keep(tx: Transaction, now: datetime, news: list[Forecast], policy: VisitPolicy) -> None:
    if not news:
        return
    by_id = {one.order_id: one for one in news}
    orders = tx.rows(LOCK_TOLD, {"ids": list(by_id)})
    kept = [by_id[order["id"]] for order in orders]
    told = {
        "ids": [one.order_id for one in kept],
        "begins": [one.begins_at for one in kept],
        "risks": [one.risk for one in kept],
        "too_late": [policy.is_too_late(one.slack) for one in kept],
    }
    tx.execute(KEEP, {**told, "now": now})
    for order in orders:
        _tell(tx, now, order, by_id[order["id"]])


def _tell(tx: Transaction, now: datetime, order: Row, told: Forecast) -> None:
    if told.risk == "late" and order["attention"] in (None, "likely_late"):
        detail = {"predicted_at": told.begins_at.isoformat(), "late_minutes": round(-told.slack.total_seconds() / 60)}
        call_attention(tx, now, order, "likely_late", detail)
    elif order["attention"] == "likely_late":
        withdraw_attention(tx, now, order)
    else:
        tx.emit(subject_of(order).event("order.changed", now))
