"""What makes a person look at an order: set once, told once, taken away when it is no longer so."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatch.order_rows import subject_of
from dispatch.timelines import record, tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import Attention

SET = statement("""
    UPDATE service_order
    SET attention = %(attention)s::text,
        attention_at = CASE WHEN %(attention)s::text IS NULL THEN NULL
                            WHEN attention = %(attention)s::text THEN attention_at
                            ELSE %(now)s::timestamptz END,
        attention_detail = %(detail)s::jsonb
    WHERE id = %(id)s::bigint
""")


def call_attention(
    tx: Transaction,
    now: datetime,
    order: Row,
    attention: Attention,
    detail: dict[str, Any] | None = None,
    *,
    marks: dict[str, Any] | None = None,
) -> None:
    """Have a person look at a locked order; told on the timeline and the feed when it is news.

    That the elder is away explains everything else, and stays until she is back or somebody is with her. `marks` go
    on the timeline in any case.
    """
    found = detail or {}
    hidden = order["attention"] == "elder_away" and attention != "elder_away"
    news = not hidden and (order["attention"], order["attention_detail"]) != (attention, found)
    subject = subject_of(order)
    if news:
        tx.execute(SET, {"id": order["id"], "attention": attention, "detail": Jsonb(found), "now": now})
        tx.emit(subject.event("order.attention", now))
    if news or marks:
        record(tx, now, subject, "attention", detail={"attention": attention, **found, **(marks or {})})


def withdraw_attention(
    tx: Transaction, now: datetime, order: Row, *, actor_id: int | None = None, detail: dict[str, Any] | None = None
) -> None:
    """Nobody needs to look at a locked order any more."""
    tx.execute(SET, {"id": order["id"], "attention": None, "detail": Jsonb({}), "now": now})
    told = {"attention": None, **(detail or {})}
    tell(tx, now, subject_of(order), "order.attention", actor_id=actor_id, detail=told)
