"""Corrections, payments, balances and statements: the ledger as staff write and read it, and as relatives read it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor, Viewer
from control_center.dependencies import LARGEST_BIGINT, Db, ElderId, Now, OrderId
from control_center.district_rights import DistrictCode, require_whole_district
from control_center.errors import ApiError
from control_center.money_cards import (
    AccountBalance,
    AdjustmentBody,
    Booked,
    ElderAccount,
    Month,
    OrderEntry,
    OrderLedger,
    PaymentBody,
    ProviderName,
    ReversalBody,
    StatementEntry,
    SubsidyPaymentBody,
    TrialBalance,
    first_of,
)
from control_center.planning_scope import elder_path
from control_center.views import elders_of_family
from dispatch.money import charging, statements
from dispatch.money.charging import Moved
from dispatch.money.ledger import entry_by_id
from dispatch.order_rows import locked_order
from schemas.database import Transaction
from schemas.district_time import month_of
from schemas.statements import statement

ORDER_IN_SCOPE = statement("""
    SELECT visit.elder_id, split_part(home.path, '/', 1) AS district_code
    FROM service_order AS visit
    JOIN elder ON elder.id = visit.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE visit.id = %(order_id)s::bigint AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = visit.elder_id AND audience.account_id = %(account_id)s::integer
          AND audience.role IN ('operator', 'supervisor'))
""")
OF_ORDER = statement("""
    SELECT entry.id, entry.at, entry.kind, to_char(entry.month, 'YYYY-MM') AS month, entry.reverses,
           undone.id AS reversed_by, actor.name AS actor, entry.note,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'elder'), 0)::bigint AS elder_fen,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'subsidy'), 0)::bigint AS subsidy_fen,
           COALESCE(-sum(line.amount_fen) FILTER (WHERE account.kind = 'provider'), 0)::bigint AS provider_fen
    FROM ledger_entry AS entry
    LEFT JOIN ledger_line AS line ON line.entry_id = entry.id
    LEFT JOIN ledger_account AS account ON account.id = line.account_id
    LEFT JOIN ledger_entry AS undone ON undone.reverses = entry.id
    LEFT JOIN account AS actor ON actor.id = entry.actor_id
    WHERE entry.order_id = %(order_id)s::bigint
    GROUP BY entry.id, undone.id, actor.name
    ORDER BY entry.id
""")

router = APIRouter(prefix="/api", tags=["money"])
EntryId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
WantedMonth = Annotated[Month | None, Query(description="As 2026-11; without one the current month")]


@router.get("/orders/{order_id}/ledger")
def read_order_ledger(order_id: OrderId, account: Staff, db: Db, now: Now) -> OrderLedger:
    """Everything that was booked for an order."""
    with db.transaction() as tx:
        order = tx.row(ORDER_IN_SCOPE, {"order_id": order_id, "account_id": account.id, "now": now})
        if order is None:
            raise ApiError("not_found")
        log_access(tx, now, account.id, "ledger.read", elder_id=order["elder_id"], order_id=order_id)
        return _order_ledger(tx, order_id)


def _order_ledger(tx: Transaction, order_id: int) -> OrderLedger:
    return OrderLedger(entries=[OrderEntry(**entry) for entry in tx.rows(OF_ORDER, {"order_id": order_id})])


@router.post("/orders/{order_id}/adjustments", status_code=201)
def adjust_order(order_id: OrderId, body: AdjustmentBody, account: Supervisor, db: Db, now: Now) -> OrderLedger:
    """Correct what a confirmed visit cost, with a reason; a new entry beside the old ones."""
    moved = Moved(body.elder_fen, body.subsidy_fen, body.provider_fen)
    with db.transaction(account.seat_id) as tx:
        order = tx.row(ORDER_IN_SCOPE, {"order_id": order_id, "account_id": account.id, "now": now})
        if order is None:
            raise ApiError("not_found")
        require_whole_district(tx, now, account, order["district_code"])
        key = f"adjustment:{order_id}:{body.key}"
        locked = locked_order(tx, order_id)
        charging.adjust(tx, now, locked, moved, key=key, actor_id=account.id, note=body.reason)
        log_access(tx, now, account.id, "ledger.adjusted", elder_id=order["elder_id"], order_id=order_id)
        return _order_ledger(tx, order_id)


@router.post("/ledger/{entry_id}/reverse", status_code=201)
def reverse_entry(entry_id: EntryId, body: ReversalBody, account: Supervisor, db: Db, now: Now) -> Booked:
    """Undo an entry by a new one that names it, with a reason."""
    with db.transaction(account.seat_id) as tx:
        entry = entry_by_id(tx, entry_id)
        if entry is None:
            raise ApiError("not_found")
        require_whole_district(tx, now, account, entry["district_code"])
        if entry["order_id"] is not None:
            locked_order(tx, entry["order_id"])
        made = charging.reverse_entry(tx, now, entry_id, account.id, body.reason)
        about = {"entry": entry_id, "by": made}
        log_access(
            tx, now, account.id, "ledger.reversed", elder_id=entry["elder_id"], order_id=entry["order_id"], detail=about
        )
        return Booked(entry_id=made)


@router.get("/elders/{elder_id}/statement")
def read_statement(elder_id: ElderId, account: Viewer, db: Db, now: Now, month: WantedMonth = None) -> ElderAccount:
    """A month of an elder's account: what her visits cost her, what was paid; for staff, and for her own family."""
    wanted = month_of(now) if month is None else first_of(month)
    with db.transaction() as tx:
        _require_elder(tx, now, account, elder_id)
        log_access(tx, now, account.id, "statement.read", elder_id=elder_id)
        found = statements.elder_statement(tx, elder_id, wanted)
    told = account.role != "family"
    entries = [
        StatementEntry(
            id=line.id,
            at=line.at,
            kind=line.kind,
            order_id=line.order_id,
            item_zh=line.name_zh,
            item_en=line.name_en,
            amount_fen=line.amount_fen,
            subsidy_fen=line.subsidy_fen,
            note=line.note if told or line.kind == "payment" else None,
        )
        for line in found.lines
    ]
    return ElderAccount(
        month=f"{wanted:%Y-%m}", opening_fen=found.opening_fen, closing_fen=found.closing_fen, entries=entries
    )


