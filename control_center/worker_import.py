"""Writes a file of workers into the register: each row for itself, with what is wrong about the others."""

import secrets
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from control_center.access import log_access
from control_center.auth import HASHER, SignedIn, Supervisor
from control_center.dependencies import Db, Now
from control_center.errors import ApiError
from control_center.provider_cards import HiredWorker, ImportAnswer, RefusedRow
from control_center.providers import ProviderId
from control_center.worker_file import BadLine, RowFault, UnreadableFile, WorkerLine, read_workers
from dispatch.pool import certificates, workers
from dispatch.pool.admission import locked_for
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

# Where her provider serves, for whoever's home base nobody wrote down.
BASE = statement("""
    SELECT unit.lat, unit.lon FROM provider_area JOIN org_unit AS unit ON unit.code = provider_area.org_code
    WHERE provider_area.provider_id = %(id)s::integer AND unit.lat IS NOT NULL AND unit.lon IS NOT NULL
      AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz)
    ORDER BY length(unit.path) DESC, unit.code LIMIT 1
""")
FAULTS: Final[dict[str, RowFault]] = {
    "name_in_use": "username_taken",
    "unknown_skill": "unknown_skill",
    "certificate_known": "bad_certificate",
}

router = APIRouter(prefix="/api/providers", tags=["provider pool"])


@router.post(
    "/{provider_id}/workers/import",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {
                    "schema": {"type": "string", "format": "binary"}
                },
            },
        }
    },
)
async def import_workers(
    provider_id: ProviderId, request: Request, account: Supervisor, db: Db, now: Now
) -> ImportAnswer:
    """Write in the workers of a file, CSV or XLSX; rows that cannot be used are named and hold up no other. Passwords
    that were made are told only here."""
    body = await request.body()
    return await run_in_threadpool(_import, db, now, account, provider_id, body)


def _import(db: Db, now: datetime, account: SignedIn, provider_id: int, body: bytes) -> ImportAnswer:
    try:
        lines = read_workers(body)
    except UnreadableFile as unreadable:
        raise ApiError(unreadable.fault) from None
    with db.transaction(account.seat_id) as tx:
        provider = locked_for(tx, now, provider_id, account.id)
        if provider["state"] == "exited":
            raise Refused("wrong_step")
        answer = _take(tx, now, account.id, provider_id, lines)
        told = {"provider_id": provider_id, "hired": len(answer.hired), "refused": len(answer.refused)}
        log_access(tx, now, account.id, "workers.imported", detail=told)
    return answer


def _take(
    tx: Transaction, now: datetime, actor_id: int, provider_id: int, lines: list[WorkerLine | BadLine]
) -> ImportAnswer:
    base = tx.row(BASE, {"id": provider_id, "now": now})
    seen: set[str] = set()
    hired: list[HiredWorker] = []
    refused: list[RefusedRow] = []
    for line in lines:
        if isinstance(line, BadLine):
            refused.append(RefusedRow(line=line.line, name=line.name, fault=line.fault))
            continue
        place = line.place or (None if base is None else (base["lat"], base["lon"]))
        fault: RowFault | None = "twice_in_file" if line.username in seen else None if place else "bad_place"
        seen.add(line.username)
        if fault is None and place is not None:
            made = _hire(tx, now, actor_id, provider_id, line, place)
            if isinstance(made, HiredWorker):
                hired.append(made)
                continue
            fault = made
        refused.append(RefusedRow(line=line.line, name=line.name, fault=fault or "bad_row"))
    return ImportAnswer(hired=hired, refused=refused)


def _hire(
    tx: Transaction, now: datetime, actor_id: int, provider_id: int, line: WorkerLine, place: tuple[float, float]
) -> HiredWorker | RowFault:
    """The worker who was written in with her certificates, or why neither was."""
    password = line.password or secrets.token_urlsafe(9)
    profile = workers.WorkerProfile(
        line.name, line.sex, line.phone, line.kind, line.travel, *place, carries=line.carries
    )
    try:
        with tx.savepoint():
            worker_id = workers.hire(tx, now, provider_id, actor_id, line.username, HASHER.hash(password), profile)
            for certificate in line.certificates:
                certificates.add(tx, now, worker_id, actor_id, certificate)
    except Refused as refusal:
        return FAULTS.get(refusal.code, "bad_row")
    made = None if line.password else password
    return HiredWorker(line=line.line, id=worker_id, username=line.username, name=line.name, password=made)
