"""Escalation policies from their rows, as one account may see them."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Final

from control_center.auth import SignedIn
from control_center.policy_cards import (
    CalendarShape,
    CalledShape,
    Forecast,
    PolicyShape,
    RotaBrief,
    StepShape,
    TargetShape,
)
from control_center.shapes import Org, Person
from dispatch.free_seats import Seats
from dispatch.holidays import LAST_KNOWN_YEAR, day_kind
from dispatch.policies import About, Policy, choose, standing_policies
from dispatch.targets import Concern, persons_of
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.statements import statement
from schemas.states import KIND_SEVERITY, AlarmKind, Severity

WARN_DAYS: Final = 60
"""So long before the calendar ends the screens say that holidays will not be known."""

# Of a unit's policies everybody sees those that hold for her: of her own subtree and of the units above it. An elder's
# policy is seen by the staff who may see the elder.
SHOWN = statement("""
    SELECT policy.id, policy.code, policy.version, policy.name, policy.kind, policy.severity, policy.day_kind,
           policy.from_time, policy.until_time, policy.repeats, policy.repeat_seconds, policy.valid_from,
           policy.valid_to, unit.code AS org_code, unit.name AS org_name, elder.id AS elder_id,
           elder.name AS elder_name, setter.name AS set_by, ender.name AS ended_by,
           COALESCE(mine.whole, false) OR policy.elder_id IS NOT NULL AS within
    FROM escalation_policy AS policy
    LEFT JOIN org_unit AS unit ON unit.code = policy.org_code
    LEFT JOIN elder ON elder.id = policy.elder_id
    LEFT JOIN account AS setter ON setter.id = policy.set_by
    LEFT JOIN account AS ender ON ender.id = policy.ended_by
    LEFT JOIN LATERAL (
        SELECT bool_or(starts_with(unit.path, own.path)) AS whole
        FROM membership JOIN org_unit AS own ON own.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND (starts_with(unit.path, own.path) OR starts_with(own.path, unit.path))) AS mine ON true
    WHERE CASE WHEN policy.elder_id IS NOT NULL THEN EXISTS (
                   SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
                   WHERE audience.elder_id = policy.elder_id AND audience.account_id = %(account_id)s::integer)
               ELSE policy.org_code IS NULL OR mine.whole IS NOT NULL END
      AND (policy.code = %(code)s::text OR (%(code)s::text IS NULL AND policy.valid_to IS NULL))
    ORDER BY policy.version DESC, policy.elder_id NULLS FIRST, length(unit.path) NULLS FIRST, unit.path, policy.id
    LIMIT 1000
""")
STEPS = statement("""
    SELECT step.policy_id, step.after_seconds, target.kind, target.number, target.role, target.level,
           unit.code AS org_code, unit.name AS org_name, rota.id AS rota_id, rota.name AS rota_name,
           account.id AS account_id, account.name AS account_name
    FROM escalation_step AS step
    JOIN escalation_target AS target ON target.policy_id = step.policy_id AND target.position = step.position
    LEFT JOIN org_unit AS unit ON unit.code = target.org_code
    LEFT JOIN rota ON rota.id = target.rota_id
    LEFT JOIN account ON account.id = target.account_id
    WHERE step.policy_id = ANY(%(ids)s::integer[])
    ORDER BY step.policy_id, step.after_seconds, target.rank
""")
HOME = statement("""
    SELECT elder.household_id, unit.path FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS unit ON unit.code = household.org_code
    WHERE elder.id = %(elder_id)s::integer
""")
NAMES = statement("""
    SELECT name FROM account WHERE id = ANY(%(accounts)s::integer[])
    UNION ALL
    SELECT name FROM elder_contact WHERE id = ANY(%(contacts)s::integer[])
