"""Who is not to be sent to whom: set by staff with a reason and on whose wish, ended with a reason, never edited."""

from datetime import datetime
from typing import Literal

from psycopg.errors import ExclusionViolation

from dispatch.pairings import refuse_unless_in_sight
from dispatch.pool.lapses import look_at_work
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

AskedBy = Literal["elder", "worker", "staff"]

LOCK_WORKER = statement("SELECT FROM worker WHERE id = %(worker_id)s::integer FOR NO KEY UPDATE")
ADD = statement("""
    INSERT INTO exclusion (elder_id, worker_id, asked_by, reason, valid_from, set_by)
    VALUES (%(elder_id)s::integer, %(worker_id)s::integer, %(asked_by)s::text, %(reason)s::text,
            %(now)s::timestamptz, %(actor_id)s::integer)
""")
END = statement("""
    UPDATE exclusion
    SET valid_to = %(now)s::timestamptz, ended_by = %(actor_id)s::integer, ended_reason = %(reason)s::text
    WHERE worker_id = %(worker_id)s::integer AND elder_id = %(elder_id)s::integer
      AND valid_from <= %(now)s::timestamptz AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
    RETURNING id
""")


def exclude(
    tx: Transaction, now: datetime, actor_id: int, elder_id: int, worker_id: int, asked_by: AskedBy, reason: str
) -> int:
    """Never send this worker to this elder again; a visit that she promised goes to somebody else, even while she is on
    the way to it. Returns how many orders and alarms that changed.

    Raises Refused: not_found (either is out of the caller's sight), already_excluded.
    """
    about = {"now": now, "actor_id": actor_id, "elder_id": elder_id, "worker_id": worker_id}
    refuse_unless_in_sight(tx, about)
    tx.execute(LOCK_WORKER, {"worker_id": worker_id})
    try:
        with tx.conn.transaction():
            tx.execute(ADD, {**about, "asked_by": asked_by, "reason": reason})
    except ExclusionViolation:
        raise Refused("already_excluded") from None
    return look_at_work(tx, now, [worker_id], actor_id=actor_id)


def end_exclusion(tx: Transaction, now: datetime, actor_id: int, elder_id: int, worker_id: int, reason: str) -> None:
    """She may be sent there again; the exclusion stays on record. Raises Refused not_found, also when there is none."""
    about = {"now": now, "actor_id": actor_id, "elder_id": elder_id, "worker_id": worker_id}
    refuse_unless_in_sight(tx, about)
    if tx.row(END, {**about, "reason": reason}) is None:
        raise Refused("not_found")
