"""Certificates of workers: seen and written in by a supervisor, revoked with a reason, never edited."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.errors import ForeignKeyViolation, UniqueViolation

from dispatch.pool.lapses import look_at_work
from dispatch.pool.workers import locked_worker, record
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

ADD = statement("""
    INSERT INTO worker_skill (worker_id, skill, certificate, issuer, valid_from, valid_to, added_at, checked_by)
    VALUES (%(worker_id)s::integer, %(skill)s::text, %(number)s::text, %(issuer)s::text, %(valid_from)s::date,
            %(valid_to)s::date, %(now)s::timestamptz, %(actor_id)s::integer)
    RETURNING id
""")
REVOKE = statement("""
    UPDATE worker_skill
    SET revoked_at = %(now)s::timestamptz, revoked_by = %(actor_id)s::integer, revoked_reason = %(reason)s::text
    WHERE id = %(id)s::bigint AND worker_id = %(worker_id)s::integer AND revoked_at IS NULL
    RETURNING skill
""")
AGAIN = statement("""
    UPDATE worker_watch SET due_at = LEAST(due_at, %(now)s::timestamptz) WHERE worker_id = %(worker_id)s::integer
""")


@dataclass(frozen=True)
class Certificate:
    """The proof of a skill from its first to its last day, both of the district and included; None: without end."""

    skill: str
    number: str | None
    issuer: str | None
    valid_from: date
    valid_to: date | None


def add(tx: Transaction, now: datetime, worker_id: int, actor_id: int, certificate: Certificate) -> int:
    """Write in a certificate that the supervisor has seen; returns its id. A renewal is one more: what was promised
    beyond the earlier one's end stays.

    Raises Refused: not_found, supervisor_needed, worker_left, unknown_skill, window_empty, certificate_known.
    """
    locked_worker(tx, now, worker_id, actor_id)
    if certificate.valid_to is not None and certificate.valid_to < certificate.valid_from:
        raise Refused("window_empty")
    try:
        with tx.conn.transaction():
            [made] = tx.rows(ADD, {**vars(certificate), "worker_id": worker_id, "now": now, "actor_id": actor_id})
    except UniqueViolation:
        raise Refused("certificate_known") from None
    except ForeignKeyViolation:
        raise Refused("unknown_skill") from None
    record(tx, now, worker_id, "certified", actor_id=actor_id, detail={"skill": certificate.skill, "id": made["id"]})
    # The engine sees whether this ends what a supervisor was asked to see to.
    tx.execute(AGAIN, {"worker_id": worker_id, "now": now})
    return int(made["id"])


def revoke(tx: Transaction, now: datetime, worker_id: int, actor_id: int, certificate_id: int, reason: str) -> int:
    """A certificate does not count any more, from now on; returns how many orders that changed.

    Raises Refused: not_found (also when it was revoked before), supervisor_needed, worker_left.
    """
    locked_worker(tx, now, worker_id, actor_id)
    about = {"id": certificate_id, "worker_id": worker_id, "now": now, "actor_id": actor_id, "reason": reason}
    found = tx.row(REVOKE, about)
    if found is None:
        raise Refused("not_found")
    detail = {"skill": found["skill"], "id": certificate_id}
    record(tx, now, worker_id, "certificate_revoked", actor_id=actor_id, reason=reason, detail=detail)
    return look_at_work(tx, now, [worker_id], actor_id=actor_id, note=reason)
