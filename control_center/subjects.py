"""What the feed speaks of: alarms, orders, offers, tasks and calls, each with its cards, who may see them and as what.

A further subject needs an entry in SUBJECTS, its kinds of events and a place in the snapshot, and nothing in the feed.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from psycopg import sql

from control_center.access import elders_on
from control_center.call_cards import CallCard
from control_center.call_views import call_cards, elders_on_call
from control_center.cards import AlarmCard
from control_center.dependencies import Connection
from control_center.order_views import (
    for_family_order,
    for_worker_order,
    offer_cards,
    order_cards,
)
from control_center.task_cards import TaskCard
from control_center.task_views import task_cards
from control_center.views import alarm_cards, for_family, for_worker
from control_center.work_cards import OfferCard, OrderCard
from schemas.calls import CALL_OVER
from schemas.statements import statement
from schemas.states import ENDED, ORDER_ENDED, Role

SubjectName = Literal["alarm", "order", "offer", "task", "call"]
Card = AlarmCard | OrderCard | OfferCard | TaskCard | CallCard
CardT = TypeVar("CardT", AlarmCard, OrderCard, OfferCard, TaskCard, CallCard)
View = Literal["staff", "family", "worker"]
VIEWS: Final[Mapping[Role, View]] = {
    "operator": "staff",
    "supervisor": "staff",
    "family": "family",
    "worker": "worker",
}
"""How much of a card each role is shown; the other roles have no feed."""


class Key(NamedTuple):
    """Which card."""

    subject: SubjectName
    id: int


class Viewpoint(NamedTuple):
    """Where somebody looks from: two who share it are shown the same; `elders` are a relative's own."""

    view: View
    elders: frozenset[int] = frozenset()


Mask = Callable[[CardT, frozenset[int]], CardT]


def _whole(card: CardT, _own: frozenset[int]) -> CardT:
    return card


@dataclass(frozen=True)
class Subject(Generic[CardT]):
    """One kind of card.

    `audience` finds (id, account_id, parting) for ids: parting are those whose right to a card ended together with it,
    and who are told its end if they saw it. `on_board` finds the ids on an account's board.
    """

    cards: Callable[[Connection, Collection[int], datetime], dict[int, CardT]]
    audience: sql.SQL
    on_board: sql.SQL
    ended_states: frozenset[str]
    ending_events: frozenset[str]
    elders: Callable[[CardT], frozenset[int]]
    """Whom a card shows."""
    masks: Mapping[View, Mask[CardT]]
    """A view without a mask is shown nothing."""
    staff_events: frozenset[str] = field(default=frozenset())
    """Events that change only what masks leave out."""

    def masked(self, card: CardT, viewpoint: Viewpoint) -> CardT | None:
        """The card as it is shown from a viewpoint."""
        mask = self.masks.get(viewpoint.view)
        return mask(card, viewpoint.elders) if mask else None

    def has_ended(self, card: CardT) -> bool:
        """Whether the card belongs on no board any more."""
        return card.state in self.ended_states

    def is_told(self, step: str, view: View) -> bool:
        """Whether an event says anything to a view."""
        return view == "staff" or step not in self.staff_events


