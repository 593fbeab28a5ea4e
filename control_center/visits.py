"""A visit step by step as its worker takes it, and what proves it: ticks, photographs, the code in the home."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Body, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from control_center import claim_codes
from control_center.access import Action, log_access
from control_center.auth import OrderReader, SignedIn, Worker
from control_center.dependencies import (
    LARGEST_BIGINT,
    Accuracy,
    Db,
    Latitude,
    Longitude,
    Nothing,
    Now,
    OrderId,
    Storable,
)
from control_center.errors import ApiError
from control_center.orders import order_answer
from control_center.work_cards import OrderAnswer
from dispatch.positions import Spot
from dispatch.refusals import RefusalCode
from dispatch.service import checking_in, completing, evidence, photos, pictures, visits, vital_checks
from schemas.database import Transaction
from schemas.states import FailReason

router: Final = APIRouter(prefix="/api/orders", tags=["visits"])
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable]
TickCode = Annotated[str, Path(pattern="^[a-z0-9_]{1,40}$")]
PhotoId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
PICTURE: Final = {"requestBody": {"content": {kind: {} for kind in sorted(pictures.MEDIA_TYPES)}, "required": True}}


class PerhapsHere(BaseModel):
    """A position that is told in full or not at all: WGS-84 degrees, and by how many metres it may be wrong."""

    lat: Latitude | None = None
    lon: Longitude | None = None
    accuracy_m: Accuracy | None = None

    def spot(self) -> Spot | None:
        """As dispatch takes it. Raises RequestValidationError when a part of the position is missing."""
        told = {"lat": self.lat, "lon": self.lon, "accuracy_m": self.accuracy_m}
        missing = [name for name, value in told.items() if value is None]
        if len(missing) == len(told):
            return None
        if self.lat is None or self.lon is None or self.accuracy_m is None:
            raise RequestValidationError([{"type": "missing", "loc": ("body", name)} for name in missing])
        return Spot(self.lat, self.lon, self.accuracy_m)


class CheckIn(PerhapsHere):
    """Proof of being at the home: the phone's position, or the code that hangs there, as scanned or typed."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=100), Storable] | None = None

    def code_hash(self) -> bytes | None:
        """What is kept of the code. Raises ApiError mistyped_code."""
        return None if self.code is None else door_code_hash(self.code)


class Completion(PerhapsHere):
    """The end of a visit: where it ended, a reason where evidence is missing or it was short, and the code that the
    elder's side told the worker, which confirms it at once."""

    note: Words | None = None
    reason: Words | None = None
    elder_code: Annotated[str, StringConstraints(pattern="^[0-9]{4}$")] | None = None


class Failure(BaseModel):
    """Why a visit could not be done."""

    reason: FailReason
    note: Words | None = None


class Tick(BaseModel):
    """Whether a line of the list is done."""

    done: bool = True


class Measurement(BaseModel):
    """Vital signs measured by a person: /min, %, /min, °C, mmHg, mmHg, within what a living person can show."""

    hr: Annotated[float | None, Field(ge=20, le=300, allow_inf_nan=False)] = None
    spo2: Annotated[float | None, Field(ge=30, le=100, allow_inf_nan=False)] = None
    rr: Annotated[float | None, Field(ge=2, le=90, allow_inf_nan=False)] = None
    temp: Annotated[float | None, Field(ge=25, le=44, allow_inf_nan=False)] = None
    sbp: Annotated[float | None, Field(ge=30, le=300, allow_inf_nan=False)] = None
    dbp: Annotated[float | None, Field(ge=10, le=200, allow_inf_nan=False)] = None

    def signs(self) -> dict[str, float]:
        """What was measured. Raises RequestValidationError when nothing was."""
        found: dict[str, float] = self.model_dump(exclude_none=True)
        if not found:
            raise RequestValidationError([{"type": "missing", "loc": ("body", "signs")}])
        return found


class PhotoAnswer(BaseModel):
    """The photograph as it is kept, and whether it was there already."""

    photo_id: int
    new: bool


def door_code_hash(code: str) -> bytes:
    """What is kept of a home's code, from what a scanner read or a person typed. Raises ApiError mistyped_code."""
    try:
        return claim_codes.digest(code.rpartition("#")[2])
    except claim_codes.Mistyped:
        raise ApiError("mistyped_code") from None


def refuse(code: RefusalCode | None) -> None:
    """Tell a refusal that was written down first."""
    if code is not None:
        raise ApiError(code)


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, order_id: int) -> OrderAnswer:
    return order_answer(tx, now, account, action, order_id)


