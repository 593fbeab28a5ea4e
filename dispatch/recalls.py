"""Hanging up telephones that ring for an alarm which somebody has taken meanwhile."""

from datetime import datetime
from uuid import UUID

from dispatch.reach import TransportName
from schemas.database import Transaction
from schemas.statements import statement

CLAIM = statement("""
    UPDATE notification SET due_at = NULL, due_reason = NULL
    WHERE id IN (
        SELECT id FROM notification
        WHERE due_reason = 'recall' AND due_at <= %(now)s::timestamptz
        ORDER BY due_at LIMIT %(limit)s::integer
        FOR UPDATE SKIP LOCKED)
    RETURNING key, transport
""")


def claim_recalls(tx: Transaction, now: datetime, limit: int) -> list[tuple[UUID, TransportName]]:
    """The keys of calls to hang up. Each is tried once: one that goes on ringing is answered, and told that somebody
    has the alarm, or not answered."""
    return [(row["key"], row["transport"]) for row in tx.rows(CLAIM, {"now": now, "limit": limit})]
