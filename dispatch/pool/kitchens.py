"""Where meals are cooked: kitchens are opened, changed and closed; what waits to be fetched follows."""

from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation
from psycopg.sql import SQL

from dispatch.refusals import Refused
from dispatch.worker_days import bring_in_order
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

ADD = statement("""
    INSERT INTO kitchen (name, org_code, lat, lon, provider_id, hot_minutes)
    VALUES (%(name)s::text, %(org_code)s::text, %(lat)s::double precision, %(lon)s::double precision,
            %(provider_id)s::integer, %(hot_minutes)s::smallint)
    RETURNING id
""")
LOCK = statement("""
    SELECT org_code, provider_id, closed_at FROM kitchen WHERE id = %(id)s::integer FOR NO KEY UPDATE
""")
CHANGE = statement("""
    UPDATE kitchen
    SET name = %(name)s::text, lat = %(lat)s::double precision, lon = %(lon)s::double precision,
        provider_id = %(provider_id)s::integer, hot_minutes = %(hot_minutes)s::smallint
    WHERE id = %(id)s::integer
    RETURNING id
""")
CLOSE = statement("""
    UPDATE kitchen SET closed_at = COALESCE(closed_at, %(now)s::timestamptz) WHERE id = %(id)s::integer
""")
SERVES = statement("""
    SELECT FROM provider
    WHERE provider.id = %(provider_id)s::integer AND provider.state = 'admitted' AND EXISTS (
        SELECT FROM provider_area
        JOIN org_unit AS area ON area.code = provider_area.org_code
        JOIN org_unit AS unit ON unit.code = %(org_code)s::text
        WHERE provider_area.provider_id = provider.id
          AND split_part(area.path, '/', 1) = split_part(unit.path, '/', 1)
          AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz))
""")
# What has left the kitchen, and whoever is on the way to it, stays as it is.
TO_FETCH = statement("""
    SELECT id, elder_id, worker_id FROM service_order
    WHERE kitchen_id = %(id)s::integer AND state IN ('requested', 'offered', 'accepted')
      AND (pickup_at IS NULL OR pickup_at > %(now)s::timestamptz)
    ORDER BY id FOR UPDATE
""")
ELSEWHERE = statement("""
    UPDATE service_order
    SET kitchen_id = nearest_kitchen(service_order.elder_id, service_order.place_lat, service_order.place_lon,
                                     (SELECT provider_id FROM worker WHERE worker.id = service_order.worker_id)),
        pickup_at = NULL
    WHERE id = ANY(%(ids)s::bigint[])
""")


@dataclass(frozen=True)
class Kitchen:
    """A kitchen: WGS-84 degrees; the provider whose workers alone fetch there, or None; the most minutes from leaving
    it to the door."""

    name: str
    lat: float
    lon: float
    provider_id: int | None
    hot_minutes: int


def open_kitchen(tx: Transaction, now: datetime, org_code: str, kitchen: Kitchen) -> int:
    """Have meals cooked in a unit of a district for what is ordered from now on. Returns the kitchen's id.

    Raises Refused: unknown_provider (none that is admitted and serves the district), name_in_use.
    """
    _refuse_strangers(tx, now, org_code, kitchen)
    [made] = _once(tx, ADD, {"org_code": org_code, **asdict(kitchen)})
    return int(made["id"])


def change(tx: Transaction, now: datetime, kitchen_id: int, kitchen: Kitchen) -> None:
    """Say anew what a kitchen is called, where and whose it is; the days of whoever fetches there follow. What others
    have promised to fetch at a kitchen that becomes a provider's own stays theirs.

    Raises Refused: not_found, kitchen_closed, unknown_provider, name_in_use.
    """
    standing = tx.row(LOCK, {"id": kitchen_id})
    if standing is None:
        raise Refused("not_found")
    if standing["closed_at"] is not None:
        raise Refused("kitchen_closed")
    if kitchen.provider_id != standing["provider_id"]:
        _refuse_strangers(tx, now, standing["org_code"], kitchen)
    _once(tx, CHANGE, {"id": kitchen_id, **asdict(kitchen)})
    _bring_in_order(tx, now, tx.rows(TO_FETCH, {"id": kitchen_id, "now": now}))


def close(tx: Transaction, now: datetime, kitchen_id: int) -> int:
    """Cook nothing any more: what waits to be fetched there comes from the nearest kitchen that its worker may fetch
    at, or from none. Closing it again does the same for what was ordered in the very moment. Returns how many orders
    that changed. Raises Refused: not_found."""
    if tx.row(LOCK, {"id": kitchen_id}) is None:
        raise Refused("not_found")
    tx.execute(CLOSE, {"id": kitchen_id, "now": now})
    moved = tx.rows(TO_FETCH, {"id": kitchen_id, "now": now})
    tx.execute(ELSEWHERE, {"ids": [order["id"] for order in moved]})
    _bring_in_order(tx, now, moved)
    for order in (one for one in moved if one["worker_id"] is not None):
        tx.emit(Event("order.changed", now, order_id=order["id"], elder_id=order["elder_id"]))
    return len(moved)


def _bring_in_order(tx: Transaction, now: datetime, orders: list[Row]) -> None:
    for worker_id in sorted({order["worker_id"] for order in orders if order["worker_id"] is not None}):
        bring_in_order(tx, now, worker_id)


def _refuse_strangers(tx: Transaction, now: datetime, org_code: str, kitchen: Kitchen) -> None:
    about = {"provider_id": kitchen.provider_id, "org_code": org_code, "now": now}
    if kitchen.provider_id is not None and tx.row(SERVES, about) is None:
        raise Refused("unknown_provider")


def _once(tx: Transaction, query: SQL, values: Row) -> list[Row]:
    try:
        with tx.savepoint():
            return tx.rows(query, values)
    except UniqueViolation:
        raise Refused("name_in_use") from None
