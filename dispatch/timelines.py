"""What offers are about, and the timeline on which an order or an alarm tells what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatch import alarm_events
from dispatch.assignment import TaskKind
from schemas.database import Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement


@dataclass(frozen=True)
class Subject:
    """The order or alarm that somebody is looked for."""

    kind: TaskKind
    id: int
    elder_id: int | None

    @property
    def order_id(self) -> int | None:
        """The id, if it is an order."""
        return self.id if self.kind == "order" else None

    @property
    def alarm_id(self) -> int | None:
        """The id, if it is an alarm."""
        return self.id if self.kind == "alarm" else None

    def event(
        self, kind: EventKind, now: datetime, *, account_id: int | None = None, offer_id: int | None = None
    ) -> Event:
        """An event that has to do with it."""
        return Event(
            kind,
            now,
            alarm_id=self.alarm_id,
            elder_id=self.elder_id,
            account_id=account_id,
            order_id=self.order_id,
            offer_id=offer_id,
        )


ADD_ORDER_EVENT = statement("""
    INSERT INTO order_event (order_id, at, kind, actor_id, seat_id, note, detail)
    VALUES (%(order_id)s::bigint, %(at)s::timestamptz, %(kind)s::text, %(actor_id)s::integer, %(seat_id)s::integer,
            %(note)s::text, %(detail)s::jsonb)
""")


def record(
    tx: Transaction,
    now: datetime,
    subject: Subject,
    kind: str,
    *,
    actor_id: int | None = None,
    note: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one row to the timeline of an order or an alarm."""
    if subject.alarm_id is not None:
        alarm_events.record(tx, now, subject.alarm_id, kind, actor_id=actor_id, note=note, detail=detail)
        return
    tx.execute(
        ADD_ORDER_EVENT,
        {
            "order_id": subject.order_id,
            "at": now,
            "kind": kind,
            "actor_id": actor_id,
            "seat_id": tx.seat_id if actor_id is not None else None,
            "note": note,
            "detail": Jsonb(detail or {}),
        },
    )


def tell(
    tx: Transaction,
    now: datetime,
    subject: Subject,
    kind: EventKind,
    *,
    actor_id: int | None = None,
    note: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add a row to the timeline and say the same on the feed: the row's kind is the event's without its first word."""
    record(tx, now, subject, kind.partition(".")[2], actor_id=actor_id, note=note, detail=detail)
    tx.emit(subject.event(kind, now, account_id=actor_id))
