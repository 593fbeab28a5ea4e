"""The transports' health, and whom of the own people the service can reach: for supervisors, before it matters."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from control_center.access import log_access
from control_center.auth import Administrator, Allowed, SignedIn, Supervisor
from control_center.dependencies import Db, Now
from control_center.errors import ApiError
from control_center.shapes import Person, Shape
from dispatch.reach import TransportName, lasting, ways_of
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Role

ALL = statement("""
    SELECT transport.name, transport.ready, transport.timeout_seconds, transport.word_seconds,
           transport.patience_seconds, transport.concurrency, transport.attempts, transport.last_success_at,
           transport.last_failure_at, transport.last_error, COALESCE(queue.waiting, 0) AS waiting,
           COALESCE(queue.late, 0) AS late
    FROM transport
    LEFT JOIN (
        SELECT notification.transport, count(*) AS waiting,
               count(*) FILTER (WHERE due_at < %(now)s::timestamptz - interval '30 seconds') AS late
        FROM notification WHERE due_reason = 'send' AND due_at <= %(now)s::timestamptz
        GROUP BY notification.transport
    ) AS queue ON queue.transport = transport.name
    ORDER BY transport.name
""")
CHANGE = statement("""
    UPDATE transport
    SET timeout_seconds = %(timeout_seconds)s::integer, word_seconds = %(word_seconds)s::integer,
        patience_seconds = %(patience_seconds)s::integer, concurrency = %(concurrency)s::smallint,
        attempts = %(attempts)s::smallint
    WHERE name = %(name)s::text
""")
# Staff of the units below the supervisor's, and the workers whom a supervisor sees anyway.
PEOPLE = statement("""
    SELECT account.id, account.name, account.role
    FROM account
    WHERE account.disabled_at IS NULL AND (
        account.role IN ('operator', 'supervisor') AND EXISTS (
            SELECT FROM membership AS theirs
            JOIN org_unit AS unit ON unit.code = theirs.org_code
            JOIN org_unit AS top ON starts_with(unit.path, top.path)
            JOIN membership AS mine ON mine.org_code = top.code
            WHERE theirs.account_id = account.id AND mine.account_id = %(actor_id)s::integer
              AND theirs.valid_from <= %(now)s::timestamptz
              AND (theirs.valid_to IS NULL OR theirs.valid_to > %(now)s::timestamptz)
              AND mine.valid_from <= %(now)s::timestamptz
              AND (mine.valid_to IS NULL OR mine.valid_to > %(now)s::timestamptz))
        OR EXISTS (
            SELECT FROM worker JOIN worker_audience(%(now)s::timestamptz) AS audience ON audience.worker_id = worker.id
            WHERE worker.account_id = account.id AND audience.account_id = %(actor_id)s::integer))
    ORDER BY account.role, account.name, account.id
""")
router = APIRouter(prefix="/api", tags=["reach"])
Light = Literal["good", "failing", "off"]
Overseer = Annotated[SignedIn, Depends(Allowed("supervisor", "administrator"))]
Seconds = Annotated[int, Field(strict=True, ge=1, le=3600)]


class TransportHealth(Shape):
    """One transport. Light: `off` is not configured, `failing` failed last or lets messages wait for over 30 s."""

    name: TransportName
    light: Light
    timeout_seconds: int
    word_seconds: int | None
    patience_seconds: int | None
    concurrency: int
    attempts: int
    waiting: int
    late: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None


class TransportList(Shape):
    """All transports."""

    transports: list[TransportHealth]


class TransportFigures(BaseModel):
    """How long one attempt may take (60 s at most), how long a provider's word and a person's answer are waited for
    (null: not), how many attempts are made at once (from the engines' next start) and altogether."""

    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=60)]
    word_seconds: Seconds | None
    patience_seconds: Seconds | None
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)]
    attempts: Annotated[int, Field(strict=True, ge=1, le=20)]


class Reachable(Shape):
    """A person, the ways that are configured and verified, and how many of them work away from a screen now."""

    person: Person
    role: Role
    ways: list[TransportName]
    working: int
    at_screen: bool


class ReachableList(Shape):
    """The people of the supervisor's units."""

    people: list[Reachable]


def light_of(ready: bool, late: int, succeeded: datetime | None, failed: datetime | None) -> Light:
    """The colour of a transport's light; pure."""
    if not ready:
        return "off"
    failing = failed is not None and (succeeded is None or succeeded < failed)
    return "failing" if failing or late else "good"


def _all(tx: Transaction, now: datetime) -> TransportList:
    shown = []
    for found in tx.rows(ALL, {"now": now}):
        light = light_of(found.pop("ready"), found["late"], found["last_success_at"], found["last_failure_at"])
        shown.append(TransportHealth(light=light, **found))
    return TransportList(transports=shown)


@router.get("/transports")
def list_transports(_account: Overseer, db: Db, now: Now) -> TransportList:
    """Every transport with its figures and its light."""
    with db.transaction() as tx:
        return _all(tx, now)


@router.put("/transports/{name}")
def change_transport(
    name: TransportName, figures: TransportFigures, account: Administrator, db: Db, now: Now
) -> TransportList:
    """Change a transport's figures; where it sends to is a setting of the engines."""
    with db.transaction() as tx:
        if tx.execute(CHANGE, {"name": name, **figures.model_dump()}) == 0:
            raise ApiError("not_found")
        log_access(tx, now, account.id, "transport.changed", detail={"name": name, **figures.model_dump()})
        return _all(tx, now)


@router.get("/reachable")
def list_reachable(account: Supervisor, db: Db, now: Now) -> ReachableList:
    """Who of the supervisor's people can be reached, and how; without numbers and addresses."""
    with db.transaction() as tx:
        people = tx.rows(PEOPLE, {"actor_id": account.id, "now": now})
        ways = ways_of(tx.conn, now, [person["id"] for person in people])
    return ReachableList(
        people=[
            Reachable(
                person=Person(id=person["id"], name=person["name"]),
                role=person["role"],
                ways=[way.transport for way in ways[person["id"]] if way.transport != "screen"],
                working=len(lasting(ways[person["id"]])),
                at_screen=any(way.works for way in ways[person["id"]] if way.transport == "screen"),
            )
            for person in people
        ]
    )
