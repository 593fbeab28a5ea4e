"""Who takes part in the tests: the members of the cast, their accounts, sessions and memberships."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher

from schemas.states import Role
from tests.integration.district import Connection, one

PASSWORD: Final = "the cast's password"
_PASSWORD_HASH: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)
DISTRICT, TIANSHENG, CHAOYANG = "500109", "500109001", "500109002"
NEIGHBOUR, NEIGHBOUR_STREET = "500112", "500112001"


@dataclass
class Cast:
    """Ids by name: 桂 (gui) and her husband 张 (zhang) live in 天生, 陈 (chen) in 朝阳.

    邓 (deng) lives in another district.
    """

    accounts: dict[str, int] = field(default_factory=dict)
    elders: dict[str, int] = field(default_factory=dict)
    households: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    alarms: dict[str, int] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    offers: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def cookie(self, member: str) -> dict[str, str]:
        """The header that makes a request come from a member."""
        token = self.tokens.get(member)
        return {"Cookie": f"anban_session={token}"} if token else {}


def add_account(conn: Connection, cast: Cast, now: datetime, member: str, role: Role) -> int:
    """An account with a session that is already open; its user name is the member's."""
    account = cast.accounts[member] = one(
        conn,
        "INSERT INTO account (username, name, role, password_hash, created_at) VALUES (%s,%s,%s,%s,%s) RETURNING id",
        member,
        f"Name of {member}",
        role,
        _PASSWORD_HASH,
        now - timedelta(days=30),
    )
    token = cast.tokens[member] = f"token-of-{member}"
    conn.execute(
        "INSERT INTO session (token_hash, account_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
        (hashlib.sha256(token.encode()).digest(), account, now, now + timedelta(hours=12)),
    )
    return account


def add_membership(
    conn: Connection, now: datetime, account: int, *, org: str | None = None, elder: int | None = None
) -> None:
    """What an account may see, since a month ago."""
    conn.execute(
        "INSERT INTO membership (account_id, org_code, elder_id, valid_from) VALUES (%s, %s, %s, %s)",
        (account, org, elder, now - timedelta(days=30)),
    )
