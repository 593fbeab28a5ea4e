"""The shapes of what is proposed to whoever orders by telephone or as a relative; OpenAPI is generated from them."""

from datetime import datetime

from control_center.cards import ElderBrief, Shape
from control_center.shapes import Entry
from control_center.work_cards import OrderCard
from dispatch.catalogue.items import Fee
from dispatch.sources.hotline import Proposal
from dispatch.sources.windows import Window
from schemas.calls import Party
from schemas.database import Row
from schemas.states import Assist, OrderState


class ProposedWindow(Shape):
    """From when to when somebody would arrive."""

    begins: datetime
    ends: datetime


class ProposedItem(Shape):
    """Something that can be ordered now: how often she had it in the last half year; in fen what it costs, what the
    subsidy pays of it and what is left to her side; the windows that are free for her. `as_last_time`: the first window
    is at the time of day of her last one."""

    code: str
    assist: Assist
    name_zh: str
    name_en: str
    fee: Fee
    duration_minutes: int
    times: int
    price_fen: int
    subsidy_fen: int
    elder_fen: int
    windows: list[ProposedWindow]
    as_last_time: bool


class LastOrder(Shape):
    """What she had or will have."""

    id: int
    item: str
    name_zh: str
    name_en: str
    state: OrderState
    window_from: datetime
    window_to: datetime
    ended: bool


class HotlineSheet(Shape):
    """An elder for whom somebody may be calling: how the number has to do with her, how to get to her door, her latest
    orders, and what is proposed, the most usual first."""

    elder: ElderBrief
    party: Party
    party_name: str | None
    entry: Entry
    last: list[LastOrder]
    items: list[ProposedItem]


class HotlineSheets(Shape):
    """Whom a call or what was typed may be about, the likeliest first; `truncated` when there are more."""

    sheets: list[HotlineSheet]
    truncated: bool
    server_time: datetime


class FamilyOffer(Shape):
    """What a relative can order for an elder; nothing while she is away."""

    items: list[ProposedItem]
    orders: list[OrderCard]
    """What is ordered and not over, by time."""
    server_time: datetime


def proposed_item(one: Proposal) -> ProposedItem:
    """A proposal as screens are given it."""
    return ProposedItem(
        code=one.item.code,
        assist=one.item.assist,
        name_zh=one.item.name_zh,
        name_en=one.item.name_en,
        fee=one.item.fee,
        duration_minutes=one.item.duration_minutes,
        times=one.times,
        price_fen=one.price.price_fen,
        subsidy_fen=one.price.subsidy_fen,
        elder_fen=one.price.elder_fen,
        windows=[_window(window) for window in one.windows],
        as_last_time=one.as_last_time,
    )


def _window(window: Window) -> ProposedWindow:
    return ProposedWindow(begins=window.begins, ends=window.ends)


def last_order(order: Row) -> LastOrder:
    """One of an elder's latest orders."""
    names = ("id", "name_zh", "name_en", "state", "window_from", "window_to")
    return LastOrder(
        item=order["item_code"], ended=order["ended_at"] is not None, **{name: order[name] for name in names}
    )
