"""What a provider calls back about a message: it arrived, it did not, somebody pressed a key."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from dispatch.answers import Key, answer
from dispatch.outcomes import failed, handed_over, lock_alarms
from dispatch.refusals import Refused
from dispatch.transports.message import HandedOver, NotSent
from schemas.database import Transaction
from schemas.statements import statement

Word = Literal["ringing", "delivered", "answered", "key", "failed", "busy", "no_answer", "unknown_number", "ended"]
"""`delivered` is a message's, the rest a call's; `unknown_number` says that nobody has this number."""
ARRIVED: Final = frozenset({"delivered", "answered"})
LOST: Final = frozenset({"failed", "busy", "no_answer", "unknown_number"})

HEARD = statement("""
    INSERT INTO provider_callback (provider, id, received_at)
    VALUES (%(provider)s::text, %(id)s::text, %(now)s::timestamptz)
    ON CONFLICT DO NOTHING
""")
FIND = statement("""
    SELECT id, alarm_id, purpose FROM notification WHERE key = %(key)s::uuid AND transport = %(transport)s::text
""")
FORGET = statement("DELETE FROM provider_callback WHERE received_at < %(before)s::timestamptz")


def heard_before(tx: Transaction, now: datetime, provider: str, message_id: str) -> bool:
    """Whether a provider's message came already; it is remembered with the transaction."""
    return tx.execute(HEARD, {"provider": provider, "id": message_id, "now": now}) == 0


def forget_heard(tx: Transaction, before: datetime) -> int:
    """Forget the ids of messages so old that their signature is refused anyway."""
    return tx.execute(FORGET, {"before": before})


def hear(
    tx: Transaction,
    now: datetime,
    transport: Literal["voice", "sms"],
    key: UUID,
    word: Word,
    pressed: Key | None = None,
) -> None:
    """Act on a provider's word about the message with that key. Raises Refused not_found for one it was never given."""
    found = tx.row(FIND, {"key": key, "transport": transport})
    if found is None:
        raise Refused("not_found")
    if word == "key" and pressed is not None and found["purpose"] == "summon":
        answer(tx, now, key, pressed)
    elif word in ARRIVED:
        lock_alarms(tx, (), [found["alarm_id"]] if found["alarm_id"] else [])
        handed_over(tx, now, {found["id"]: HandedOver(delivered=True)})
    elif word in LOST:
        lock_alarms(tx, [found["alarm_id"]] if found["alarm_id"] else [])
        failed(tx, now, found["id"], NotSent(word, gone=word == "unknown_number"))
