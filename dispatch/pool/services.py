"""What a provider does, at what rate and where, from when until when; ended, never edited."""

from datetime import datetime
from typing import Any

from psycopg.errors import ExclusionViolation

from dispatch.pool.admission import locked_for, record, workers_of
from dispatch.pool.lapses import look_at_work
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

# What the supervisor's own district sells goes before what all districts share.
ITEM = statement("""
    SELECT item.provider_fen, COALESCE(rate_bound.least_percent, 100) AS least_percent,
           COALESCE(rate_bound.most_percent, 100) AS most_percent
    FROM catalogue_item AS item
    LEFT JOIN rate_bound ON rate_bound.assist = item.assist
    WHERE item.code = %(item_code)s::text AND item.valid_from <= %(now)s::timestamptz
      AND (item.valid_to IS NULL OR item.valid_to > %(now)s::timestamptz)
      AND (item.district_code IS NULL OR item.district_code IN (
          SELECT membership.org_code FROM membership
          WHERE membership.account_id = %(actor_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
            AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)))
    ORDER BY item.district_code NULLS LAST
    LIMIT 1
""")
END = statement("""
    UPDATE provider_service SET valid_to = %(now)s::timestamptz, ended_by = %(actor_id)s::integer
    WHERE provider_id = %(id)s::integer AND item_code = %(item_code)s::text
      AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
""")
ADD = statement("""
    INSERT INTO provider_service (provider_id, item_code, provider_fen, valid_from, set_by)
    VALUES (%(id)s::integer, %(item_code)s::text, %(provider_fen)s::integer, %(now)s::timestamptz,
            %(actor_id)s::integer)
""")
UNIT_IN_DISTRICT = statement("""
    SELECT FROM org_unit AS unit
    JOIN membership ON membership.org_code = split_part(unit.path, '/', 1)
    WHERE unit.code = %(org_code)s::text AND membership.account_id = %(actor_id)s::integer
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
""")
ADD_AREA = statement("""
    INSERT INTO provider_area (provider_id, org_code, valid_from, set_by)
    VALUES (%(id)s::integer, %(org_code)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
""")
STANDING_AREAS = statement("""
    SELECT org_code FROM provider_area
    WHERE provider_id = %(id)s::integer AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
""")
END_AREA = statement("""
    UPDATE provider_area SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE provider_id = %(id)s::integer AND org_code = %(org_code)s::text
      AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
""")


def within_bounds(rate_fen: int, catalogue_fen: int, least_percent: int, most_percent: int) -> bool:
    """Whether a provider's own rate, in fen, lies within these percentages of the catalogue's."""
    return catalogue_fen * least_percent <= rate_fen * 100 <= catalogue_fen * most_percent


def set_service(
    tx: Transaction, now: datetime, provider_id: int, actor_id: int, item_code: str, provider_fen: int | None
) -> None:
    """The provider does an item from now on, at its own rate in fen or, with None, at the catalogue's.

    Raises Refused: not_found, district_supervisor_needed, unknown_item, rate_out_of_bounds.
    """
    locked_for(tx, now, provider_id, actor_id)
    item = tx.row(ITEM, {"item_code": item_code, "now": now, "actor_id": actor_id})
    if item is None:
        raise Refused("unknown_item")
    bounds = (item["provider_fen"], item["least_percent"], item["most_percent"])
    if provider_fen is not None and not within_bounds(provider_fen, *bounds):
        raise Refused("rate_out_of_bounds")
    about = {"id": provider_id, "item_code": item_code, "now": now, "actor_id": actor_id}
    tx.execute(END, about)
    tx.execute(ADD, {**about, "provider_fen": provider_fen})
    told = {"item": item_code, "provider_fen": provider_fen}
    record(tx, now, provider_id, "service_set", actor_id=actor_id, detail=told)


def end_service(tx: Transaction, now: datetime, provider_id: int, actor_id: int, item_code: str) -> int:
    """The provider does an item no longer; what its workers promised of it goes to others. Returns how many orders
    that changed. Raises Refused: not_found, district_supervisor_needed."""
    locked_for(tx, now, provider_id, actor_id)
    about = {"id": provider_id, "item_code": item_code, "now": now, "actor_id": actor_id}
    if tx.execute(END, about) == 0:
        raise Refused("not_found")
    return _ended(tx, now, provider_id, actor_id, "service_ended", {"item": item_code})


def add_area(tx: Transaction, now: datetime, provider_id: int, actor_id: int, org_code: str) -> None:
    """The provider serves a unit, with all below it, from now on; one it serves already stays as it is.

    Raises Refused: not_found, district_supervisor_needed, unknown_unit.
    """
    locked_for(tx, now, provider_id, actor_id)
    about = {"id": provider_id, "org_code": org_code, "now": now, "actor_id": actor_id}
    if tx.row(UNIT_IN_DISTRICT, about) is None:
        raise Refused("unknown_unit")
    try:
        with tx.conn.transaction():
            tx.execute(ADD_AREA, about)
    except ExclusionViolation:
        return
    record(tx, now, provider_id, "area_added", actor_id=actor_id, detail={"area": org_code})


def end_area(tx: Transaction, now: datetime, provider_id: int, actor_id: int, org_code: str) -> int:
    """The provider serves a unit no longer; what its workers promised there goes to others. Returns how many orders
    that changed.

    Raises Refused: not_found (also where another district decides), district_supervisor_needed, last_area (whoever
    serves nothing exits instead).
    """
    locked_for(tx, now, provider_id, actor_id)
    about = {"id": provider_id, "org_code": org_code, "now": now, "actor_id": actor_id}
    standing = {row["org_code"] for row in tx.rows(STANDING_AREAS, about)}
    if org_code not in standing or tx.row(UNIT_IN_DISTRICT, about) is None:
        raise Refused("not_found")
    if standing == {org_code}:
        raise Refused("last_area")
    tx.execute(END_AREA, about)
    return _ended(tx, now, provider_id, actor_id, "area_ended", {"area": org_code})


def _ended(tx: Transaction, now: datetime, provider_id: int, actor_id: int, kind: str, detail: dict[str, Any]) -> int:
    record(tx, now, provider_id, kind, actor_id=actor_id, detail=detail)
    return look_at_work(tx, now, workers_of(tx, provider_id), actor_id=actor_id)
