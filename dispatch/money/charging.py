"""What an order's events cost whom: confirmed, not taken place, complained about, corrected; each booked once.

Test orders cost nobody anything, and nothing of them is booked.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from dispatch.money.ledger import Account, Entry, EntryKind, Lines, entry_by_id, entry_by_key, lines_of, post, together
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.district_time import month_of
from schemas.statements import statement

# The provider's own rate, where it has one, counts as it stood when the visit was to be.
PROVIDER = statement("""
    SELECT worker.provider_id, agreed.provider_fen,
           (SELECT payment_held FROM service_order WHERE id = %(order_id)s::bigint) AS payment_held,
           (SELECT item.provider_fen FROM service_order AS visit
            JOIN catalogue_item AS item ON item.code = visit.item_code AND item.version = visit.item_version
            WHERE visit.id = %(order_id)s::bigint) AS catalogue_fen
    FROM worker
    LEFT JOIN provider_service AS agreed
           ON agreed.provider_id = worker.provider_id AND agreed.item_code = %(item_code)s::text
          AND agreed.valid_from <= %(at)s::timestamptz
          AND (agreed.valid_to IS NULL OR agreed.valid_to > %(at)s::timestamptz)
    WHERE worker.id = %(worker_id)s::integer
""")
SET_RATE = statement("""
    UPDATE service_order SET provider_fen = %(provider_fen)s::integer WHERE id = %(id)s::bigint
""")
# Held until the end, so that nobody approves a settlement while something is booked into its month.
SETTLEMENT_OF = statement("""
    SELECT state FROM settlement
    WHERE district_code = %(district_code)s::text AND provider_id = %(provider_id)s::integer
      AND month = %(month)s::date
    FOR SHARE
""")


REVERSED = statement("SELECT FROM ledger_entry WHERE reverses = %(id)s::bigint")
CORRECTIONS = statement("""
    SELECT entry.* FROM ledger_entry AS entry
    WHERE entry.order_id = %(order_id)s::bigint AND entry.kind IN ('adjustment', 'compensation')
      AND NOT starts_with(entry.key, 'void:')
      AND NOT EXISTS (SELECT FROM ledger_entry AS undone WHERE undone.reverses = entry.id)
    ORDER BY entry.id
""")
FRAUD: Final = "fraud"
"""The reason, as a code, of undoing what a visit cost that never took place."""
WAS_THERE: Final = "was_there"
"""The reason, as a code, of undoing what a no-show cost whose worker was there after all."""


@dataclass(frozen=True)
class Parties:
    """Between whom an order's money moves; `category` is that of its subsidy."""

    district_code: str
    elder_id: int
    provider_id: int
    category: str | None


@dataclass(frozen=True)
class Moved:
    """In fen: what the elder's side and the subsidy pay more, and what the provider gets more. The district takes or
    bears the difference."""

    elder_fen: int = 0
    subsidy_fen: int = 0
    provider_fen: int = 0


def lines_for(parties: Parties, moved: Moved) -> Lines:
    """The lines by which it moves, always balanced. Pure. Raises ValueError for a subsidy of no category."""
    if moved.subsidy_fen and parties.category is None:
        raise ValueError("a subsidy needs a category")
    district = parties.district_code
    over = moved.elder_fen + moved.subsidy_fen - moved.provider_fen
    lines = [
        (Account("elder", district, elder_id=parties.elder_id), moved.elder_fen),
        (Account("provider", district, provider_id=parties.provider_id), -moved.provider_fen),
        (Account("district", district), -over),
    ]
    if parties.category is not None:
        lines.append((Account("subsidy", district, category=parties.category), moved.subsidy_fen))
    return together(lines)


def charge(tx: Transaction, now: datetime, order: Row) -> dict[str, object]:
    """Book what a locked order that is being confirmed costs, once; returns what its timeline keeps of it, from which
    the settlement can be computed again."""
    parties, found = _parties(tx, order)
    agreed_fen = order["provider_fen"] if found["provider_fen"] is None else found["provider_fen"]
    moved = Moved(order["price_fen"] - order["subsidy_fen"], order["subsidy_fen"], agreed_fen)
    if found["payment_held"] == "fraud":
        moved = Moved()
    if not order["is_test"]:
        if agreed_fen != order["provider_fen"]:
            tx.execute(SET_RATE, {"id": order["id"], "provider_fen": agreed_fen})
        post(tx, now, _entry("charge", charge_key(order["id"]), order, parties, month_of(now), moved))
    return {
        "provider_id": parties.provider_id,
        "district_code": parties.district_code,
        "category": parties.category,
        "price_fen": moved.elder_fen + moved.subsidy_fen,
        "subsidy_fen": moved.subsidy_fen,
        "provider_fen": moved.provider_fen,
    }


