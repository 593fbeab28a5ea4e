"""Dead letters as somebody at the machine looks after them: found, read, dropped; who did what stays on record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from schemas.database import Row, Transaction
from schemas.dead_letters import elders_concerned
from schemas.statements import statement

Action = Literal["dead_letters.read", "dead_letters.redriven", "dead_letters.dropped"]
MOST_LISTED: Final = 10_000

FIND = statement("""
    SELECT id, received_at, last_received_at, times, topic, device_id, reason, detail, payload_size, redriven_at
    FROM dead_letter
    WHERE (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
      AND (%(reason)s::text IS NULL OR reason = %(reason)s::text)
      AND (%(device_id)s::text IS NULL OR device_id = %(device_id)s::text)
      AND (%(before)s::timestamptz IS NULL OR last_received_at < %(before)s::timestamptz)
      AND (%(with_redriven)s::boolean OR redriven_at IS NULL)
    ORDER BY id DESC
    LIMIT %(limit)s::integer
""")
READ = statement("""
    SELECT id, received_at, last_received_at, times, topic, device_id, reason, detail, payload, payload_size,
           redriven_at
    FROM dead_letter WHERE id = %(id)s::bigint
""")
LOCK = statement("""
    SELECT id, topic, device_id, reason, payload, payload_size FROM dead_letter WHERE id = %(id)s::bigint FOR UPDATE
""")
DROP = statement("DELETE FROM dead_letter WHERE id = ANY(%(ids)s::bigint[])")
RECORD = statement("""
    INSERT INTO access_log (at, host_user, action, elder_ids, detail)
    VALUES (%(at)s::timestamptz, %(host_user)s::text, %(action)s::text, %(elder_ids)s::integer[], %(detail)s::jsonb)
""")


@dataclass(frozen=True)
class Selection:
    """Which letters: all that meet every condition given. Letters that were redriven count only when asked for."""

    ids: tuple[int, ...] = ()
    reason: str | None = None
    device_id: str | None = None
    before: datetime | None = None
    with_redriven: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether no condition narrows it."""
        return not self.ids and self.reason is None and self.device_id is None and self.before is None


def find_letters(tx: Transaction, chosen: Selection, limit: int = MOST_LISTED) -> list[Row]:
    """Letters without their bytes, newest first."""
    return tx.rows(
        FIND,
        {
            "ids": list(chosen.ids) or None,
            "reason": chosen.reason,
            "device_id": chosen.device_id,
            "before": chosen.before,
            "with_redriven": chosen.with_redriven or bool(chosen.ids),
            "limit": limit,
        },
    )


def read_letter(tx: Transaction, now: datetime, letter_id: int, who: str) -> Row | None:
    """One letter with its bytes, put on record as read; None when there is none of that id."""
    letter = tx.row(READ, {"id": letter_id})
    if letter is not None:
        record_action(tx, now, who, "dead_letters.read", [letter_id])
    return letter


def lock_letter(tx: Transaction, letter_id: int) -> Row | None:
    """One letter with its bytes, so that nobody changes it before the transaction ends."""
    return tx.row(LOCK, {"id": letter_id})


def drop_letters(tx: Transaction, now: datetime, letters: Collection[Row], who: str) -> int:
    """Delete letters for good; what they were, without their bytes, stays on record. Returns how many there were."""
    ids = [letter["id"] for letter in letters]
    if not ids:
        return 0
    dropped = [{name: letter[name] for name in ("id", "topic", "reason", "times")} for letter in letters]
    record_action(tx, now, who, "dead_letters.dropped", ids, {"letters": dropped})
    return tx.execute(DROP, {"ids": ids})


def record_action(
    tx: Transaction, now: datetime, who: str, action: Action, ids: Collection[int], detail: dict[str, Any] | None = None
) -> None:
    """Write down who did what with which letters, and whom these are about."""
    tx.execute(
        RECORD,
        {
            "at": now,
            "host_user": who,
            "action": action,
            "elder_ids": elders_concerned(tx, ids),
            "detail": Jsonb({"count": len(ids), "first_id": min(ids), "last_id": max(ids), **(detail or {})}),
        },
    )
