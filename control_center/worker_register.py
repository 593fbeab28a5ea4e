"""Workers in the register of the pool: written in, certified, rostered, on leave, kept apart from elders, gone."""

from datetime import date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import Action, log_access
from control_center.auth import HASHER, SignedIn, Staff, Supervisor, Worker
from control_center.dependencies import (
    LARGEST_BIGINT,
    LARGEST_INTEGER,
    Db,
    ElderId,
    Latitude,
    Longitude,
    Moment,
    Now,
    Storable,
)
from control_center.errors import ApiError
from control_center.provider_cards import ExclusionList, OwnPapers, WorkerDetail
from control_center.provider_views import certificates_of
from control_center.providers import Code, Name, ProviderId, Reason, ReasonText, Words
from control_center.registry import found_in_scope
from control_center.worker_details import exclusions, leaves_of, shifts_of, worker_detail
from dispatch.pool import certificates, leaves, shifts, workers
from dispatch.pool.exclusions import AskedBy, end_exclusion, exclude
from dispatch.pool.leaves import LeaveKind
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import ResponderKind, Sex, Travel

OWN = statement("SELECT id FROM worker WHERE account_id = %(account_id)s::integer")

router = APIRouter(prefix="/api", tags=["provider pool"])
WorkerId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
RowId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]


class WorkerBody(BaseModel):
    """Who a worker is, where she sets out from and how many portions fit on her vehicle."""

    name: Name
    sex: Sex | None = None
    phone: Words | None = None
    kind: ResponderKind = "station"
    travel: Travel
    base_lat: Latitude
    base_lon: Longitude
    carries: Annotated[int, Field(ge=1, le=500)] = 20

    def profile(self) -> workers.WorkerProfile:
        """As dispatch takes it."""
        return workers.WorkerProfile(
            name=self.name,
            sex=self.sex,
            phone=self.phone or None,
            kind=self.kind,
            travel=self.travel,
            base_lat=self.base_lat,
            base_lon=self.base_lon,
            carries=self.carries,
        )


class NewWorker(WorkerBody):
    """A worker with the name and password with which she signs in."""

    username: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,40}$")]
    password: Annotated[str, StringConstraints(min_length=8, max_length=200), Storable]


class NewCertificate(BaseModel):
    """A certificate that the caller has seen; both days are included."""

    skill: Code
    number: Words | None = None
    issuer: Words | None = None
    valid_from: date
    valid_to: date | None = None


class NewShift(BaseModel):
    """Working time once."""

    starts_at: Moment
    ends_at: Moment


class NewHours(BaseModel):
    """Working time every week, of the district's clock; 1 is Monday."""

    weekday: Annotated[int, Field(ge=1, le=7)]
    starts: time
    ends: time
    valid_from: date
    valid_to: date | None = None


class NewLeave(BaseModel):
    """When somebody does not work; without an end until she is back."""

    kind: LeaveKind
    starts_at: Moment
    ends_at: Moment | None = None
    note: Words | None = None


class NewExclusion(BaseModel):
    """Who is not to be sent to the elder, on whose wish and why."""

    worker_id: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
    asked_by: AskedBy
    reason: ReasonText


def _answer(
    tx: Transaction, now: datetime, account: SignedIn, worker_id: int, what: str | None, changed: int | None = None
) -> WorkerDetail:
    detail, elders = worker_detail(tx, now, account, worker_id, changed)
    action: Action = "worker.read" if what is None else "worker.changed"
    log_access(tx, now, account.id, action, elder_ids=elders, detail={"worker_id": worker_id, "what": what})
    return detail


