"""Complaints about visits: relatives and staff make them, staff read them, supervisors decide."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Supervisor, Viewer
from control_center.dependencies import (
    LARGEST_BIGINT,
    LARGEST_INTEGER,
    Before,
    Db,
    Moment,
    Now,
    OrderId,
    Storable,
)
from control_center.errors import ApiError
from control_center.shapes import Person, Shape
from dispatch.service_level import complaints
from dispatch.service_level.complaints import Complainer, ComplaintKind, Decision, Verdict
from schemas.database import Row, Transaction
from schemas.statements import statement

COLUMNS: Final = """
    SELECT complaint.*, elder.name AS elder_name, maker.name AS maker, decider.name AS decider,
           worker_account.name AS worker_name, provider.name AS provider_name, item.name_zh, item.name_en,
           service_order.window_from
    FROM complaint
    JOIN elder ON elder.id = complaint.elder_id
    JOIN service_order ON service_order.id = complaint.order_id
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN account AS maker ON maker.id = complaint.made_by
    LEFT JOIN account AS decider ON decider.id = complaint.decided_by
    LEFT JOIN worker ON worker.id = complaint.worker_id
    LEFT JOIN account AS worker_account ON worker_account.id = worker.account_id
    LEFT JOIN provider ON provider.id = complaint.provider_id
"""
VISIBLE: Final = """
    EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = complaint.elder_id AND audience.account_id = %(account_id)s::integer)
"""
LIST = statement(f"""{COLUMNS}
    WHERE (complaint.verdict IS NULL) = %(open)s::boolean AND complaint.id < %(before)s::bigint AND {VISIBLE}
    ORDER BY complaint.id DESC LIMIT %(limit)s::integer
""")
ONE = statement(f"{COLUMNS} WHERE complaint.id = %(id)s::bigint AND {VISIBLE}")

router = APIRouter(prefix="/api", tags=["complaints"])
ComplaintId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable]
Fen = Annotated[int, Field(strict=True, ge=0, le=LARGEST_INTEGER)]


class NewComplaint(BaseModel):
    """What somebody has to complain of; staff say whose words they are, a relative's are her own."""

    kind: ComplaintKind
    words: Words
    complainer: Complainer = "elder"


class Verdicted(BaseModel):
    """A supervisor's decision; money in fen. With `rework_from` the visit is made again, free for the elder's side."""

    verdict: Verdict
    answer: Words
    refund_fen: Fen = 0
    penalty_fen: Fen = 0
    rework_from: Moment | None = None
    rework_to: Moment | None = None


class ComplaintCard(Shape):
    """A complaint; relatives are told neither who took it down nor what the provider is charged."""

    id: int
    order_id: int
    elder: Person
    item_zh: str
    item_en: str
    window_from: datetime
    worker: str | None
    provider: str | None
    kind: ComplaintKind
    words: str
    complainer: Complainer
    made_at: datetime
    made_by: Person | None
    due_at: datetime
    verdict: Verdict | None
    decided_at: datetime | None
    decided_by: str | None
    answer: str | None
    refund_fen: int
    penalty_fen: int
    rework_id: int | None


class ComplaintAnswer(Shape):
    """A complaint after a command."""

    complaint: ComplaintCard


class ComplaintList(Shape):
    """Complaints in the caller's scope, newest first."""

    complaints: list[ComplaintCard]


def _card(found: Row, account: SignedIn) -> ComplaintCard:
    same = {name: found[name] for name in ComplaintCard.model_fields if name in found and name not in _TOLD_OTHERWISE}
    staff = account.role != "family"
    return ComplaintCard(
        **same,
        elder=Person(id=found["elder_id"], name=found["elder_name"]),
        item_zh=found["name_zh"],
        item_en=found["name_en"],
        worker=found["worker_name"],
        provider=found["provider_name"],
        made_by=Person(id=found["made_by"], name=found["maker"]) if staff else None,
        decided_by=found["decider"] if staff else None,
        penalty_fen=found["penalty_fen"] if staff else 0,
    )


_TOLD_OTHERWISE: Final = frozenset({"elder", "worker", "provider", "made_by", "decided_by", "penalty_fen"})


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, complaint_id: int) -> ComplaintAnswer:
    found = tx.row(ONE, {"id": complaint_id, "now": now, "account_id": account.id})
    if found is None:
        raise ApiError("not_found")
    log_access(tx, now, account.id, action, elder_id=found["elder_id"], order_id=found["order_id"])
    return ComplaintAnswer(complaint=_card(found, account))


@router.post("/orders/{order_id}/complaints", status_code=201)
def complain(order_id: OrderId, body: NewComplaint, account: Viewer, db: Db, now: Now) -> ComplaintAnswer:
    """Complain about an order that somebody had accepted, until some weeks after its end."""
    by: Complainer = "family" if account.role == "family" else body.complainer
    with db.transaction(account.seat_id) as tx:
        made = complaints.complain(tx, now, order_id, account.id, body.kind, body.words, by)
        return _answer(tx, now, account, "complaint.made", made)


@router.get("/complaints")
def list_complaints(
    account: Viewer,
    db: Db,
    now: Now,
    view: Literal["open", "decided"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
) -> ComplaintList:
    """Complaints about visits to elders in the caller's scope."""
    asked = {
        "account_id": account.id,
        "now": now,
        "open": view == "open",
        "before": before or LARGEST_BIGINT,
        "limit": limit,
    }
    with db.transaction() as tx:
        found = tx.rows(LIST, asked)
        log_access(tx, now, account.id, "complaints.listed", elder_ids={row["elder_id"] for row in found})
    return ComplaintList(complaints=[_card(row, account) for row in found])


@router.post("/complaints/{complaint_id}/decide")
def decide(complaint_id: ComplaintId, body: Verdicted, account: Supervisor, db: Db, now: Now) -> ComplaintAnswer:
    """Uphold or dismiss a complaint; whoever took it down may not."""
    if body.rework_to is not None and body.rework_from is None:
        raise RequestValidationError([{"type": "missing", "loc": ("body", "rework_from")}])
    decision = Decision(**body.model_dump())
    with db.transaction(account.seat_id) as tx:
        complaints.decide(tx, now, complaint_id, account.id, decision)
        return _answer(tx, now, account, "complaint.decided", complaint_id)
