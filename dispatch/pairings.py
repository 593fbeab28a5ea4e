"""Who looks after which elder by agreement: begun and ended, never changed in place."""

from datetime import datetime

from psycopg.errors import ExclusionViolation

from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

IN_SIGHT = statement("""
    SELECT EXISTS (SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
                   WHERE audience.elder_id = %(elder_id)s::integer AND audience.account_id = %(actor_id)s::integer
                     AND audience.role IN ('operator', 'supervisor'))
           AND EXISTS (SELECT FROM worker_audience(%(now)s::timestamptz) AS audience
                       WHERE audience.worker_id = %(worker_id)s::integer
                         AND audience.account_id = %(actor_id)s::integer) AS both
""")
ADD = statement("""
    INSERT INTO pairing (worker_id, elder_id, note, valid_from, set_by)
    VALUES (%(worker_id)s::integer, %(elder_id)s::integer, %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
""")
END = statement("""
    UPDATE pairing SET valid_to = %(now)s::timestamptz, ended_by = %(actor_id)s::integer
    WHERE worker_id = %(worker_id)s::integer AND elder_id = %(elder_id)s::integer AND valid_from <= %(now)s::timestamptz
      AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
    RETURNING id
""")


def pair(tx: Transaction, now: datetime, actor_id: int, elder_id: int, worker_id: int, note: str | None) -> None:
    """Let a worker look after an elder from now on. Raises Refused: not_found (either is out of the caller's sight),
    already_paired."""
    about = {"now": now, "actor_id": actor_id, "elder_id": elder_id, "worker_id": worker_id}
    refuse_unless_in_sight(tx, about)
    try:
        with tx.conn.transaction():
            tx.execute(ADD, {**about, "note": note})
    except ExclusionViolation:
        raise Refused("already_paired") from None


def part(tx: Transaction, now: datetime, actor_id: int, elder_id: int, worker_id: int) -> None:
    """End a pairing now; it stays on record. Raises Refused not_found, also when there is none."""
    about = {"now": now, "actor_id": actor_id, "elder_id": elder_id, "worker_id": worker_id}
    refuse_unless_in_sight(tx, about)
    if tx.row(END, about) is None:
        raise Refused("not_found")


def refuse_unless_in_sight(tx: Transaction, about: dict[str, object]) -> None:
    """Raise Refused not_found unless the actor may see both the elder and the worker: `now`, `actor_id`, `elder_id`,
    `worker_id`."""
    found = tx.row(IN_SIGHT, about)
    if found is None or not found["both"]:
        raise Refused("not_found")
