"""Taking a seat, and setting up the seats of a unit."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import Staff, Supervisor, session_answer
from control_center.dependencies import LARGEST_INTEGER, Db, Nothing, Now, Storable
from control_center.errors import ApiError
from control_center.seat_rows import seats_of, take_seat
from control_center.session_cards import SeatList, SessionAnswer
from schemas.statements import statement

# A supervisor sets up seats in the units that she answers for.
ADD = statement("""
    INSERT INTO seat (org_code, name)
    SELECT org_unit.code, %(name)s::text
    FROM org_unit
    WHERE org_unit.code = %(org_code)s::text AND EXISTS (
        SELECT FROM membership JOIN org_unit AS top ON top.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND starts_with(org_unit.path, top.path)
          AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz))
    ON CONFLICT (org_code, name) DO NOTHING
    RETURNING id
""")
RETIRE = statement("UPDATE seat SET retired_at = %(now)s::timestamptz WHERE id = %(id)s::integer")
LEAVE = statement("UPDATE session SET seat_id = NULL WHERE seat_id = %(id)s::integer")
SeatId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
router: Final = APIRouter(prefix="/api", tags=["seats"])


class ChosenSeat(BaseModel):
    """The desk to sit down at; null gets up."""

    seat_id: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None


class NewSeat(BaseModel):
    """A further desk of a unit."""

    org_code: Annotated[str, StringConstraints(min_length=1, max_length=40), Storable]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Storable]


@router.get("/seats")
def list_seats(account: Staff, db: Db, now: Now) -> SeatList:
    """The seats of the units that the caller works for, and who sits there."""
    with db.connection() as conn:
        return SeatList(seats=seats_of(conn, now, account.id))


@router.put("/session/seat")
def choose_seat(chosen: ChosenSeat, account: Staff, db: Db, now: Now) -> SessionAnswer:
    """Sit down at a desk, or get up: every timeline row says from which seat something was done."""
    with db.transaction() as tx:
        take_seat(tx, now, account.id, account.token_hash, chosen.seat_id)
        return session_answer(tx.conn, now, replace(account, seat_id=chosen.seat_id))


@router.post("/seats", status_code=201)
def add_seat(new: NewSeat, account: Supervisor, db: Db, now: Now) -> SeatList:
    """Set up a desk in a unit that the caller answers for."""
    with db.transaction() as tx:
        made = tx.row(ADD, {"org_code": new.org_code, "name": new.name, "account_id": account.id, "now": now})
        if made is None:
            known = {(seat.org.code, seat.name) for seat in seats_of(tx.conn, now, account.id)}
            raise ApiError("seat_exists" if (new.org_code, new.name) in known else "not_found")
        log_access(tx, now, account.id, "seats.changed", detail={"added": made["id"]})
        return SeatList(seats=seats_of(tx.conn, now, account.id))


@router.post("/seats/{seat_id}/retire")
def retire_seat(seat_id: SeatId, account: Supervisor, db: Db, now: Now, _body: Nothing | None = None) -> SeatList:
    """Let a desk be taken no more; the timelines go on naming it."""
    with db.transaction() as tx:
        if not any(seat.id == seat_id and not seat.retired for seat in seats_of(tx.conn, now, account.id)):
            raise ApiError("not_found")
        tx.execute(RETIRE, {"id": seat_id, "now": now})
        tx.execute(LEAVE, {"id": seat_id})
        log_access(tx, now, account.id, "seats.changed", detail={"retired": seat_id})
        return SeatList(seats=seats_of(tx.conn, now, account.id))
