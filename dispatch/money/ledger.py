"""The ledger: entries whose lines sum to zero, each posted once under the key of its event, none ever changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from schemas.database import Row, Transaction
from schemas.statements import statement

AccountKind = Literal["elder", "subsidy", "provider", "district", "cash"]
EntryKind = Literal["charge", "no_show", "compensation", "adjustment", "reversal", "payment", "payout"]

OPEN_ACCOUNTS = statement("""
    INSERT INTO ledger_account (kind, district_code, elder_id, provider_id, category)
    SELECT * FROM unnest(%(kinds)s::text[], %(districts)s::text[], %(elders)s::integer[], %(providers)s::integer[],
                         %(categories)s::text[])
    ON CONFLICT DO NOTHING
""")
ACCOUNT_IDS = statement("""
    SELECT wanted.place, ledger_account.id
    FROM unnest(%(kinds)s::text[], %(districts)s::text[], %(elders)s::integer[], %(providers)s::integer[],
                %(categories)s::text[]) WITH ORDINALITY AS wanted (kind, district, elder, provider, category, place)
    JOIN ledger_account ON ledger_account.kind = wanted.kind AND ledger_account.district_code = wanted.district
                       AND ledger_account.elder_id IS NOT DISTINCT FROM wanted.elder
                       AND ledger_account.provider_id IS NOT DISTINCT FROM wanted.provider
                       AND ledger_account.category IS NOT DISTINCT FROM wanted.category
    ORDER BY wanted.place
""")
# Whoever posts the same event at once waits here for the other, and then finds its key taken.
ADD_ENTRY = statement("""
    INSERT INTO ledger_entry (at, kind, key, district_code, month, order_id, provider_id, elder_id, reverses, lines,
                              actor_id, note)
    VALUES (%(at)s::timestamptz, %(kind)s::text, %(key)s::text, %(district_code)s::text, %(month)s::date,
            %(order_id)s::bigint, %(provider_id)s::integer, %(elder_id)s::integer, %(reverses)s::bigint,
            %(lines)s::smallint, %(actor_id)s::integer, %(note)s::text)
    ON CONFLICT (key) DO NOTHING
    RETURNING id
""")
ADD_LINES = statement("""
    INSERT INTO ledger_line (entry_id, account_id, amount_fen)
    SELECT %(entry_id)s::bigint, * FROM unnest(%(accounts)s::integer[], %(amounts)s::bigint[])
""")
BY_KEY = statement("SELECT * FROM ledger_entry WHERE key = %(key)s::text")
BY_ID = statement("SELECT * FROM ledger_entry WHERE id = %(id)s::bigint")
LINES = statement("""
    SELECT account.kind, account.district_code, account.elder_id, account.provider_id, account.category, line.amount_fen
    FROM ledger_line AS line JOIN ledger_account AS account ON account.id = line.account_id
    WHERE line.entry_id = %(entry_id)s::bigint
    ORDER BY account.id
""")


@dataclass(frozen=True, order=True)
class Account:
    """Who owes or is owed in a district; the fields beside the kind say which one, by the kind."""

    kind: AccountKind
    district_code: str
    elder_id: int | None = None
    provider_id: int | None = None
    category: str | None = None


Lines = Mapping[Account, int]
"""Fen by account, above zero what it owes and below zero what it is owed. An entry's sum to zero."""


class Unbalanced(Exception):
    """Lines do not sum to zero: a defect, never a user's mistake."""


@dataclass(frozen=True)
class Entry:
    """What happened; `key` names its event, `month` is that of the settlement in which it counts (its first day)."""

    kind: EntryKind
    key: str
    district_code: str
    month: date
    lines: Lines
    order_id: int | None = None
    provider_id: int | None = None
    elder_id: int | None = None
    reverses: int | None = None
    actor_id: int | None = None
    note: str | None = field(default=None)


def together(lines: Iterable[tuple[Account, int]]) -> Lines:
    """One line for each account, none of nothing. Raises Unbalanced unless they sum to zero. Pure."""
    summed: dict[Account, int] = {}
    for account, amount in lines:
        summed[account] = summed.get(account, 0) + amount
    if sum(summed.values()) != 0:
        raise Unbalanced(str(summed))
    return {account: amount for account, amount in summed.items() if amount != 0}


def post(tx: Transaction, now: datetime, entry: Entry) -> int | None:
    """Write an entry; returns its id, or None when its event is in the ledger already. Raises Unbalanced."""
    lines = together(entry.lines.items())
    columns = {
        "at": now,
        "kind": entry.kind,
        "key": entry.key,
        "district_code": entry.district_code,
        "month": entry.month,
        "order_id": entry.order_id,
        "provider_id": entry.provider_id,
        "elder_id": entry.elder_id,
        "reverses": entry.reverses,
        "lines": len(lines),
        "actor_id": entry.actor_id,
        "note": entry.note,
    }
    made = tx.row(ADD_ENTRY, columns)
    if made is None:
        return None
    if lines:
        accounts = sorted(lines, key=_order)
        ids = _account_ids(tx, accounts)
        amounts = [lines[account] for account in accounts]
        tx.execute(ADD_LINES, {"entry_id": made["id"], "accounts": ids, "amounts": amounts})
    return int(made["id"])


def entry_by_key(tx: Transaction, key: str) -> Row | None:
    """The entry of an event; None when it was not posted."""
    return tx.row(BY_KEY, {"key": key})


def entry_by_id(tx: Transaction, entry_id: int) -> Row | None:
    """An entry; None for an id that is none's."""
    return tx.row(BY_ID, {"id": entry_id})


def lines_of(tx: Transaction, entry_id: int) -> Lines:
    """What an entry moved."""
    found: dict[Account, int] = {}
    for line in tx.rows(LINES, {"entry_id": entry_id}):
        amount = line.pop("amount_fen")
        found[Account(**line)] = int(amount)
    return found


_NAMES: Final = ("kinds", "districts", "elders", "providers", "categories")


def _order(account: Account) -> tuple[str, str, int, int, str]:
    """Everybody opens accounts in this order, so that two who open the same wait for each other in one direction."""
    return (
        account.kind,
        account.district_code,
        account.elder_id or 0,
        account.provider_id or 0,
        account.category or "",
    )


def _account_ids(tx: Transaction, accounts: list[Account]) -> list[int]:
    columns = ("kind", "district_code", "elder_id", "provider_id", "category")
    wanted = {
        name: [getattr(account, column) for account in accounts] for name, column in zip(_NAMES, columns, strict=True)
    }
    found = tx.rows(ACCOUNT_IDS, wanted)
    if len(found) < len(accounts):
        tx.execute(OPEN_ACCOUNTS, wanted)
        found = tx.rows(ACCOUNT_IDS, wanted)
    return [int(account["id"]) for account in found]
