"""Reading the books: a district's trial balance, an elder's statement, and money received."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dispatch.catalogue.subsidies import Category
from dispatch.money.ledger import Account, AccountKind, Entry, EntryKind, post, together
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.district_time import midnight, month_of, next_month
from schemas.statements import statement

# Everything booked until the end of a month, whatever month's settlement it counts in.
BALANCES = statement("""
    SELECT account.kind, account.category, account.provider_id, provider.name AS provider,
           count(DISTINCT account.id) AS accounts,
           COALESCE(sum(line.amount_fen) FILTER (WHERE line.amount_fen > 0), 0) AS debit_fen,
           COALESCE(-sum(line.amount_fen) FILTER (WHERE line.amount_fen < 0), 0) AS credit_fen
    FROM ledger_account AS account
    JOIN ledger_line AS line ON line.account_id = account.id
    JOIN ledger_entry AS entry ON entry.id = line.entry_id
    LEFT JOIN provider ON provider.id = account.provider_id
    WHERE account.district_code = %(district_code)s::text AND entry.at < %(until)s::timestamptz
    GROUP BY account.kind, account.category, account.provider_id, provider.name
    ORDER BY account.kind, account.category, account.provider_id
""")
OPENING = statement("""
    SELECT COALESCE(sum(line.amount_fen), 0) AS fen
    FROM ledger_account AS account
    JOIN ledger_line AS line ON line.account_id = account.id
    JOIN ledger_entry AS entry ON entry.id = line.entry_id
    WHERE account.elder_id = %(elder_id)s::integer AND entry.at < %(since)s::timestamptz
""")
# Visits that cost her nothing are shown too: somebody came, and somebody paid.
OF_ELDER = statement("""
    SELECT entry.id, entry.at, entry.kind, entry.order_id, entry.note, item.name_zh, item.name_en,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'elder'), 0) AS amount_fen,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'subsidy'), 0) AS subsidy_fen
    FROM ledger_entry AS entry
    LEFT JOIN ledger_line AS line ON line.entry_id = entry.id
    LEFT JOIN ledger_account AS account ON account.id = line.account_id
    LEFT JOIN service_order AS visit ON visit.id = entry.order_id
    LEFT JOIN catalogue_item AS item ON item.code = visit.item_code AND item.version = visit.item_version
    WHERE entry.elder_id = %(elder_id)s::integer AND entry.at >= %(since)s::timestamptz
      AND entry.at < %(until)s::timestamptz AND visit.lead_id IS NULL
    GROUP BY entry.id, item.name_zh, item.name_en
    ORDER BY entry.id
""")
DISTRICT_OF = statement("""
    SELECT split_part(home.path, '/', 1) AS code FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE elder.id = %(elder_id)s::integer
""")


@dataclass(frozen=True)
class Balance:
    """All accounts of a kind together, or one fund's or provider's: how many, and what was booked on either side."""

    kind: AccountKind
    category: Category | None
    provider_id: int | None
    provider: str | None
    accounts: int
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        """Above zero what they owe the district, below zero what it owes them."""
        return self.debit_fen - self.credit_fen


@dataclass(frozen=True)
class StatementLine:
    """One entry as the elder's side sees it: what it owes more, and what a subsidy paid."""

    id: int
    at: datetime
    kind: EntryKind
    order_id: int | None
    note: str | None
    name_zh: str | None
    name_en: str | None
    amount_fen: int
    subsidy_fen: int


@dataclass(frozen=True)
class ElderStatement:
    """A month of an elder's account: what was owed before, what was booked, what is owed after."""

    opening_fen: int
    lines: Sequence[StatementLine]

    @property
    def closing_fen(self) -> int:
        """What the elder's side owes at the month's end."""
        return self.opening_fen + sum(line.amount_fen for line in self.lines)


def trial_balance(tx: Transaction, district_code: str, month: date) -> list[Balance]:
    """What stands in a district's books at the end of a month; both sides come to the same."""
    found = tx.rows(BALANCES, {"district_code": district_code, "until": midnight(next_month(month))})
    sides = ("debit_fen", "credit_fen")
    return [Balance(**{**one, **{name: int(one[name]) for name in sides}}) for one in found]


def elder_statement(tx: Transaction, elder_id: int, month: date) -> ElderStatement:
    """A month of an elder's account, in the order in which it was booked."""
    asked = {"elder_id": elder_id, "since": midnight(month), "until": midnight(next_month(month))}
    [opening] = tx.rows(OPENING, asked)
    amounts = ("amount_fen", "subsidy_fen")
    lines = [StatementLine(**{**one, **{name: int(one[name]) for name in amounts}}) for one in tx.rows(OF_ELDER, asked)]
    return ElderStatement(int(opening["fen"]), lines)


def receive_from_elder(
    tx: Transaction, now: datetime, actor_id: int, elder_id: int, amount_fen: int, receipt: str
) -> int:
    """Write down that an elder's side paid; the receipt's number books it once. Returns the entry's id.

    Raises Refused: not_found, receipt_known.
    """
    found = tx.row(DISTRICT_OF, {"elder_id": elder_id})
    if found is None:
        raise Refused("not_found")
    payer = Account("elder", found["code"], elder_id=elder_id)
    return _receive(tx, now, actor_id, payer, amount_fen, receipt)


def receive_subsidy(
    tx: Transaction, now: datetime, actor_id: int, district_code: str, category: Category, amount_fen: int, receipt: str
) -> int:
    """Write down that a subsidy fund paid the district. Returns the entry's id. Raises Refused: receipt_known."""
    return _receive(tx, now, actor_id, Account("subsidy", district_code, category=category), amount_fen, receipt)


def _receive(tx: Transaction, now: datetime, actor_id: int, payer: Account, amount_fen: int, receipt: str) -> int:
    district_code = payer.district_code
    payment = Entry(
        kind="payment",
        key=f"payment:{district_code}:{receipt}",
        district_code=district_code,
        month=month_of(now),
        lines=together([(payer, -amount_fen), (Account("cash", district_code), amount_fen)]),
        elder_id=payer.elder_id,
        actor_id=actor_id,
        note=receipt,
    )
    made = post(tx, now, payment)
    if made is None:
        raise Refused("receipt_known")
    return made
