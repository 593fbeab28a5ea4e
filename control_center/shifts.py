"""One's own shifts: what one works, swaps, and what one shift tells the next."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from control_center.access import log_access
from control_center.auth import Allowed, SignedIn
from control_center.dependencies import LARGEST_INTEGER, Db, Nothing, Now
from control_center.errors import ApiError
from control_center.planning_scope import refuse_strangers
from control_center.rota_cards import NoteBody, OwnShifts, Period, SwapAnswer, SwapBody
from control_center.rota_views import planned, visible_rotas
from control_center.rotas import RotaId, visible_rota
from control_center.shift_views import note_shapes, own_shifts, swap_shapes
from dispatch.handovers import read_note, write_note
from dispatch.rota_rows import lock_rota
from dispatch.swaps import Times, answer_swap, ask_swap, works_now
from schemas.database import Transaction

router = APIRouter(prefix="/api", tags=["rotas"])
OnRota = Annotated[SignedIn, Depends(Allowed("operator", "supervisor", "worker"))]
SwapId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
NoteId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


def _own(tx: Transaction, now: datetime, account: SignedIn) -> OwnShifts:
    found = visible_rotas(tx, now, account)
    rotas = planned(tx, now, found)
    shifts = own_shifts(found, rotas, account.id, now)
    ids = [row["id"] for row in found]
    swaps = swap_shapes(tx, now, ids, open_only=True)
    notes = note_shapes(tx, now, ids)
    return OwnShifts(
        shifts=shifts,
        swaps=[swap for swap in swaps if account.id in (swap.asked_by.id, swap.partner.id)],
        notes=[note for note in notes if any(one.id == account.id for one in note.waits_for)],
    )


def _times(period: Period) -> Times:
    return (period.starts_at, period.ends_at)


@router.get("/shifts")
def read_shifts(account: OnRota, db: Db, now: Now) -> OwnShifts:
    """One's own shifts of the next 14 days, swaps that wait for an answer, and notes to read."""
    with db.transaction(account.seat_id) as tx:
        return _own(tx, now, account)


@router.post("/rotas/{rota_id}/swaps", status_code=201)
def ask_for_swap(rota_id: RotaId, body: SwapBody, account: OnRota, db: Db, now: Now) -> OwnShifts:
    """Ask a colleague to work a shift of one's own, for one of theirs or for nothing."""
    with db.transaction(account.seat_id) as tx:
        rota = visible_rota(tx, now, account, rota_id)
        lock_rota(tx, rota_id)
        refuse_strangers(tx, now, rota["path"], {body.partner_id})
        in_return = _times(body.take) if body.take else None
        swap_id = ask_swap(tx, now, account.id, rota_id, body.partner_id, _times(body.give), in_return, body.note)
        log_access(tx, now, account.id, "rota.changed", detail={"rota_id": rota_id, "what": f"swap {swap_id} asked"})
        return _own(tx, now, account)


@router.post("/swaps/{swap_id}/answer")
def answer_to_swap(swap_id: SwapId, body: SwapAnswer, account: OnRota, db: Db, now: Now) -> OwnShifts:
    """Agree to a swap, and both shifts change hands, or refuse it; whoever asked may withdraw it."""
    with db.transaction(account.seat_id) as tx:
        swap = answer_swap(tx, now, account.id, swap_id, agrees=body.agrees)
        about = {"rota_id": swap["rota_id"], "what": f"swap {swap_id} {swap['state']}"}
        log_access(tx, now, account.id, "rota.changed", detail=about)
        return _own(tx, now, account)


@router.post("/rotas/{rota_id}/notes", status_code=201)
def leave_note(rota_id: RotaId, body: NoteBody, account: OnRota, db: Db, now: Now) -> OwnShifts:
    """Leave a note for the next shift; whoever is on, and the supervisors of the rota, may."""
    with db.transaction(account.seat_id) as tx:
        rota = visible_rota(tx, now, account, rota_id)
        if not rota["may_change"] and not works_now(tx, rota_id, account.id, now):
            raise ApiError("not_permitted")
        write_note(tx, now, account.id, rota, body.note)
        return _own(tx, now, account)


@router.post("/handover-notes/{note_id}/acknowledge")
def acknowledge_note(note_id: NoteId, account: OnRota, db: Db, now: Now, _body: Nothing | None = None) -> OwnShifts:
    """Say that one has read a note for one's shift."""
    with db.transaction(account.seat_id) as tx:
        read_note(tx, now, account.id, note_id)
        return _own(tx, now, account)
