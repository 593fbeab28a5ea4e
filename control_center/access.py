"""The record of who read what about whom; each row is written in the transaction that reads."""

from datetime import datetime
from typing import Literal

from schemas.database import Transaction
from schemas.statements import statement

Action = Literal[
    "session.started",
    "session.ended",
    "alarm.read",
    "alarms.listed",
    "dead_letters.read",
    "elder.read",
    "elder.state_changed",
    "elders.searched",
    "feed.opened",
    "vitals.read",
]
WRITE = statement("""
    INSERT INTO access_log (at, account_id, action, elder_id, alarm_id)
    VALUES (%(at)s::timestamptz, %(account_id)s::integer, %(action)s::text, %(elder_id)s::integer,
            %(alarm_id)s::bigint)
""")


def log_access(
    tx: Transaction,
    now: datetime,
    account_id: int,
    action: Action,
    *,
    elder_id: int | None = None,
    alarm_id: int | None = None,
) -> None:
    """Write down one access; it is kept or lost together with what was read."""
    tx.execute(
        WRITE, {"at": now, "account_id": account_id, "action": action, "elder_id": elder_id, "alarm_id": alarm_id}
    )
