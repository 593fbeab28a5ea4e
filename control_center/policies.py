"""Escalation policies, as supervisors set them: read, made, replaced by a new version, ended; never edited in place."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import Db, ElderId, Now
from control_center.errors import ApiError
from control_center.planning_scope import (
    elder_path,
    refuse_strangers,
    refuse_unknown_rotas,
    refuse_unknown_units,
    unit_path,
)
from control_center.policy_cards import Forecast, Policies, PolicyBody, PolicyHistory, PolicyShape
from control_center.policy_views import calendar, forecast, shown_policies
from dispatch.policies import PolicyStep
from dispatch.policy_changes import PolicyPlan, end_policy, lock_policy, set_policy
from schemas.database import Transaction
from schemas.states import AlarmKind, Severity

router = APIRouter(prefix="/api", tags=["escalation"])
Code = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")]


def _plan(tx: Transaction, now: datetime, account: SignedIn, body: PolicyBody) -> PolicyPlan:
    """The plan, refused where it names what the account does not answer for."""
    if body.elder_id is not None:
        path = elder_path(tx, now, account.id, body.elder_id)
    else:
        path = unit_path(tx, now, account.id, body.org_code or "")
    steps = [
        PolicyStep(position, step.after_seconds, tuple(target.target() for target in step.targets))
        for position, step in enumerate(body.steps, start=1)
    ]
    targets = [target for step in steps for target in step.targets]
    refuse_strangers(tx, now, path, {one.account_id for one in targets if one.account_id is not None})
    refuse_unknown_rotas(tx, path, {one.rota_id for one in targets if one.rota_id is not None})
    refuse_unknown_units(tx, path, {one.org_code for one in targets if one.org_code is not None})
    from_time, until_time = body.hours()
    return PolicyPlan(
        name=body.name,
        org_code=body.org_code,
        elder_id=body.elder_id,
        kind=body.kind,
        severity=body.severity,
        day_kind=body.day_kind,
        from_time=from_time,
        until_time=until_time,
        repeats=body.repeats,
        repeat_seconds=body.repeat_seconds,
        steps=steps,
    )


def _own(tx: Transaction, now: datetime, account: SignedIn, code: str) -> None:
    """Lock a policy of what the account answers for. Raises ApiError not_found where it may not even be seen, and
    not_permitted where it came with the service or is of a unit above."""
    shown = next(iter(shown_policies(tx, now, account, code)), None)
    if shown is None or shown.valid_to is not None:
        raise ApiError("not_found")
    if not shown.may_change:
        raise ApiError("not_permitted")
    lock_policy(tx, code)


def _written(tx: Transaction, now: datetime, account: SignedIn, code: str) -> PolicyShape:
    shown = shown_policies(tx, now, account, code)[0]
    elder_ids = [shown.elder.id] if shown.elder else []
    about = {"code": code, "version": shown.version}
    log_access(tx, now, account.id, "policy.set", elder_ids=elder_ids, detail=about)
    return shown


@router.get("/escalation-policies")
def list_policies(account: Staff, db: Db, now: Now) -> Policies:
    """The policies that stand: of the account's units, of those above them, of its elders, and those for everybody."""
    with db.transaction(account.seat_id) as tx:
        found = shown_policies(tx, now, account)
        elder_ids = [policy.elder.id for policy in found if policy.elder]
        if elder_ids:
            log_access(tx, now, account.id, "policies.read", elder_ids=elder_ids)
        return Policies(policies=found, calendar=calendar(now))


@router.get("/escalation-policies/{code}")
def read_policy(code: Code, account: Staff, db: Db, now: Now) -> PolicyHistory:
    """Every version of a policy, with who set and ended it when."""
    with db.transaction(account.seat_id) as tx:
        found = shown_policies(tx, now, account, code)
        if not found:
            raise ApiError("not_found")
        elder_ids = {policy.elder.id for policy in found if policy.elder}
        if elder_ids:
            log_access(tx, now, account.id, "policies.read", elder_ids=elder_ids)
        return PolicyHistory(versions=found)


@router.post("/escalation-policies", status_code=201)
def make_policy(body: PolicyBody, account: Supervisor, db: Db, now: Now) -> PolicyShape:
    """Make a policy for a unit's subtree or for one elder; it holds for alarms from now on."""
    with db.transaction(account.seat_id) as tx:
        code = set_policy(tx, now, account.id, _plan(tx, now, account, body))
        return _written(tx, now, account, code)


@router.put("/escalation-policies/{code}")
def replace_policy(code: Code, body: PolicyBody, account: Supervisor, db: Db, now: Now) -> PolicyShape:
    """Put a new version in a policy's place; alarms that are being escalated go on with the one they began with."""
    with db.transaction(account.seat_id) as tx:
        _own(tx, now, account, code)
        set_policy(tx, now, account.id, _plan(tx, now, account, body), code)
        return _written(tx, now, account, code)


@router.delete("/escalation-policies/{code}", status_code=204)
def remove_policy(code: Code, account: Supervisor, db: Db, now: Now) -> None:
    """End a policy: what is less specific holds again."""
    with db.transaction(account.seat_id) as tx:
        _own(tx, now, account, code)
        end_policy(tx, now, account.id, code)
        log_access(tx, now, account.id, "policy.ended", detail={"code": code})


@router.get("/elders/{elder_id}/escalation")
def read_escalation(
    elder_id: ElderId,
    account: Staff,
    db: Db,
    now: Now,
    kind: Annotated[AlarmKind, Query()] = "sos",
    severity: Annotated[Severity | None, Query()] = None,
) -> Forecast:
    """Which policy an alarm about an elder would follow now, and whom each of its steps would call."""
    with db.transaction(account.seat_id) as tx:
        elder_path(tx, now, account.id, elder_id)
        log_access(tx, now, account.id, "policies.read", elder_id=elder_id)
        return forecast(tx, now, account, elder_id, kind, severity)
