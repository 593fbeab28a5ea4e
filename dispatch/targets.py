"""Who is meant by a target of an escalation policy, at the moment its step is taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg.sql import SQL

from dispatch.free_seats import Seats
from dispatch.notifications import Person
from dispatch.policies import Target
from dispatch.rota_rows import load_rota
from dispatch.rotas import on_at
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Severity

GRID_WORKERS_AT_ONCE: Final = 3


@dataclass(frozen=True)
class Concern:
    """What of an alarm says whom it concerns. `org_path` is the path of its unit, None where nobody knows whose it is;
    `called` are the accounts that this round has called already."""

    severity: Severity
    elder_id: int | None
    household_id: int | None
    org_path: str | None
    called: Sequence[int] = ()

    @property
    def district_path(self) -> str | None:
        """The path of the district."""
        return None if self.org_path is None else self.org_path.split("/", 1)[0] + "/"

    @property
    def street_path(self) -> str | None:
        """The path of the street or town; None for an alarm about the whole district."""
        parts = (self.org_path or "").split("/")
        return "/".join(parts[:2]) + "/" if len(parts) > 2 else None


@dataclass
class Meant:
    """Whom a step calls, and the operator who was called as a seat."""

    persons: list[Person] = field(default_factory=list)
    operator_id: int | None = None


# Whoever has a role at exactly this unit, and may see the alarm.
OF_ROLE = statement("""
    SELECT DISTINCT account.id
    FROM account
    JOIN membership ON membership.account_id = account.id AND membership.valid_from <= %(now)s::timestamptz
     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    JOIN org_unit AS unit ON unit.code = membership.org_code
    WHERE account.role = %(role)s::text AND account.disabled_at IS NULL
      AND CASE WHEN %(org_code)s::text IS NOT NULL THEN unit.code = %(org_code)s::text
               WHEN %(org_path)s::text IS NULL THEN unit.parent_code IS NULL
               ELSE unit.path = %(at_path)s::text END
      AND (%(org_path)s::text IS NULL OR starts_with(%(org_path)s::text, unit.path))
    ORDER BY account.id
""")
# The staff of the street itself and of its centre.
OF_STREET = statement("""
    SELECT DISTINCT account.id
    FROM org_unit AS unit
    JOIN membership ON membership.org_code = unit.code AND membership.valid_from <= %(now)s::timestamptz
     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND (unit.path = %(street_path)s::text
           OR (unit.kind = 'centre' AND unit.path = %(street_path)s::text || unit.code || '/'
               AND starts_with(%(org_path)s::text, unit.path)))
    ORDER BY account.id
""")
FAMILY = statement("""
    SELECT DISTINCT account.id
    FROM elder
    JOIN membership ON membership.elder_id = elder.id AND membership.valid_from <= %(now)s::timestamptz
     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    JOIN account ON account.id = membership.account_id
    WHERE (elder.id = %(elder_id)s::integer
           OR (%(elder_id)s::integer IS NULL AND elder.household_id = %(household_id)s::integer))
      AND account.role = 'family' AND account.disabled_at IS NULL
    ORDER BY account.id
""")
# A couple's daughter stands with both of them: one number is one contact.
CONTACTS = statement("""
    SELECT min(contact.id) AS id
    FROM elder JOIN elder_contact AS contact ON contact.elder_id = elder.id
    WHERE (elder.id = %(elder_id)s::integer
           OR (%(elder_id)s::integer IS NULL AND elder.household_id = %(household_id)s::integer))
      AND (contact.relation = 'grid_worker') = %(grid_worker)s::boolean
    GROUP BY contact.phone
    ORDER BY min(contact.priority), min(contact.id)
""")
# The grid workers who are on shift in the elder's street: who looks after this elder, then the others.
GRID_WORKERS = statement("""
    SELECT account.id
    FROM worker
    JOIN provider ON provider.id = worker.provider_id AND provider.state = 'admitted'
    JOIN account ON account.id = worker.account_id AND account.disabled_at IS NULL
    LEFT JOIN pairing ON pairing.worker_id = worker.id AND pairing.elder_id = %(elder_id)s::integer
     AND pairing.valid_from <= %(now)s::timestamptz
     AND (pairing.valid_to IS NULL OR pairing.valid_to > %(now)s::timestamptz)
    WHERE worker.kind = 'grid'
      AND EXISTS (
          SELECT FROM provider_area JOIN org_unit AS area ON area.code = provider_area.org_code
          WHERE provider_area.provider_id = worker.provider_id AND starts_with(%(org_path)s::text, area.path)
            AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz))
      AND (pairing.id IS NOT NULL OR EXISTS (
          SELECT FROM worker_shift AS shift
          WHERE shift.worker_id = worker.id AND shift.starts_at <= %(now)s::timestamptz
            AND shift.ends_at > %(now)s::timestamptz))
    ORDER BY pairing.id IS NULL, account.id
    LIMIT %(most)s::integer
