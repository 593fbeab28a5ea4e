"""Rotas, as supervisors plan them: layers of shifts, overrides, and what is missing."""

from datetime import datetime, time
from typing import Annotated

from fastapi import APIRouter, Path

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import LARGEST_INTEGER, Db, Moment, Now
from control_center.errors import ApiError
from control_center.planning_scope import Colleague, colleagues, refuse_strangers, unit_path
from control_center.rota_cards import LayerBody, NewRota, OverrideBody, RotaCard, RotaDetail, RotaList
from control_center.rota_views import (
    AHEAD,
    check_shapes,
    layer_shapes,
    override_shapes,
    planned,
    rota_cards,
    span_shapes,
    visible_rotas,
)
from control_center.shift_views import note_shapes, swap_shapes
from dispatch.refusals import Refused
from dispatch.rota_rows import LayerPlan, create_rota, end_layer, end_rota, lock_rota, set_layer
from dispatch.swaps import FARTHEST, add_override, withdraw_override
from schemas.database import Row, Transaction

router = APIRouter(prefix="/api/rotas", tags=["rotas"])
RotaId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
OverrideId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Position = Annotated[int, Path(ge=1, le=20)]


def visible_rota(tx: Transaction, now: datetime, account: SignedIn, rota_id: int) -> Row:
    """A rota that the account may see. Raises ApiError: not_found."""
    found = visible_rotas(tx, now, account, rota_id)
    if not found:
        raise ApiError("not_found")
    return found[0]


def _own(tx: Transaction, now: datetime, account: SignedIn, rota_id: int) -> Row:
    """A rota of a unit that the supervisor answers for, locked. Raises ApiError: not_found, not_permitted."""
    found = visible_rota(tx, now, account, rota_id)
    if not found["may_change"]:
        raise ApiError("not_permitted")
    lock_rota(tx, rota_id)
    return found


def _since(now: datetime, wanted: datetime | None) -> datetime:
    """From when a layer changes: what was worked until now stays as it was. Raises Refused: in_the_past,
    too_far_ahead."""
    if wanted is None:
        return now
    if wanted < now:
        raise Refused("in_the_past")
    if (wanted - now).total_seconds() > FARTHEST:
        raise Refused("too_far_ahead")
    return wanted


def _detail(tx: Transaction, now: datetime, account: SignedIn, rota_id: int) -> RotaDetail:
    found = visible_rota(tx, now, account, rota_id)
    rotas = planned(tx, now, [found])
    return RotaDetail(
        card=rota_cards(tx, now, [found], rotas)[0],
        layers=layer_shapes(tx, now, rota_id),
        overrides=override_shapes(tx, now, rota_id),
        spans=span_shapes(tx, rotas[rota_id], now, now + AHEAD),
        checks=check_shapes(tx, now, rota_id),
        swaps=swap_shapes(tx, now, [rota_id]),
        notes=note_shapes(tx, now, [rota_id]),
    )


def _changed(tx: Transaction, now: datetime, account: SignedIn, rota_id: int, what: str) -> RotaDetail:
    log_access(tx, now, account.id, "rota.changed", detail={"rota_id": rota_id, "what": what})
    return _detail(tx, now, account, rota_id)


@router.get("")
def list_rotas(account: Staff, db: Db, now: Now) -> RotaList:
    """The rotas of the account's units, of those above and below, with who is on now and the gaps of 14 days."""
    with db.transaction(account.seat_id) as tx:
        found = visible_rotas(tx, now, account)
        return RotaList(rotas=rota_cards(tx, now, found, planned(tx, now, found)))


@router.post("", status_code=201)
def make_rota(body: NewRota, account: Supervisor, db: Db, now: Now) -> RotaCard:
    """Make a rota on which nobody works yet."""
    with db.transaction(account.seat_id) as tx:
        unit_path(tx, now, account.id, body.org_code)
        rota_id = create_rota(tx, now, account.id, body.org_code, body.name, body.check_hours)
        if rota_id is None:
            raise Refused("name_in_use")
        return _changed(tx, now, account, rota_id, "made").card


