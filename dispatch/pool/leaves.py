"""When workers do not work although a shift says so: illness, holidays, training."""

from datetime import datetime
from typing import Literal

from psycopg.errors import ExclusionViolation

from dispatch.pool.lapses import look_at_work
from dispatch.pool.workers import locked_worker, record
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

LeaveKind = Literal["sick", "holiday", "training", "other"]

ADD = statement("""
    INSERT INTO worker_leave (worker_id, kind, starts_at, ends_at, note, reported_at, reported_by)
    VALUES (%(worker_id)s::integer, %(kind)s::text, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz,
            %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
    RETURNING id
""")
END = statement("""
    UPDATE worker_leave SET ends_at = GREATEST(starts_at, %(now)s::timestamptz)
    WHERE id = %(id)s::bigint AND worker_id = %(worker_id)s::integer
      AND (ends_at IS NULL OR ends_at > %(now)s::timestamptz)
""")


def report_leave(
    tx: Transaction,
    now: datetime,
    worker_id: int,
    actor_id: int,
    kind: LeaveKind,
    starts_at: datetime,
    ends_at: datetime | None,
    note: str | None,
) -> int:
    """A worker does not work from then until then, or until she is back; what she promised for that time goes to others
    at once. Returns how many orders that changed.

    Raises Refused: not_found, supervisor_needed, worker_left, window_empty, in_the_past, already_on_leave.
    """
    locked_worker(tx, now, worker_id, actor_id)
    if ends_at is not None and ends_at <= starts_at:
        raise Refused("window_empty")
    if ends_at is not None and ends_at <= now:
        raise Refused("in_the_past")
    leave = {"worker_id": worker_id, "kind": kind, "starts_at": starts_at, "ends_at": ends_at, "note": note}
    try:
        with tx.conn.transaction():
            [made] = tx.rows(ADD, {**leave, "now": now, "actor_id": actor_id})
    except ExclusionViolation:
        raise Refused("already_on_leave") from None
    record(tx, now, worker_id, "leave_reported", actor_id=actor_id, detail={"kind": kind, "id": made["id"]})
    return look_at_work(tx, now, [worker_id], actor_id=actor_id)


def end_leave(tx: Transaction, now: datetime, worker_id: int, actor_id: int, leave_id: int) -> None:
    """She is back, or does not go. Raises Refused: not_found, supervisor_needed, worker_left."""
    locked_worker(tx, now, worker_id, actor_id)
    if tx.execute(END, {"id": leave_id, "worker_id": worker_id, "now": now}) == 0:
        raise Refused("not_found")
    record(tx, now, worker_id, "leave_ended", actor_id=actor_id, detail={"id": leave_id})
