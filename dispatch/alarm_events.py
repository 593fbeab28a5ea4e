"""The timeline of an alarm: what happened, who did it, and from which seat; rows are added and never changed."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from schemas.database import Transaction
from schemas.statements import statement

ADD_EVENTS = statement("""
    INSERT INTO alarm_event (alarm_id, at, kind, actor_id, seat_id, note, detail)
    SELECT alarm_id, at, kind, actor_id, seat_id, note, detail
    FROM unnest(%(alarm_id)s::bigint[], %(at)s::timestamptz[], %(kind)s::text[], %(actor_id)s::integer[],
                %(seat_id)s::integer[], %(note)s::text[], %(detail)s::jsonb[])
        WITH ORDINALITY AS happened (alarm_id, at, kind, actor_id, seat_id, note, detail, number)
    ORDER BY number
""")


def record(
    tx: Transaction,
    now: datetime,
    alarm_id: int,
    kind: str,
    *,
    actor_id: int | None = None,
    note: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one row to an alarm's timeline; what a person did says the seat of the transaction.

    It is written at the end of the savepoint or the transaction, with those of the other alarms.
    """
    tx.gather(
        ADD_EVENTS,
        {
            "alarm_id": alarm_id,
            "at": now,
            "kind": kind,
            "actor_id": actor_id,
            "seat_id": tx.seat_id if actor_id is not None else None,
            "note": note,
            "detail": Jsonb(detail or {}),
        },
    )
