"""A visit entered afterwards: whoever asks says when it was and why so late, and somebody else approves."""

from datetime import datetime, timedelta
from typing import Final

from psycopg.types.json import Jsonb

from dispatch import tasks
from dispatch.order_rows import orders_where, subject_of
from dispatch.refusals import Refused
from dispatch.service.evidence import missing_of
from dispatch.service.policy import visit_rules
from dispatch.timelines import record, tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import WORKER_SEES, Role

DECIDE_WITHIN: Final = timedelta(hours=24)
ASKING: Final[tuple[Role, ...]] = ("operator", "supervisor", "worker")
LOCK_FOR_ASKING = orders_where("""
    service_order.id = %(id)s::bigint AND EXISTS (
        SELECT FROM order_audience(%(now)s::timestamptz) AS audience
        WHERE audience.order_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer
          AND audience.role = ANY(%(roles)s::text[]))
""")
LOCK = orders_where("service_order.id = %(id)s::bigint")
OPEN = statement("SELECT id FROM back_entry WHERE order_id = %(order_id)s::bigint AND decided_at IS NULL")
ASK = statement("""
    INSERT INTO back_entry (order_id, asked_at, asked_by, reason, began_at, ended_at)
    VALUES (%(order_id)s::bigint, %(now)s::timestamptz, %(actor_id)s::integer, %(reason)s::text,
            %(began_at)s::timestamptz, %(ended_at)s::timestamptz)
    RETURNING id
""")
ASKED = statement("""
    SELECT * FROM back_entry WHERE order_id = %(order_id)s::bigint AND decided_at IS NULL FOR UPDATE
""")
DECIDED = statement("""
    UPDATE back_entry
    SET decided_at = %(now)s::timestamptz, decided_by = %(actor_id)s::integer, approved = %(approved)s::boolean
    WHERE id = %(id)s::bigint
""")
COMPLETE = statement("""
    UPDATE service_order
    SET state = 'completed', completed_at = %(now)s::timestamptz, ended_at = %(now)s::timestamptz,
        checked_in_by = COALESCE(checked_in_by, 'back_entry'), flags = %(flags)s::text[],
        flag_reason = %(reason)s::text, phone_times = phone_times || %(times)s::jsonb,
        examine_at = %(now)s::timestamptz, due_at = %(due_at)s::timestamptz, due_reason = 'confirm',
        attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")
FAIL = statement("""
    UPDATE service_order
    SET state = 'failed', ended_at = %(now)s::timestamptz, end_reason = 'not_proven', due_at = NULL, due_reason = NULL,
        attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")


def ask(
    tx: Transaction,
    now: datetime,
    order_id: int,
    actor_id: int,
    reason: str,
    began_at: datetime,
    ended_at: datetime,
) -> int:
    """The worker of a visit, or staff for her, say that it took place without being entered; a supervisor decides.

    Returns the task's id. Raises Refused: not_found, order_ended, order_cancelled, wrong_step (nobody has it),
    back_entry_asked, window_empty, clock_ahead (it is not over yet), too_long_ago.
    """
    asking = {"id": order_id, "now": now, "actor_id": actor_id, "roles": list(ASKING)}
    order = tx.row(LOCK_FOR_ASKING, asking)
    if order is None:
        raise Refused("not_found")
    _require_open(order)
    if began_at >= ended_at:
        raise Refused("window_empty")
    if ended_at > now:
        raise Refused("clock_ahead")
    if began_at < now - visit_rules(tx).back_entry:
        raise Refused("too_long_ago")
    if tx.row(OPEN, {"order_id": order_id}) is not None:
        raise Refused("back_entry_asked")
    about = {"order_id": order_id, "now": now, "actor_id": actor_id}
    [made] = tx.rows(ASK, {**about, "reason": reason, "began_at": began_at, "ended_at": ended_at})
    said = {"began_at": began_at.isoformat(), "ended_at": ended_at.isoformat()}
    record(tx, now, subject_of(order), "back_entry_asked", actor_id=actor_id, note=reason, detail=said)
    new = tasks.NewTask(
        kind="back_entry",
        due_at=now + DECIDE_WITHIN,
        elder_id=order["elder_id"],
        order_id=order_id,
        about=f"back_entry:{made['id']}",
        detail={**said, "reason": reason},
    )
    task_id = tasks.create(tx, now, new)
    tx.emit(subject_of(order).event("order.changed", now, account_id=actor_id))
    return task_id


def decide(tx: Transaction, now: datetime, order_id: int, actor_id: int, *, approved: bool) -> None:
    """Approved, the visit is completed and flagged; rejected, it has failed. Of an order that ended meanwhile only the
    decision is kept. Raises Refused own_request.
    """
    [order] = tx.rows(LOCK, {"id": order_id})
    asked = tx.row(ASKED, {"order_id": order_id})
    if asked is None:
        return
    if asked["asked_by"] == actor_id:
        raise Refused("own_request")
    tx.execute(DECIDED, {"id": asked["id"], "now": now, "actor_id": actor_id, "approved": approved})
    if order["ended_at"] is not None or order["worker_id"] is None:
        record(tx, now, subject_of(order), "back_entry_void", actor_id=actor_id)
    elif approved:
        _approve(tx, now, order, asked, actor_id)
    else:
        tx.execute(FAIL, {"id": order_id, "now": now})
        tell(tx, now, subject_of(order), "order.failed", actor_id=actor_id, detail={"reason": "not_proven"})


def _approve(tx: Transaction, now: datetime, order: Row, asked: Row, actor_id: int) -> None:
    flags = ["back_entry", *(["evidence_missing"] if missing_of(tx, order) else [])]
    times = {"begun": asked["began_at"].isoformat(), "completed": asked["ended_at"].isoformat()}
    due_at = now + timedelta(seconds=order["confirm_seconds"])
    done = {"id": order["id"], "now": now, "due_at": due_at, "flags": flags, "reason": asked["reason"]}
    tx.execute(COMPLETE, {**done, "times": Jsonb(times)})
    detail = {"flags": flags, "back_entry": times}
    tell(tx, now, subject_of(order), "order.completed", actor_id=actor_id, note=asked["reason"], detail=detail)


def _require_open(order: Row) -> None:
    if order["state"] == "cancelled":
        raise Refused("order_cancelled")
    if order["ended_at"] is not None:
        raise Refused("order_ended")
    if order["state"] not in WORKER_SEES:
        raise Refused("wrong_step")
