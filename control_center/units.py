"""The units that somebody works for, from which a supervisor chooses what a plan or a promise is for."""

from fastapi import APIRouter

from control_center.auth import Staff
from control_center.dependencies import Db, Now
from control_center.shapes import Org, Shape
from schemas.statements import statement

OWN = statement("""
    SELECT unit.code, unit.name FROM org_unit AS unit
    WHERE EXISTS (
        SELECT FROM membership JOIN org_unit AS top ON top.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND starts_with(unit.path, top.path))
    ORDER BY unit.path
""")
router = APIRouter(prefix="/api", tags=["rotas"])


class UnitList(Shape):
    """Units, each after the one that it belongs to."""

    units: list[Org]


@router.get("/units")
def list_units(account: Staff, db: Db, now: Now) -> UnitList:
    """The units that the caller works for, with everything below them."""
    with db.transaction() as tx:
        found = tx.rows(OWN, {"account_id": account.id, "now": now})
    return UnitList(units=[Org(code=row["code"], name=row["name"]) for row in found])
