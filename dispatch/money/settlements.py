"""A provider's month: drafted once its books are closed, approved by a second person, paid; read from the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, Literal

from dispatch import tasks
from dispatch.money.agreement import differences
from dispatch.money.deadlines import POLICY, about, books_close
from dispatch.money.ledger import Account, Entry, EntryKind, post, together
from dispatch.refusals import Refused
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.district_time import month_of
from schemas.statements import statement

SettlementState = Literal["draft", "approved", "paid"]

READ = statement("SELECT * FROM settlement WHERE id = %(id)s::bigint")
LOCK = statement("SELECT * FROM settlement WHERE id = %(id)s::bigint FOR UPDATE")
BOOKED = statement("""
    SELECT FROM unsettled_entry AS entry
    WHERE entry.provider_id = %(provider_id)s::integer AND entry.district_code = %(district_code)s::text
      AND entry.month <= %(month)s::date
    LIMIT 1
""")
DRAFT = statement("""
    INSERT INTO settlement (district_code, provider_id, month, state, drafted_at, drafted_by)
    VALUES (%(district_code)s::text, %(provider_id)s::integer, %(month)s::date, 'draft', %(now)s::timestamptz,
            %(actor_id)s::integer)
    ON CONFLICT (district_code, provider_id, month) DO NOTHING
    RETURNING id
""")
# What a draft consists of is whatever is booked until its month's end and in no other settlement, but for visits that a
# supervisor is looking at; an approved settlement keeps what it was approved with.
LINES = statement("""
    WITH consisting AS (
        SELECT entry.id FROM settlement
        JOIN unsettled_entry AS entry ON entry.provider_id = settlement.provider_id
                                     AND entry.month <= settlement.month
                                     AND entry.district_code = settlement.district_code
        WHERE settlement.id = %(id)s::bigint AND settlement.state = 'draft'
        UNION ALL
        SELECT entry_id FROM settlement_entry WHERE settlement_id = %(id)s::bigint
    )
    SELECT entry.id AS entry_id, entry.kind, entry.at, entry.order_id, entry.reverses, entry.note,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'elder'), 0) AS elder_fen,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'subsidy'), 0) AS subsidy_fen,
           COALESCE(-sum(line.amount_fen) FILTER (WHERE account.kind = 'provider'), 0) AS provider_fen,
           max(account.category) AS category
    FROM consisting
    JOIN ledger_entry AS entry ON entry.id = consisting.id
    LEFT JOIN ledger_line AS line ON line.entry_id = entry.id
    LEFT JOIN ledger_account AS account ON account.id = line.account_id
    GROUP BY entry.id
    ORDER BY entry.order_id, entry.id
""")
LOCK_VISITS = statement("""
    SELECT visit.id, visit.elder_id FROM service_order AS visit
    WHERE visit.state = 'confirmed' AND visit.id IN (
        SELECT entry.order_id FROM unsettled_entry AS entry
        JOIN settlement ON settlement.provider_id = entry.provider_id AND settlement.month >= entry.month
                       AND settlement.district_code = entry.district_code
        WHERE settlement.id = %(id)s::bigint AND entry.kind = 'charge')
    ORDER BY visit.id FOR UPDATE
""")
SETTLE_VISITS = statement("""
    WITH settled AS (
        UPDATE service_order SET state = 'settled', due_at = NULL, due_reason = NULL
        WHERE id = ANY(%(ids)s::bigint[])
        RETURNING id
    )
    INSERT INTO order_event (order_id, at, kind, actor_id, seat_id, detail)
    SELECT id, %(now)s::timestamptz, 'settled', %(actor_id)s::integer, %(seat_id)s::integer, %(detail)s::jsonb
    FROM settled ORDER BY id
""")
TAKE_ENTRIES = statement("""
    INSERT INTO settlement_entry (entry_id, settlement_id)
    SELECT entry_id, %(id)s::bigint FROM unnest(%(entries)s::bigint[]) AS entry_id
""")
APPROVE = statement("""
    UPDATE settlement
    SET state = 'approved', approved_at = %(now)s::timestamptz, approved_by = %(actor_id)s::integer,
        visits = %(visits)s::integer, price_fen = %(price_fen)s::bigint, subsidy_fen = %(subsidy_fen)s::bigint,
        elder_fen = %(elder_fen)s::bigint, provider_fen = %(provider_fen)s::bigint,
        adjustment_fen = %(adjustment_fen)s::bigint, due_fen = %(due_fen)s::bigint
    WHERE id = %(id)s::bigint
""")
PAY = statement("""
    UPDATE settlement
    SET state = 'paid', paid_at = %(now)s::timestamptz, paid_by = %(actor_id)s::integer,
        payment_reference = %(reference)s::text
    WHERE id = %(id)s::bigint
""")


@dataclass(frozen=True)
class Line:
    """One entry of a settlement, in fen: what it had the elder's side and the subsidy pay, and the provider get."""

    entry_id: int
    kind: EntryKind
    at: datetime
    order_id: int | None
    reverses: int | None
    note: str | None
    elder_fen: int
    subsidy_fen: int
    provider_fen: int
    category: str | None

    @property
    def price_fen(self) -> int:
        """What it cost in all."""
        return self.elder_fen + self.subsidy_fen


