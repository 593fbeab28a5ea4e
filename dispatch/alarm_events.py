"""The timeline of an alarm: what happened, who did it, and from which seat; rows are added and never changed."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from schemas.database import Transaction
from schemas.statements import statement

ADD_EVENT = statement("""
    INSERT INTO alarm_event (alarm_id, at, kind, actor_id, seat_id, note, detail)
    VALUES (%(alarm_id)s::bigint, %(at)s::timestamptz, %(kind)s::text, %(actor_id)s::integer, %(seat_id)s::integer,
            %(note)s::text, %(detail)s::jsonb)
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
    """Add one row to an alarm's timeline; what a person did says the seat of the transaction."""
    tx.execute(
        ADD_EVENT,
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
