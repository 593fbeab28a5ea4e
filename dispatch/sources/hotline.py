"""What an operator orders for whoever is on the telephone, in half a minute: what she usually has, when it can be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dispatch import calling, orders
from dispatch.catalogue.items import Item
from dispatch.catalogue.prices import Price
from dispatch.placing import Wish
from dispatch.sources.quotes import Buyer, price_on
from dispatch.sources.windows import OrderingPolicy, Window, free_windows, like_last_time, taken_windows
from schemas.database import Row, Transaction
from schemas.district_time import DISTRICT_TIME
from schemas.statements import statement
from schemas.states import Assist

USUAL_WITHIN: Final = timedelta(days=180)
PROPOSED_DAYS: Final = 4
MOST_WINDOWS: Final = 6
BY_VOLUME: Final[tuple[Assist, ...]] = ("meal", "medical", "bath", "clean", "walk", "emergency")
"""Assists as often as the city's elders have them: 720,000 meals, a million escorts, 60,000 baths a year. A meal is
ordered for today, an escort is agreed on long before: meals come first."""
LAST = statement("""
    SELECT service_order.id, service_order.item_code, item.name_zh, item.name_en, service_order.state,
           service_order.window_from, service_order.window_to, service_order.ended_at
    FROM service_order
    JOIN catalogue_item AS item
      ON item.code = service_order.item_code AND item.version = service_order.item_version
    WHERE service_order.elder_id = %(elder_id)s::integer AND service_order.lead_id IS NULL
    ORDER BY service_order.window_from DESC, service_order.id DESC
    LIMIT 5
""")
USUAL = statement("""
    SELECT item_code, count(*) AS times, (array_agg(window_from ORDER BY window_from DESC))[1] AS last_from
    FROM service_order
    WHERE elder_id = %(elder_id)s::integer AND window_from >= %(since)s::timestamptz AND state <> 'cancelled'
      AND lead_id IS NULL
    GROUP BY item_code
    ORDER BY times DESC, item_code
""")


@dataclass(frozen=True)
class Proposal:
    """An item as it is offered on the telephone: how often she had it in half a year, what she would pay, and windows;
    the first is at the time of day of the last one where `as_last_time`."""

    item: Item
    times: int
    price: Price
    windows: tuple[Window, ...]
    as_last_time: bool


def last_orders(tx: Transaction, elder_id: int) -> list[Row]:
    """An elder's five latest orders: id, item_code, name_zh, name_en, state, window_from, window_to, ended_at."""
    return tx.rows(LAST, {"elder_id": elder_id})


def windows_for(
    now: datetime, item: Item, last_from: datetime | None, policy: OrderingPolicy, taken: Iterable[Window]
) -> tuple[tuple[Window, ...], bool]:
    """What is proposed for an item: the time of day of the last one first, then what is free; pure. Also whether the
    first is that of the last time."""
    length, busy = timedelta(minutes=item.window_minutes), list(taken)
    free = free_windows(now, length, policy, busy, PROPOSED_DAYS)
    again = None
    if last_from is not None:
        clock = last_from.astimezone(DISTRICT_TIME).time()
        again = like_last_time(now, length, clock, policy, busy, PROPOSED_DAYS)
    found = [] if again is None else [again]
    for window in free:
        if len(found) == MOST_WINDOWS:
            break
        if window not in found:
            found.append(window)
    return tuple(found), again is not None


def by_use(items: Sequence[Item], usual: Sequence[Row]) -> list[tuple[Item, int, datetime | None]]:
    """Items with how often they were had and when last, the most usual first, the others by their assist; pure."""
    had = {row["item_code"]: (int(row["times"]), row["last_from"]) for row in usual}
    known = [(item, *had.get(item.code, (0, None))) for item in items]
    return sorted(known, key=lambda one: (-one[1], BY_VOLUME.index(one[0].assist)))


def proposals(
    tx: Transaction, now: datetime, elder: Buyer, items: Sequence[Item], policy: OrderingPolicy
) -> list[Proposal]:
    """Everything that can be ordered for an elder, the most usual first, with prices and windows."""
    usual = tx.rows(USUAL, {"elder_id": elder.id, "since": now - USUAL_WITHIN})
    prices = price_on(tx, now, elder, list(items), now)
    taken = taken_windows(tx, now, elder.id)
    found = []
    for item, times, last_from in by_use(items, usual):
        windows, as_last_time = windows_for(now, item, last_from, policy, taken)
        found.append(Proposal(item, times, prices[item.code], windows, as_last_time))
    return found


def order(tx: Transaction, now: datetime, actor_id: int, wish: Wish, call_id: int | None) -> int:
    """Order for whoever is on the telephone, and note it on the call; one that was about nobody yet is about her now.
    Returns the order's id.

    Raises Refused: not_found (the call or the elder is out of scope), and what `place` does.
    """
    call = None if call_id is None else calling.lock_call(tx, now, call_id, actor_id)
    if call is not None and call["elder_id"] is None:
        calling.identify(tx, now, call["id"], actor_id, wish.elder_id)
    order_id = orders.request_order(tx, now, actor_id, replace(wish, source="hotline", source_ref=call_id))
    if call is not None:
        calling.note(tx, now, call["id"], actor_id, call["outcome"] or "ordered", None)
    return order_id
