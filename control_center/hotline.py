"""Ordering on the telephone: one look for whoever calls, one command that orders."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import SignedIn, Staff
from control_center.calls import IN_SCOPE as CALL_IN_SCOPE
from control_center.dependencies import LARGEST_BIGINT, LARGEST_INTEGER, Db, Moment, Now, Storable
from control_center.errors import ApiError
from control_center.orders import order_answer
from control_center.registry import SEARCH, entry_of, like_pattern
from control_center.source_cards import HotlineSheet, HotlineSheets, last_order, proposed_item
from control_center.views import elder_briefs
from control_center.work_cards import OrderAnswer
from dispatch.callers import Match, find_matches
from dispatch.placing import Wish
from dispatch.sources import hotline
from dispatch.sources.quotes import buyer, sold_to
from dispatch.sources.windows import OrderingPolicy, ordering_policy
from schemas.database import Transaction
from schemas.statements import statement

MOST_SHEETS: Final = 9
"""As many as there are digits to choose by."""
LEAST_DIGITS: Final = 7
"""What is shorter is no telephone number, but part of one."""
OF_CALL = statement("""
    SELECT call.elder_id, call.party, call.party_name FROM call
    WHERE call.id = %(call_id)s::bigint AND call.elder_id IS NOT NULL
    UNION ALL
    SELECT candidate.elder_id, candidate.party, candidate.party_name
    FROM call_candidate AS candidate JOIN call ON call.id = candidate.call_id
    WHERE candidate.call_id = %(call_id)s::bigint AND call.elder_id IS NULL
    ORDER BY elder_id
""")
AMONG_THEIRS = statement("""
    SELECT DISTINCT elder_id FROM elder_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer AND elder_id = ANY(%(ids)s::integer[])
""")
router = APIRouter(prefix="/api/hotline", tags=["hotline"])


class PhoneOrder(BaseModel):
    """What is ordered on the telephone; without an end the window is as long as the item's usual one."""

    elder_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)]
    call_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_BIGINT)] | None = None
    item: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    window_from: Moment
    window_to: Moment | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


def _of_call(tx: Transaction, now: datetime, account: SignedIn, call_id: int) -> list[Match]:
    if tx.row(CALL_IN_SCOPE, {"call_id": call_id, "account_id": account.id, "now": now}) is None:
        raise ApiError("not_found")
    found = tx.rows(OF_CALL, {"call_id": call_id})
    return [Match(row["elder_id"], row["party"], row["party_name"], "") for row in found]


def _typed(tx: Transaction, now: datetime, account: SignedIn, words: str) -> list[Match]:
    """Whose number it is, as of a caller; or whose name, address or part of a number."""
    digits = sum(letter.isdigit() for letter in words)
    numbers = digits >= LEAST_DIGITS and not any(letter.isalpha() for letter in words)
    found = list(find_matches(tx, words)) if numbers else []
    if found:
        return found
    wanted = {"pattern": like_pattern(words), "limit": MOST_SHEETS + 1, "account_id": account.id, "now": now}
    return [Match(row["id"], "unknown", None, "") for row in tx.rows(SEARCH, wanted)]


def _sheet(tx: Transaction, now: datetime, match: Match, policy: OrderingPolicy) -> HotlineSheet:
    elder = buyer(tx, match.elder_id)
    items = sold_to(tx, now, elder, family=False)
    return HotlineSheet(
        elder=elder_briefs(tx.conn, [match.elder_id], now)[match.elder_id],
        party=match.party,
        party_name=match.party_name,
        entry=entry_of(tx.conn, match.elder_id),
        last=[last_order(order) for order in hotline.last_orders(tx, match.elder_id)],
        items=[proposed_item(one) for one in hotline.proposals(tx, now, elder, items, policy)],
    )


@router.get("")
def look_up(
    account: Staff,
    db: Db,
    now: Now,
    call_id: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT, description="Whoever a call is about")] = None,
    q: Annotated[str, Query(max_length=100, description="A number, or part of a name or address"), Storable] = "",
) -> HotlineSheets:
    """For whom it may be: by a call, or by what was typed where that says anything."""
    words = q.strip()
    with db.transaction() as tx:
        found = _of_call(tx, now, account, call_id) if call_id is not None and not words else []
        if words:
            found = _typed(tx, now, account, words)
        asked = {"ids": [match.elder_id for match in found], "account_id": account.id, "now": now}
        theirs = {row["elder_id"] for row in tx.rows(AMONG_THEIRS, asked)}
        shown = [match for match in found if match.elder_id in theirs]
        policy = ordering_policy(tx)
        sheets = [_sheet(tx, now, match, policy) for match in shown[:MOST_SHEETS]]
        elders = [sheet.elder.id for sheet in sheets]
        log_access(tx, now, account.id, "hotline.read", call_id=call_id, elder_ids=elders)
    return HotlineSheets(sheets=sheets, truncated=len(shown) > MOST_SHEETS, server_time=now)


@router.post("/orders", status_code=201)
def order_by_phone(wish: PhoneOrder, account: Staff, db: Db, now: Now) -> OrderAnswer:
    """Order for whoever is on the telephone; it is noted on the call."""
    asked_for = Wish(
        elder_id=wish.elder_id,
        item_code=wish.item,
        window_from=wish.window_from,
        window_to=wish.window_to,
        skills=(),
        note=wish.note or None,
    )
    with db.transaction(account.seat_id) as tx:
        order_id = hotline.order(tx, now, account.id, asked_for, wish.call_id)
        return order_answer(tx, now, account, "order.requested", order_id)
