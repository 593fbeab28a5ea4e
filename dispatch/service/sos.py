"""A worker calls for help herself: an alarm about her, in the unit where she is, that no relative is told of."""

from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.alarms import Signal, raise_alarm
from dispatch.positions import Spot
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import KIND_SEVERITY

KNOWN_FOR: Final = timedelta(hours=1)
"""How long a position that her phone told before still says where she is."""
WHO = statement("""
    SELECT worker.id, account.name, worker.phone, provider.name AS provider, worker.provider_id,
           COALESCE(position.lat, worker.base_lat) AS lat, COALESCE(position.lon, worker.base_lon) AS lon,
           position.accuracy_m, position.lat IS NOT NULL AS located
    FROM worker
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    LEFT JOIN worker_position AS position
        ON position.worker_id = worker.id AND position.at >= %(since)s::timestamptz
    WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL
""")
VISIT = statement("""
    SELECT service_order.id, household.org_code, household.address
    FROM service_order
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    WHERE service_order.worker_id = %(worker_id)s::integer
      AND service_order.state IN ('en_route', 'checked_in', 'in_service')
    ORDER BY service_order.checked_in_at IS NULL, service_order.departed_at DESC, service_order.id
    LIMIT 1
""")
# The street or town whose middle is nearest, of those that her provider serves; a provider without one, of all.
NEAREST = statement("""
    SELECT unit.code
    FROM org_unit AS unit
    WHERE unit.kind IN ('street', 'town')
    ORDER BY NOT EXISTS (
                 SELECT FROM provider_area JOIN org_unit AS area ON area.code = provider_area.org_code
                 WHERE provider_area.provider_id = %(provider_id)s::integer
                   AND (starts_with(unit.path, area.path) OR starts_with(area.path, unit.path))),
             (unit.lat - %(lat)s::double precision) ^ 2
                 + ((unit.lon - %(lon)s::double precision) * cos(radians(%(lat)s::double precision))) ^ 2 NULLS LAST,
             unit.code
    LIMIT 1
""")
ANY_UNIT = statement("SELECT code FROM org_unit WHERE parent_code IS NULL ORDER BY code LIMIT 1")


def call_for_help(tx: Transaction, now: datetime, account_id: int, spot: Spot | None) -> int:
    """Raise an emergency about a worker, or join the one she raised before; returns the alarm's id.

    It is told where her phone is, or was within the hour, and at which home she is. Raises Refused not_found for an
    account without a worker.
    """
    who = tx.row(WHO, {"account_id": account_id, "since": now - KNOWN_FOR})
    if who is None:
        raise Refused("not_found")
    visit = tx.row(VISIT, {"worker_id": who["id"]})
    where = spot if spot is not None and spot.sane() else None
    lat, lon = (where.lat, where.lon) if where else (who["lat"], who["lon"])
    signal = Signal(
        kind="worker_sos",
        severity=KIND_SEVERITY["worker_sos"],
        device_key=None,
        occurred_at=now,
        org_code=_unit(tx, who, visit, lat, lon),
        about_worker_id=who["id"],
        details=_details(who, visit, where),
    )
    alarm_id = raise_alarm(tx, now, signal)
    if alarm_id is None:
        raise RuntimeError("an emergency of a worker is kept back by no rule")
    return alarm_id


def _unit(tx: Transaction, who: Row, visit: Row | None, lat: float, lon: float) -> str:
    if visit is not None:
        return str(visit["org_code"])
    found = tx.row(NEAREST, {"provider_id": who["provider_id"], "lat": lat, "lon": lon}) or tx.row(ANY_UNIT)
    if found is None:
        raise Refused("unknown_unit")
    return str(found["code"])


def _details(who: Row, visit: Row | None, where: Spot | None) -> dict[str, Any]:
    details: dict[str, Any] = {
        "worker": who["name"],
        "worker_phone": who["phone"],
        "worker_provider": who["provider"],
        "visit_order": visit["id"] if visit else None,
        "visit_address": visit["address"] if visit else None,
    }
    if where is not None:
        details |= {"lat": where.lat, "lon": where.lon, "accuracy_m": round(where.accuracy_m)}
    elif who["located"]:
        details |= {"lat": who["lat"], "lon": who["lon"], "accuracy_m": round(who["accuracy_m"])}
    return details
