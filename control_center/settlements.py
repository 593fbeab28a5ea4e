"""The monthly settlement of providers, for the supervisors of their district: draft, approve, pay, export."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Supervisor
from control_center.dependencies import LARGEST_BIGINT, LARGEST_INTEGER, Database, Db, Nothing, Now
from control_center.district_rights import require_whole_district
from control_center.language import preferred
from control_center.money_cards import DraftBody, Month, PaidBody, Settlement, SettlementList, first_of
from control_center.settlement_views import settlement_in_scope, settlement_list, shown_settlement
from control_center.settlement_workbook import workbook
from dispatch.money import settlements
from schemas.database import Transaction

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
router = APIRouter(prefix="/api/settlements", tags=["money"])
SettlementId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]


def _answer(tx: Transaction, now: Now, account: SignedIn, action: Action, settlement_id: int) -> Settlement:
    """A settlement, recorded as a read of everybody whose visits are on it."""
    shown, elder_ids = shown_settlement(tx, settlement_in_scope(tx, now, account, settlement_id))
    log_access(tx, now, account.id, action, elder_ids=elder_ids, detail={"settlement": settlement_id})
    return shown


def _read(db: Database, now: Now, account: SignedIn, action: Action, settlement_id: int) -> Settlement:
    with db.transaction(account.seat_id) as tx:
        return _answer(tx, now, account, action, settlement_id)


@router.get("")
def list_settlements(
    account: Supervisor,
    db: Db,
    now: Now,
    month: Annotated[Month | None, Query()] = None,
    provider_id: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER)] = None,
) -> SettlementList:
    """Every provider's months in the caller's districts, those that nobody has drafted among them."""
    with db.transaction() as tx:
        found = settlement_list(tx, now, account, month, provider_id)
        log_access(tx, now, account.id, "settlements.listed")
    return SettlementList(settlements=found)


@router.post("", status_code=201)
def draft_settlement(body: DraftBody, account: Supervisor, db: Db, now: Now) -> Settlement:
    """Begin the settlement of a provider's month once it is over."""
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, body.district_code)
        made = settlements.draft(tx, now, account.id, body.district_code, body.provider_id, first_of(body.month))
        return _answer(tx, now, account, "settlement.drafted", made)


# Before the route below, for whose number it would be taken.
@router.get("/{settlement_id}.xlsx", response_class=Response, responses={200: {"content": {XLSX: {}}}})
def export_settlement(settlement_id: SettlementId, account: Supervisor, request: Request, db: Db, now: Now) -> Response:
    """The settlement as a workbook for the provider, in the caller's language; who took it is recorded."""
    shown = _read(db, now, account, "settlement.exported", settlement_id)
    name = f"anban-settlement-{shown.district_code}-{shown.provider.id}-{shown.month}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(workbook(shown, preferred(request.headers.get("accept-language"))), 200, headers, XLSX)


@router.get("/{settlement_id}")
def read_settlement(settlement_id: SettlementId, account: Supervisor, db: Db, now: Now) -> Settlement:
    """A settlement with every visit and correction, and where it does not follow from the orders' timelines."""
    return _read(db, now, account, "settlement.read", settlement_id)


@router.post("/{settlement_id}/approve")
def approve_settlement(
    settlement_id: SettlementId, account: Supervisor, db: Db, now: Now, _body: Nothing | None = None
) -> Settlement:
    """Approve another's draft: its visits are settled."""
    with db.transaction(account.seat_id) as tx:
        settlement_in_scope(tx, now, account, settlement_id)
        settlements.approve(tx, now, account.id, settlement_id)
        return _answer(tx, now, account, "settlement.approved", settlement_id)


@router.post("/{settlement_id}/pay")
def pay_settlement(settlement_id: SettlementId, body: PaidBody, account: Supervisor, db: Db, now: Now) -> Settlement:
    """Write down that an approved settlement was paid."""
    with db.transaction(account.seat_id) as tx:
        settlement_in_scope(tx, now, account, settlement_id)
        settlements.pay(tx, now, account.id, settlement_id, body.reference)
        return _answer(tx, now, account, "settlement.paid", settlement_id)