@router.get("/{rota_id}")
def read_rota(rota_id: RotaId, account: Staff, db: Db, now: Now) -> RotaDetail:
    """A rota with everything that is planned for the next 14 days."""
    with db.transaction(account.seat_id) as tx:
        return _detail(tx, now, account, rota_id)


@router.delete("/{rota_id}", status_code=204)
def remove_rota(rota_id: RotaId, account: Supervisor, db: Db, now: Now) -> None:
    """End a rota that no policy calls any more."""
    with db.transaction(account.seat_id) as tx:
        _own(tx, now, account, rota_id)
        end_rota(tx, now, account.id, rota_id)
        log_access(tx, now, account.id, "rota.changed", detail={"rota_id": rota_id, "what": "ended"})


@router.get("/{rota_id}/colleagues")
def list_colleagues(rota_id: RotaId, account: Supervisor, db: Db, now: Now) -> list[Colleague]:
    """Who may be put on a rota: the staff of its unit, of those above and below, and the workers who come there."""
    with db.transaction(account.seat_id) as tx:
        return colleagues(tx, now, _own(tx, now, account, rota_id)["path"])


@router.put("/{rota_id}/layers/{position}")
def replace_layer(
    rota_id: RotaId, position: Position, body: LayerBody, account: Supervisor, db: Db, now: Now
) -> RotaDetail:
    """Put a layer in place of the one at its position; what was planned until then stays on record."""
    with db.transaction(account.seat_id) as tx:
        rota = _own(tx, now, account, rota_id)
        refuse_strangers(tx, now, rota["path"], {one for turn in body.turns for one in turn})
        plan = LayerPlan(
            position=position,
            first_day=body.first_day,
            every_days=body.every_days,
            hand_over=[time.fromisoformat(one) for one in body.hand_over],
            turns=body.turns,
        )
        set_layer(tx, _since(now, body.since), account.id, rota_id, plan)
        return _changed(tx, now, account, rota_id, f"layer {position}")


@router.delete("/{rota_id}/layers/{position}")
def remove_layer(
    rota_id: RotaId, position: Position, account: Supervisor, db: Db, now: Now, since: Moment | None = None
) -> RotaDetail:
    """End a layer, now or at a given time."""
    with db.transaction(account.seat_id) as tx:
        _own(tx, now, account, rota_id)
        if not end_layer(tx, _since(now, since), account.id, rota_id, position):
            raise ApiError("not_found")
        return _changed(tx, now, account, rota_id, f"layer {position} ended")


@router.post("/{rota_id}/overrides", status_code=201)
def make_override(rota_id: RotaId, body: OverrideBody, account: Supervisor, db: Db, now: Now) -> RotaDetail:
    """For a time somebody else works, nobody does instead of somebody, or somebody as well."""
    with db.transaction(account.seat_id) as tx:
        rota = _own(tx, now, account, rota_id)
        refuse_strangers(tx, now, rota["path"], {body.substitute_id} if body.substitute_id is not None else set())
        add_override(
            tx,
            now,
            account.id,
            rota_id,
            (body.starts_at, body.ends_at),
            absent_id=body.absent_id,
            substitute_id=body.substitute_id,
            reason=body.reason,
        )
        return _changed(tx, now, account, rota_id, "override")


@router.delete("/{rota_id}/overrides/{override_id}")
def remove_override(rota_id: RotaId, override_id: OverrideId, account: Supervisor, db: Db, now: Now) -> RotaDetail:
    """Take an override back: the layers hold again."""
    with db.transaction(account.seat_id) as tx:
        _own(tx, now, account, rota_id)
        if not withdraw_override(tx, now, account.id, rota_id, override_id):
            raise ApiError("not_found")
        return _changed(tx, now, account, rota_id, "override withdrawn")
