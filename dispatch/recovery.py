"""Alarms that end by themselves, because what they told of is over; nothing else ends without a person."""

from datetime import datetime
from typing import Any

from dispatch import notifications, offers
from dispatch.alarm_events import record
from dispatch.call_backs import CLOSE_AFTER
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement
from schemas.states import AlarmKind, OwnOutcome

LOCK = statement("""
    SELECT id, state, elder_id FROM alarm WHERE id = %(id)s::bigint AND ended_at IS NULL FOR UPDATE
""")
FIND_OF_DEVICES = statement("""
    SELECT alarm.id, alarm.state, alarm.elder_id FROM alarm
    JOIN unnest(%(keys)s::integer[], %(kinds)s::text[]) AS over (device_key, kind)
      ON alarm.subject = 'device:' || over.device_key AND alarm.kind = over.kind
    WHERE alarm.ended_at IS NULL
    ORDER BY alarm.id
    FOR UPDATE OF alarm
""")
# One that nobody has taken is called off by its source, as the wearer calls off a fall: it counts as nobody's work.
# One that somebody has taken is resolved, and closed like any other.
END = statement("""
    UPDATE alarm
    SET state = CASE WHEN state IN ('pending', 'raised') THEN 'cancelled' ELSE 'resolved' END,
        ended_at = %(now)s::timestamptz, outcome = %(outcome)s::text,
        due_at = CASE WHEN state NOT IN ('pending', 'raised') THEN %(close_at)s::timestamptz END,
        due_reason = CASE WHEN state NOT IN ('pending', 'raised') THEN 'close' END,
        response_state = NULLIF(response_state, 'searching'), response_due_at = NULL, shelved_reason = NULL,
        claimed_by = NULL, claimed_seat = NULL, claimed_until = NULL,
        sla_due_at = CASE WHEN paused_at IS NULL THEN sla_due_at ELSE %(now)s::timestamptz END
    WHERE id = %(id)s::bigint
    RETURNING state
""")


def end_by_itself(
    tx: Transaction,
    now: datetime,
    alarm_id: int,
    outcome: OwnOutcome = "recovered",
    detail: dict[str, Any] | None = None,
) -> bool:
    """End an open alarm whose reason is gone; returns False when it had ended before.

    Unanswered it is cancelled, taken it is resolved; whoever is still being asked to go is told that it is over.
    """
    alarm = tx.row(LOCK, {"id": alarm_id})
    if alarm is None:
        return False
    _end(tx, now, alarm, outcome, detail or {})
    return True


def end_of_devices(
    tx: Transaction, now: datetime, over: list[tuple[int, AlarmKind]], outcome: OwnOutcome = "recovered"
) -> int:
    """End the open technical alarms of devices, by device key and kind; returns how many there were."""
    if not over:
        return 0
    found = tx.rows(FIND_OF_DEVICES, {"keys": [key for key, _ in over], "kinds": [kind for _, kind in over]})
    for alarm in found:
        _end(tx, now, alarm, outcome, {})
    return len(found)


def _end(tx: Transaction, now: datetime, alarm: Row, outcome: OwnOutcome, detail: dict[str, Any]) -> None:
    alarm_id = int(alarm["id"])
    notifications.withdraw(tx, now, alarm_id)
    offers.withdraw(tx, now, Subject("alarm", alarm_id, alarm["elder_id"]))
    ended = tx.row(END, {"id": alarm_id, "now": now, "outcome": outcome, "close_at": now + CLOSE_AFTER})
    kind: EventKind = "alarm.cancelled" if ended and ended["state"] == "cancelled" else "alarm.resolved"
    record(tx, now, alarm_id, kind.removeprefix("alarm."), detail={"outcome": outcome, **detail})
    tx.emit(Event(kind, now, alarm_id=alarm_id, elder_id=alarm["elder_id"]))
