"""A provider's workers: who they are and how they travel, from the day they are written in until they leave."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from dispatch.pool.admission import locked_for
from dispatch.pool.lapses import look_at_work
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import ResponderKind, Sex, Travel

ADD_ACCOUNT = statement("""
    INSERT INTO account (username, name, role, password_hash, created_at)
    VALUES (%(username)s::text, %(name)s::text, 'worker', %(password_hash)s::text, %(now)s::timestamptz)
    RETURNING id
""")
ADD = statement("""
    INSERT INTO worker (account_id, provider_id, kind, phone, travel, base_lat, base_lon, sex, carries)
    VALUES (%(account_id)s::integer, %(provider_id)s::integer, %(kind)s::text, %(phone)s::text, %(travel)s::text,
            %(base_lat)s::double precision, %(base_lon)s::double precision, %(sex)s::text, %(carries)s::smallint)
    RETURNING id
""")
CHANGE = statement("""
    UPDATE worker
    SET kind = %(kind)s::text, phone = %(phone)s::text, travel = %(travel)s::text,
        base_lat = %(base_lat)s::double precision, base_lon = %(base_lon)s::double precision, sex = %(sex)s::text,
        carries = %(carries)s::smallint
    WHERE id = %(id)s::integer
""")
RENAME = statement("UPDATE account SET name = %(name)s::text WHERE id = %(id)s::integer")
LEAVE = statement("""
    UPDATE worker SET left_at = %(now)s::timestamptz, left_reason = %(reason)s::text WHERE id = %(id)s::integer
""")
CLOSE_ACCOUNT = statement("""
    UPDATE account SET disabled_at = %(now)s::timestamptz WHERE id = %(id)s::integer AND disabled_at IS NULL
""")
IN_SIGHT = statement("""
    SELECT (SELECT role FROM account WHERE id = %(actor_id)s::integer) AS role
    FROM worker_audience(%(now)s::timestamptz) AS audience
    WHERE audience.worker_id = %(id)s::integer AND audience.account_id = %(actor_id)s::integer
    LIMIT 1
""")
LOCK = statement("""
    SELECT id, account_id, provider_id, left_at FROM worker WHERE id = %(id)s::integer FOR NO KEY UPDATE
""")
RECORD = statement("""
    INSERT INTO worker_event (worker_id, at, kind, actor_id, reason, detail)
    VALUES (%(id)s::integer, %(now)s::timestamptz, %(kind)s::text, %(actor_id)s::integer, %(reason)s::text,
            %(detail)s::jsonb)
""")


@dataclass(frozen=True)
class WorkerProfile:
    """Who a worker is: her home base in WGS-84 degrees, and how many portions fit on her vehicle."""

    name: str
    sex: Sex | None
    phone: str | None
    kind: ResponderKind
    travel: Travel
    base_lat: float
    base_lon: float
    carries: int = 20


def record(
    tx: Transaction,
    now: datetime,
    worker_id: int,
    kind: str,
    *,
    actor_id: int | None,
    reason: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add a row to a worker's history."""
    told = {"kind": kind, "actor_id": actor_id, "reason": reason, "detail": Jsonb(detail or {})}
    tx.execute(RECORD, {"id": worker_id, "now": now, **told})


def locked_worker(tx: Transaction, now: datetime, worker_id: int, actor_id: int) -> Row:
    """A worker under her lock, for a supervisor in whose scope her provider serves. Whoever accepts an offer holds the
    same lock: the one sees what the other did.

    Raises Refused: not_found, supervisor_needed, worker_left.
    """
    seen = tx.row(IN_SIGHT, {"id": worker_id, "now": now, "actor_id": actor_id})
    if seen is None:
        raise Refused("not_found")
    if seen["role"] != "supervisor":
        raise Refused("supervisor_needed")
    [worker] = tx.rows(LOCK, {"id": worker_id})
    if worker["left_at"] is not None:
        raise Refused("worker_left")
    return worker


def hire(
    tx: Transaction,
    now: datetime,
    provider_id: int,
    actor_id: int,
    username: str,
    password_hash: str,
    profile: WorkerProfile,
) -> int:
    """Write in a worker of a provider, with an account of her own; returns the worker's id.

    Raises Refused: not_found, district_supervisor_needed, wrong_step (the provider has left), name_in_use.
    """
    provider = locked_for(tx, now, provider_id, actor_id)
    if provider["state"] == "exited":
        raise Refused("wrong_step")
    about = {"username": username, "name": profile.name, "password_hash": password_hash, "now": now}
    try:
        with tx.conn.transaction():
            [account] = tx.rows(ADD_ACCOUNT, about)
    except UniqueViolation:
        raise Refused("name_in_use") from None
    [made] = tx.rows(ADD, {**vars(profile), "account_id": account["id"], "provider_id": provider_id})
    record(tx, now, made["id"], "hired", actor_id=actor_id, detail={"provider_id": provider_id})
    return int(made["id"])


def change(tx: Transaction, now: datetime, worker_id: int, actor_id: int, profile: WorkerProfile) -> None:
    """Change who a worker is and how she travels. Raises Refused: not_found, supervisor_needed, worker_left."""
    worker = locked_worker(tx, now, worker_id, actor_id)
    tx.execute(CHANGE, {**vars(profile), "id": worker_id})
    tx.execute(RENAME, {"id": worker["account_id"], "name": profile.name})
    record(tx, now, worker_id, "changed", actor_id=actor_id, detail=dict(vars(profile)))


def leave_provider(tx: Transaction, now: datetime, worker_id: int, actor_id: int, reason: str) -> int:
    """A worker leaves her provider: her account is closed, and what she promised goes to others. Whoever begins at
    another provider is written in there anew, so that what she did here stays this provider's. Returns how many orders
    that changed. Raises Refused: not_found, supervisor_needed, worker_left."""
    worker = locked_worker(tx, now, worker_id, actor_id)
    tx.execute(LEAVE, {"id": worker_id, "now": now, "reason": reason})
    tx.execute(CLOSE_ACCOUNT, {"id": worker["account_id"], "now": now})
    record(tx, now, worker_id, "left", actor_id=actor_id, reason=reason)
    tx.emit(Event("account.changed", now, account_id=worker["account_id"]))
    return look_at_work(tx, now, [worker_id], actor_id=actor_id, note=reason)
