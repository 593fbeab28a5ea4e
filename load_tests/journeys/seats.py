"""Who sits where in a load test: accounts of its own for operators and relatives, and the district's workers."""

from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.accounts import hash_demo_password
from device_sim.towns import DISTRICT_CODE
from device_sim.workforce import Worker, workforce, workforce_size
from load_tests.duty import call_everybody_in
from schemas.statements import statement

_SHIFT: Final = timedelta(hours=24)
_ADD_OPERATORS = statement("""
    WITH added AS (
        INSERT INTO account (username, name, role, password_hash, created_at)
        SELECT given.username, given.username, 'operator', %(password_hash)s::text, %(now)s::timestamptz
        FROM unnest(%(usernames)s::text[]) AS given (username)
        ON CONFLICT (username) DO NOTHING
        RETURNING id)
    INSERT INTO membership (account_id, org_code, valid_from)
    SELECT id, %(org_code)s::text, %(now)s::timestamptz FROM added
""")
_ADD_RELATIVES = statement("""
    WITH chosen AS (
        SELECT elder.id AS elder_id, given.username
        FROM unnest(%(usernames)s::text[]) WITH ORDINALITY AS given (username, place)
        JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS total
              FROM elder WHERE state = 'home') AS elder
          ON elder.place = (given.place - 1) %% elder.total + 1),
    added AS (
        INSERT INTO account (username, name, role, password_hash, created_at)
        SELECT chosen.username, chosen.username, 'family', %(password_hash)s::text, %(now)s::timestamptz FROM chosen
        ON CONFLICT (username) DO NOTHING
        RETURNING id, username)
    INSERT INTO membership (account_id, elder_id, valid_from)
    SELECT added.id, chosen.elder_id, %(now)s::timestamptz FROM added JOIN chosen USING (username)
""")


def operator_name(number: int) -> str:
    """The account of the operator at a desk, counted from 0."""
    return f"load-operator-{number + 1}"


def relative_name(number: int) -> str:
    """The account of a relative, counted from 0; one for each elder at home, then a second for each, and so on."""
    return f"load-relative-{number + 1}"


def workers_on_duty(elders: int) -> list[Worker]:
    """The workers of admitted providers in a district of so many elders."""
    everybody = workforce(workforce_size(elders))
    return [worker for worker in everybody if worker.provider.state == "admitted"]


def seat_everybody(conn: psycopg.Connection[TupleRow], operators: int, relatives: int, now: datetime) -> None:
    """Add the accounts that are missing, with the demo's password, and call all workers in for a day."""
    common = {"password_hash": hash_demo_password(), "now": now}
    with conn.transaction():
        staff = {"usernames": [operator_name(number) for number in range(operators)], "org_code": DISTRICT_CODE}
        conn.execute(_ADD_OPERATORS, {**common, **staff})
        conn.execute(_ADD_RELATIVES, {**common, "usernames": [relative_name(number) for number in range(relatives)]})
        call_everybody_in(conn, now - timedelta(minutes=5), now + _SHIFT)
