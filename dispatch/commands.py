"""Commands to devices: an outbox that is published at QoS 0 and repeated until the device answers or time is up."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction
from schemas.statements import statement

SEEN_LIFETIME: Final = timedelta(minutes=10)
"""A light that answers a press later than this would puzzle more than comfort."""
_FIRST_RETRY: Final = timedelta(seconds=2)
_LONGEST_RETRY: Final = timedelta(seconds=30)

INSERT = statement("""
    INSERT INTO command (id, device_key, kind, alarm_id, created_at, expires_at, next_try_at)
    VALUES (%(id)s::uuid, %(device_key)s::integer, %(kind)s::text, %(alarm_id)s::bigint, %(now)s::timestamptz,
            %(expires_at)s::timestamptz, %(now)s::timestamptz)
""")
GIVE_UP = statement("""
    UPDATE command SET next_try_at = NULL
    WHERE id IN (
        SELECT id FROM command WHERE next_try_at <= %(now)s::timestamptz AND expires_at <= %(now)s::timestamptz
        FOR UPDATE SKIP LOCKED)
""")
CLAIM_DUE = statement("""
    SELECT command.id, command.kind, command.expires_at, command.attempts, device.id AS device_id
    FROM command JOIN device ON device.key = command.device_key
    WHERE command.next_try_at <= %(now)s::timestamptz AND command.expires_at > %(now)s::timestamptz
    ORDER BY command.next_try_at LIMIT %(limit)s::integer
    FOR UPDATE OF command SKIP LOCKED
""")
TRIED = statement("""
    UPDATE command SET attempts = attempts + 1, next_try_at = %(next_try_at)s::timestamptz WHERE id = %(id)s::uuid
""")
ACKNOWLEDGE = statement("""
    UPDATE command
    SET acknowledged_at = %(now)s::timestamptz, result = %(result)s::text, next_try_at = NULL
    WHERE id = %(id)s::uuid AND device_key = %(device_key)s::integer AND acknowledged_at IS NULL
""")


def send_seen(tx: Transaction, now: datetime, device_key: int, alarm_id: int) -> None:
    """Tell the device that a person has seen its alarm."""
    tx.execute(
        INSERT,
        {
            "id": uuid.uuid4(),
            "device_key": device_key,
            "kind": "seen",
            "alarm_id": alarm_id,
            "now": now,
            "expires_at": now + SEEN_LIFETIME,
        },
    )


def next_try(now: datetime, attempts: int, expires_at: datetime) -> datetime | None:
    """When to repeat a command that was just tried for the `attempts`-th time; None when it would be too late."""
    due = now + min(_FIRST_RETRY * 2 ** min(attempts, 10), _LONGEST_RETRY)
    return due if due < expires_at else None


def claim_due(tx: Transaction, now: datetime, limit: int) -> list[Row]:
    """Lock the commands that are due: id, kind, expires_at, attempts, device_id. Expired ones are given up."""
    tx.execute(GIVE_UP, {"now": now})
    return tx.rows(CLAIM_DUE, {"now": now, "limit": limit})


def mark_tried(tx: Transaction, now: datetime, command: Row) -> None:
    """Set when a claimed command is repeated."""
    tx.execute(TRIED, {"id": command["id"], "next_try_at": next_try(now, command["attempts"], command["expires_at"])})


def acknowledge_command(tx: Transaction, now: datetime, device_key: int, command_id: str, result: str) -> bool:
    """The device answered; returns whether a command of this device was still open under that id."""
    try:
        identity = uuid.UUID(command_id)
    except ValueError:
        return False
    return tx.execute(ACKNOWLEDGE, {"id": identity, "device_key": device_key, "result": result, "now": now}) == 1
