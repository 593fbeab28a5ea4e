"""The demo's accounts, workers' apart. Their password is printed by the launcher and worth nothing elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from argon2 import PasswordHasher
from psycopg.rows import TupleRow

from device_sim.population import households
from device_sim.towns import DISTRICT_CODE
from schemas.database import row, rows
from schemas.statements import statement
from schemas.states import Role

DEMO_PASSWORD: Final = "anban-demo"  # noqa: S105
SIM_OPERATORS: Final = ("sim-operator-1", "sim-operator-2")
"""Played by `device_sim people`, so that the other operators are left to whoever tries the console."""
SEATS: Final = (
    (DISTRICT_CODE, "一号席"),
    (DISTRICT_CODE, "二号席"),
    (DISTRICT_CODE, "三号席"),
    (DISTRICT_CODE, "四号席"),
    (DISTRICT_CODE, "班长席"),
    ("500109001", "街道席"),
)
"""The desks at which the demo's staff may sit."""
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

_USERNAMES = statement("SELECT username FROM account")
_ADD_ACCOUNT = statement("""
    INSERT INTO account (username, name, role, password_hash, created_at)
    VALUES (%(username)s, %(name)s, %(role)s, %(password_hash)s, %(now)s)
    ON CONFLICT (username) DO NOTHING
    RETURNING id
""")
_ADD_MEMBERSHIP = statement("""
    INSERT INTO membership (account_id, org_code, elder_id, valid_from)
    VALUES (%(account_id)s, %(org_code)s, %(elder_id)s, %(now)s)
""")
_ADD_SEAT = statement("""
    INSERT INTO seat (org_code, name) VALUES (%(org_code)s, %(name)s) ON CONFLICT (org_code, name) DO NOTHING
""")
_WEARER = statement("""
    SELECT device_assignment.elder_id
    FROM device_assignment
    JOIN device ON device.key = device_assignment.device_key
    WHERE device.id = %(device_id)s AND device_assignment.valid_to IS NULL
""")


@dataclass(frozen=True)
class DemoAccount:
    """An account and its scope: an organisation's subtree, or the wearer of one device, or nothing."""

    username: str
    name: str
    role: Role
    org_code: str | None = None
    wearer_of: str | None = None


def demo_accounts() -> Iterator[DemoAccount]:
    """The accounts of the demo; the family account belongs to the first elder's first contact."""
    elder = next(households(1)).elders[0]
    yield DemoAccount("operator1", "王敏", "operator", DISTRICT_CODE)
    yield DemoAccount("operator2", "李静", "operator", DISTRICT_CODE)
    yield DemoAccount("operator3", "陈建华", "operator", "500109001")
    yield DemoAccount("supervisor1", "刘芳", "supervisor", DISTRICT_CODE)
    yield DemoAccount("family1", elder.contacts[0].name, "family", wearer_of=elder.wearable_id)
    yield DemoAccount("admin1", "赵明", "administrator", DISTRICT_CODE)
    yield DemoAccount(SIM_OPERATORS[0], "周婷", "operator", DISTRICT_CODE)
    yield DemoAccount(SIM_OPERATORS[1], "吴建国", "operator", DISTRICT_CODE)


def hash_demo_password() -> str:
    """The demo's password as it is stored; made once a seed, for a hash takes 30 ms and hides nothing here."""
    return _HASHER.hash(DEMO_PASSWORD)


def seed_accounts(conn: psycopg.Connection[TupleRow], password_hash: str, now: datetime) -> int:
    """Add the accounts that are missing, each with its scope, workers' apart, and the seats.

    Returns how many accounts were added.
    """
    with conn.transaction():
        for org_code, name in SEATS:
            conn.execute(_ADD_SEAT, {"org_code": org_code, "name": name})
        existing = {found["username"] for found in rows(conn, _USERNAMES)}
        missing = [account for account in demo_accounts() if account.username not in existing]
        return sum(_add(conn, account, password_hash, now) for account in missing)


def _add(conn: psycopg.Connection[TupleRow], account: DemoAccount, password_hash: str, now: datetime) -> bool:
    values = {"username": account.username, "name": account.name, "role": account.role, "now": now}
    added = row(conn, _ADD_ACCOUNT, {**values, "password_hash": password_hash})
    if added is None:
        return False
    wearer = row(conn, _WEARER, {"device_id": account.wearer_of}) if account.wearer_of else None
    elder_id = wearer["elder_id"] if wearer else None
    if account.org_code or elder_id:
        scope = {"org_code": account.org_code, "elder_id": elder_id}
        conn.execute(_ADD_MEMBERSHIP, {"account_id": added["id"], **scope, "now": now})
    return True
