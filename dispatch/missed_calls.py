"""Who calls and is answered by nobody is called back: asked for as a task, which is over once somebody has spoken with
the same person."""

from datetime import datetime, timedelta

from dispatch import tasks
from dispatch.callers import policy
from schemas.database import Row, Transaction
from schemas.statements import statement

# Whoever was missed: the same telephone; or the elder's own or the home's, when somebody spoke with the elder by any.
MISSED = statement("""
    SELECT task.about
    FROM task
    JOIN call AS missed ON missed.id = (task.detail->>'call_id')::bigint
    WHERE task.kind = 'missed_call' AND task.done_at IS NULL AND missed.queued_at <= %(answered_at)s::timestamptz
      AND (phone_key(missed.number) = phone_key(%(number)s::text)
           OR (missed.elder_id = %(elder_id)s::integer AND missed.party IN ('elder', 'household')
               AND %(party)s::text IN ('elder', 'household')))
    ORDER BY task.id
""")


def have_called_back(tx: Transaction, now: datetime, call: Row) -> None:
    """Whoever calls for help and is answered by nobody is not forgotten; `call` is locked and missed."""
    tasks.create(
        tx,
        now,
        tasks.NewTask(
            kind="missed_call",
            due_at=now + timedelta(seconds=policy(tx)["call_back_seconds"]),
            org_code=call["org_code"],
            elder_id=call["elder_id"],
            about=f"call:{call['id']}",
            detail={
                "call_id": call["id"],
                "number": call["number"],
                "party": call["party"],
                "party_name": call["party_name"],
                "alarm_id": call["alarm_id"],
            },
        ),
    )


def spoken(tx: Transaction, now: datetime, call: Row) -> int:
    """Somebody has spoken with who is at the other end of a locked, answered call: earlier calls that were missed need
    no calling back; returns how many."""
    asked = tx.rows(MISSED, {name: call[name] for name in ("answered_at", "number", "elder_id", "party")})
    return sum(tasks.settle(tx, now, "missed_call", task["about"], "spoken") for task in asked)
