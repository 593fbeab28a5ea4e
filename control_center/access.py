"""The record of who read what about whom; each row is written in the transaction that reads."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Literal

from psycopg.types.json import Jsonb

from control_center.cards import AlarmCard, ElderBrief
from control_center.task_cards import TaskCard
from control_center.work_cards import OrderCard
from schemas.database import Transaction
from schemas.statements import statement

Action = Literal[
    "session.started",
    "session.ended",
    "policies.read",
    "policy.set",
    "policy.ended",
    "rota.changed",
    "alarm.acknowledged",
    "alarm.arrived",
    "alarm.claimed",
    "alarm.commanded",
    "alarm.dispatched",
    "alarm.named",
    "alarm.noted",
    "alarm.paused",
    "alarm.read",
    "alarm.resolved",
    "alarm.resumed",
    "alarm.shelved",
    "alarms.listed",
    "board.shown",
    "call.identified",
    "call.noted",
    "call.placed",
    "call.read",
    "call.taken",
    "calls.listed",
    "cards.shown",
    "care_plan.ended",
    "care_plan.made",
    "care_plan.reviewed",
    "care_plans.read",
    "complaint.decided",
    "complaint.made",
    "complaints.listed",
    "candidates.read",
    "care_level.set",
    "compliance.exported",
    "dead_letters.read",
    "device.assigned",
    "device.claimed",
    "device.read",
    "device.revoked",
    "device.secret_renewed",
    "device.taken_back",
    "devices.listed",
    "elder.read",
    "elder.notes_changed",
    "elder.state_changed",
    "elders.searched",
    "family.read",
    "feed.opened",
    "geofence.changed",
    "green_button.read",
    "green_button.set",
    "handoff.made",
    "handoff.read",
    "home.read",
    "hotline.read",
    "incident.read",
    "incidents.listed",
    "map.read",
    "movement_limit.changed",
    "no_show.reassessed",
    "no_shows.listed",
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
    "order.ticked",
    "orders.listed",
    "pairing.begun",
    "pairing.ended",
    "pairings.read",
    "pay_rule.set",
    "plan.read",
    "planning_policy.set",
    "people.located",
    "phone_line.changed",
    "photo.kept",
    "photo.read",
    "exclusion.begun",
    "exclusion.ended",
    "exclusions.read",
    "papers.read",
    "provider.changed",
    "worker.changed",
    "worker.read",
    "workers.imported",
    "promises.ended",
    "promises.set",
    "schedule.changed",
    "schedule.ended",
    "schedule.made",
    "schedules.read",
    "seat.taken",
    "seats.changed",
    "task.done",
    "task.taken",
    "tasks.listed",
    "threshold.ended",
    "threshold.set",
    "thresholds.read",
    "transport.changed",
    "unrecorded.acknowledged",
    "unrecorded.shown",
    "vitals.read",
    "webhook.ended",
    "webhook.made",
    "work.read",
    "worker.kind_set",
]
WRITE = statement("""
    INSERT INTO access_log (at, account_id, action, elder_id, alarm_id, order_id, task_id, call_id, elder_ids, detail)
    VALUES (%(at)s::timestamptz, %(account_id)s::integer, %(action)s::text, %(elder_id)s::integer,
            %(alarm_id)s::bigint, %(order_id)s::bigint, %(task_id)s::bigint, %(call_id)s::bigint,
            %(elder_ids)s::integer[], %(detail)s::jsonb)
""")


def elders_on(cards: Iterable[AlarmCard | OrderCard | TaskCard]) -> set[int]:
    """Everybody whom cards show."""
    return {elder.id for card in cards for elder in _on(card) if elder is not None}


def _on(card: AlarmCard | OrderCard | TaskCard) -> tuple[ElderBrief | None, ...]:
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
    task_id: int | None = None,
    call_id: int | None = None,
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
            "task_id": task_id,
            "call_id": call_id,
            "elder_ids": sorted(set(asked_for if elder_ids is None else elder_ids)),
            "detail": Jsonb(dict(detail)) if detail is not None else None,
        },
    )
