"""What is promised of alarms, as supervisors set it: read, replaced by a new version, ended; never edited in place."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.cards import Org, Shape
from control_center.dependencies import LARGEST_INTEGER, Db, Now, Storable
from control_center.errors import ApiError
from dispatch.promises import PROMISES
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AlarmKind, Severity

HISTORY: Final = 200
"""How many ended policies are shown, the last ended first."""
LONGEST: Final = 2_592_000
"""Thirty days, in seconds."""
# Whoever works below a unit may know what it promises; setting it takes a right to the whole of it.
SHOWN = statement("""
    SELECT policy.*, unit.name AS org_name, setter.name AS setter, ender.name AS ender
    FROM promise_policy AS policy
    LEFT JOIN org_unit AS unit ON unit.code = policy.org_code
    LEFT JOIN account AS setter ON setter.id = policy.set_by
    LEFT JOIN account AS ender ON ender.id = policy.ended_by
    WHERE (policy.valid_to IS NULL) = %(standing)s::boolean AND (policy.org_code IS NULL OR EXISTS (
        SELECT FROM membership JOIN org_unit AS own ON own.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer
          AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND (starts_with(own.path, unit.path) OR starts_with(unit.path, own.path))))
    ORDER BY policy.valid_to DESC NULLS FIRST, length(unit.path) NULLS FIRST, unit.path, policy.severity, policy.kind,
             policy.id DESC
    LIMIT %(limit)s::integer
""")
# Two who set what one unit promises at once come one after the other.
LOCK_UNIT = statement("""
    SELECT unit.code FROM org_unit AS unit
    WHERE unit.code = %(org_code)s::text AND EXISTS (
        SELECT FROM membership JOIN org_unit AS own ON own.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer
          AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND starts_with(unit.path, own.path))
    FOR NO KEY UPDATE
""")
STANDING = statement("""
    SELECT * FROM promise_policy
    WHERE valid_to IS NULL AND org_code = %(org_code)s::text AND severity = %(severity)s::text
      AND kind IS NOT DISTINCT FROM %(kind)s::text
""")
UNIT_OF = statement("SELECT org_code FROM promise_policy WHERE id = %(id)s::integer AND valid_to IS NULL")
END = statement("""
    UPDATE promise_policy SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE id = %(id)s::integer AND valid_to IS NULL
""")
SET = statement("""
    INSERT INTO promise_policy (org_code, kind, severity, answer_seconds, dispatch_seconds, accept_seconds,
                                on_scene_seconds, resolve_seconds, note, valid_from, set_by)
    VALUES (%(org_code)s::text, %(kind)s::text, %(severity)s::text, %(answer_seconds)s::integer,
            %(dispatch_seconds)s::integer, %(accept_seconds)s::integer, %(on_scene_seconds)s::integer,
            %(resolve_seconds)s::integer, %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
""")

router = APIRouter(prefix="/api/promises", tags=["service level"])
PolicyId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=LONGEST)]


class NewPromises(BaseModel):
    """What a unit promises from now on for alarms of a severity, and of one kind if it is given: seconds from the alarm
    until somebody answers, is asked to go, has accepted, is there, and the alarm has an outcome. Null is no promise.
    Each may be due no earlier than the ones before it."""

    org_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,40}$")]
    kind: AlarmKind | None = None
    severity: Severity
    answer_seconds: Seconds
    dispatch_seconds: Seconds | None = None
    accept_seconds: Seconds | None = None
    on_scene_seconds: Seconds | None = None
    resolve_seconds: Seconds | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


class PromisePolicy(Shape):
    """What is promised since `valid_from`, by whom it was set and ended; without `org` it holds wherever nobody has set
    anything nearer, without `kind` for every kind. `set_by` is null for what came with the service."""

    id: int
    org: Org | None
    kind: AlarmKind | None
    severity: Severity
    answer_seconds: int
    dispatch_seconds: int | None
    accept_seconds: int | None
    on_scene_seconds: int | None
    resolve_seconds: int | None
    note: str | None
    valid_from: datetime
    valid_to: datetime | None
    set_by: str | None
    ended_by: str | None


class PromisePolicies(Shape):
    """What is promised now, and what was before, the last ended first."""

    standing: list[PromisePolicy]
    history: list[PromisePolicy]


def _policy(found: Row) -> PromisePolicy:
    same = {name: found[name] for name in PromisePolicy.model_fields if name in found and not name.endswith("_by")}
    org = Org(code=found["org_code"], name=found["org_name"]) if found["org_code"] else None
    return PromisePolicy(**same, org=org, set_by=found["setter"], ended_by=found["ender"])


def _shown(tx: Transaction, now: datetime, account: SignedIn) -> PromisePolicies:
    asked = {"account_id": account.id, "now": now, "limit": HISTORY}
    return PromisePolicies(
        standing=[_policy(found) for found in tx.rows(SHOWN, {**asked, "standing": True, "limit": 10 * HISTORY})],
        history=[_policy(found) for found in tx.rows(SHOWN, {**asked, "standing": False})],
    )


def _refuse_disorder(wanted: NewPromises) -> None:
    """Nobody arrives before she is asked. Raises RequestValidationError for a promise due before an earlier one."""
    earliest = wanted.answer_seconds
    for promise in PROMISES[1:]:
        seconds = getattr(wanted, f"{promise}_seconds")
        if seconds is not None and seconds < earliest:
            fault = {"type": "greater_than_equal", "loc": ("body", f"{promise}_seconds"), "ctx": {"ge": earliest}}
            raise RequestValidationError([fault])
        earliest = seconds or earliest


@router.get("")
def list_promises(account: Staff, db: Db, now: Now) -> PromisePolicies:
    """What holds at the caller's units and those above and below them; it is about nobody in particular."""
    with db.transaction() as tx:
        return _shown(tx, now, account)


@router.post("")
def set_promises(wanted: NewPromises, account: Supervisor, db: Db, now: Now) -> PromisePolicies:
    """Replace what a unit promises, for alarms that ring from now on; clocks that run keep their deadlines."""
    _refuse_disorder(wanted)
    said = wanted.model_dump() | {"note": wanted.note or None}
    with db.transaction(account.seat_id) as tx:
        about = {**said, "account_id": account.id, "actor_id": account.id, "now": now}
        if tx.row(LOCK_UNIT, about) is None:
            raise ApiError("not_found")
        standing = tx.row(STANDING, about)
        if standing is not None:
            if all(standing[name] == value for name, value in said.items()):
                raise ApiError("same_policy")
            tx.execute(END, {**about, "id": standing["id"]})
        tx.execute(SET, about)
        log_access(tx, now, account.id, "promises.set", detail=said)
        return _shown(tx, now, account)


@router.post("/{policy_id}/end")
def end_promises(policy_id: PolicyId, account: Supervisor, db: Db, now: Now) -> PromisePolicies:
    """End what a unit promises: that of the unit above holds again. What came with the service cannot be ended."""
    with db.transaction(account.seat_id) as tx:
        policy = tx.row(UNIT_OF, {"id": policy_id})
        unit = {"org_code": policy["org_code"] if policy else None, "account_id": account.id, "now": now}
        if tx.row(LOCK_UNIT, unit) is None or not tx.execute(
            END, {"id": policy_id, "actor_id": account.id, "now": now}
        ):
            raise ApiError("not_found")
        log_access(tx, now, account.id, "promises.ended", detail={"policy_id": policy_id})
        return _shown(tx, now, account)
