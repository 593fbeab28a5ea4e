"""For which units a supervisor plans, and which people may be put on a rota or named in a policy there."""

from collections.abc import Collection
from datetime import datetime

from control_center.errors import ApiError
from control_center.shapes import Org, Shape
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Role

# Whoever answers for a unit or one above it.
UNIT = statement("""
    SELECT unit.code, unit.path FROM org_unit AS unit
    WHERE unit.code = %(org_code)s::text AND EXISTS (
        SELECT FROM membership JOIN org_unit AS own ON own.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND starts_with(unit.path, own.path))
""")
DISTRICT = statement("""
    SELECT FROM membership JOIN org_unit ON org_unit.code = membership.org_code
    WHERE membership.account_id = %(account_id)s::integer AND org_unit.parent_code IS NULL
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    LIMIT 1
""")
ELDER = statement("""
    SELECT home.path FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE elder.id = %(elder_id)s::integer AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = %(elder_id)s::integer AND audience.account_id = %(account_id)s::integer
          AND audience.role IN ('operator', 'supervisor'))
""")
# The staff of a unit, of those above it and of those below it, and the workers who come there.
COLLEAGUES = statement("""
    SELECT account.id, account.name, account.role, min(unit.code) AS org_code, min(unit.name) AS org_name
    FROM org_unit AS unit
    JOIN membership ON membership.org_code = unit.code AND membership.valid_from <= %(now)s::timestamptz
     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    JOIN account ON account.id = membership.account_id
    WHERE (starts_with(unit.path, %(path)s::text) OR starts_with(%(path)s::text, unit.path))
      AND account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
    GROUP BY account.id
    UNION ALL
    SELECT account.id, account.name, account.role, NULL, NULL
    FROM worker JOIN account ON account.id = worker.account_id
    WHERE account.disabled_at IS NULL AND EXISTS (
        SELECT FROM provider_area JOIN org_unit AS area ON area.code = provider_area.org_code
        WHERE provider_area.provider_id = worker.provider_id
          AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz)
          AND (starts_with(area.path, %(path)s::text) OR starts_with(%(path)s::text, area.path)))
    ORDER BY role, name, id
    LIMIT 500
""")
ROTAS_OF = statement("""
    SELECT rota.id FROM rota JOIN org_unit AS unit ON unit.code = rota.org_code
    WHERE rota.id = ANY(%(ids)s::integer[]) AND rota.ended_at IS NULL
      AND (starts_with(unit.path, %(path)s::text) OR starts_with(%(path)s::text, unit.path))
    FOR SHARE OF rota
""")
UNITS_AROUND = statement("""
    SELECT code FROM org_unit AS unit
    WHERE unit.code = ANY(%(codes)s::text[])
      AND (starts_with(unit.path, %(path)s::text) OR starts_with(%(path)s::text, unit.path))
""")


class Colleague(Shape):
    """Somebody who may be put on a rota or named in a policy; `org` is where she works, null for a worker."""

    id: int
    name: str
    role: Role
    org: Org | None


def answers_for_district(tx: Transaction, now: datetime, account_id: int) -> bool:
    """Whether an account answers for a whole district."""
    return tx.row(DISTRICT, {"account_id": account_id, "now": now}) is not None


def unit_path(tx: Transaction, now: datetime, account_id: int, org_code: str) -> str:
    """The path of a unit that the account answers for. Raises ApiError: not_found."""
    found = tx.row(UNIT, {"org_code": org_code, "account_id": account_id, "now": now})
    if found is None:
        raise ApiError("not_found")
    return str(found["path"])


def elder_path(tx: Transaction, now: datetime, account_id: int, elder_id: int) -> str:
    """The path of the unit in which an elder lives whom the account may see. Raises ApiError: not_found."""
    found = tx.row(ELDER, {"elder_id": elder_id, "account_id": account_id, "now": now})
    if found is None:
        raise ApiError("not_found")
    return str(found["path"])


def colleagues(tx: Transaction, now: datetime, path: str) -> list[Colleague]:
    """Who may be put on a rota of a unit, at most 500."""
    return [
        Colleague(
            id=row["id"],
            name=row["name"],
            role=row["role"],
            org=Org(code=row["org_code"], name=row["org_name"]) if row["org_code"] else None,
        )
        for row in tx.rows(COLLEAGUES, {"path": path, "now": now})
    ]


def refuse_strangers(tx: Transaction, now: datetime, path: str, ids: Collection[int]) -> None:
    """Raise Refused unknown_person unless everybody may be named for a unit."""
    known = {row["id"] for row in tx.rows(COLLEAGUES, {"path": path, "now": now})} if ids else set()
    if not known >= set(ids):
        raise Refused("unknown_person")


def refuse_unknown_rotas(tx: Transaction, path: str, ids: Collection[int]) -> None:
    """Raise Refused unknown_rota unless every rota is one of the unit, of those above it or of those below it."""
    if ids and len(tx.rows(ROTAS_OF, {"ids": list(ids), "path": path})) < len(set(ids)):
        raise Refused("unknown_rota")


def refuse_unknown_units(tx: Transaction, path: str, codes: Collection[str]) -> None:
    """Raise Refused unknown_unit unless every unit is the unit itself, above it or below it."""
    if codes and len(tx.rows(UNITS_AROUND, {"codes": list(codes), "path": path})) < len(set(codes)):
        raise Refused("unknown_unit")
