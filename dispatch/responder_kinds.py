"""What kind of responder a worker is: it decides what she is asked for, and what she must have for it."""

from datetime import datetime

from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import ResponderKind

SET = statement("""
    UPDATE worker SET kind = %(kind)s::text
    FROM (SELECT id, kind FROM worker WHERE id = %(worker_id)s::integer FOR UPDATE) AS former
    WHERE worker.id = former.id AND EXISTS (
        SELECT FROM worker_audience(%(now)s::timestamptz) AS audience
        WHERE audience.worker_id = worker.id AND audience.account_id = %(actor_id)s::integer
          AND audience.role = 'supervisor')
    RETURNING former.kind
""")


def set_kind(tx: Transaction, now: datetime, actor_id: int, worker_id: int, kind: ResponderKind) -> ResponderKind:
    """Say what kind of responder a worker is from now on; returns what she was. Offers that stand, stand.

    Raises Refused not_found for a worker whom this supervisor does not see.
    """
    found = tx.row(SET, {"now": now, "actor_id": actor_id, "worker_id": worker_id, "kind": kind})
    if found is None:
        raise Refused("not_found")
    former: ResponderKind = found["kind"]
    return former
