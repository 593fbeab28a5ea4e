"""Admission to the pool: applied, admitted, suspended, admitted again, exited; each step with who, why and when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from dispatch.pool.lapses import look_at_work
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.statements import statement
from schemas.states import ProviderState

PROVIDER_STEPS: Final[dict[ProviderState, dict[ProviderState, str]]] = {
    "applied": {"admitted": "admitted", "exited": "turned_down"},
    "admitted": {"suspended": "suspended", "exited": "exited"},
    "suspended": {"admitted": "readmitted", "suspended": "suspended", "exited": "exited"},
    "exited": {"applied": "applied"},
}
"""THE table of a provider's life: which state may follow which, and how the history calls it. A suspended provider may
be suspended anew, to another end; whoever has left applies again like everybody."""

LOCK = statement("""
    SELECT id, name, state, suspended_until FROM provider WHERE id = %(id)s::integer FOR NO KEY UPDATE
""")
IN_SIGHT = statement("""
    SELECT FROM provider_audience(%(now)s::timestamptz) AS audience
    WHERE audience.provider_id = %(id)s::integer AND audience.account_id = %(actor_id)s::integer
    LIMIT 1
""")
# A district's supervisor decides for every provider that serves any part of it.
DECIDES = statement("""
    SELECT FROM provider_area
    JOIN org_unit AS area ON area.code = provider_area.org_code
    JOIN membership ON membership.org_code = split_part(area.path, '/', 1)
    JOIN account ON account.id = membership.account_id
    WHERE provider_area.provider_id = %(id)s::integer AND account.id = %(actor_id)s::integer
      AND account.role = 'supervisor' AND account.disabled_at IS NULL
      AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz)
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    LIMIT 1
""")
OWN_DISTRICT = statement("""
    SELECT unit.code FROM org_unit AS unit
    JOIN membership ON membership.org_code = split_part(unit.path, '/', 1)
    JOIN account ON account.id = membership.account_id
    WHERE unit.code = ANY(%(codes)s::text[]) AND account.id = %(actor_id)s::integer
      AND account.role = 'supervisor' AND account.disabled_at IS NULL
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
""")
ADD = statement("""
    INSERT INTO provider (name, state, state_since, contact_name, contact_phone, address, orders_a_day, orders_at_once,
                          every_service, due_at)
    VALUES (%(name)s::text, 'applied', %(now)s::timestamptz, %(contact_name)s::text, %(contact_phone)s::text,
            %(address)s::text, %(orders_a_day)s::integer, %(orders_at_once)s::integer, %(every_service)s::boolean,
            %(now)s::timestamptz)
    RETURNING id
""")
ADD_AREAS = statement("""
    INSERT INTO provider_area (provider_id, org_code, valid_from, set_by)
    SELECT %(id)s::integer, code, %(now)s::timestamptz, %(actor_id)s::integer FROM unnest(%(codes)s::text[]) AS code
""")
CHANGE = statement("""
    UPDATE provider
    SET name = %(name)s::text, contact_name = %(contact_name)s::text, contact_phone = %(contact_phone)s::text,
        address = %(address)s::text, orders_a_day = %(orders_a_day)s::integer,
        orders_at_once = %(orders_at_once)s::integer, every_service = %(every_service)s::boolean
    WHERE id = %(id)s::integer
""")
STEP = statement("""
    UPDATE provider
    SET state = %(state)s::text, state_since = %(now)s::timestamptz, state_reason = %(reason)s::text,
        suspended_until = %(until)s::timestamptz, due_at = LEAST(due_at, COALESCE(%(until)s::timestamptz, due_at))
    WHERE id = %(id)s::integer
""")
SCORE = statement("UPDATE provider SET score = %(score)s::smallint WHERE id = %(id)s::integer")
RECORD = statement("""
    INSERT INTO provider_event (provider_id, at, kind, actor_id, reason, until, detail)
    VALUES (%(id)s::integer, %(now)s::timestamptz, %(kind)s::text, %(actor_id)s::integer, %(reason)s::text,
            %(until)s::timestamptz, %(detail)s::jsonb)
""")
LICENCE = statement("""
    SELECT FROM provider_document
    WHERE provider_id = %(id)s::integer AND kind = 'business_licence' AND revoked_at IS NULL
      AND valid_from <= %(today)s::date AND (valid_to IS NULL OR valid_to >= %(today)s::date)
    LIMIT 1
""")
WORKERS = statement("SELECT id FROM worker WHERE provider_id = %(id)s::integer AND left_at IS NULL")


@dataclass(frozen=True)
class Profile:
    """What a provider says of itself: the most visits on a day of the district and at the same time (None: no limit),
    and whether it does whatever the catalogue has."""

    name: str
    contact_name: str | None = None
    contact_phone: str | None = None
    address: str | None = None
    orders_a_day: int | None = None
    orders_at_once: int | None = None
    every_service: bool = True


def record(
    tx: Transaction,
    now: datetime,
    provider_id: int,
    kind: str,
    *,
    actor_id: int | None,
    reason: str | None = None,
    until: datetime | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add a row to a provider's history."""
    told = {"kind": kind, "actor_id": actor_id, "reason": reason, "until": until, "detail": Jsonb(detail or {})}
    tx.execute(RECORD, {"id": provider_id, "now": now, **told})


