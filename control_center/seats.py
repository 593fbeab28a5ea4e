"""Who sits in front of a screen, and whether they may still look."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from control_center.dependencies import Connection, Database
from control_center.subjects import VIEWS, View
from schemas.database import row
from schemas.statements import statement

# A worker's rights come from accepted work, whatever organisation the account was made a member of.
REACH = statement("""
    SELECT account.role,
           COALESCE(string_agg(COALESCE(org_unit.path, 'elder ' || membership.elder_id), ' '
                               ORDER BY org_unit.path, membership.elder_id), '') AS reach
    FROM session
    JOIN account ON account.id = session.account_id
    LEFT JOIN membership ON membership.account_id = account.id AND membership.valid_from <= %(now)s::timestamptz
        AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz) AND account.role <> 'worker'
    LEFT JOIN org_unit ON org_unit.code = membership.org_code
    WHERE session.token_hash = %(token_hash)s::bytea AND session.expires_at > %(now)s::timestamptz
      AND account.disabled_at IS NULL
    GROUP BY account.id
""")


@dataclass(frozen=True)
class Seat:
    """Whose screen it is: an account under one session, and how much of a card it is shown."""

    account_id: int
    token_hash: bytes
    view: View


@dataclass(frozen=True)
class Gone:
    """The session ended, or the role has no feed: the code to close with."""

    close_code: int


def scope_of(conn: Connection, now: datetime, seat: Seat) -> str | Gone:
    """A name for what the seat may see, equal as long as that is equal; 4401 or 4403 when it may see nothing any more.

    It is part of the epoch given to the screen: one whose scope changed while it was away is given a snapshot.
    """
    found = row(conn, REACH, {"token_hash": seat.token_hash, "now": now})
    if found is None:
        return Gone(4401)
    if VIEWS.get(found["role"]) != seat.view:
        return Gone(4403)
    return hashlib.sha256(f"{found['role']} {found['reach']}".encode()).hexdigest()[:12]


def read_scopes(database: Database, now: datetime, seats: Collection[Seat]) -> dict[Seat, str | Gone]:
    """The scope of each seat now."""
    with database.connection() as conn:
        return {seat: scope_of(conn, now, seat) for seat in seats}


def screen_epoch(epoch: str, scope: str) -> str:
    """The epoch as a screen is told it: of the database, and of what the screen may see."""
    return f"{epoch}.{scope}"