ALARM_AUDIENCE = statement("""
    SELECT alarm_id AS id, account_id, false AS parting FROM alarm_audience(%(now)s::timestamptz)
    WHERE alarm_id = ANY(%(ids)s::bigint[])
    UNION ALL
    SELECT alarm.id, account.id, true FROM alarm
    JOIN worker ON worker.id = alarm.responder_id
    JOIN account ON account.id = worker.account_id AND account.role = 'worker' AND account.disabled_at IS NULL
    WHERE alarm.id = ANY(%(ids)s::bigint[]) AND alarm.ended_at IS NOT NULL
""")
OPEN_ALARMS = statement("""
    SELECT alarm_id AS id FROM open_alarm_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer
    ORDER BY alarm_id
""")
ORDER_AUDIENCE = statement("""
    SELECT order_id AS id, account_id, false AS parting FROM order_audience(%(now)s::timestamptz)
    WHERE order_id = ANY(%(ids)s::bigint[])
    UNION ALL
    SELECT service_order.id, account.id, true FROM service_order
    JOIN worker ON worker.id = service_order.worker_id
    JOIN account ON account.id = worker.account_id AND account.role = 'worker' AND account.disabled_at IS NULL
    WHERE service_order.id = ANY(%(ids)s::bigint[]) AND service_order.ended_at IS NOT NULL
""")
OPEN_ORDERS = statement("""
    SELECT order_id AS id FROM open_order_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer
    ORDER BY order_id
""")
OFFER_AUDIENCE = statement("""
    SELECT offer.id, account.id AS account_id, false AS parting FROM offer
    JOIN worker ON worker.id = offer.worker_id
    JOIN account ON account.id = worker.account_id AND account.role = 'worker' AND account.disabled_at IS NULL
    WHERE offer.id = ANY(%(ids)s::bigint[])
""")
OPEN_OFFERS = statement("""
    SELECT offer.id FROM offer
    JOIN worker ON worker.id = offer.worker_id
    JOIN account ON account.id = worker.account_id AND account.role = 'worker' AND account.disabled_at IS NULL
    WHERE offer.state = 'open' AND account.id = %(account_id)s::integer
    ORDER BY offer.id
""")
TASK_AUDIENCE = statement("""
    SELECT task_id AS id, account_id, false AS parting FROM timed_task_audience(%(now)s::timestamptz)
    WHERE task_id = ANY(%(ids)s::bigint[])
""")
OPEN_TASKS = statement("""
    SELECT task_id AS id FROM timed_task_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer AND done_at IS NULL
    ORDER BY task_id
""")
CALL_AUDIENCE = statement("""
    SELECT call_id AS id, account_id, false AS parting FROM timed_call_audience(%(now)s::timestamptz)
    WHERE call_id = ANY(%(ids)s::bigint[])
""")
LIVE_CALLS = statement("""
    SELECT call_id AS id FROM timed_call_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer AND ended_at IS NULL
    ORDER BY call_id
""")


def _shown_on(card: AlarmCard | OrderCard | TaskCard) -> frozenset[int]:
    return frozenset(elders_on([card]))


_ALARM: Final[Subject[AlarmCard]] = Subject(
    cards=alarm_cards,
    audience=ALARM_AUDIENCE,
    on_board=OPEN_ALARMS,
    ended_states=ENDED,
    ending_events=frozenset({"resolved", "cancelled"}),
    elders=_shown_on,
    masks={"staff": _whole, "family": for_family, "worker": lambda card, _own: for_worker(card)},
    staff_events=frozenset(
        {"claimed", "claim_ended", "grouped", "commanded", "command_answered", "command_expired", "handed_off"}
    ),
)
_ORDER: Final[Subject[OrderCard]] = Subject(
    cards=order_cards,
    audience=ORDER_AUDIENCE,
    on_board=OPEN_ORDERS,
    ended_states=ORDER_ENDED,
    # Done, an order still becomes confirmed and settled, and whoever has it open is told.
    ending_events=frozenset({"completed", "cancelled", "failed", "confirmed", "settled"}),
    elders=_shown_on,
    masks={
        "staff": _whole,
        "family": lambda card, _own: for_family_order(card),
        "worker": lambda card, _own: for_worker_order(card),
    },
    staff_events=frozenset({"attention"}),
)
_OFFER: Final[Subject[OfferCard]] = Subject(
    cards=offer_cards,
    audience=OFFER_AUDIENCE,
    on_board=OPEN_OFFERS,
    ended_states=frozenset({"accepted", "declined", "expired", "withdrawn", "lost"}),
    ending_events=frozenset({"accepted", "declined", "expired", "withdrawn", "lost"}),
    elders=lambda _card: frozenset(),
    masks={"worker": _whole},
)
_TASK: Final[Subject[TaskCard]] = Subject(
    cards=task_cards,
    audience=TASK_AUDIENCE,
    on_board=OPEN_TASKS,
    ended_states=frozenset({"done"}),
    ending_events=frozenset({"done"}),
    elders=_shown_on,
    masks={"staff": _whole},
)
_CALL: Final[Subject[CallCard]] = Subject(
    cards=call_cards,
    audience=CALL_AUDIENCE,
    on_board=LIVE_CALLS,
    ended_states=CALL_OVER,
    ending_events=CALL_OVER,
    elders=elders_on_call,
    masks={"staff": _whole},
)
SUBJECTS: Final[Mapping[SubjectName, Subject[Any]]] = {
    "alarm": _ALARM,
    "order": _ORDER,
    "offer": _OFFER,
    "task": _TASK,
    "call": _CALL,
}


def elders_shown(cards: Mapping[Key, Card]) -> frozenset[int]:
    """Everybody whom cards show."""
    return frozenset(elder for key, card in cards.items() for elder in SUBJECTS[key.subject].elders(card))