def charge_key(order_id: int) -> str:
    """Under which key an order's confirmation is booked."""
    return f"order:{order_id}"


def rate_for(tx: Transaction, order: Row) -> int:
    """What the provider of the worker whom an order names gets for it, in fen: its own rate, or the catalogue's."""
    _, found = _parties(tx, order)
    return int(found["catalogue_fen"] if found["provider_fen"] is None else found["provider_fen"])


def void(tx: Transaction, now: datetime, order_id: int, actor_id: int | None) -> int | None:
    """A visit turns out never to have taken place: what its confirmation cost is undone, once, with its corrections and
    refunds, for nobody gets back more than she paid; what the provider was charged stands. An order that is confirmed
    afterwards costs nothing. Returns the new entry's id, or None when its confirmation was not booked or is undone."""
    undone = reverse(tx, now, charge_key(order_id), actor_id, FRAUD)
    for entry in tx.rows(CORRECTIONS, {"order_id": order_id}):
        if entry["kind"] == "adjustment":
            _reverse(tx, now, entry, actor_id, FRAUD)
        else:
            _take_back(tx, now, entry, actor_id)
    return undone


def _take_back(tx: Transaction, now: datetime, refund: Row, actor_id: int | None) -> None:
    """The elder's side owes again what it got back for a complaint, and the district has it."""
    back = {account: -fen for account, fen in lines_of(tx, refund["id"]).items() if account.kind == "elder"}
    district = Account("district", refund["district_code"])
    taken = Entry(
        kind="adjustment",
        key=f"void:{refund['id']}",
        district_code=refund["district_code"],
        month=_month_of_provider(tx, now, refund["district_code"], refund["provider_id"], refund["month"]),
        lines=together([*back.items(), (district, -sum(back.values()))]),
        order_id=refund["order_id"],
        provider_id=refund["provider_id"],
        elder_id=refund["elder_id"],
        actor_id=actor_id,
        note=FRAUD,
    )
    if back:
        post(tx, now, taken)


def charge_failed(
    tx: Transaction,
    now: datetime,
    order: Row,
    *,
    elder_fen: int,
    provider_fen: int,
    penalty_fen: int,
    key: str,
    blame: str,
) -> None:
    """Book what a visit of a locked order that did not take place costs: the elder's side pays so much, the provider
    gets its way paid less a penalty. A subsidy is never paid for it. `key` names the case, and books it once."""
    if order["is_test"]:
        return
    parties, _ = _parties(tx, order)
    moved = Moved(elder_fen=elder_fen, provider_fen=provider_fen - penalty_fen)
    post(tx, now, _entry("no_show", key, order, parties, month_of(now), moved, note=blame))


def compensate(
    tx: Transaction, now: datetime, order: Row, *, refund_fen: int, penalty_fen: int, key: str, actor_id: int
) -> None:
    """Book what a complaint about a locked order came to: the elder's side gets money back, the provider is charged.
    `key` names the complaint, and books it once."""
    if order["is_test"]:
        return
    parties, _ = _parties(tx, order)
    moved = Moved(elder_fen=-refund_fen, provider_fen=-penalty_fen)
    month = _month_for(tx, now, parties, month_of(now))
    post(tx, now, _entry("compensation", key, order, parties, month, moved, actor_id=actor_id))


def adjust(tx: Transaction, now: datetime, order: Row, moved: Moved, *, key: str, actor_id: int, note: str) -> int:
    """Correct what a locked order cost, with a reason: a new entry beside the old ones, in the month of the order's own
    entry unless that is settled. Returns the entry's id.

    Raises Refused: wrong_step (it was never charged, or has no subsidy to correct), too_much (somebody would pay less
    than nothing for it, or all together more than the price), already_answered (`key` was booked before).
    """
    own = entry_by_key(tx, charge_key(order["id"]))
    parties, _ = _parties(tx, order)
    if own is None or (moved.subsidy_fen and parties.category is None):
        raise Refused("wrong_step")
    parties = Parties(own["district_code"], own["elder_id"], own["provider_id"], parties.category)
    refuse_too_much(order_sums(tx, order["id"]), moved, order["price_fen"])
    month = _month_for(tx, now, parties, own["month"])
    made = post(tx, now, _entry("adjustment", key, order, parties, month, moved, actor_id=actor_id, note=note))
    if made is None:
        raise Refused("already_answered")
    return made


def refuse_too_much(before: Moved, change: Moved, price_fen: int) -> None:
    """Raise Refused too_much where an order's correction would have its elder's side or the subsidy pay less than
    nothing, or both together more than the price. Pure."""
    elder, subsidy = before.elder_fen + change.elder_fen, before.subsidy_fen + change.subsidy_fen
    if elder < 0 or subsidy < 0 or elder + subsidy > price_fen:
        raise Refused("too_much")


