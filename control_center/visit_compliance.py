"""How promises about visits were kept, for supervisors."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from control_center.auth import Supervisor
from control_center.compliance import UNITS, Wished
from control_center.dependencies import Db, Now
from control_center.errors import ApiError
from control_center.shapes import Shape
from dispatch.service_level.clocks import VisitPromise
from dispatch.service_level.figures import Kept, VisitGrouping, kept
from schemas.database import Row, Transaction
from schemas.statements import statement

NAMES = statement("""
    SELECT 'provider' AS grouping, provider.id::text AS key, provider.name FROM provider
    WHERE %(by)s::text = 'provider' AND provider.id::text = ANY(%(keys)s::text[])
    UNION ALL
    SELECT 'worker', worker.id::text, account.name FROM worker JOIN account ON account.id = worker.account_id
    WHERE %(by)s::text = 'worker' AND worker.id::text = ANY(%(keys)s::text[])
    UNION ALL
    SELECT DISTINCT ON (item.code) 'item', item.code, item.name_zh FROM catalogue_item AS item
    WHERE %(by)s::text = 'item' AND item.code = ANY(%(keys)s::text[])
""")

router = APIRouter(prefix="/api/compliance", tags=["service level"])


class VisitFigure(Shape):
    """How one promise was kept: of those decided, how many were broken, and by how many minutes on average."""

    promise: VisitPromise
    decided: int
    broken: int
    late_minutes: float


class VisitGroup(Shape):
    """A day, unit, provider, item or worker: its code, null for what nobody had, and its name."""

    key: str | None
    name: str | None
    figures: list[VisitFigure]


class VisitCompliance(Shape):
    """How promises about visits whose windows began from `since` to `until`, both days included, were kept."""

    since: date
    until: date
    by: VisitGrouping
    groups: list[VisitGroup]


@router.get("/visits")
def read_visit_compliance(
    wish: Wished,
    account: Supervisor,
    db: Db,
    now: Now,
    group: Annotated[VisitGrouping, Query(description="By what visits are grouped")] = "provider",
) -> VisitCompliance:
    """How promises were kept within the caller's units, or below one of them; no elder is named."""
    with db.transaction() as tx:
        units = tx.rows(UNITS, {"account_id": account.id, "now": now, "org_code": wish.org_code})
        if wish.org_code is not None and not units:
            raise ApiError("not_found")
        found = kept(tx, now, wish.begins, wish.ends, [unit["code"] for unit in units], group)
        names = _names(tx, group, found, units)
    groups: dict[str | None, list[VisitFigure]] = {}
    for one in found:
        figure = VisitFigure(
            promise=one.promise, decided=one.decided, broken=one.broken, late_minutes=round(one.late_minutes, 1)
        )
        groups.setdefault(one.key, []).append(figure)
    return VisitCompliance(
        since=wish.since,
        until=wish.until,
        by=group,
        groups=[VisitGroup(key=key, name=names.get(key), figures=figures) for key, figures in groups.items()],
    )


def _names(tx: Transaction, by: VisitGrouping, found: list[Kept], units: list[Row]) -> dict[str | None, str]:
    if by == "unit":
        return {unit["code"]: unit["name"] for unit in units}
    keys = sorted({one.key for one in found if one.key is not None})
    return {row["key"]: row["name"] for row in tx.rows(NAMES, {"by": by, "keys": keys})}
