"""Escalation policies: which one holds for an alarm, and the rows they are kept in."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal

from dispatch.holidays import DayKind, day_kind
from schemas.database import Row, Transaction
from schemas.district_time import DISTRICT_TIME
from schemas.statements import statement
from schemas.states import AlarmKind, Severity

TargetKind = Literal["seat", "role", "rota", "contact", "family", "street_centre", "grid_worker", "account"]
TargetLevel = Literal["unit", "street", "district"]
PolicyDayKind = Literal["any", "workday", "holiday"]


@dataclass(frozen=True)
class Target:
    """Whom a step calls: the `number`-th best seat or contact, a role at the alarm's unit, street or district or at a
    named unit, whoever a rota has on, relatives, the street's centre, the grid worker, or one account."""

    kind: TargetKind
    number: int | None = None
    role: Literal["operator", "supervisor"] | None = None
    level: TargetLevel | None = None
    org_code: str | None = None
    rota_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True)
class PolicyStep:
    """Whom to call so many seconds after the alarm, or after it was raised again."""

    position: int
    after_seconds: int
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Policy:
    """Steps with rising seconds, gone through `repeats` times again, `repeat_seconds` after the last; and for what it
    holds, None being whatever. `org_path` is the path of the unit with whose subtree it has to do."""

    id: int | None
    steps: tuple[PolicyStep, ...]
    repeats: int
    repeat_seconds: int
    org_path: str | None = None
    elder_id: int | None = None
    kind: AlarmKind | None = None
    severity: Severity | None = None
    day_kind: PolicyDayKind = "any"
    from_time: time | None = None
    until_time: time | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class About:
    """What of an alarm decides which policy holds; `org_path` is None where nobody knows whose it is."""

    kind: AlarmKind
    severity: Severity
    elder_id: int | None
    org_path: str | None


BUILT_IN: Final = Policy(
    id=None,
    steps=(
        PolicyStep(1, 0, (Target("seat", 1),)),
        PolicyStep(2, 20, (Target("seat", 2),)),
        PolicyStep(3, 40, (Target("role", role="supervisor", level="district"),)),
        PolicyStep(4, 60, (Target("street_centre"), Target("contact", 1), Target("contact", 2), Target("family"))),
    ),
    repeats=2,
    repeat_seconds=60,
)
"""Stands in where somebody ended every policy that fits: an alarm calls all the same."""


def _day_of(policy: Policy, moment: datetime) -> DayKind | None:
    """The kind of the day whose hours the policy's are at a moment, None outside of them; pure. The hours after
    midnight of a night belong to the day on which the night began."""
    local = moment.astimezone(DISTRICT_TIME)
    if policy.from_time is None or policy.until_time is None:
        return day_kind(local.date())
    clock = local.time()
    if policy.from_time < policy.until_time:
        return day_kind(local.date()) if policy.from_time <= clock < policy.until_time else None
    if clock >= policy.from_time:
        return day_kind(local.date())
    return day_kind(local.date() - timedelta(days=1)) if clock < policy.until_time else None


def holds(policy: Policy, about: About, moment: datetime) -> bool:
    """Whether a policy fits an alarm at a moment; pure."""
    if policy.elder_id is not None and policy.elder_id != about.elder_id:
        return False
    if policy.org_path is not None and not (about.org_path or "").startswith(policy.org_path):
        return False
    if policy.kind not in (None, about.kind) or policy.severity not in (None, about.severity):
        return False
    day = _day_of(policy, moment)
    return day is not None and policy.day_kind in ("any", day)


def choose(policies: Iterable[Policy], about: About, moment: datetime) -> Policy:
    """The most specific policy that fits: the elder's own, else the nearest unit's, else the kind's, the severity's,
    then one for some hours, one for some days; among equals the latest. The built-in one where none fits. Pure."""
    return max((policy for policy in policies if holds(policy, about, moment)), key=_rank, default=BUILT_IN)


def _rank(policy: Policy) -> tuple[bool, int, bool, bool, bool, bool, float, int]:
    return (
        policy.elder_id is not None,
        len(policy.org_path or ""),
        policy.kind is not None,
        policy.severity is not None,
        policy.from_time is not None,
        policy.day_kind != "any",
        policy.since.timestamp() if policy.since else 0.0,
        policy.id or 0,
    )


STANDING = statement("""
    SELECT policy.id, policy.kind, policy.severity, policy.elder_id, policy.day_kind, policy.from_time,
           policy.until_time, policy.repeats, policy.repeat_seconds, policy.valid_from AS since,
           org_unit.path AS org_path
    FROM escalation_policy AS policy LEFT JOIN org_unit ON org_unit.code = policy.org_code
    WHERE (policy.elder_id IS NULL OR policy.elder_id = ANY(%(elder_ids)s::integer[]))
      AND policy.valid_from <= %(now)s::timestamptz
      AND (policy.valid_to IS NULL OR policy.valid_to > %(now)s::timestamptz)
""")
CHOSEN = statement("""
    SELECT policy.id, policy.kind, policy.severity, policy.elder_id, policy.day_kind, policy.from_time,
           policy.until_time, policy.repeats, policy.repeat_seconds, policy.valid_from AS since,
           NULL::text AS org_path
    FROM escalation_policy AS policy WHERE policy.id = ANY(%(ids)s::integer[])
""")
STEPS = statement("""
    SELECT step.policy_id, step.position, step.after_seconds, target.kind, target.number, target.role, target.level,
           target.org_code, target.rota_id, target.account_id
    FROM escalation_step AS step
    LEFT JOIN escalation_target AS target ON target.policy_id = step.policy_id AND target.position = step.position
    WHERE step.policy_id = ANY(%(ids)s::integer[])
    ORDER BY step.policy_id, step.after_seconds, target.rank
""")


def standing_policies(tx: Transaction, now: datetime, elder_ids: Collection[int]) -> list[Policy]:
    """The policies that hold now: everybody's, and the own ones of the given elders."""
    return _with_steps(tx, tx.rows(STANDING, {"now": now, "elder_ids": list(elder_ids)}))


def chosen_policies(tx: Transaction, ids: Collection[int]) -> dict[int, Policy]:
    """Policies by id, those that ended since included: an alarm follows the one it began with."""
    made = _with_steps(tx, tx.rows(CHOSEN, {"ids": list(ids)})) if ids else []
    return {policy.id: policy for policy in made if policy.id is not None}


def steps_of(tx: Transaction, ids: Collection[int]) -> dict[int, tuple[PolicyStep, ...]]:
    """The steps of policies in the order of their seconds; a policy without any is left out."""
    found: dict[int, dict[int, tuple[int, list[Target]]]] = {}
    for row in tx.rows(STEPS, {"ids": list(ids)}):
        _, targets = found.setdefault(row["policy_id"], {}).setdefault(row["position"], (row["after_seconds"], []))
        if row["kind"] is not None:
            targets.append(_target(row))
    return {
        policy_id: tuple(
            PolicyStep(position, after_seconds, tuple(targets)) for position, (after_seconds, targets) in steps.items()
        )
        for policy_id, steps in found.items()
    }


def _with_steps(tx: Transaction, found: list[Row]) -> list[Policy]:
    steps = steps_of(tx, [row["id"] for row in found])
    return [Policy(steps=steps.get(row["id"], ()), **row) for row in found]


def _target(row: Row) -> Target:
    return Target(
        kind=row["kind"],
        number=row["number"],
        role=row["role"],
        level=row["level"],
        org_code=row["org_code"],
        rota_id=row["rota_id"],
        account_id=row["account_id"],
    )
