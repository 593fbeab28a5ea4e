"""Settlements as their district's supervisors see them."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime

from control_center.auth import SignedIn
from control_center.cards import Person
from control_center.district_rights import own_districts, require_whole_district
from control_center.errors import ApiError
from control_center.money_cards import (
    Difference,
    ProviderName,
    Settlement,
    SettlementBrief,
    SettlementLine,
    SettlementTotals,
    first_of,
)
from dispatch.money import settlements
from dispatch.money.agreement import differences
from dispatch.money.deadlines import last_month
from schemas.database import Row, Transaction
from schemas.statements import statement

HEAD = statement("""
    SELECT settlement.*, provider.name AS provider, drafter.name AS drafter, approver.name AS approver,
           payer.name AS payer
    FROM settlement
    JOIN provider ON provider.id = settlement.provider_id
    JOIN account AS drafter ON drafter.id = settlement.drafted_by
    LEFT JOIN account AS approver ON approver.id = settlement.approved_by
    LEFT JOIN account AS payer ON payer.id = settlement.paid_by
    WHERE settlement.id = %(id)s::bigint
""")
# What is booked and what is settled side by side: a month that nobody has drafted is on the list too, and what was held
# when its month was approved counts in the last month that is over.
LIST = statement("""
    SELECT booked.district_code, booked.provider_id, booked.month, provider.name AS provider, settlement.id,
           settlement.state, COALESCE(settlement.visits, booked.visits) AS visits,
           COALESCE(settlement.due_fen, booked.due_fen) AS due_fen, settlement.drafted_by, settlement.approved_by,
           drafter.name AS drafter, approver.name AS approver
    FROM (
        SELECT entry.district_code, entry.provider_id, counted.month,
               count(DISTINCT entry.id) FILTER (WHERE entry.kind = 'charge') AS visits,
               COALESCE(-sum(line.amount_fen) FILTER (WHERE account.kind = 'provider'), 0) AS due_fen
        FROM ledger_entry AS entry
        LEFT JOIN settlement_entry ON settlement_entry.entry_id = entry.id
        LEFT JOIN settlement AS taken ON taken.id = settlement_entry.settlement_id
        LEFT JOIN settlement AS own ON own.district_code = entry.district_code AND own.month = entry.month
                                   AND own.provider_id = entry.provider_id AND own.state <> 'draft'
        LEFT JOIN service_order AS visit ON visit.id = entry.order_id
        LEFT JOIN worker AS visitor ON visitor.id = visit.worker_id
        CROSS JOIN LATERAL (
            SELECT COALESCE(taken.month, CASE WHEN own.id IS NULL THEN entry.month
                                              ELSE GREATEST(entry.month, %(last_month)s::date) END) AS month
        ) AS counted
        LEFT JOIN ledger_line AS line ON line.entry_id = entry.id
        LEFT JOIN ledger_account AS account ON account.id = line.account_id
        WHERE entry.provider_id IS NOT NULL AND entry.kind <> 'payout'
          AND (taken.id IS NOT NULL OR visit.payment_held IS DISTINCT FROM 'review'
               OR visitor.provider_id IS DISTINCT FROM entry.provider_id)
          AND entry.district_code = ANY(%(districts)s::text[])
          AND (%(month)s::date IS NULL OR counted.month = %(month)s::date)
          AND (%(provider_id)s::integer IS NULL OR entry.provider_id = %(provider_id)s::integer)
        GROUP BY entry.district_code, entry.provider_id, counted.month
    ) AS booked
    JOIN provider ON provider.id = booked.provider_id
    LEFT JOIN settlement ON settlement.district_code = booked.district_code
                        AND settlement.provider_id = booked.provider_id AND settlement.month = booked.month
    LEFT JOIN account AS drafter ON drafter.id = settlement.drafted_by
    LEFT JOIN account AS approver ON approver.id = settlement.approved_by
    ORDER BY booked.month DESC, provider.name, booked.district_code
    LIMIT 500
""")
VISITS = statement("""
    SELECT visit.id, visit.completed_at, visit.begun_at, visit.window_from, item.name_zh, item.name_en,
           left(elder.name, 1) AS family_name, elder.id AS elder_id
    FROM service_order AS visit
    JOIN catalogue_item AS item ON item.code = visit.item_code AND item.version = visit.item_version
    JOIN elder ON elder.id = visit.elder_id
    WHERE visit.id = ANY(%(ids)s::bigint[])
