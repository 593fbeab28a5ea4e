"""What one shift tells the next: notes, and who of the next shift has read them."""

from datetime import datetime, timedelta
from typing import Final

from dispatch.notifications import Person, inform
from dispatch.refusals import Refused
from dispatch.rota_rows import load_rota
from dispatch.rotas import Rota, Span, on_at, spans
from schemas.database import Row, Transaction
from schemas.statements import statement

AHEAD: Final = timedelta(days=14)
"""How far ahead the next shift is looked for."""

ADD_NOTE = statement("""
    INSERT INTO handover_note (rota_id, author_id, at, note, for_shift_at)
    VALUES (%(rota_id)s::integer, %(author_id)s::integer, %(now)s::timestamptz, %(note)s::text,
            %(for_shift_at)s::timestamptz)
    RETURNING id
""")
FIND_NOTE = statement("""
    SELECT note.id, note.rota_id, note.for_shift_at FROM handover_note AS note
    JOIN rota ON rota.id = note.rota_id AND rota.ended_at IS NULL
    WHERE note.id = %(id)s::integer
""")
ADD_RECEIPT = statement("""
    INSERT INTO handover_receipt (note_id, account_id, at)
    VALUES (%(note_id)s::integer, %(account_id)s::integer, %(now)s::timestamptz)
    ON CONFLICT (note_id, account_id) DO NOTHING
""")


def next_shift(rota: Rota, now: datetime) -> Span | None:
    """The first time in the coming days at which somebody begins to work who does not work now; pure."""
    working = on_at(rota, now)
    later = (span for span in spans(rota, now, now + AHEAD) if span.starts_at > now)
    return next((span for span in later if span.accounts - working), None)


def write_note(tx: Transaction, now: datetime, author_id: int, rota: Row, note: str) -> int:
    """Leave a note for the next shift, which is told that there is one; returns its id. `rota` has id and name.

    Raises Refused: no_next_shift.
    """
    coming = next_shift(load_rota(tx, rota["id"], now, now + AHEAD), now)
    if coming is None:
        raise Refused("no_next_shift")
    said = {"rota_id": rota["id"], "author_id": author_id, "note": note, "for_shift_at": coming.starts_at, "now": now}
    [made] = tx.rows(ADD_NOTE, said)
    others = [Person(account_id=account) for account in sorted(coming.accounts) if account != author_id]
    inform(tx, now, others, "handover", {"rota": rota["name"]}, expires_at=coming.ends_at)
    return int(made["id"])


def read_note(tx: Transaction, now: datetime, account_id: int, note_id: int) -> None:
    """Somebody of the shift that is told, or who works now, has read a note; saying so again changes nothing.

    Raises Refused: not_found for everybody else.
    """
    note = tx.row(FIND_NOTE, {"id": note_id})
    if note is None or account_id not in _told(tx, note, now):
        raise Refused("not_found")
    tx.execute(ADD_RECEIPT, {"note_id": note_id, "account_id": account_id, "now": now})


def _told(tx: Transaction, note: Row, now: datetime) -> frozenset[int]:
    at = note["for_shift_at"]
    rota = load_rota(tx, note["rota_id"], min(at, now), max(at, now))
    return on_at(rota, at) | on_at(rota, now)