@router.post("/{order_id}/depart")
def depart(order_id: OrderId, account: Worker, db: Db, now: Now, _body: Nothing | None = None) -> OrderAnswer:
    """Set out for a visit."""
    with db.transaction() as tx:
        visits.depart(tx, now, order_id, account.id)
        return _answer(tx, now, account, "order.departed", order_id)


@router.post("/{order_id}/check-in")
def check_in(order_id: OrderId, body: CheckIn, account: Worker, db: Db, now: Now) -> OrderAnswer:
    """Prove to be at the home; the time is the server's."""
    spot, code_hash = body.spot(), body.code_hash()
    if spot is None and code_hash is None:
        raise RequestValidationError(
            [{"type": "missing", "loc": ("body", name)} for name in ("lat", "lon", "accuracy_m")]
        )
    with db.transaction() as tx:
        checking_in.check_in(tx, now, order_id, account.id, spot, code_hash=code_hash)
        return _answer(tx, now, account, "order.checked_in", order_id)


@router.post("/{order_id}/begin")
def begin(order_id: OrderId, account: Worker, db: Db, now: Now, _body: Nothing | None = None) -> OrderAnswer:
    """Begin the service, when the vital signs that its item asks for are in range."""
    with db.transaction() as tx:
        refusal = visits.begin(tx, now, order_id, account.id)
        answer = _answer(tx, now, account, "order.begun", order_id)
    refuse(refusal)
    return answer


@router.post("/{order_id}/complete")
def complete(order_id: OrderId, account: Worker, db: Db, now: Now, body: Completion | None = None) -> OrderAnswer:
    """End the service; the answer no longer shows the way to the home. What is missing is named under `fields`."""
    done = body or Completion()
    spot = done.spot()
    with db.transaction() as tx:
        refusal = completing.complete(
            tx,
            now,
            order_id,
            account.id,
            spot,
            done.note or None,
            reason=done.reason or None,
            elder_code=done.elder_code,
        )
        answer = _answer(tx, now, account, "order.completed", order_id)
    refuse(refusal)
    return answer


@router.post("/{order_id}/fail")
def fail(order_id: OrderId, body: Failure, account: Worker, db: Db, now: Now) -> OrderAnswer:
    """Say that the visit cannot be done."""
    with db.transaction() as tx:
        visits.fail(tx, now, order_id, account.id, body.reason, body.note or None)
        return _answer(tx, now, account, "order.failed", order_id)


@router.put("/{order_id}/ticks/{code}")
def set_tick(order_id: OrderId, code: TickCode, body: Tick, account: Worker, db: Db, now: Now) -> OrderAnswer:
    """Tick a line of the item's list, or take that back."""
    with db.transaction() as tx:
        evidence.tick(tx, now, order_id, account.id, code, done=body.done)
        return _answer(tx, now, account, "order.ticked", order_id)


@router.post("/{order_id}/measurements")
def measure(order_id: OrderId, body: Measurement, account: Worker, db: Db, now: Now) -> OrderAnswer:
    """Write down vital signs measured at the home, before a service that asks for them."""
    with db.transaction() as tx:
        vital_checks.measure(tx, now, order_id, account.id, body.signs())
        return _answer(tx, now, account, "order.measured", order_id)


@router.post("/{order_id}/photos", status_code=201, openapi_extra=PICTURE)
def keep_photo(
    order_id: OrderId,
    content: Annotated[bytes, Body(media_type="image/jpeg")],
    account: Worker,
    db: Db,
    now: Now,
    captured_at: Annotated[AwareDatetime | None, Query(description="When the phone says it was taken")] = None,
) -> PhotoAnswer:
    """Add a photograph to a visit: a JPEG, PNG or WebP of at most 2 MB. The same file again is the same photograph."""
    picture = pictures.read(content)
    with db.transaction() as tx:
        kept = photos.keep(tx, now, order_id, account.id, content, picture, captured_at)
        log_access(tx, now, account.id, "photo.kept", order_id=order_id, detail={"photo": kept.id})
    return PhotoAnswer(photo_id=kept.id, new=kept.new)


@router.get("/{order_id}/photos/{photo_id}", response_class=Response)
def read_photo(order_id: OrderId, photo_id: PhotoId, account: OrderReader, db: Db, now: Now) -> Response:
    """A photograph without what the camera wrote into it, as a JPEG."""
    with db.transaction() as tx:
        found = photos.load(tx, now, account.id, order_id, photo_id)
        if found is None:
            raise ApiError("not_found")
        log_access(
            tx, now, account.id, "photo.read", elder_id=found.elder_id, order_id=order_id, detail={"photo": photo_id}
        )
    return Response(pictures.shown(found.content), media_type="image/jpeg")
