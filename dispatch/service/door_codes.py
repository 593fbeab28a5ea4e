"""The code on the inside of a home's door: whoever sends it stood there, or has it from somebody who did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import Role

STAFF: Final[tuple[Role, ...]] = ("operator", "supervisor")
HOME_OF = statement("""
    SELECT household.id FROM elder JOIN household ON household.id = elder.household_id
    WHERE elder.id = %(elder_id)s::integer AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = %(elder_id)s::integer AND audience.account_id = %(actor_id)s::integer
          AND audience.role = ANY(%(roles)s::text[]))
    FOR UPDATE OF household
""")
END = statement("""
    UPDATE door_code SET ended_at = %(now)s::timestamptz
    WHERE household_id = %(household_id)s::integer AND ended_at IS NULL
""")
MAKE = statement("""
    INSERT INTO door_code (household_id, code_hash, made_at, made_by)
    VALUES (%(household_id)s::integer, %(code_hash)s::bytea, %(now)s::timestamptz, %(actor_id)s::integer)
""")
CURRENT = statement("""
    SELECT door_code.made_at, account.name AS made_by
    FROM door_code
    JOIN elder ON elder.household_id = door_code.household_id
    JOIN account ON account.id = door_code.made_by
    WHERE elder.id = %(elder_id)s::integer AND door_code.ended_at IS NULL
""")
OPENS = statement("""
    SELECT FROM door_code JOIN elder ON elder.household_id = door_code.household_id
    WHERE elder.id = %(elder_id)s::integer AND door_code.code_hash = %(code_hash)s::bytea
      AND door_code.ended_at IS NULL
""")


@dataclass(frozen=True)
class Current:
    """The code that hangs in a home now: since when, and who made it."""

    made_at: datetime
    made_by: str


def renew(tx: Transaction, now: datetime, actor_id: int, elder_id: int, code_hash: bytes) -> None:
    """Give the home of an elder in the scope of staff a new code; the one before it opens nothing any more.

    Raises Refused not_found.
    """
    home = tx.row(HOME_OF, {"elder_id": elder_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)})
    if home is None:
        raise Refused("not_found")
    about = {"household_id": home["id"], "now": now}
    tx.execute(END, about)
    tx.execute(MAKE, {**about, "code_hash": code_hash, "actor_id": actor_id})
    tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=actor_id))


def current(tx: Transaction, elder_id: int) -> Current | None:
    """The code of an elder's home, without itself: nobody knows it any more."""
    found = tx.row(CURRENT, {"elder_id": elder_id})
    return None if found is None else Current(found["made_at"], found["made_by"])


def opens(tx: Transaction, elder_id: int, code_hash: bytes) -> bool:
    """Whether a code is the one that hangs in an elder's home now."""
    return tx.row(OPENS, {"elder_id": elder_id, "code_hash": code_hash}) is not None
