"""Who takes part in a replay: elders who call for help, people who are called, and the policy by which they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from load_tests.alarms_bench.plan import step_seconds
from schemas.database import rows
from schemas.statements import statement

DESKS: Final = 8
"""Operators of the district who answer; they are not called by telephone."""
STALE_SECONDS: Final = 15
"""An acknowledgement without progress rings again after so long, so that a replay sees it."""
POLICY: Final = "emergency"

_ELDERS = statement("""
    SELECT elder.id AS elder_id, elder.household_id, device.key AS device_key
    FROM elder
    JOIN device_assignment ON device_assignment.elder_id = elder.id AND device_assignment.valid_to IS NULL
    JOIN device ON device.key = device_assignment.device_key AND device.kind = 'wearable'
    WHERE elder.state = 'home'
    ORDER BY elder.id LIMIT %(most)s::integer
""")
_ADD_ACCOUNT = statement("""
    WITH made AS (
        INSERT INTO account (username, name, role, password_hash, created_at)
        VALUES (%(username)s::text, %(username)s::text, %(role)s::text, '-', %(now)s::timestamptz)
        RETURNING id)
    INSERT INTO membership (account_id, org_code, valid_from)
    SELECT made.id, %(org_code)s::text, %(now)s::timestamptz FROM made
    RETURNING account_id
""")
_ADD_WAYS = statement("""
    INSERT INTO reach (account_id, transport, address, rank, created_at, verified_at)
    SELECT %(account_id)s::integer, transport, %(address)s::text, rank, %(now)s::timestamptz, %(now)s::timestamptz
    FROM (VALUES ('voice', 1), ('sms', 2)) AS way (transport, rank)
""")
_STREETS = statement("SELECT code FROM org_unit WHERE kind IN ('street', 'town') ORDER BY code")
_DISTRICT = statement("SELECT code FROM org_unit WHERE parent_code IS NULL ORDER BY code LIMIT 1")
_END_POLICIES = statement("""
    UPDATE escalation_policy SET valid_to = %(now)s::timestamptz WHERE valid_to IS NULL
""")
# Everybody is called by telephone, as if no seat had a screen open: what is measured is the way to a provider.
_ADD_POLICY = statement("""
    WITH policy AS (
        INSERT INTO escalation_policy (code, version, name, repeats, repeat_seconds, valid_from)
        SELECT %(code)s::text, 1 + max(version), 'bench', 2, 60, %(now)s::timestamptz FROM escalation_policy
        WHERE code = %(code)s::text
        RETURNING id
    ), step AS (
        INSERT INTO escalation_step (policy_id, position, after_seconds)
        SELECT policy.id, one.position, one.after_seconds
        FROM policy, unnest(%(after)s::integer[]) WITH ORDINALITY AS one (after_seconds, position)
        RETURNING policy_id
    )
    INSERT INTO escalation_target (policy_id, position, rank, kind, number, role, level)
    SELECT policy.id, one.position, one.rank, one.kind, one.number, one.role, one.level
    FROM policy, (VALUES
        (1, 1, 'role', NULL::smallint, 'operator', 'street'),
        (2, 1, 'role', NULL, 'supervisor', 'street'),
        (3, 1, 'role', NULL, 'supervisor', 'district'),
        (4, 1, 'contact', 1, NULL, NULL),
        (4, 2, 'contact', 2, NULL, NULL)) AS one (position, rank, kind, number, role, level)
    WHERE EXISTS (SELECT FROM step)
""")
_STALE = statement("UPDATE sla_policy SET stale_seconds = %(seconds)s::integer")
# What a transaction that claims a message for sending sees of its alarm: had the acknowledgement been committed?
_WITNESS: Final = psycopg.sql.SQL("""
    CREATE TABLE bench_claim (
        notification_id bigint NOT NULL,
        alarm_id bigint NOT NULL,
        alarm_state text NOT NULL,
        purpose text NOT NULL
    );
    CREATE FUNCTION bench_witness() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO bench_claim
        SELECT NEW.id, alarm.id, alarm.state, NEW.purpose FROM alarm WHERE alarm.id = NEW.alarm_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER bench_witness AFTER UPDATE ON notification
        FOR EACH ROW WHEN (NEW.state = 'sending' AND OLD.state <> 'sending' AND NEW.alarm_id IS NOT NULL)
        EXECUTE FUNCTION bench_witness()
""")


def stale_seconds(pace: float) -> int:
    """After how many seconds without progress an acknowledged alarm rings again at a pace."""
    return round(pace * STALE_SECONDS)


class TooFewElders(Exception):
    """The registry does not have the elders that were asked for."""


@dataclass(frozen=True)
class Caller:
    """An elder with a wearable."""

    elder_id: int
    household_id: int
    device_key: int


@dataclass(frozen=True)
class Cast:
    """One elder for each incident; the operators who answer; the supervisor who does what is left to do."""

    callers: list[Caller]
    desks: list[int]
    supervisor: int


def prepare(conn: psycopg.Connection[TupleRow], incidents: int, now: datetime, pace: float = 1.0) -> Cast:
    """Add the people, the policy at a pace and the witness to a fresh service. Raises TooFewElders."""
    callers = [Caller(**row) for row in rows(conn, _ELDERS, {"most": incidents})]
    if len(callers) < incidents:
        raise TooFewElders(f"{incidents} elders at home are needed, {len(callers)} are registered")
    conn.execute(_WITNESS)
    with conn.transaction():
        conn.execute(_STALE, {"seconds": stale_seconds(pace)})
        conn.execute(_END_POLICIES, {"now": now})
        conn.execute(_ADD_POLICY, {"code": POLICY, "now": now, "after": [0, *step_seconds(pace)]})
        district = str(rows(conn, _DISTRICT)[0]["code"])
        for street in rows(conn, _STREETS):
            for role in ("operator", "supervisor"):
                _add(conn, f"bench-{role}-{street['code']}", role, street["code"], now, called=True)
        desks = [_add(conn, f"bench-desk-{one}", "operator", district, now) for one in range(DESKS)]
        supervisor = _add(conn, "bench-supervisor", "supervisor", district, now, called=True)
    return Cast(callers, desks, supervisor)


def _add(
    conn: psycopg.Connection[TupleRow], username: str, role: str, org_code: str, now: datetime, *, called: bool = False
) -> int:
    account = {"username": username, "role": role, "org_code": org_code, "now": now}
    [made] = rows(conn, _ADD_ACCOUNT, account)
    account_id = int(made["account_id"])
    if called:
        conn.execute(_ADD_WAYS, {"account_id": account_id, "address": f"+86139{account_id:08}", "now": now})
    return account_id
