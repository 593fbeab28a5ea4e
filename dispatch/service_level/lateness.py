"""Says before it happens that a worker will not be at a visit in time, once a minute for the hours ahead."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from prometheus_client import Gauge

from dispatch.attention import call_attention, withdraw_attention
from dispatch.candidates import place_of
from dispatch.order_rows import orders_where, subject_of
from dispatch.service_level.forecasts import Due, Forecast, Whereabouts, forecast
from dispatch.travel import Place
from dispatch.turns import take_turn
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
    SELECT service_order.id, service_order.worker_id, service_order.state, service_order.window_from,
           service_order.window_to, service_order.duration_minutes, service_order.planned_at,
           service_order.departed_at, service_order.checked_in_at, service_order.predicted_at, service_order.risk,
           COALESCE(household.lat, home.lat) AS lat, COALESCE(household.lon, home.lon) AS lon, worker.travel,
           worker.base_lat, worker.base_lon, position.lat AS position_lat, position.lon AS position_lon,
           position.at AS position_at, shift.starts_at
    FROM service_order
    JOIN worker ON worker.id = service_order.worker_id
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    LEFT JOIN worker_position AS position ON position.worker_id = worker.id
    LEFT JOIN LATERAL (
        SELECT starts_at FROM worker_shift
        WHERE worker_shift.worker_id = worker.id AND ends_at > %(now)s::timestamptz
        ORDER BY starts_at LIMIT 1) AS shift ON true
    WHERE service_order.ended_at IS NULL AND service_order.state IN ('accepted', 'en_route', 'checked_in', 'in_service')
      AND service_order.window_from < %(until)s::timestamptz
    ORDER BY service_order.worker_id, service_order.id
""")
POLICY = statement("SELECT tight_minutes FROM visit_policy")
KEEP = statement("""
    UPDATE service_order SET predicted_at = told.begins_at, risk = told.risk
    FROM unnest(%(ids)s::bigint[], %(begins)s::timestamptz[], %(risks)s::text[]) AS told (id, begins_at, risk)
    WHERE service_order.id = told.id AND service_order.state IN ('accepted', 'en_route')
    RETURNING service_order.id, service_order.elder_id
""")
LOCK_TOLD = orders_where(
    "service_order.id = ANY(%(ids)s::bigint[]) AND service_order.state IN ('accepted', 'en_route')",
    "ORDER BY service_order.id FOR UPDATE OF service_order SKIP LOCKED",
)


def look_ahead(tx: Transaction, now: datetime) -> int | None:
    """Forecast every visit of the hours ahead; returns how many will be late, None when another engine is at it.

    An order whose risk changed, or whose forecast moved by minutes, is shown anew. One that will be late asks for
    attention unless something worse does already, and no longer once it will be in time after all.
    """
    if not take_turn(tx, AdvisoryLock.FORECASTS):
        return None
    policy = tx.row(POLICY) or {"tight_minutes": 10}
    tight = timedelta(minutes=policy["tight_minutes"])
    found = tx.rows(VISITS, {"now": now, "until": now + AHEAD})
    known = {row["id"]: row for row in found}
    told = [one for _, rows in groupby(found, lambda row: row["worker_id"]) for one in _of_worker(rows, now, tight)]
    late = sum(one.risk == "late" for one in told)
    LIKELY_LATE.set(late)
    _keep(tx, now, [one for one in told if _is_news(one, known[one.order_id])])
    return late


def _of_worker(rows: Iterable[Row], now: datetime, tight: timedelta) -> tuple[Forecast, ...]:
    own = list(rows)
    first = own[0]
    where = Whereabouts(
        base=_base(first),
        means=first["travel"],
        position=place_of(first["position_lat"], first["position_lon"]),
        age=now - (first["position_at"] or now),
        free_from=first["starts_at"],
    )
    return forecast(where, [_due(row) for row in own], now, tight)


def _base(row: Row) -> Place:
    return Place(row["base_lat"], row["base_lon"])


def _due(row: Row) -> Due:
    return Due(
        order_id=row["id"],
        state=row["state"],
        place=place_of(row["lat"], row["lon"]),
        window_from=row["window_from"],
        window_to=row["window_to"],
        duration=timedelta(minutes=row["duration_minutes"]),
        planned_at=row["planned_at"],
        departed_at=row["departed_at"],
        checked_in_at=row["checked_in_at"],
    )


def _is_news(told: Forecast, known: Row) -> bool:
    before: datetime | None = known["predicted_at"]
    moved = before is None or abs(told.begins_at - before) >= NEWS
    return known["risk"] != told.risk or (moved and told.risk != "none")


def _keep(tx: Transaction, now: datetime, news: list[Forecast]) -> None:
    if not news:
        return
    by_id = {one.order_id: one for one in news}
    orders = tx.rows(LOCK_TOLD, {"ids": list(by_id)})
    kept = [by_id[order["id"]] for order in orders]
    tx.execute(
        KEEP,
        {
            "ids": [one.order_id for one in kept],
            "begins": [one.begins_at for one in kept],
            "risks": [one.risk for one in kept],
        },
    )
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