def _require_elder(tx: Transaction, now: Now, account: SignedIn, elder_id: int) -> None:
    if account.role == "family":
        if elder_id not in elders_of_family(tx.conn, account.id, now):
            raise ApiError("not_found")
    else:
        elder_path(tx, now, account.id, elder_id)


@router.post("/elders/{elder_id}/payments", status_code=201)
def receive_payment(elder_id: ElderId, body: PaymentBody, account: Staff, db: Db, now: Now) -> Booked:
    """Write down that an elder's side paid."""
    with db.transaction(account.seat_id) as tx:
        elder_path(tx, now, account.id, elder_id)
        made = statements.receive_from_elder(tx, now, account.id, elder_id, body.amount_fen, body.receipt)
        log_access(tx, now, account.id, "ledger.received", elder_id=elder_id, detail={"entry": made})
        return Booked(entry_id=made)


@router.post("/districts/{district_code}/subsidy-payments", status_code=201)
def receive_subsidy(
    district_code: DistrictCode, body: SubsidyPaymentBody, account: Supervisor, db: Db, now: Now
) -> Booked:
    """Write down that a subsidy fund paid the district."""
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, district_code)
        made = statements.receive_subsidy(
            tx, now, account.id, district_code, body.category, body.amount_fen, body.receipt
        )
        log_access(tx, now, account.id, "ledger.received", detail={"entry": made, "category": body.category})
        return Booked(entry_id=made)


@router.get("/districts/{district_code}/trial-balance")
def read_trial_balance(
    district_code: DistrictCode, account: Supervisor, db: Db, now: Now, month: WantedMonth = None
) -> TrialBalance:
    """What stands in a district's books at the end of a month; both sides come to the same. No elder is named."""
    wanted = month_of(now) if month is None else first_of(month)
    with db.transaction() as tx:
        require_whole_district(tx, now, account, district_code)
        found = statements.trial_balance(tx, district_code, wanted)
        log_access(tx, now, account.id, "ledger.read", detail={"district": district_code})
    accounts = [
        AccountBalance(
            kind=one.kind,
            category=one.category,
            provider=ProviderName(id=one.provider_id, name=one.provider or "") if one.provider_id else None,
            accounts=one.accounts,
            debit_fen=one.debit_fen,
            credit_fen=one.credit_fen,
            balance_fen=one.balance_fen,
        )
        for one in found
    ]
    return TrialBalance(
        month=f"{wanted:%Y-%m}",
        accounts=accounts,
        debit_fen=sum(one.debit_fen for one in accounts),
        credit_fen=sum(one.credit_fen for one in accounts),
    )
