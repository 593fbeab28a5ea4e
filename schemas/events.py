"""The ordered log of what changed: the feed reads it by id, so ids must appear in commit order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import psycopg
from psycopg.rows import TupleRow

from schemas.locks import AdvisoryLock
from schemas.statements import statement

CHANNEL: Final = "anban_event"
EventKind = Literal[
    "alarm.raised",
    "alarm.signalled",
    "alarm.confirmed",
    "alarm.worsened",
    "alarm.planned",
    "alarm.summoned",
    "alarm.escalated",
    "alarm.realarmed",
    "alarm.acknowledged",
    "alarm.noted",
    "alarm.searching",
    "alarm.unanswered",
    "alarm.dispatched",
    "alarm.arrived",
    "alarm.resolved",
    "alarm.cancelled",
    "alarm.closed",
    "order.requested",
    "order.offered",
    "order.unassigned",
    "order.accepted",
    "order.departed",
    "order.checked_in",
    "order.begun",
    "order.completed",
    "order.confirmed",
    "order.settled",
    "order.cancelled",
    "order.failed",
    "order.attention",
    "order.planned",
    "order.changed",
    "order.rated",
    "offer.made",
    "offer.accepted",
    "offer.declined",
    "offer.expired",
    "offer.withdrawn",
    "offer.lost",
    "elder.changed",
    "account.changed",
    "alarm.paused",
    "alarm.resumed",
    "alarm.breached",
    "alarm.replied",
    "alarm.claimed",
    "alarm.claim_ended",
    "alarm.shelved",
    "alarm.unshelved",
    "alarm.grouped",
    "task.created",
    "task.taken",
    "task.done",
    "task.overdue",
    "alarm.commanded",
    "alarm.command_answered",
    "alarm.command_expired",
    "alarm.handed_off",
    "alarm.ordered",
    "call.queued",
    "call.ringing",
    "call.answered",
    "call.ended",
    "call.missed",
    "call.failed",
    "call.taken",
    "call.identified",
    "call.noted",
]


@dataclass(frozen=True)
class Event:
    """One change; the ids say what to look at, the state itself is read from its table.

    The kind's first word says whose change it is: `alarm.` that of `alarm_id`, `order.` of `order_id`, `offer.` of
    `offer_id`, `task.` of `task_id`, `call.` of `call_id`, `elder.` of `elder_id`; other ids only tell what it has to
    do with.
    """

    kind: EventKind
    at: datetime
    alarm_id: int | None = None
    elder_id: int | None = None
    account_id: int | None = None
    order_id: int | None = None
    offer_id: int | None = None
    task_id: int | None = None
    call_id: int | None = None


# One statement, so that the lock is held for a commit and for no way to the client and back. A row is numbered when it
# is inserted, which is after the lock it is joined with.
APPEND = statement("""
    WITH turn AS MATERIALIZED (
        SELECT set_config('lock_timeout', '5s', true), pg_advisory_xact_lock(%(key)s::bigint)
    ), appended AS (
        INSERT INTO event (kind, at, alarm_id, elder_id, account_id, order_id, offer_id, task_id, call_id)
        SELECT happened.*
        FROM turn
        CROSS JOIN unnest(%(kinds)s::text[], %(ats)s::timestamptz[], %(alarm_ids)s::bigint[],
                          %(elder_ids)s::integer[], %(account_ids)s::integer[],
                          %(order_ids)s::bigint[], %(offer_ids)s::bigint[], %(task_ids)s::bigint[],
                          %(call_ids)s::bigint[]) AS happened
    )
    SELECT pg_notify('anban_event', '')
""")


def append(conn: psycopg.Connection[TupleRow], events: list[Event]) -> None:
    """Append the events of one transaction, as its last statement.

    Ids are taken before commit; the transaction-scoped advisory lock keeps a reader of `id > last` from ever
    skipping a row, and is taken last so that it never serialises the bulk of the work.
    """
    if not events:
        return
    conn.execute(
        APPEND,
        {
            "key": int(AdvisoryLock.EVENTS),
            "kinds": [event.kind for event in events],
            "ats": [event.at for event in events],
            "alarm_ids": [event.alarm_id for event in events],
            "elder_ids": [event.elder_id for event in events],
            "account_ids": [event.account_id for event in events],
            "order_ids": [event.order_id for event in events],
            "offer_ids": [event.offer_id for event in events],
            "task_ids": [event.task_id for event in events],
            "call_ids": [event.call_id for event in events],
        },
    )
