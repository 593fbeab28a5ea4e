"""Visits that did not take place, by whose fault, and the rules by which they are paid, for supervisors."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import Staff, Supervisor
from control_center.dependencies import LARGEST_BIGINT, Before, Db, Now, Storable
from control_center.district_rights import own_districts
from control_center.errors import ApiError
from control_center.shapes import Person, Shape
from dispatch.service_level import cases, pay_rules
from dispatch.service_level.pay_rules import Blame, NoShowReason, PayRule
from schemas.database import Row, Transaction
from schemas.statements import statement

CASES: Final = """
    SELECT no_show.*, elder.id AS elder_id, elder.name AS elder_name, account.name AS worker_name,
           provider.name AS provider_name, decider.name AS decider,
           NOT EXISTS (SELECT FROM no_show AS later WHERE later.replaces = no_show.id) AS standing
    FROM no_show
    JOIN service_order ON service_order.id = no_show.order_id
    JOIN elder ON elder.id = service_order.elder_id
    LEFT JOIN worker ON worker.id = no_show.worker_id
    LEFT JOIN account ON account.id = worker.account_id
    LEFT JOIN provider ON provider.id = worker.provider_id
    LEFT JOIN account AS decider ON decider.id = no_show.decided_by
    WHERE EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = elder.id AND audience.account_id = %(account_id)s::integer)
"""
LIST = statement(f"{CASES} AND no_show.id < %(before)s::bigint ORDER BY no_show.id DESC LIMIT %(limit)s::integer")
ONE = statement(f"{CASES} AND no_show.id = %(id)s::bigint")

router = APIRouter(prefix="/api", tags=["complaints"])
CaseId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]


class NewRule(BaseModel):
    """Who pays what from now on: percent of what the elder's side would have paid, of the provider's rate, and of that
    as a penalty."""

    blame: Blame
    elder_percent: Percent
    provider_percent: Percent
    penalty_percent: Annotated[int, Field(strict=True, ge=0, le=200)] = 0


class Reassessment(BaseModel):
    """How a supervisor sees a case, and why."""

    reason: NoShowReason
    blame: Blame
    note: Note


class Rule(Shape):
    """A pay rule that holds since `valid_from`."""

    id: int
    reason: NoShowReason
    blame: Blame
    elder_percent: int
    provider_percent: int
    penalty_percent: int
    valid_from: datetime


class Rules(Shape):
    """Every pay rule that holds."""

    rules: list[Rule]


class NoShow(Shape):
    """A visit that did not take place: who was not there, who is to blame, and what it came to, in fen. `standing` is
    false once another stands in for it; `decided_by` is null where the rule decided."""

    id: int
    order_id: int
    elder: Person
    worker: str | None
    provider: str | None
    at: datetime
    reason: NoShowReason
    blame: Blame
    elder_fen: int
    provider_fen: int
    penalty_fen: int
    evidence: dict[str, Any]
    decided_by: str | None
    note: str | None
    replaces: int | None
    standing: bool


class NoShows(Shape):
    """Cases in the caller's scope, newest first."""

    cases: list[NoShow]


def _case(found: Row) -> NoShow:
    told = {name: found[name] for name in NoShow.model_fields if name in found and name != "decided_by"}
    return NoShow(
        **told,
        elder=Person(id=found["elder_id"], name=found["elder_name"]),
        worker=found["worker_name"],
        provider=found["provider_name"],
        decided_by=found["decider"],
    )


def _rules(tx: Transaction) -> Rules:
    return Rules(rules=[Rule(**found) for found in pay_rules.rules(tx)])


@router.get("/pay-rules")
def read_rules(_account: Staff, db: Db) -> Rules:
    """By which rules visits that do not take place are paid."""
    with db.transaction() as tx:
        return _rules(tx)


@router.put("/pay-rules/{reason}")
def set_rule(reason: NoShowReason, body: NewRule, account: Supervisor, db: Db, now: Now) -> Rules:
    """Put a rule in the place of the one that holds, for cases from now on; for supervisors of the whole district."""
    with db.transaction(account.seat_id) as tx:
        # Rules hold everywhere: setting one takes a right to the whole of a district.
        if not own_districts(tx, now, account):
            raise ApiError("not_permitted")
        pay_rules.set_rule(tx, now, account.id, PayRule(id=0, reason=reason, **body.model_dump()))
        log_access(tx, now, account.id, "pay_rule.set", detail={"reason": reason, **body.model_dump()})
        return _rules(tx)


@router.get("/no-shows")
def list_no_shows(
    account: Staff, db: Db, now: Now, limit: Annotated[int, Query(ge=1, le=200)] = 50, before: Before = None
) -> NoShows:
    """Visits that did not take place because somebody was not there."""
    asked = {"account_id": account.id, "now": now, "before": before or LARGEST_BIGINT, "limit": limit}
    with db.transaction() as tx:
        found = tx.rows(LIST, asked)
        log_access(tx, now, account.id, "no_shows.listed", elder_ids={row["elder_id"] for row in found})
    return NoShows(cases=[_case(row) for row in found])


@router.post("/no-shows/{case_id}/reassess")
def reassess(case_id: CaseId, body: Reassessment, account: Supervisor, db: Db, now: Now) -> NoShow:
    """See a case otherwise than the rule did: what was charged is undone and charged anew."""
    with db.transaction(account.seat_id) as tx:
        made = cases.reassess(tx, now, case_id, account.id, body.reason, body.blame, body.note)
        [found] = tx.rows(ONE, {"id": made, "now": now, "account_id": account.id})
        log_access(tx, now, account.id, "no_show.reassessed", elder_id=found["elder_id"], order_id=found["order_id"])
        return _case(found)
