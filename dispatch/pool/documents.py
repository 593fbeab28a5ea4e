"""A provider's documents: licences, insurance, contracts; seen by a supervisor, revoked with a reason, never edited."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from dispatch.pool.admission import locked_for, record
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

DocumentKind = Literal["business_licence", "food_licence", "insurance", "contract", "other"]

ADD = statement("""
    INSERT INTO provider_document (provider_id, kind, number, issuer, valid_from, valid_to, added_at, checked_by)
    VALUES (%(id)s::integer, %(kind)s::text, %(number)s::text, %(issuer)s::text, %(valid_from)s::date,
            %(valid_to)s::date, %(now)s::timestamptz, %(actor_id)s::integer)
""")
REVOKE = statement("""
    UPDATE provider_document
    SET revoked_at = %(now)s::timestamptz, revoked_by = %(actor_id)s::integer, revoked_reason = %(reason)s::text
    WHERE id = %(document_id)s::bigint AND provider_id = %(id)s::integer AND revoked_at IS NULL
    RETURNING kind
""")
LOOK_AGAIN = statement("UPDATE provider SET due_at = LEAST(due_at, %(now)s::timestamptz) WHERE id = %(id)s::integer")


@dataclass(frozen=True)
class Document:
    """A paper with its number, from its first to its last day, both included; None: until further notice."""

    kind: DocumentKind
    number: str
    issuer: str | None
    valid_from: date
    valid_to: date | None


def add_document(tx: Transaction, now: datetime, provider_id: int, actor_id: int, document: Document) -> None:
    """Write in a document that the supervisor has seen. Raises Refused: not_found, district_supervisor_needed,
    window_empty."""
    locked_for(tx, now, provider_id, actor_id)
    if document.valid_to is not None and document.valid_to < document.valid_from:
        raise Refused("window_empty")
    tx.execute(ADD, {**vars(document), "id": provider_id, "now": now, "actor_id": actor_id})
    told = {"kind": document.kind, "number": document.number}
    record(tx, now, provider_id, "document_added", actor_id=actor_id, detail=told)
    # The engine sees whether this ends what a supervisor was asked to see to.
    tx.execute(LOOK_AGAIN, {"id": provider_id, "now": now})


def revoke_document(
    tx: Transaction, now: datetime, provider_id: int, actor_id: int, document_id: int, reason: str
) -> None:
    """A document does not count any more. Nobody is suspended by that: a supervisor decides.

    Raises Refused: not_found (also when it was revoked before), district_supervisor_needed.
    """
    locked_for(tx, now, provider_id, actor_id)
    about = {"id": provider_id, "document_id": document_id, "now": now, "actor_id": actor_id, "reason": reason}
    found = tx.row(REVOKE, about)
    if found is None:
        raise Refused("not_found")
    told = {"kind": found["kind"], "id": document_id}
    record(tx, now, provider_id, "document_revoked", actor_id=actor_id, reason=reason, detail=told)
    tx.execute(LOOK_AGAIN, {"id": provider_id, "now": now})
