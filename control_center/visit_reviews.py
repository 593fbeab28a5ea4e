"""What comes after a visit: its rating, its entry afterwards, and what speaks against the worker."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import OrderReader, Supervisor, Viewer
from control_center.dependencies import LARGEST_INTEGER, Connection, Db, Now, OrderId, Storable
from control_center.errors import ApiError
from control_center.orders import order_answer
from control_center.shapes import Point, Shape
from control_center.visits import Words
from control_center.work_cards import OrderAnswer
from dispatch.service import back_entries, ratings
from dispatch.service.fraud import LOOK_BACK
from dispatch.service.patterns import Pattern, score
from schemas.database import Row, rows
from schemas.statements import statement

router: Final = APIRouter(prefix="/api", tags=["visits"])
WorkerId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
# Of the orders that the caller may see, what was found in the last weeks, and how many visits there were.
SUSPECTED = statement("""
    WITH visible AS MATERIALIZED (
        SELECT service_order.id, service_order.worker_id
        FROM service_order
        WHERE service_order.completed_at >= %(since)s::timestamptz AND NOT service_order.is_test
          AND (%(worker_id)s::integer IS NULL OR service_order.worker_id = %(worker_id)s::integer)
          AND EXISTS (
              SELECT FROM order_audience(%(now)s::timestamptz) AS audience
              WHERE audience.order_id = service_order.id AND audience.account_id = %(account_id)s::integer)
    ), found AS (
        SELECT fraud_finding.worker_id, array_agg(fraud_finding.weight) AS weights, count(*) AS findings,
               max(fraud_finding.at) AS last_at,
               max(task.id) FILTER (WHERE task.done_at IS NULL) AS task_id
        FROM fraud_finding
        JOIN visible ON visible.id = fraud_finding.order_id
        LEFT JOIN task ON task.id = fraud_finding.task_id
        WHERE fraud_finding.verdict IS DISTINCT FROM 'no_fraud' AND fraud_finding.at >= %(since)s::timestamptz
        GROUP BY fraud_finding.worker_id
    )
    SELECT found.*, account.name, provider.name AS provider,
           (SELECT count(*) FROM visible WHERE visible.worker_id = found.worker_id) AS visits
    FROM found
    JOIN worker ON worker.id = found.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
""")
FINDINGS = statement("""
    SELECT fraud_finding.pattern, fraud_finding.weight, fraud_finding.at, fraud_finding.evidence,
           fraud_finding.verdict, service_order.id AS order_id, service_order.elder_id, elder.name AS elder,
           household.address, household.lat, household.lon, service_order.checked_in_at, service_order.completed_at,
           service_order.checked_in_by, service_order.checked_in_lat, service_order.checked_in_lon,
           service_order.completed_lat, service_order.completed_lon, former.elder_id AS former_elder_id,
           former.checked_in_lat AS former_in_lat, former.checked_in_lon AS former_in_lon,
           former.completed_lat AS former_out_lat, former.completed_lon AS former_out_lon
    FROM fraud_finding
    JOIN service_order ON service_order.id = fraud_finding.order_id
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    LEFT JOIN service_order AS former
        ON former.id = (fraud_finding.evidence ->> 'from_order')::bigint AND EXISTS (
            SELECT FROM order_audience(%(now)s::timestamptz) AS audience
            WHERE audience.order_id = former.id AND audience.account_id = %(account_id)s::integer)
    WHERE fraud_finding.worker_id = %(worker_id)s::integer AND fraud_finding.at >= %(since)s::timestamptz
      AND EXISTS (
          SELECT FROM order_audience(%(now)s::timestamptz) AS audience
          WHERE audience.order_id = service_order.id AND audience.account_id = %(account_id)s::integer)
    ORDER BY fraud_finding.at DESC, fraud_finding.id DESC
    LIMIT 500
""")


class RatingWish(BaseModel):
    """What the elder's side says of a visit."""

    stars: Annotated[int, Field(strict=True, ge=1, le=5)]
    words: Words | None = None


class BackEntryWish(BaseModel):
    """A visit that took place and was not entered: from when to when, and why so late."""

    began_at: AwareDatetime
    ended_at: AwareDatetime
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]


class BackEntryAnswer(BaseModel):
    """The task by which a supervisor decides."""

    task_id: int


class Suspect(Shape):
    """What speaks against a worker in the last 30 days: the score for twenty visits, and the review that is open."""

    worker_id: int
    name: str
    provider: str
    score: int
    findings: int
    visits: int
    last_at: datetime
    task_id: int | None


class Suspects(Shape):
    """Workers against whom something speaks, the highest score first."""

    workers: list[Suspect]