@router.post("/providers/{provider_id}/workers", status_code=201)
def hire(provider_id: ProviderId, body: NewWorker, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """Write in a worker with an account of her own."""
    password_hash = HASHER.hash(body.password)
    with db.transaction(account.seat_id) as tx:
        worker_id = workers.hire(tx, now, provider_id, account.id, body.username, password_hash, body.profile())
        return _answer(tx, now, account, worker_id, "hired")


@router.get("/workers/{worker_id}")
def read_worker(worker_id: WorkerId, account: Staff, db: Db, now: Now) -> WorkerDetail:
    """A worker with certificates, working time, leaves and coming visits."""
    with db.transaction(account.seat_id) as tx:
        return _answer(tx, now, account, worker_id, None)


@router.put("/workers/{worker_id}")
def change_worker(worker_id: WorkerId, body: WorkerBody, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """Change who a worker is and how she travels."""
    with db.transaction(account.seat_id) as tx:
        workers.change(tx, now, worker_id, account.id, body.profile())
        return _answer(tx, now, account, worker_id, "changed")


@router.post("/workers/{worker_id}/departure")
def leave_provider(worker_id: WorkerId, body: Reason, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """A worker leaves her provider: her account is closed, her promises go to others."""
    with db.transaction(account.seat_id) as tx:
        changed = workers.leave_provider(tx, now, worker_id, account.id, body.reason)
        return _answer(tx, now, account, worker_id, "left", changed)


@router.post("/workers/{worker_id}/certificates", status_code=201)
def add_certificate(worker_id: WorkerId, body: NewCertificate, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """Write in a certificate."""
    paper = certificates.Certificate(
        body.skill, body.number or None, body.issuer or None, body.valid_from, body.valid_to
    )
    with db.transaction(account.seat_id) as tx:
        certificates.add(tx, now, worker_id, account.id, paper)
        return _answer(tx, now, account, worker_id, "certified")


@router.post("/workers/{worker_id}/certificates/{certificate_id}/revoke")
def revoke_certificate(
    worker_id: WorkerId, certificate_id: RowId, body: Reason, account: Supervisor, db: Db, now: Now
) -> WorkerDetail:
    """A certificate does not count any more: what needs it goes to others at once."""
    with db.transaction(account.seat_id) as tx:
        changed = certificates.revoke(tx, now, worker_id, account.id, certificate_id, body.reason)
        return _answer(tx, now, account, worker_id, "certificate_revoked", changed)


@router.post("/workers/{worker_id}/shifts", status_code=201)
def add_shift(worker_id: WorkerId, body: NewShift, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """Let a worker work once more."""
    with db.transaction(account.seat_id) as tx:
        shifts.add_shift(tx, now, worker_id, account.id, body.starts_at, body.ends_at)
        return _answer(tx, now, account, worker_id, "shift_added")


@router.delete("/workers/{worker_id}/shifts/{shift_id}")
def take_shift(worker_id: WorkerId, shift_id: RowId, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """Take a shift away: what was promised in it goes to others at once."""
    with db.transaction(account.seat_id) as tx:
        changed = shifts.take_shift(tx, now, worker_id, account.id, shift_id)
        return _answer(tx, now, account, worker_id, "shift_taken", changed)


@router.post("/workers/{worker_id}/hours", status_code=201)
def set_hours(worker_id: WorkerId, body: NewHours, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """Let a worker work every week; the shifts of the coming weeks are made at once."""
    if body.valid_to is not None and body.valid_to < body.valid_from:
        raise ApiError("window_empty")
    if body.starts.tzinfo is not None or body.ends.tzinfo is not None:
        raise ApiError("invalid")
    hours = shifts.WeeklyHours(body.weekday, body.starts, body.ends, body.valid_from, body.valid_to)
    with db.transaction(account.seat_id) as tx:
        shifts.set_weekly_hours(tx, now, worker_id, account.id, hours)
        return _answer(tx, now, account, worker_id, "hours_set")


@router.delete("/workers/{worker_id}/hours/{hours_id}")
def end_hours(worker_id: WorkerId, hours_id: RowId, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """End weekly hours, with the shifts made of them that have not begun."""
    with db.transaction(account.seat_id) as tx:
        changed = shifts.end_weekly_hours(tx, now, worker_id, account.id, hours_id)
        return _answer(tx, now, account, worker_id, "hours_ended", changed)


@router.post("/workers/{worker_id}/leaves", status_code=201)
def report_leave(worker_id: WorkerId, body: NewLeave, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """A worker is ill or away: what she promised for that time goes to others at once."""
    with db.transaction(account.seat_id) as tx:
        changed = leaves.report_leave(
            tx, now, worker_id, account.id, body.kind, body.starts_at, body.ends_at, body.note or None
        )
        return _answer(tx, now, account, worker_id, "leave_reported", changed)


@router.post("/workers/{worker_id}/leaves/{leave_id}/end")
def end_leave(worker_id: WorkerId, leave_id: RowId, account: Supervisor, db: Db, now: Now) -> WorkerDetail:
    """She is back, or does not go."""
    with db.transaction(account.seat_id) as tx:
        leaves.end_leave(tx, now, worker_id, account.id, leave_id)
        return _answer(tx, now, account, worker_id, "leave_ended")


def _kept_apart(tx: Transaction, now: datetime, account: SignedIn, elder_id: int) -> ExclusionList:
    return ExclusionList(exclusions=exclusions(tx, now, account, elder_id=elder_id))


@router.get("/elders/{elder_id}/exclusions")
def read_exclusions(elder_id: ElderId, account: Staff, db: Db, now: Now) -> ExclusionList:
    """Who is not to be sent to an elder."""
    with db.transaction(account.seat_id) as tx:
        found_in_scope(tx, now, account, elder_id)
        log_access(tx, now, account.id, "exclusions.read", elder_id=elder_id)
        return _kept_apart(tx, now, account, elder_id)


@router.post("/elders/{elder_id}/exclusions", status_code=201)
def begin_exclusion(elder_id: ElderId, body: NewExclusion, account: Staff, db: Db, now: Now) -> ExclusionList:
    """Never send somebody to an elder again; a visit that is promised goes to somebody else at once."""
    with db.transaction(account.seat_id) as tx:
        exclude(tx, now, account.id, elder_id, body.worker_id, body.asked_by, body.reason)
        log_access(tx, now, account.id, "exclusion.begun", elder_id=elder_id, detail={"worker_id": body.worker_id})
        return _kept_apart(tx, now, account, elder_id)


@router.post("/elders/{elder_id}/exclusions/{worker_id}/end")
def finish_exclusion(
    elder_id: ElderId, worker_id: WorkerId, body: Reason, account: Staff, db: Db, now: Now
) -> ExclusionList:
    """Somebody may be sent to an elder again."""
    with db.transaction(account.seat_id) as tx:
        end_exclusion(tx, now, account.id, elder_id, worker_id, body.reason)
        log_access(tx, now, account.id, "exclusion.ended", elder_id=elder_id, detail={"worker_id": worker_id})
        return _kept_apart(tx, now, account, elder_id)


@router.get("/work/papers")
def read_own_papers(account: Worker, db: Db, now: Now) -> OwnPapers:
    """A worker's own certificates, shifts and leaves."""
    with db.transaction() as tx:
        own = tx.row(OWN, {"account_id": account.id})
        if own is None:
            raise ApiError("not_found")
        log_access(tx, now, account.id, "papers.read")
        return OwnPapers(
            certificates=certificates_of(tx, now, [own["id"]]).get(own["id"], []),
            shifts=shifts_of(tx, now, own["id"]),
            leaves=leaves_of(tx, now, own["id"]),
            server_time=now,
        )
