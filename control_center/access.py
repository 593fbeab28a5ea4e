"""The record of who read what about whom; each row is written in the transaction that reads."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Literal

from psycopg.types.json import Jsonb

from control_center.cards import AlarmCard, ElderBrief
from control_center.work_cards import OrderCard
from schemas.database import Transaction
from schemas.statements import statement

Action = Literal[
    "session.started",
    "session.ended",
    "alarm.acknowledged",
    "alarm.arrived",
    "alarm.dispatched",
    "alarm.noted",
    "alarm.read",
    "alarm.resolved",
    "alarms.listed",
    "board.shown",
    "cards.shown",
    "care_level.set",
    "dead_letters.read",
    "device.assigned",
    "device.claimed",
    "device.read",
    "device.revoked",
    "device.secret_renewed",
    "device.taken_back",
    "devices.listed",
    "elder.read",
    "elder.state_changed",
    "elders.searched",
    "family.read",
    "feed.opened",
    "geofence.changed",
    "home.read",
    "map.read",
    "movement_limit.changed",
    "order.begun",
    "order.cancelled",
    "order.checked_in",
    "order.completed",
    "order.confirmed",
    "order.departed",
    "order.failed",
    "order.read",
    "order.reassigned",
    "order.requested",
    "order.searched",
    "order.settled",
    "orders.listed",
    "people.located",
    "threshold.ended",
    "threshold.set",
    "thresholds.read",
    "vitals.read",
    "work.read",
]
WRITE = statement("""
    INSERT INTO access_log (at, account_id, action, elder_id, alarm_id, order_id, elder_ids, detail)
    VALUES (%(at)s::timestamptz, %(account_id)s::integer, %(action)s::text, %(elder_id)s::integer,
            %(alarm_id)s::bigint, %(order_id)s::bigint, %(elder_ids)s::integer[], %(detail)s::jsonb)
""")


def elders_on(cards: Iterable[AlarmCard | OrderCard]) -> set[int]:
    """Everybody whom cards show."""
    return {elder.id for card in cards for elder in _on(card) if elder is not None}


def _on(card: AlarmCard | OrderCard) -> tuple[ElderBrief | None, ...]:
    return (card.elder, *card.residents) if isinstance(card, AlarmCard) else (card.elder,)


def log_access(
    tx: Transaction,
    now: datetime,
    account_id: int,
    action: Action,
    *,
    elder_id: int | None = None,
    alarm_id: int | None = None,
    order_id: int | None = None,
    elder_ids: Collection[int] | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write down one access, kept or lost together with what was read; `elder_ids`, all who were shown, are only the
    elder asked for unless they are given."""
    asked_for = () if elder_id is None else (elder_id,)
    tx.execute(
        WRITE,
        {
            "at": now,
            "account_id": account_id,
            "action": action,
            "elder_id": elder_id,
            "alarm_id": alarm_id,
            "order_id": order_id,
            "elder_ids": sorted(set(asked_for if elder_ids is None else elder_ids)),
            "detail": Jsonb(dict(detail)) if detail is not None else None,
        },
    )
