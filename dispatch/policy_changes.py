"""Setting an escalation policy: a new version ends the one before it, and what held when stays on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise
from typing import Any

from dispatch.policies import PolicyDayKind, PolicyStep, Target, steps_of
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AlarmKind, Severity


@dataclass(frozen=True)
class PolicyPlan:
    """A policy as somebody wants it: a unit's or an elder's own, with rising steps; see `dispatch.policies.Policy`."""

    name: str
    org_code: str | None
    elder_id: int | None
    kind: AlarmKind | None
    severity: Severity | None
    day_kind: PolicyDayKind
    from_time: time | None
    until_time: time | None
    repeats: int
    repeat_seconds: int
    steps: Sequence[PolicyStep]


# Every version, because the standing one is another by the time that somebody else's change was waited for.
LOCK = statement("""
    SELECT id FROM escalation_policy WHERE code = %(code)s::text ORDER BY version FOR NO KEY UPDATE
""")
STANDING = statement("""
    SELECT id, code, version, name, org_code, elder_id, kind, severity, day_kind, from_time, until_time, repeats,
           repeat_seconds
    FROM escalation_policy WHERE code = %(code)s::text AND valid_to IS NULL
""")
LAST_VERSION = statement("SELECT max(version) AS version FROM escalation_policy WHERE code = %(code)s::text")
END = statement("""
    UPDATE escalation_policy
    SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE code = %(code)s::text AND valid_to IS NULL
""")
ADD = statement("""
    INSERT INTO escalation_policy (code, version, name, org_code, elder_id, kind, severity, day_kind, from_time,
                                   until_time, repeats, repeat_seconds, valid_from, set_by)
    VALUES (COALESCE(%(code)s::text, 'policy-' || nextval(pg_get_serial_sequence('escalation_policy', 'id'))),
            %(version)s::integer, %(name)s::text, %(org_code)s::text, %(elder_id)s::integer, %(kind)s::text,
            %(severity)s::text, %(day_kind)s::text, %(from_time)s::time, %(until_time)s::time, %(repeats)s::smallint,
            %(repeat_seconds)s::integer, %(now)s::timestamptz, %(actor_id)s::integer)
    RETURNING id, code
""")
ADD_STEPS = statement("""
    INSERT INTO escalation_step (policy_id, position, after_seconds)
    SELECT %(policy_id)s::integer, step.position, step.after_seconds
    FROM unnest(%(positions)s::smallint[], %(seconds)s::integer[]) AS step (position, after_seconds)
""")
ADD_TARGET = statement("""
    INSERT INTO escalation_target (policy_id, position, rank, kind, number, role, level, org_code, rota_id, account_id)
    VALUES (%(policy_id)s::integer, %(position)s::smallint, %(rank)s::smallint, %(kind)s::text, %(number)s::smallint,
            %(role)s::text, %(level)s::text, %(org_code)s::text, %(rota_id)s::integer, %(account_id)s::integer)
""")


def lock_policy(tx: Transaction, code: str) -> Row:
    """The standing version of a policy, locked. Raises Refused: not_found."""
    tx.rows(LOCK, {"code": code})
    found = tx.row(STANDING, {"code": code})
    if found is None:
        raise Refused("not_found")
    return found


def set_policy(tx: Transaction, now: datetime, actor_id: int, plan: PolicyPlan, code: str | None = None) -> str:
    """Make a policy, or a new version of the one named `code`, which the caller has locked; returns its name.

    Alarms that are being escalated go on with the version they began with. Raises Refused: steps_not_rising,
    same_policy when it stands already, just as it is wanted.
    """
    seconds = [step.after_seconds for step in plan.steps]
    if not seconds or any(one >= next_ for one, next_ in pairwise(seconds)):
        raise Refused("steps_not_rising")
    version = 1
    if code is not None:
        if _stands(tx, code, plan):
            raise Refused("same_policy")
        last = tx.row(LAST_VERSION, {"code": code})
        version = 1 + (last["version"] if last else 0)
        end_policy(tx, now, actor_id, code)
    [made] = tx.rows(ADD, {**_columns(plan), "code": code, "version": version, "now": now, "actor_id": actor_id})
    _add_steps(tx, made["id"], plan.steps)
    return str(made["code"])


def end_policy(tx: Transaction, now: datetime, actor_id: int, code: str) -> bool:
    """End a policy: what is less specific holds again. False when it does not stand."""
    return tx.execute(END, {"code": code, "now": now, "actor_id": actor_id}) > 0


def _columns(plan: PolicyPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "org_code": plan.org_code,
        "elder_id": plan.elder_id,
        "kind": plan.kind,
        "severity": plan.severity,
        "day_kind": plan.day_kind,
        "from_time": plan.from_time,
        "until_time": plan.until_time,
        "repeats": plan.repeats,
        "repeat_seconds": plan.repeat_seconds,
    }


def _stands(tx: Transaction, code: str, plan: PolicyPlan) -> bool:
    standing = lock_policy(tx, code)
    columns = _columns(plan)
    steps = steps_of(tx, [standing["id"]]).get(standing["id"], ())
    return {name: standing[name] for name in columns} == columns and steps == _numbered(plan.steps)


def _numbered(steps: Sequence[PolicyStep]) -> tuple[PolicyStep, ...]:
    return tuple(
        PolicyStep(position, step.after_seconds, tuple(step.targets)) for position, step in enumerate(steps, start=1)
    )


def _add_steps(tx: Transaction, policy_id: int, steps: Sequence[PolicyStep]) -> None:
    numbered = _numbered(steps)
    tx.execute(
        ADD_STEPS,
        {
            "policy_id": policy_id,
            "positions": [step.position for step in numbered],
            "seconds": [step.after_seconds for step in numbered],
        },
    )
    for step in numbered:
        for rank, target in enumerate(step.targets, start=1):
            _add_target(tx, policy_id, step.position, rank, target)


def _add_target(tx: Transaction, policy_id: int, position: int, rank: int, target: Target) -> None:
    tx.execute(
        ADD_TARGET,
        {
            "policy_id": policy_id,
            "position": position,
            "rank": rank,
            "kind": target.kind,
            "number": target.number,
            "role": target.role,
            "level": target.level,
            "org_code": target.org_code,
            "rota_id": target.rota_id,
            "account_id": target.account_id,
        },
    )