ORDER_SUMS = statement("""
    SELECT COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'elder'), 0) AS elder_fen,
           COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'subsidy'), 0) AS subsidy_fen,
           COALESCE(-sum(line.amount_fen) FILTER (WHERE account.kind = 'provider'), 0) AS provider_fen
    FROM ledger_entry AS entry
    JOIN ledger_line AS line ON line.entry_id = entry.id
    JOIN ledger_account AS account ON account.id = line.account_id
    WHERE entry.order_id = %(order_id)s::bigint
""")


def order_sums(tx: Transaction, order_id: int) -> Moved:
    """What an order has cost whom so far, everything booked for it together."""
    [found] = tx.rows(ORDER_SUMS, {"order_id": order_id})
    return Moved(**{name: int(value) for name, value in found.items()})


def refundable(tx: Transaction, order: Row) -> int:
    """How much of a locked order its elder's side can still get back, in fen: what was booked, or will be when it is
    confirmed. Nothing while nobody has taken it."""
    if order["worker_id"] is None:
        return 0
    paid = order_sums(tx, order["id"]).elder_fen
    if order["state"] not in ("cancelled", "failed") and entry_by_key(tx, charge_key(order["id"])) is None:
        _, found = _parties(tx, order)
        paid += 0 if found["payment_held"] == FRAUD else order["price_fen"] - order["subsidy_fen"]
    return max(0, paid)


def reverse(tx: Transaction, now: datetime, key: str, actor_id: int | None, note: str) -> int | None:
    """Undo the entry of an event by a new one that names it; returns the new one's id, or None when nothing was booked
    or somebody has undone it by hand. Raises Refused: not_reversible."""
    entry = entry_by_key(tx, key)
    if entry is None or tx.row(REVERSED, {"id": entry["id"]}) is not None:
        return None
    return _reverse(tx, now, entry, actor_id, note)


def reverse_entry(tx: Transaction, now: datetime, entry_id: int, actor_id: int, note: str) -> int:
    """Undo an entry by a new one that names it; returns the new one's id. The month is that of the entry unless it is
    settled. What undid something is not undone: whoever did it by mistake books an adjustment.

    Raises Refused: not_found, already_reversed, not_reversible.
    """
    entry = entry_by_id(tx, entry_id)
    if entry is None:
        raise Refused("not_found")
    return _reverse(tx, now, entry, actor_id, note)


def _reverse(tx: Transaction, now: datetime, entry: Row, actor_id: int | None, note: str) -> int:
    if entry["kind"] in ("reversal", "payout"):
        raise Refused("not_reversible")
    month = entry["month"]
    if entry["provider_id"] is not None:
        month = _month_of_provider(tx, now, entry["district_code"], entry["provider_id"], month)
    undone = Entry(
        kind="reversal",
        key=f"reversal:{entry['id']}",
        district_code=entry["district_code"],
        month=month,
        lines={account: -amount for account, amount in lines_of(tx, entry["id"]).items()},
        order_id=entry["order_id"],
        provider_id=entry["provider_id"],
        elder_id=entry["elder_id"],
        reverses=entry["id"],
        actor_id=actor_id,
        note=note,
    )
    made = post(tx, now, undone)
    if made is None:
        raise Refused("already_reversed")
    return made


def _parties(tx: Transaction, order: Row) -> tuple[Parties, Row]:
    """Between whom the order's money moves; the provider's own rate for it, if it has one, and whether it is held."""
    asked = {
        "order_id": order["id"],
        "worker_id": order["worker_id"],
        "item_code": order["item_code"],
        "at": order["window_from"],
    }
    [found] = tx.rows(PROVIDER, asked)
    district_code = order["org_path"].partition("/")[0]
    parties = Parties(district_code, order["elder_id"], int(found["provider_id"]), order["subsidy_category"])
    return parties, found


def _month_for(tx: Transaction, now: datetime, parties: Parties, month: date) -> date:
    return _month_of_provider(tx, now, parties.district_code, parties.provider_id, month)


def _month_of_provider(tx: Transaction, now: datetime, district_code: str, provider_id: int, month: date) -> date:
    """That month, or the current one when the provider's settlement of it is approved."""
    about = {"district_code": district_code, "provider_id": provider_id, "month": month}
    settled = tx.row(SETTLEMENT_OF, about)
    return month if settled is None or settled["state"] == "draft" else month_of(now)


def _entry(
    kind: EntryKind,
    key: str,
    order: Row,
    parties: Parties,
    month: date,
    moved: Moved,
    *,
    actor_id: int | None = None,
    note: str | None = None,
) -> Entry:
    return Entry(
        kind=kind,
        key=key,
        district_code=parties.district_code,
        month=month,
        lines=lines_for(parties, moved),
        order_id=order["id"],
        provider_id=parties.provider_id,
        elder_id=parties.elder_id,
        actor_id=actor_id,
        note=note,
    )