""")
HIDDEN = "**"
"""Stands for what of an elder's name is not her provider's business once the visit is over."""


def settlement_in_scope(tx: Transaction, now: datetime, account: SignedIn, settlement_id: int) -> Row:
    """A settlement of a district to which, as a whole, the account has a right. Raises ApiError: not_found."""
    head = tx.row(HEAD, {"id": settlement_id})
    if head is None:
        raise ApiError("not_found")
    require_whole_district(tx, now, account, head["district_code"])
    return head


def _person(account_id: int | None, name: str | None) -> Person | None:
    return Person(id=account_id, name=name or "") if account_id is not None else None


def settlement_list(
    tx: Transaction, now: datetime, account: SignedIn, month: str | None, provider_id: int | None
) -> list[SettlementBrief]:
    """What was booked for providers in the account's districts, month by month, and how far its settlement is."""
    asked = {
        "districts": own_districts(tx, now, account),
        "month": None if month is None else first_of(month),
        "provider_id": provider_id,
        "last_month": last_month(now),
    }
    return [
        SettlementBrief(
            id=found["id"],
            district_code=found["district_code"],
            provider=ProviderName(id=found["provider_id"], name=found["provider"]),
            month=f"{found['month']:%Y-%m}",
            state=found["state"],
            visits=found["visits"],
            due_fen=int(found["due_fen"]),
            drafted_by=_person(found["drafted_by"], found["drafter"]),
            approved_by=_person(found["approved_by"], found["approver"]),
        )
        for found in tx.rows(LIST, asked)
    ]


def shown_settlement(tx: Transaction, head: Row) -> tuple[Settlement, set[int]]:
    """A settlement with its lines, and the elders whom they are about."""
    lines = settlements.lines_of(tx, head["id"])
    visits = {
        visit["id"]: visit for visit in tx.rows(VISITS, {"ids": [line.order_id for line in lines if line.order_id]})
    }
    shown = Settlement(
        id=head["id"],
        district_code=head["district_code"],
        provider=ProviderName(id=head["provider_id"], name=head["provider"]),
        month=f"{head['month']:%Y-%m}",
        state=head["state"],
        drafted_at=head["drafted_at"],
        drafted_by=Person(id=head["drafted_by"], name=head["drafter"]),
        approved_at=head["approved_at"],
        approved_by=_person(head["approved_by"], head["approver"]),
        paid_at=head["paid_at"],
        paid_by=_person(head["paid_by"], head["payer"]),
        payment_reference=head["payment_reference"],
        totals=_totals(head, lines),
        lines=[_line(line, visits.get(line.order_id or 0)) for line in lines],
        differences=[Difference(**one) for one in differences(tx, head)],
    )
    return shown, {visit["elder_id"] for visit in visits.values()}


def _totals(head: Row, lines: Sequence[settlements.Line]) -> SettlementTotals:
    """What an approved one was approved with; what a draft comes to now."""
    if head["state"] == "draft":
        return SettlementTotals(**asdict(settlements.totals(lines)))
    return SettlementTotals(**{one.name: int(head[one.name]) for one in fields(settlements.Totals)})


def _line(line: settlements.Line, visit: Row | None) -> SettlementLine:
    lasted = visit and visit["begun_at"] and visit["completed_at"] and visit["completed_at"] - visit["begun_at"]
    return SettlementLine(
        entry_id=line.entry_id,
        kind=line.kind,
        at=line.at,
        order_id=line.order_id,
        served_at=visit["completed_at"] or visit["window_from"] if visit else None,
        item_zh=visit["name_zh"] if visit else None,
        item_en=visit["name_en"] if visit else None,
        elder=f"{visit['family_name']}{HIDDEN}" if visit else None,
        minutes=round(lasted.total_seconds() / 60) if lasted else None,
        category=line.category,
        price_fen=line.price_fen,
        subsidy_fen=line.subsidy_fen,
        elder_fen=line.elder_fen,
        provider_fen=line.provider_fen,
        reverses=line.reverses,
        note=line.note,
    )
