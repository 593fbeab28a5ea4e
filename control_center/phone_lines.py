"""Telephony set up: the numbers under which units are called, and the telephones at the seats."""

from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import Staff, Supervisor
from control_center.call_cards import PhoneLine, PhoneLineList
from control_center.dependencies import LARGEST_INTEGER, Connection, Db, Now, Storable
from control_center.errors import ApiError
from control_center.shapes import Org
from dispatch.refusals import Refused
from schemas.database import Transaction, row, rows
from schemas.statements import statement

# The units that somebody works for, and what is below them.
LINES = statement("""
    SELECT DISTINCT phone_line.id, phone_line.number, phone_line.name, org_unit.code, org_unit.name AS org_name,
           org_unit.path
    FROM membership
    JOIN org_unit AS top ON top.code = membership.org_code
    JOIN org_unit ON starts_with(org_unit.path, top.path)
    JOIN phone_line ON phone_line.org_code = org_unit.code
    WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ORDER BY org_unit.path, phone_line.number
""")
ANSWERS_FOR = statement("""
    SELECT org_unit.code
    FROM membership
    JOIN org_unit AS top ON top.code = membership.org_code
    JOIN org_unit ON starts_with(org_unit.path, top.path)
    WHERE membership.account_id = %(account_id)s::integer AND org_unit.code = %(org_code)s::text
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    LIMIT 1
""")
NUMBER = statement("SELECT phone_key(%(number)s::text) AS key")
ADD = statement("""
    INSERT INTO phone_line (number, org_code, name)
    SELECT %(number)s::text, %(org_code)s::text, %(name)s::text
    WHERE NOT EXISTS (SELECT FROM phone_line WHERE phone_key(number) = phone_key(%(number)s::text))
    RETURNING id
""")
UNIT_OF_LINE = statement("SELECT org_code FROM phone_line WHERE id = %(id)s::integer")
REMOVE = statement("DELETE FROM phone_line WHERE id = %(id)s::integer")
UNIT_OF_SEAT = statement("SELECT org_code FROM seat WHERE id = %(id)s::integer AND retired_at IS NULL")
SET_EXTENSION = statement("UPDATE seat SET extension = %(extension)s::text WHERE id = %(id)s::integer")
READY = statement("""
    SELECT (SELECT ready FROM transport WHERE name = 'voice') AS telephony,
           (SELECT extension FROM seat WHERE id = %(seat_id)s::integer AND retired_at IS NULL) AS extension
""")
RowId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
router: Final = APIRouter(prefix="/api", tags=["calls"])


class NewLine(BaseModel):
    """A number under which a unit is called."""

    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), Storable]
    org_code: Annotated[str, StringConstraints(min_length=1, max_length=40), Storable]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Storable]


class Telephone(BaseModel):
    """The telephone at a seat, as the voice provider names it; null takes it away."""

    extension: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]{1,40}$")] | None


def _lines(conn: Connection, account: Staff, now: Now) -> PhoneLineList:
    ready = row(conn, READY, {"seat_id": account.seat_id}) or {}
    return PhoneLineList(
        lines=[
            PhoneLine(
                id=line["id"],
                number=line["number"],
                name=line["name"],
                org=Org(code=line["code"], name=line["org_name"]),
            )
            for line in rows(conn, LINES, {"account_id": account.id, "now": now})
        ],
        telephony=bool(ready.get("telephony")),
        extension=ready.get("extension"),
    )


def _refuse_others_unit(tx: Transaction, account: Supervisor, now: Now, org_code: str | None) -> None:
    """A unit that the supervisor does not answer for is not there."""
    if tx.row(ANSWERS_FOR, {"account_id": account.id, "org_code": org_code, "now": now}) is None:
        raise ApiError("not_found")


@router.get("/phone-lines")
def list_lines(account: Staff, db: Db, now: Now) -> PhoneLineList:
    """The numbers under which the caller's units are called, and whether calls can be placed from here."""
    with db.connection() as conn:
        return _lines(conn, account, now)


@router.post("/phone-lines", status_code=201)
def add_line(line: NewLine, account: Supervisor, db: Db, now: Now) -> PhoneLineList:
    """Say which unit a number belongs to: its calls are shown to that unit's staff."""
    with db.transaction() as tx:
        _refuse_others_unit(tx, account, now, line.org_code)
        found = tx.row(NUMBER, {"number": line.number})
        if found is None or found["key"] is None:
            raise Refused("bad_number")
        if tx.row(ADD, line.model_dump()) is None:
            raise Refused("number_in_use")
        log_access(tx, now, account.id, "phone_line.changed", detail={"number": line.number, "unit": line.org_code})
        return _lines(tx.conn, account, now)


@router.delete("/phone-lines/{line_id}")
def remove_line(line_id: RowId, account: Supervisor, db: Db, now: Now) -> PhoneLineList:
    """Forget a number; calls that came on it stay."""
    with db.transaction() as tx:
        line = tx.row(UNIT_OF_LINE, {"id": line_id})
        _refuse_others_unit(tx, account, now, line["org_code"] if line else None)
        tx.execute(REMOVE, {"id": line_id})
        log_access(tx, now, account.id, "phone_line.changed", detail={"removed": line_id})
        return _lines(tx.conn, account, now)


@router.put("/seats/{seat_id}/telephone")
def set_telephone(seat_id: RowId, telephone: Telephone, account: Supervisor, db: Db, now: Now) -> PhoneLineList:
    """Say which telephone stands at a seat: calls placed from there ring it first."""
    with db.transaction() as tx:
        seat = tx.row(UNIT_OF_SEAT, {"id": seat_id})
        _refuse_others_unit(tx, account, now, seat["org_code"] if seat else None)
        try:
            tx.execute(SET_EXTENSION, {"id": seat_id, "extension": telephone.extension})
        except psycopg.errors.UniqueViolation:
            raise Refused("number_in_use") from None
        detail = {"seat_id": seat_id, "extension": telephone.extension}
        log_access(tx, now, account.id, "phone_line.changed", detail=detail)
        return _lines(tx.conn, account, now)