def locked_for(tx: Transaction, now: datetime, provider_id: int, actor_id: int) -> Row:
    """A provider under its lock, for a district's supervisor who decides about it.

    Raises Refused: not_found (out of the account's sight), district_supervisor_needed.
    """
    about = {"id": provider_id, "now": now, "actor_id": actor_id}
    if tx.row(IN_SIGHT, about) is None:
        raise Refused("not_found")
    if tx.row(DECIDES, about) is None:
        raise Refused("district_supervisor_needed")
    [provider] = tx.rows(LOCK, {"id": provider_id})
    return provider


def apply(tx: Transaction, now: datetime, actor_id: int, profile: Profile, areas: Collection[str]) -> int:
    """Write down that a provider wants to serve these units; returns its id.

    Raises Refused: unknown_unit (none, or one outside the districts the account supervises), name_in_use.
    """
    codes = sorted(set(areas))
    own = {row["code"] for row in tx.rows(OWN_DISTRICT, {"codes": codes, "actor_id": actor_id, "now": now})}
    if not codes or own != set(codes):
        raise Refused("unknown_unit")
    provider_id = int(_once(tx, ADD, {**vars(profile), "now": now})[0]["id"])
    tx.execute(ADD_AREAS, {"id": provider_id, "now": now, "actor_id": actor_id, "codes": codes})
    record(tx, now, provider_id, "applied", actor_id=actor_id, detail={"areas": codes})
    return provider_id


def change(tx: Transaction, now: datetime, provider_id: int, actor_id: int, profile: Profile) -> None:
    """Change what a provider says of itself.

    Raises Refused: not_found, district_supervisor_needed, name_in_use.
    """
    locked_for(tx, now, provider_id, actor_id)
    _once(tx, CHANGE, {**vars(profile), "id": provider_id})
    record(tx, now, provider_id, "changed", actor_id=actor_id, detail=dict(vars(profile)))
    look_at_work(tx, now, workers_of(tx, provider_id), actor_id=actor_id)


def appraise(tx: Transaction, now: datetime, provider_id: int, actor_id: int, score: int, reason: str) -> None:
    """Write down the score of an appraisal, 0 to 100. Raises Refused: not_found, district_supervisor_needed."""
    locked_for(tx, now, provider_id, actor_id)
    tx.execute(SCORE, {"id": provider_id, "score": score})
    record(tx, now, provider_id, "appraised", actor_id=actor_id, reason=reason, detail={"score": score})


def decide(
    tx: Transaction,
    now: datetime,
    provider_id: int,
    actor_id: int,
    to: ProviderState,
    reason: str,
    until: datetime | None = None,
) -> int:
    """Take a provider a step further; a suspension may name its end. Whatever its workers may not do any more is taken
    from them in this transaction; returns how many orders and alarms that changed.

    Raises Refused: not_found, district_supervisor_needed, wrong_step, in_the_past (the end of a suspension),
    licence_missing (nobody is admitted without a standing business licence).
    """
    provider = locked_for(tx, now, provider_id, actor_id)
    state: ProviderState = provider["state"]
    if to not in PROVIDER_STEPS[state]:
        raise Refused("wrong_step")
    if until is not None and (to != "suspended" or until <= now):
        raise Refused("in_the_past")
    if to == "admitted" and state == "applied" and not _licensed(tx, now, provider_id):
        raise Refused("licence_missing")
    _step(tx, now, provider_id, state, to, actor_id=actor_id, reason=reason, until=until)
    return look_at_work(tx, now, workers_of(tx, provider_id), actor_id=actor_id, note=reason)


def suspension_is_over(tx: Transaction, now: datetime, provider_id: int) -> None:
    """A locked provider's suspension has come to the end that was named: it is admitted again, by nobody."""
    _step(tx, now, provider_id, "suspended", "admitted", actor_id=None, reason=None, until=None)


def workers_of(tx: Transaction, provider_id: int) -> list[int]:
    """Everybody who works for a provider."""
    return [row["id"] for row in tx.rows(WORKERS, {"id": provider_id})]


def _licensed(tx: Transaction, now: datetime, provider_id: int) -> bool:
    return tx.row(LICENCE, {"id": provider_id, "today": today(now)}) is not None


def _step(
    tx: Transaction,
    now: datetime,
    provider_id: int,
    state: ProviderState,
    to: ProviderState,
    *,
    actor_id: int | None,
    reason: str | None,
    until: datetime | None,
) -> None:
    tx.execute(STEP, {"id": provider_id, "state": to, "now": now, "reason": reason, "until": until})
    record(tx, now, provider_id, PROVIDER_STEPS[state][to], actor_id=actor_id, reason=reason, until=until)


def _once(tx: Transaction, query: Any, values: dict[str, Any]) -> list[Row]:
    """Write a provider whose name nobody else has. Raises Refused name_in_use."""
    try:
        with tx.conn.transaction(), tx.conn.cursor() as cursor:
            cursor.execute(query, values)
            return [] if cursor.description is None else [{"id": row[0]} for row in cursor.fetchall()]
    except UniqueViolation:
        raise Refused("name_in_use") from None
