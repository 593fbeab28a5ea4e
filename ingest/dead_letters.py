"""Messages that cannot be used, kept with the reason and the raw bytes, and counted."""

import hashlib
from datetime import timedelta
from typing import Final

from prometheus_client import Counter

from ingest.devices import KnownDevice
from ingest.received import DeadLetter, Readable
from schemas.database import Transaction
from schemas.statements import statement

KEPT_BYTES: Final = 64 * 1024
REPEATED_WITHIN: Final = timedelta(seconds=60)
"""The same bytes on the same topic within this time are a repetition, not another message."""
DEAD_LETTERS = Counter("anban_dead_letters_total", "Messages that could not be used", ["reason"])

KEEP = statement("""
    WITH before AS (
        SELECT last_received_at FROM dead_letter
        WHERE md5(topic) = md5(%(topic)s::text) AND reason = %(reason)s::text AND payload_sha256 = %(sha256)s::bytea
    )
    INSERT INTO dead_letter (received_at, last_received_at, topic, device_id, reason, detail, payload, payload_size,
                             payload_sha256)
    VALUES (%(at)s::timestamptz, %(at)s::timestamptz, %(topic)s::text, %(device_id)s::text, %(reason)s::text,
            %(detail)s::text, %(payload)s::bytea, %(size)s::integer, %(sha256)s::bytea)
    ON CONFLICT (md5(topic), reason, payload_sha256) DO UPDATE
    SET times = dead_letter.times + 1,
        last_received_at = GREATEST(dead_letter.last_received_at, EXCLUDED.last_received_at),
        redriven_at = NULL
    RETURNING (SELECT last_received_at FROM before) AS before_at
""")


def letter_of_stranger(item: Readable, device: KnownDevice | None) -> DeadLetter:
    """What becomes of a readable message whose device is not registered (None) or revoked."""
    reason = "unknown_device" if device is None else "revoked_device"
    return DeadLetter(item.message, item.address.device_id, reason, "no such device in the registry")


def keep(tx: Transaction, letter: DeadLetter) -> bool:
    """Store a dead letter, or count the same bytes on the same topic once more; returns whether it is a new message."""
    kept = tx.row(
        KEEP,
        {
            "at": letter.message.received_at,
            "topic": letter.message.topic.replace("\x00", "\ufffd")[:1000],
            "device_id": letter.device_id,
            "reason": letter.reason,
            # What an exception says may quote anything; half of a surrogate pair is no text to a database.
            "detail": letter.detail.replace("\x00", "\ufffd").encode("utf-8", "replace").decode(),
            "payload": letter.message.payload[:KEPT_BYTES],
            "size": len(letter.message.payload),
            "sha256": hashlib.sha256(letter.message.payload).digest(),
        },
    )
    DEAD_LETTERS.labels(letter.reason).inc()
    before_at = kept["before_at"] if kept else None
    return before_at is None or letter.message.received_at - before_at > REPEATED_WITHIN
