"""Applies what was done on the emergency page to the alarm of that very event, once, when the database has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from dispatch.alarm_events import record
from dispatch.alarms import FALL_WINDOW
from dispatch.answering import acknowledge
from dispatch.promises import rang_earlier
from dispatch.refusals import Refused
from dispatch.reviews import answered_earlier
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement

Applied = Literal["acknowledged", "came_later", "no_alarm", "applied_before"]
"""Took the alarm; somebody else had, it was over, or it is not theirs any more; the event raised none; done already."""
UNREADABLE_WITHIN: Final = timedelta(minutes=1)
"""Clocks of two processes may differ by this when they hear the same unreadable message."""

# The first of the events that raised or joined an alarm: they are of one subject and kind, hence of one alarm, unless
# it ended between them.
OF_EVENTS = statement("""
    SELECT stored.id, stored.alarm_id
    FROM unnest(%(devices)s::text[], %(boots)s::text[], %(seqs)s::bigint[]) WITH ORDINALITY
        AS said (device_id, boot, seq, place)
    JOIN device ON device.id = said.device_id
    JOIN device_event AS stored ON stored.device_key = device.key AND stored.boot = said.boot AND stored.seq = said.seq
    ORDER BY stored.alarm_id IS NULL, said.place
    LIMIT 1
""")
OF_UNREADABLE = statement("""
    SELECT alarm.id AS alarm_id
    FROM alarm JOIN device ON device.key = alarm.device_key
    WHERE device.id = %(device_id)s::text AND alarm.kind = 'unreadable_event'
      AND alarm.last_signal_at >= %(since)s::timestamptz
    ORDER BY alarm.id DESC
    LIMIT 1
""")
LOCK = statement("SELECT elder_id FROM alarm WHERE id = %(alarm_id)s::bigint FOR UPDATE")
APPLIED = statement("""
    SELECT FROM alarm_event WHERE alarm_id = %(alarm_id)s::bigint AND detail ->> 'entry' = %(entry)s::text
""")


@dataclass(frozen=True)
class LateAnswer:
    """An acknowledgement that the database did not see: `entry` names it for ever, `at` is when it was given."""

    entry: UUID
    at: datetime
    account_id: int
    device_id: str
    events: Sequence[tuple[str, str, int]]
    """Device, boot and sequence number of the events that were answered, the first first."""
    heard_at: datetime
    readable: bool = True


@dataclass(frozen=True)
class Settled:
    """What became of an answer."""

    result: Applied
    alarm_id: int | None = None
    elder_id: int | None = None


def settle(tx: Transaction, now: datetime, answer: LateAnswer) -> Settled | None:
    """Apply an answer under the rules of every acknowledgement, at its own time; None while it has to wait, for its
    event is not recorded yet or its fall may still be cancelled. Whoever called has waited since the call was heard.
    The deadlines that follow count from `now`: nobody could show progress before. The seat is the transaction's.

    An answer that came after somebody else's stays on the timeline, so that it can be told who went to the phone.
    """
    found = _find(tx, answer)
    if found is None:
        return None
    alarm_id = found.alarm_id
    if alarm_id is None:
        return Settled("no_alarm")
    alarm = tx.row(LOCK, {"alarm_id": alarm_id})
    elder_id = alarm["elder_id"] if alarm else None
    entry = str(answer.entry)
    if tx.row(APPLIED, {"alarm_id": alarm_id, "entry": entry}) is not None:
        return Settled("applied_before", alarm_id, elder_id)
    detail = {"entry": entry, "applied_at": now.isoformat()}
    try:
        acknowledge(tx, now, alarm_id, answer.account_id, done_at=min(answer.at, now), detail=detail)
    except Refused as refused:
        if refused.code == "not_yet_raised":
            return None
        detail["refused"] = refused.code
        record(tx, answer.at, alarm_id, "acknowledged_unrecorded", actor_id=answer.account_id, detail=detail)
        tx.emit(Event("alarm.noted", now, alarm_id=alarm_id, elder_id=elder_id, account_id=answer.account_id))
        return Settled("came_later", alarm_id, elder_id)
    rang_earlier(tx, alarm_id, answer.heard_at, FALL_WINDOW)
    if answered_earlier(tx, now, alarm_id):
        rang_earlier(tx, alarm_id, answer.heard_at, FALL_WINDOW)
    return Settled("acknowledged", alarm_id, elder_id)


@dataclass(frozen=True)
class _Found:
    alarm_id: int | None


def _find(tx: Transaction, answer: LateAnswer) -> _Found | None:
    """The alarm of the answered event; None while the event itself is not stored."""
    if not answer.readable:
        since = answer.heard_at - UNREADABLE_WITHIN
        found = tx.row(OF_UNREADABLE, {"device_id": answer.device_id, "since": since})
        return _Found(found["alarm_id"]) if found else None
    devices, boots, seqs = zip(*answer.events, strict=True) if answer.events else ((), (), ())
    found = tx.row(OF_EVENTS, {"devices": list(devices), "boots": list(boots), "seqs": list(seqs)})
    return _Found(found["alarm_id"]) if found else None