""")
# Staff only within what they may see; a worker or a relative is named because somebody wants just this person called.
ALLOWED = statement("""
    SELECT account.id
    FROM unnest(%(ids)s::integer[]) WITH ORDINALITY AS named (id, number)
    JOIN account ON account.id = named.id AND account.disabled_at IS NULL
    WHERE CASE WHEN account.role IN ('operator', 'supervisor') THEN EXISTS (
                   SELECT FROM membership JOIN org_unit AS top ON top.code = membership.org_code
                   WHERE membership.account_id = account.id AND membership.valid_from <= %(now)s::timestamptz
                     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
                     AND CASE WHEN %(org_path)s::text IS NULL THEN top.parent_code IS NULL
                              ELSE starts_with(%(org_path)s::text, top.path) END)
               WHEN account.role = 'family' THEN EXISTS (
                   SELECT FROM membership
                   WHERE membership.account_id = account.id AND membership.elder_id = %(elder_id)s::integer
                     AND membership.valid_from <= %(now)s::timestamptz
                     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz))
               ELSE account.role = 'worker' END
    ORDER BY named.number
""")


def persons_of(tx: Transaction, now: datetime, concern: Concern, targets: Sequence[Target], seats: Seats) -> Meant:
    """Everybody whom a step's targets mean now, each once, in the targets' order.

    Nobody is called twice in a round as a seat; relatives and neighbours are never called about a device.
    """
    meant = Meant()
    for target in targets:
        if target.kind == "seat":
            _add_seat(concern, meant, seats)
        else:
            _add(meant, _persons(tx, now, concern, target))
    return meant


def _add(meant: Meant, persons: list[Person]) -> None:
    meant.persons.extend(person for person in persons if person not in meant.persons)


def _add_seat(concern: Concern, meant: Meant, seats: Seats) -> None:
    taken = {*concern.called, *(person.account_id for person in meant.persons)}
    meant.operator_id = seats.take_best(concern.org_path, taken)
    if meant.operator_id is not None:
        _add(meant, [Person(account_id=meant.operator_id)])


def _persons(tx: Transaction, now: datetime, concern: Concern, target: Target) -> list[Person]:
    match target.kind:
        case "role":
            return _of_role(tx, now, concern, target)
        case "rota":
            rota = load_rota(tx, target.rota_id or 0, now, now)
            return _allowed(tx, now, concern, sorted(on_at(rota, now)))
        case "street_centre":
            return _of_street(tx, now, concern)
        case "account":
            return _allowed(tx, now, concern, [target.account_id or 0])
        case _ if concern.severity == "technical":
            return []
        case "family":
            whose = {"elder_id": concern.elder_id, "household_id": concern.household_id, "now": now}
            return _accounts(tx, FAMILY, whose)
        case "grid_worker":
            return [*_on_file(tx, concern, grid_worker=True), *_grid_workers(tx, now, concern)]
        case _:
            number = target.number or 1
            return _on_file(tx, concern, grid_worker=False)[number - 1 : number]


def _accounts(tx: Transaction, query: SQL, params: dict[str, Any]) -> list[Person]:
    return [Person(account_id=row["id"]) for row in tx.rows(query, params)]


def _of_role(tx: Transaction, now: datetime, concern: Concern, target: Target) -> list[Person]:
    at_path = {"unit": concern.org_path, "street": concern.street_path, "district": concern.district_path}
    return _accounts(
        tx,
        OF_ROLE,
        {
            "role": target.role,
            "org_code": target.org_code,
            "org_path": concern.org_path,
            "at_path": at_path.get(target.level or "unit"),
            "now": now,
        },
    )


def _of_street(tx: Transaction, now: datetime, concern: Concern) -> list[Person]:
    if concern.street_path is None:
        return []
    where = {"street_path": concern.street_path, "org_path": concern.org_path, "now": now}
    return _accounts(tx, OF_STREET, where)


def _on_file(tx: Transaction, concern: Concern, *, grid_worker: bool) -> list[Person]:
    whose = {"elder_id": concern.elder_id, "household_id": concern.household_id, "grid_worker": grid_worker}
    return [Person(contact_id=row["id"]) for row in tx.rows(CONTACTS, whose)]


def _grid_workers(tx: Transaction, now: datetime, concern: Concern) -> list[Person]:
    if concern.org_path is None:
        return []
    where = {"elder_id": concern.elder_id, "org_path": concern.org_path, "most": GRID_WORKERS_AT_ONCE, "now": now}
    return _accounts(tx, GRID_WORKERS, where)


def _allowed(tx: Transaction, now: datetime, concern: Concern, ids: list[int]) -> list[Person]:
    about = {"org_path": concern.org_path, "elder_id": concern.elder_id, "now": now}
    return _accounts(tx, ALLOWED, {"ids": ids, **about}) if ids else []