@dataclass(frozen=True)
class Totals:
    """A settlement in fen: its visits, what they cost and who pays it, what the provider gets for them; what was added
    or taken off for everything else; what the provider is paid in all."""

    visits: int
    price_fen: int
    subsidy_fen: int
    elder_fen: int
    provider_fen: int
    adjustment_fen: int
    due_fen: int


CHARGE: Final = "charge"


def totals(lines: Iterable[Line]) -> Totals:
    """What the lines come to; pure."""
    known: Sequence[Line] = list(lines)
    visits = [line for line in known if line.kind == CHARGE]
    provider_fen = sum(line.provider_fen for line in visits)
    adjustment_fen = sum(line.provider_fen for line in known if line.kind != CHARGE)
    return Totals(
        visits=len(visits),
        price_fen=sum(line.price_fen for line in visits),
        subsidy_fen=sum(line.subsidy_fen for line in visits),
        elder_fen=sum(line.elder_fen for line in visits),
        provider_fen=provider_fen,
        adjustment_fen=adjustment_fen,
        due_fen=provider_fen + adjustment_fen,
    )


def lines_of(tx: Transaction, settlement_id: int) -> list[Line]:
    """What a settlement consists of, order by order, each order's oldest entry first."""
    amounts = ("elder_fen", "subsidy_fen", "provider_fen")
    return [
        Line(**{**found, **{name: int(found[name]) for name in amounts}})
        for found in tx.rows(LINES, {"id": settlement_id})
    ]


def draft(tx: Transaction, now: datetime, actor_id: int, district_code: str, provider_id: int, month: date) -> int:
    """Begin the settlement of a provider's month in a district; returns its id.

    Raises Refused: books_open (the month is not over), not_found (nothing was booked), already_drafted.
    """
    [policy] = tx.rows(POLICY)
    if now < books_close(month, policy["close_minutes"]):
        raise Refused("books_open")
    which = {"district_code": district_code, "provider_id": provider_id, "month": month}
    if tx.row(BOOKED, which) is None:
        raise Refused("not_found")
    made = tx.row(DRAFT, {**which, "now": now, "actor_id": actor_id})
    if made is None:
        raise Refused("already_drafted")
    return int(made["id"])


def read(tx: Transaction, settlement_id: int) -> Row | None:
    """A settlement's row; None for an id that is none's."""
    return tx.row(READ, {"id": settlement_id})


def approve(tx: Transaction, now: datetime, actor_id: int, settlement_id: int) -> Totals:
    """A second person approves a draft: its visits are settled, and what it consists of is fixed.

    Raises Refused: not_found, wrong_step, same_person, books_differ (computed again from what was confirmed and
    decided it comes to something else).
    """
    visits = tx.rows(LOCK_VISITS, {"id": settlement_id})
    known = read(tx, settlement_id)
    if known is None:
        raise Refused("not_found")
    tasks.settle(tx, now, "settlement", about(known["district_code"], known["provider_id"], known["month"]), "settled")
    settlement = tx.row(LOCK, {"id": settlement_id})
    if settlement is None or settlement["state"] != "draft":
        raise Refused("wrong_step")
    if settlement["drafted_by"] == actor_id:
        raise Refused("same_person")
    if differences(tx, settlement):
        raise Refused("books_differ")
    lines = lines_of(tx, settlement_id)
    found = totals(lines)
    tx.execute(TAKE_ENTRIES, {"id": settlement_id, "entries": [line.entry_id for line in lines]})
    tx.execute(APPROVE, {"id": settlement_id, "now": now, "actor_id": actor_id, **asdict(found)})
    taken = {line.order_id for line in lines if line.kind == CHARGE}
    _settle_visits(tx, now, actor_id, settlement_id, [visit for visit in visits if visit["id"] in taken])
    return found


def _settle_visits(tx: Transaction, now: datetime, actor_id: int, settlement_id: int, visits: Sequence[Row]) -> None:
    said = {
        "ids": [visit["id"] for visit in visits],
        "now": now,
        "actor_id": actor_id,
        "seat_id": tx.seat_id,
        "detail": f'{{"settlement_id": {settlement_id}}}',
    }
    tx.execute(SETTLE_VISITS, said)
    for visit in visits:
        subject = Subject("order", visit["id"], visit["elder_id"])
        tx.emit(subject.event("order.settled", now, account_id=actor_id))


def pay(tx: Transaction, now: datetime, actor_id: int, settlement_id: int, reference: str) -> None:
    """Write down that an approved settlement was paid, or taken in where the provider owed; `reference` is the bank's.

    Raises Refused: not_found, wrong_step.
    """
    settlement = tx.row(LOCK, {"id": settlement_id})
    if settlement is None:
        raise Refused("not_found")
    if settlement["state"] != "approved":
        raise Refused("wrong_step")
    tx.execute(PAY, {"id": settlement_id, "now": now, "actor_id": actor_id, "reference": reference})
    district_code, provider_id, due = settlement["district_code"], settlement["provider_id"], settlement["due_fen"]
    lines = [
        (Account("provider", district_code, provider_id=provider_id), int(due)),
        (Account("cash", district_code), -int(due)),
    ]
    payout = Entry(
        kind="payout",
        key=f"settlement:{settlement_id}",
        district_code=district_code,
        month=month_of(now),
        lines=together(lines),
        provider_id=provider_id,
        actor_id=actor_id,
        note=reference,
    )
    if post(tx, now, payout) is None:
        raise Refused("wrong_step")
