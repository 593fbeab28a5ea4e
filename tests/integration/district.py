"""A small registry to test on: one street, a few homes, built row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True)
class Person:
    """An elder with a wearable; the home has a button."""

    elder_id: int
    household_id: int
    wearable: str
    wearable_key: int
    button: str
    button_key: int


@contextmanager
def by_hand(conn: Connection) -> Iterator[None]:
    """Write what no command could have done: the database's own refusals are silent meanwhile."""
    conn.execute("SET session_replication_role = 'replica'")
    try:
        yield
    finally:
        conn.execute("SET session_replication_role = 'origin'")


def add_streets(conn: Connection) -> None:
    """District 500109 with 天生街道."""
    conn.execute(
        "INSERT INTO org_unit VALUES ('500109', NULL, 'district', '北碚区', '500109/', 29.8, 106.4), "
        "('500109001', '500109', 'street', '天生街道', '500109/500109001/', 29.8, 106.4) ON CONFLICT DO NOTHING"
    )


def one(conn: Connection, query: str, *params: object) -> int:
    """The first column of the first row, as a number."""
    row = conn.execute(query.encode(), params).fetchone()
    assert row is not None
    return int(row[0])


def add_device(conn: Connection, device_id: str, kind: str, now: datetime) -> int:
    """A device with a secret of 32 zero bytes' hash."""
    return one(
        conn,
        "INSERT INTO device (id, kind, secret_hash, registered_at, changed_at) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING key",
        device_id,
        kind,
        bytes(32),
        now,
        now,
    )


def assign(
    conn: Connection, key: int, now: datetime, *, elder: int | None = None, household: int | None = None
) -> None:
    """From a day ago until further notice."""
    conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, household_id, valid_from) VALUES (%s, %s, %s, %s)",
        (key, elder, household, now - timedelta(days=1)),
    )


def add_elder(conn: Connection, household: int, now: datetime, state: str = "home", scale: int = 1) -> int:
    """An elder of 84."""
    return one(
        conn,
        "INSERT INTO elder (household_id, name, gender, birth_date, state, state_since, oxygen_scale) "
        "VALUES (%s, '李桂芳', 'female', %s, %s, %s, %s) RETURNING id",
        household,
        date(now.year - 84, 3, 1),
        state,
        now,
        scale,
    )


def add_household(conn: Connection) -> int:
    """A home in 天生街道."""
    add_streets(conn)
    return one(conn, "INSERT INTO household (org_code, address) VALUES ('500109001', '天生路1号') RETURNING id")


def add_person(conn: Connection, number: int, now: datetime, state: str = "home", scale: int = 1) -> Person:
    """A household with one elder, wearable `W-<number>` and button `B-<number>`."""
    household = add_household(conn)
    elder = add_elder(conn, household, now, state, scale)
    wearable, button = f"W-{number:05}", f"B-{number:05}"
    wearable_key, button_key = add_device(conn, wearable, "wearable", now), add_device(conn, button, "button", now)
    assign(conn, wearable_key, now, elder=elder)
    assign(conn, button_key, now, household=household)
    return Person(elder, household, wearable, wearable_key, button, button_key)


def add_operator(conn: Connection, username: str, now: datetime, org: str = "500109") -> int:
    """An operator whose scope is an organisation's subtree."""
    account = one(
        conn,
        "INSERT INTO account (username, name, role, password_hash, created_at) "
        "VALUES (%s, '王敏', 'operator', '-', %s) RETURNING id",
        username,
        now,
    )
    conn.execute(
        "INSERT INTO membership (account_id, org_code, valid_from) VALUES (%s, %s, %s)",
        (account, org, now - timedelta(days=1)),
    )
    return account


def hand_over(conn: Connection, now: datetime, handover: datetime) -> tuple[Person, Person]:
    """Wearable W-7 goes from one elder to another."""
    first, second = add_person(conn, 1, now), add_person(conn, 2, now)
    key = add_device(conn, "W-7", "wearable", now)
    conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, valid_from, valid_to) "
        "VALUES (%s, %s, %s, %s), (%s, %s, %s, NULL)",
        (key, first.elder_id, now - timedelta(days=90), handover, key, second.elder_id, handover),
    )
    return first, second