""")


def shown_policies(tx: Transaction, now: datetime, account: SignedIn, code: str | None = None) -> list[PolicyShape]:
    """The policies that stand and that the account may see; of one `code` every version, the newest first."""
    return list(_shown(tx, now, account, code).values())


def _shown(tx: Transaction, now: datetime, account: SignedIn, code: str | None) -> dict[int, PolicyShape]:
    found = tx.rows(SHOWN, {"account_id": account.id, "now": now, "code": code})
    steps = _steps(tx, [row["id"] for row in found])
    return {row["id"]: _policy(row, steps[row["id"]], account) for row in found}


def _policy(row: Row, steps: list[StepShape], account: SignedIn) -> PolicyShape:
    same = {name: row[name] for name in PolicyShape.model_fields if name in row}
    written = {"from_time": _written(row["from_time"]), "until_time": _written(row["until_time"])}
    return PolicyShape(
        **{**same, **written},
        org=Org(code=row["org_code"], name=row["org_name"]) if row["org_code"] else None,
        elder=Person(id=row["elder_id"], name=row["elder_name"]) if row["elder_id"] else None,
        steps=steps,
        may_change=account.role == "supervisor" and row["within"] and row["valid_to"] is None,
    )


def _written(moment: time | None) -> str | None:
    return moment.strftime("%H:%M") if moment is not None else None


def _steps(tx: Transaction, ids: list[int]) -> defaultdict[int, list[StepShape]]:
    found: defaultdict[int, list[StepShape]] = defaultdict(list)
    for row in tx.rows(STEPS, {"ids": ids}):
        steps = found[row["policy_id"]]
        if not steps or steps[-1].after_seconds != row["after_seconds"]:
            steps.append(StepShape(after_seconds=row["after_seconds"], targets=[]))
        steps[-1].targets.append(_target(row))
    return found


def _target(row: Row) -> TargetShape:
    return TargetShape(
        kind=row["kind"],
        number=row["number"],
        role=row["role"],
        level=row["level"],
        org=Org(code=row["org_code"], name=row["org_name"]) if row["org_code"] else None,
        rota=RotaBrief(id=row["rota_id"], name=row["rota_name"]) if row["rota_id"] else None,
        account=Person(id=row["account_id"], name=row["account_name"]) if row["account_id"] else None,
    )


def calendar(now: datetime) -> CalendarShape:
    """What is known of working days."""
    day, until = today(now), date(LAST_KNOWN_YEAR, 12, 31)
    return CalendarShape(today=day_kind(day), known_until=until, warns=until - day < timedelta(days=WARN_DAYS))


def forecast(
    tx: Transaction, now: datetime, account: SignedIn, elder_id: int, kind: AlarmKind, severity: Severity | None
) -> Forecast:
    """What would become of an alarm about an elder at this moment if nobody answered it."""
    [home] = tx.rows(HOME, {"elder_id": elder_id})
    about = About(kind, severity or KIND_SEVERITY[kind], elder_id, home["path"])
    policy = choose(standing_policies(tx, now, [elder_id]), about, now)
    shown = _shown(tx, now, account, None).get(policy.id or 0)
    return Forecast(policy=shown, steps=_called(tx, now, policy, about, home["household_id"], shown))


def _called(
    tx: Transaction, now: datetime, policy: Policy, about: About, household_id: int, shown: PolicyShape | None
) -> list[CalledShape]:
    called: list[int] = []
    steps = []
    seats = Seats(tx, now)
    for number, step in enumerate(policy.steps):
        concern = Concern(about.severity, about.elder_id, household_id, about.org_path, called)
        persons = persons_of(tx, now, concern, step.targets, seats).persons
        accounts = [person.account_id for person in persons if person.account_id is not None]
        contacts = [person.contact_id for person in persons if person.contact_id is not None]
        called.extend(accounts)
        steps.append(
            CalledShape(
                after_seconds=step.after_seconds,
                targets=shown.steps[number].targets if shown is not None else [],
                persons=[row["name"] for row in tx.rows(NAMES, {"accounts": accounts, "contacts": contacts})],
            )
        )
    return steps
