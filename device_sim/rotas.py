"""Writes who is on duty in the demo: the seats' rota and the supervisor's, without end and before anybody plans."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.accounts import SIM_OPERATORS
from device_sim.towns import DISTRICT_CODE
from schemas.database import rows
from schemas.district_time import today
from schemas.locks import AdvisoryLock, wait_for
from schemas.statements import statement

PLANNER: Final = "supervisor1"
_STAFF = statement("""
    SELECT id, username FROM account WHERE username = ANY(%(usernames)s::text[]) AND disabled_at IS NULL
""")
_KNOWN = statement("SELECT name FROM rota WHERE org_code = %(org_code)s::text")
_ADD = statement("""
    WITH made AS (
        INSERT INTO rota (org_code, name, created_at, created_by)
        VALUES (%(org_code)s::text, %(name)s::text, %(now)s::timestamptz, %(planner)s::integer)
        RETURNING id
    ), layer AS (
        INSERT INTO rota_layer (rota_id, position, first_day, hand_over, turns, valid_from, set_by)
        SELECT made.id, 1, %(first_day)s::date, %(hand_over)s::time[], cardinality(%(turns)s::integer[]),
               %(now)s::timestamptz, %(planner)s::integer
        FROM made
        RETURNING id
    )
    INSERT INTO rota_turn (layer_id, turn, account_id)
    SELECT layer.id, worked.number - 1, worked.account_id
    FROM layer, unnest(%(turns)s::integer[]) WITH ORDINALITY AS worked (account_id, number)
""")


@dataclass(frozen=True)
class DemoRota:
    """Shifts between hand-overs by the district's clock, each worked by the next account in turn."""

    name: str
    hand_over: tuple[time, ...]
    turns: tuple[str, ...]


ROTAS: Final = (
    DemoRota(
        "坐席值班",
        (time(0), time(8), time(16)),
        ("operator1", SIM_OPERATORS[0], "operator2", SIM_OPERATORS[1]),
    ),
    # At night an operator stands in for the supervisor.
    DemoRota("班长值班", (time(8), time(20)), (PLANNER, "operator2")),
)


def seed_rotas(conn: psycopg.Connection[TupleRow], now: datetime) -> int:
    """Add the rotas that are missing and of which all accounts are there; returns how many.

    One that somebody changed or ended stays as it is.
    """
    with conn.transaction():
        wait_for(conn, AdvisoryLock.SEEDING)
        known = {found["name"] for found in rows(conn, _KNOWN, {"org_code": DISTRICT_CODE})}
        return sum(_add(conn, now, rota) for rota in ROTAS if rota.name not in known)


def _add(conn: psycopg.Connection[TupleRow], now: datetime, rota: DemoRota) -> bool:
    named = {*rota.turns, PLANNER}
    ids = {found["username"]: int(found["id"]) for found in rows(conn, _STAFF, {"usernames": sorted(named)})}
    if named - ids.keys():
        return False
    plan = {
        "org_code": DISTRICT_CODE,
        "name": rota.name,
        "planner": ids[PLANNER],
        # It begins with yesterday's shifts, so that somebody is on from the first moment.
        "first_day": today(now) - timedelta(days=1),
        "hand_over": list(rota.hand_over),
        "turns": [ids[username] for username in rota.turns],
        "now": now,
    }
    conn.execute(_ADD, plan)
    return True
