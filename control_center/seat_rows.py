"""Seats: the desks of the units that somebody works for, and who sits at which."""

from datetime import datetime

from control_center.access import log_access
from control_center.dependencies import Connection
from control_center.errors import ApiError
from control_center.session_cards import SeatEntry
from control_center.shapes import Org, SeatBrief
from schemas.database import Transaction, row, rows
from schemas.events import Event
from schemas.statements import statement

# Whose seats an account may take or, as a supervisor, set up: those of its units and of what is below them.
OF_ACCOUNT = statement("""
    SELECT DISTINCT seat.id, seat.name, org_unit.code, org_unit.name AS org_name, org_unit.path,
           seat.retired_at IS NOT NULL AS retired, taken.name AS taken_by
    FROM membership
    JOIN account ON account.id = membership.account_id AND account.role IN ('operator', 'supervisor')
    JOIN org_unit AS top ON top.code = membership.org_code
    JOIN org_unit ON starts_with(org_unit.path, top.path)
    JOIN seat ON seat.org_code = org_unit.code
    LEFT JOIN LATERAL (
        SELECT sitting.name FROM session JOIN account AS sitting ON sitting.id = session.account_id
        WHERE session.seat_id = seat.id AND session.expires_at > %(now)s::timestamptz
        ORDER BY session.created_at DESC LIMIT 1) AS taken ON true
    WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ORDER BY org_unit.path, seat.name
""")
ONE = statement("""
    SELECT seat.id, seat.name, org_unit.code, org_unit.name AS org_name
    FROM seat JOIN org_unit ON org_unit.code = seat.org_code WHERE seat.id = %(id)s::integer
""")
LOCK = statement("SELECT id FROM seat WHERE id = %(id)s::integer AND retired_at IS NULL FOR UPDATE")
# One person sits at a desk: whoever sits down has it, and whoever left without a word loses it.
GET_UP = statement("""
    UPDATE session SET seat_id = NULL WHERE seat_id = %(seat_id)s::integer AND token_hash <> %(token_hash)s::bytea
    RETURNING account_id
""")
SIT_DOWN = statement("""
    UPDATE session SET seat_id = %(seat_id)s::integer WHERE token_hash = %(token_hash)s::bytea
""")


def seats_of(conn: Connection, now: datetime, account_id: int) -> list[SeatEntry]:
    """The seats of the units that a member of staff works for, those that are retired included."""
    return [
        SeatEntry(
            id=seat["id"],
            name=seat["name"],
            org=Org(code=seat["code"], name=seat["org_name"]),
            taken_by=seat["taken_by"],
            retired=seat["retired"],
        )
        for seat in rows(conn, OF_ACCOUNT, {"account_id": account_id, "now": now})
    ]


def seat_brief(conn: Connection, seat_id: int | None) -> SeatBrief | None:
    """A seat by its id."""
    found = row(conn, ONE, {"id": seat_id}) if seat_id is not None else None
    if found is None:
        return None
    return SeatBrief(id=found["id"], name=found["name"], org=Org(code=found["code"], name=found["org_name"]))


def take_seat(tx: Transaction, now: datetime, account_id: int, token_hash: bytes, seat_id: int | None) -> None:
    """Sit down at a desk, or get up (None); from then on the timelines name it. Whoever had it has none any more.

    Raises ApiError unknown_seat when it is retired or belongs to a unit that the account does not work for.
    """
    if seat_id is not None:
        own = {seat.id for seat in seats_of(tx.conn, now, account_id) if not seat.retired}
        if seat_id not in own or tx.row(LOCK, {"id": seat_id}) is None:
            raise ApiError("unknown_seat")
        for session in tx.rows(GET_UP, {"seat_id": seat_id, "token_hash": token_hash}):
            tx.emit(Event("account.changed", now, account_id=session["account_id"]))
    tx.execute(SIT_DOWN, {"seat_id": seat_id, "token_hash": token_hash})
    log_access(tx, now, account_id, "seat.taken", detail={"seat_id": seat_id})
