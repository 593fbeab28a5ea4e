"""Who could go to an alarm and why not the others, the responder whom staff name, and who looks after whom."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import Staff, Supervisor
from control_center.cards import CardAnswer
from control_center.dependencies import LARGEST_INTEGER, AlarmId, Connection, Db, ElderId, Now, Storable
from control_center.errors import ApiError
from control_center.help_cards import CandidateEntry, CandidateList, PairingEntry, PairingList, WorkerBrief
from control_center.offer_views import in_sight, left_out, reasons_of, worker_brief
from control_center.operators import ONE_IN_SCOPE, card_answer
from control_center.registry import found_in_scope
from dispatch import naming, pairings, responder_kinds
from dispatch.matching import preview
from schemas.database import rows
from schemas.statements import statement
from schemas.states import ResponderKind

SHOWN: Final = 20
BRIEFS = statement("""
    SELECT worker.id AS worker_id, account.name AS worker_name, provider.name AS worker_provider,
           worker.phone AS worker_phone
    FROM worker
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    WHERE worker.id = ANY(%(ids)s::integer[])
""")
PAIRINGS = statement("""
    SELECT worker.id AS worker_id, account.name AS worker_name, provider.name AS worker_provider,
           worker.phone AS worker_phone, worker.kind, pairing.valid_from, pairing.note
    FROM pairing
    JOIN worker ON worker.id = pairing.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    WHERE pairing.elder_id = %(elder_id)s::integer AND pairing.valid_from <= %(now)s::timestamptz
      AND (pairing.valid_to IS NULL OR pairing.valid_to > %(now)s::timestamptz)
    ORDER BY pairing.valid_from, pairing.id
""")

router = APIRouter(prefix="/api", tags=["nearest help"])
WorkerId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Worker = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]


class NamedResponder(BaseModel):
    """Whom to send and why her; `agreed` when she has said yes already, by telephone say."""

    worker_id: Worker
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
    agreed: bool = False


class KindChange(BaseModel):
    """What kind of responder somebody is from now on."""

    kind: ResponderKind


class NewPairing(BaseModel):
    """Who is to look after an elder, and what was agreed."""

    worker_id: Worker
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


def briefs(conn: Connection, ids: set[int]) -> dict[int, WorkerBrief]:
    """Workers by id, as staff are shown them."""
    return {found["worker_id"]: worker_brief(found) for found in rows(conn, BRIEFS, {"ids": list(ids)})}


@router.get("/alarms/{alarm_id}/candidates")
def read_candidates(alarm_id: AlarmId, account: Staff, db: Db, now: Now) -> CandidateList:
    """Who could be sent to an alarm now and why, and why not the others; nothing is done. Whom the caller may not see
    is counted and not named."""
    with db.transaction() as tx:
        found = tx.row(ONE_IN_SCOPE, {"alarm_id": alarm_id, "account_id": account.id, "now": now})
        if found is None:
            raise ApiError("not_found")
        choice = preview(tx, now, alarm_id)
        best = choice.best(SHOWN)
        others = choice.left_out({one.candidate.worker_id for one in best})
        ids = {one.candidate.worker_id for one in best} | {one["worker_id"] for one in others}
        seen = in_sight(tx.conn, now, account.id, ids)
        known = briefs(tx.conn, seen)
        log_access(tx, now, account.id, "candidates.read", alarm_id=alarm_id, detail={"worker_ids": sorted(seen)})
    return CandidateList(
        considered=choice.considered,
        eligible=len(choice.eligible),
        ranked=[
            CandidateEntry(
                worker=known[one.candidate.worker_id], reasons=reasons_of(one.reasons()), waived=list(one.waived)
            )
            for one in best
            if one.candidate.worker_id in known
        ],
        turned_away={str(limit): count for limit, count in choice.turned_away.items()},
        left_out=left_out(others, seen),
        server_time=now,
    )


@router.post("/alarms/{alarm_id}/name")
def name_responder(alarm_id: AlarmId, body: NamedResponder, account: Staff, db: Db, now: Now) -> CardAnswer:
    """Ask one person to go, whatever her rank; who has agreed already is sent at once."""
    with db.transaction(account.seat_id) as tx:
        naming.name(tx, now, alarm_id, account.id, body.worker_id, body.reason, agreed=body.agreed)
        return card_answer(tx, now, account, "alarm.named", alarm_id)


@router.put("/workers/{worker_id}/kind", status_code=204)
def set_kind(worker_id: WorkerId, body: KindChange, account: Supervisor, db: Db, now: Now) -> None:
    """Say what kind of responder a worker is: staff of a station, grid worker, paired helper or of a mobile team."""
    with db.transaction(account.seat_id) as tx:
        former = responder_kinds.set_kind(tx, now, account.id, worker_id, body.kind)
        detail = {"worker_id": worker_id, "kind": body.kind, "was": former}
        log_access(tx, now, account.id, "worker.kind_set", detail=detail)


def _pairings(conn: Connection, now: object, elder_id: int) -> PairingList:
    found = rows(conn, PAIRINGS, {"elder_id": elder_id, "now": now})
    return PairingList(
        pairings=[
            PairingEntry(worker=worker_brief(one), kind=one["kind"], since=one["valid_from"], note=one["note"])
            for one in found
        ]
    )


@router.get("/elders/{elder_id}/pairings")
def read_pairings(elder_id: ElderId, account: Staff, db: Db, now: Now) -> PairingList:
    """Who looks after an elder by agreement."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        log_access(tx, now, account.id, "pairings.read", elder_id=elder_id)
        return _pairings(tx.conn, now, elder_id)


@router.post("/elders/{elder_id}/pairings", status_code=201)
def begin_pairing(elder_id: ElderId, body: NewPairing, account: Staff, db: Db, now: Now) -> PairingList:
    """Let somebody look after an elder from now on."""
    with db.transaction(account.seat_id) as tx:
        pairings.pair(tx, now, account.id, elder_id, body.worker_id, body.note or None)
        detail = {"worker_id": body.worker_id}
        log_access(tx, now, account.id, "pairing.begun", elder_id=elder_id, detail=detail)
        return _pairings(tx.conn, now, elder_id)


@router.delete("/elders/{elder_id}/pairings/{worker_id}")
def end_pairing(elder_id: ElderId, worker_id: WorkerId, account: Staff, db: Db, now: Now) -> PairingList:
    """End a pairing; it stays on record."""
    with db.transaction(account.seat_id) as tx:
        pairings.part(tx, now, account.id, elder_id, worker_id)
        log_access(tx, now, account.id, "pairing.ended", elder_id=elder_id, detail={"worker_id": worker_id})
        return _pairings(tx.conn, now, elder_id)