class SuspectFinding(Shape):
    """A pattern found in a visit, with what shows it, and where the home is and the worker was; of a way that nobody
    travels so fast, `left` is where she was at the end of the visit before, if the caller may see that one."""

    pattern: Pattern
    weight: int
    at: datetime
    evidence: dict[str, object]
    verdict: Literal["confirmed_fraud", "no_fraud"] | None
    order_id: int
    elder: str
    address: str
    home: Point | None
    checked_in_at: datetime | None
    checked_in_by: Literal["gps", "code", "back_entry"] | None
    checked_in: Point | None
    completed_at: datetime | None
    completed: Point | None
    left: Point | None


class SuspectDetail(Shape):
    """A worker with everything found, newest first."""

    worker: Suspect
    findings: list[SuspectFinding]


@router.post("/orders/{order_id}/rating")
def rate_visit(order_id: OrderId, body: RatingWish, account: Viewer, db: Db, now: Now) -> OrderAnswer:
    """Rate a visit: a relative in her own words, staff in those of the elder."""
    with db.transaction(account.seat_id) as tx:
        ratings.rate(tx, now, order_id, account.id, body.stars, body.words or None)
        return order_answer(tx, now, account, "order.rated", order_id)


@router.post("/orders/{order_id}/back-entry", status_code=201)
def ask_back_entry(order_id: OrderId, body: BackEntryWish, account: OrderReader, db: Db, now: Now) -> BackEntryAnswer:
    """Say that a visit took place and was not entered; a supervisor who did not ask for it decides."""
    with db.transaction(account.seat_id) as tx:
        task_id = back_entries.ask(tx, now, order_id, account.id, body.reason, body.began_at, body.ended_at)
        log_access(tx, now, account.id, "back_entry.asked", order_id=order_id, task_id=task_id)
    return BackEntryAnswer(task_id=task_id)


def _suspects(conn: Connection, now: datetime, account_id: int, worker_id: int | None) -> list[Suspect]:
    about: dict[str, Any] = {"now": now, "since": now - LOOK_BACK, "account_id": account_id, "worker_id": worker_id}
    found = [_suspect(row) for row in rows(conn, SUSPECTED, about)]
    return sorted(found, key=lambda one: (-one.score, one.worker_id))


def _suspect(row: Row) -> Suspect:
    return Suspect(
        worker_id=row["worker_id"],
        name=row["name"],
        provider=row["provider"],
        score=score(row["weights"], row["visits"]),
        findings=row["findings"],
        visits=row["visits"],
        last_at=row["last_at"],
        task_id=row["task_id"],
    )


@router.get("/fraud")
def list_suspects(account: Supervisor, db: Db, now: Now) -> Suspects:
    """Workers in whose visits of the last 30 days something suspicious was found, in the supervisor's scope."""
    with db.transaction() as tx:
        found = _suspects(tx.conn, now, account.id, None)
        log_access(tx, now, account.id, "fraud.listed", detail={"workers": [one.worker_id for one in found]})
    return Suspects(workers=found)


@router.get("/fraud/{worker_id}")
def read_suspect(worker_id: WorkerId, account: Supervisor, db: Db, now: Now) -> SuspectDetail:
    """Everything found about a worker, with what shows it."""
    with db.transaction() as tx:
        found = _suspects(tx.conn, now, account.id, worker_id)
        if not found:
            raise ApiError("not_found")
        about = {"worker_id": worker_id, "now": now, "since": now - timedelta(days=90), "account_id": account.id}
        shown = rows(tx.conn, FINDINGS, about)
        elders = {row["elder_id"] for row in shown} | {row["former_elder_id"] for row in shown} - {None}
        log_access(tx, now, account.id, "fraud.read", elder_ids=elders, detail={"worker": worker_id})
    return SuspectDetail(worker=found[0], findings=[_finding(row) for row in shown])


def _point(lat: float | None, lon: float | None) -> Point | None:
    return None if lat is None or lon is None else Point(lat=lat, lon=lon)


def _finding(row: Row) -> SuspectFinding:
    return SuspectFinding(
        pattern=row["pattern"],
        weight=row["weight"],
        at=row["at"],
        evidence=row["evidence"],
        verdict=row["verdict"],
        order_id=row["order_id"],
        elder=row["elder"],
        address=row["address"],
        home=_point(row["lat"], row["lon"]),
        checked_in_at=row["checked_in_at"],
        checked_in_by=row["checked_in_by"],
        checked_in=_point(row["checked_in_lat"], row["checked_in_lon"]),
        completed_at=row["completed_at"],
        completed=_point(row["completed_lat"], row["completed_lon"]),
        left=_point(row["former_out_lat"], row["former_out_lon"]) or _point(row["former_in_lat"], row["former_in_lon"]),
    )
