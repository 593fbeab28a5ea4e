"""Commands to devices: an outbox that is published at QoS 0 and repeated until the device answers or time is up."""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from prometheus_client import Counter

from dispatch.alarm_events import record
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement

CommandKind = Literal["seen", "talk", "ring", "locate"]
LIFETIME: Final[dict[CommandKind, timedelta]] = {
    "seen": timedelta(minutes=10),
    "talk": timedelta(minutes=1),
    "ring": timedelta(minutes=2),
    "locate": timedelta(minutes=2),
}
"""Later than this the device does nothing any more: a light that answers a press so late would puzzle more than
comfort, and a loudspeaker that opens when nobody listens would frighten."""
SEEN_LIFETIME: Final = LIFETIME["seen"]
_FIRST_RETRY: Final = timedelta(seconds=2)
_LONGEST_RETRY: Final = timedelta(seconds=30)
_POSITION: Final = re.compile(r"(-?\d{1,2}(?:\.\d{1,10})?),(-?\d{1,3}(?:\.\d{1,10})?)")

INSERT = statement("""
    INSERT INTO command (id, device_key, kind, alarm_id, actor_id, created_at, expires_at, next_try_at)
    VALUES (%(id)s::uuid, %(device_key)s::integer, %(kind)s::text, %(alarm_id)s::bigint, %(actor_id)s::integer,
            %(now)s::timestamptz, %(expires_at)s::timestamptz, %(now)s::timestamptz)
""")
# A device that signalled again after its light had answered is answered again; one that has not answered yet is being
# told already.
UNANSWERED_DEVICES = statement("""
    SELECT device.key
    FROM (
        SELECT alarm.device_key AS key, alarm.raised_at AS at FROM alarm
        WHERE alarm.id = %(alarm_id)s::bigint AND alarm.device_key IS NOT NULL AND alarm.severity <> 'technical'
        UNION ALL
        SELECT device_event.device_key, device_event.received_at FROM device_event
        WHERE device_event.alarm_id = %(alarm_id)s::bigint) AS signalled
    JOIN device ON device.key = signalled.key AND device.revoked_at IS NULL
    GROUP BY device.key
    HAVING NOT EXISTS (
        SELECT FROM command
        WHERE command.alarm_id = %(alarm_id)s::bigint AND command.device_key = device.key AND command.kind = 'seen'
          AND command.created_at >= max(signalled.at)
          AND (command.acknowledged_at IS NOT NULL OR command.expires_at > %(now)s::timestamptz))
    ORDER BY device.key
""")
IN_HAND = statement("""
    SELECT FROM alarm
    WHERE id = %(alarm_id)s::bigint AND state IN ('acknowledged', 'dispatched', 'on_scene') AND severity <> 'technical'
""")
CLAIM_DUE = statement("""
    SELECT command.id, command.kind, command.expires_at, command.attempts, device.id AS device_id
    FROM command JOIN device ON device.key = command.device_key
    WHERE command.next_try_at <= %(now)s::timestamptz AND command.expires_at > %(now)s::timestamptz
      AND command.acknowledged_at IS NULL
    ORDER BY command.next_try_at LIMIT %(limit)s::integer
    FOR UPDATE OF command SKIP LOCKED
""")
TRIED = statement("""
    UPDATE command SET attempts = attempts + 1, next_try_at = tried.next_try_at
    FROM unnest(%(ids)s::uuid[], %(next_tries)s::timestamptz[]) AS tried (id, next_try_at)
    WHERE command.id = tried.id
""")
# Who told is told at once: the engine writes it on the timeline.
ACKNOWLEDGE = statement("""
    UPDATE command
    SET acknowledged_at = %(now)s::timestamptz, result = %(result)s::text, next_try_at = %(now)s::timestamptz
    WHERE id = %(id)s::uuid AND device_key = %(device_key)s::integer AND acknowledged_at IS NULL
      AND expired_at IS NULL
    RETURNING pg_notify('anban_event', '')
""")
# Neither the command nor its alarm is waited for: whoever holds one of them may want the other.
CLAIM_OVER = statement("""
    SELECT command.id, command.kind, command.alarm_id, command.actor_id, command.acknowledged_at, command.result,
           device.id AS device_id, alarm.elder_id
    FROM command
    JOIN device ON device.key = command.device_key
    JOIN alarm ON alarm.id = command.alarm_id
    WHERE command.next_try_at <= %(now)s::timestamptz
      AND (command.acknowledged_at IS NOT NULL OR command.expires_at <= %(now)s::timestamptz)
    ORDER BY command.next_try_at LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF command SKIP LOCKED
    FOR KEY SHARE OF alarm SKIP LOCKED
""")
FORGET_OVER = statement("""
    UPDATE command
    SET next_try_at = NULL, expired_at = CASE WHEN acknowledged_at IS NULL THEN %(now)s::timestamptz END
    WHERE id IN (
        SELECT id FROM command
        WHERE next_try_at <= %(now)s::timestamptz AND alarm_id IS NULL
          AND (acknowledged_at IS NOT NULL OR expires_at <= %(now)s::timestamptz)
        FOR UPDATE SKIP LOCKED)
""")
SETTLED = statement("""
    UPDATE command
    SET next_try_at = NULL, expired_at = CASE WHEN acknowledged_at IS NULL THEN %(now)s::timestamptz END
    WHERE id = %(id)s::uuid
""")
POSTPONE = statement("UPDATE command SET next_try_at = %(due_at)s::timestamptz WHERE id = %(id)s::uuid")
UNSETTLED = statement("SELECT count(*) AS overdue FROM command WHERE next_try_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "command",
    POSTPONE,
    UNSETTLED,
    Counter("anban_command_steps_failed_total", "Commands whose end could not be written down, put off by 30 s"),
)


def queue(
    tx: Transaction,
    now: datetime,
    device_key: int,
    alarm_id: int | None,
    kind: CommandKind,
    actor_id: int | None = None,
) -> uuid.UUID:
    """Put a command into the outbox; returns its id. The answer to one about no alarm is nowhere told."""
    identity = uuid.uuid4()
    tx.execute(
        INSERT,
        {
            "id": identity,
            "device_key": device_key,
            "kind": kind,
            "alarm_id": alarm_id,
            "actor_id": actor_id,
            "now": now,
            "expires_at": now + LIFETIME[kind],
        },
    )
    return identity


def send_seen(tx: Transaction, now: datetime, device_key: int, alarm_id: int | None) -> None:
    """Tell the device that a person has seen its alarm, or that what its green button asked for is ordered."""
    queue(tx, now, device_key, alarm_id, "seen")


def answer_lights(tx: Transaction, now: datetime, alarm_id: int) -> None:
    """Tell every device that signalled in an alarm that a person has seen it, unless it knows."""
    for device in tx.rows(UNANSWERED_DEVICES, {"alarm_id": alarm_id, "now": now}):
        send_seen(tx, now, device["key"], alarm_id)


def answer_press(tx: Transaction, now: datetime, alarm_id: int) -> None:
    """Answer a press that joins an alarm which somebody has in hand already: its light does not wait for anybody."""
    if tx.row(IN_HAND, {"alarm_id": alarm_id}) is not None:
        answer_lights(tx, now, alarm_id)


def next_try(now: datetime, attempts: int, expires_at: datetime) -> datetime:
    """When to repeat a command that was just tried for the `attempts`-th time; at the latest when it expires, which is
    written down then."""
    wait: timedelta = min(_FIRST_RETRY * 2 ** min(attempts, 10), _LONGEST_RETRY)
    return min(now + wait, expires_at)


def claim_due(tx: Transaction, now: datetime, limit: int) -> list[Row]:
    """Lock the commands that are due: id, kind, expires_at, attempts, device_id."""
    return tx.rows(CLAIM_DUE, {"now": now, "limit": limit})


def mark_tried(tx: Transaction, now: datetime, claimed: Sequence[Row]) -> None:
    """Set when claimed commands are repeated."""
    tries = [next_try(now, command["attempts"], command["expires_at"]) for command in claimed]
    tx.execute(TRIED, {"ids": [command["id"] for command in claimed], "next_tries": tries})


def acknowledge_command(tx: Transaction, now: datetime, device_key: int, command_id: str, result: str) -> bool:
    """The device answered; returns whether a command of this device was still open under that id."""
    try:
        identity = uuid.UUID(command_id)
    except ValueError:
        return False
    return tx.execute(ACKNOWLEDGE, {"id": identity, "device_key": device_key, "result": result, "now": now}) == 1


def position_of(result: str) -> tuple[float, float] | None:
    """Latitude and longitude in a device's answer to `locate`, WGS-84 degrees; None when it knows no place."""
    found = _POSITION.fullmatch(result.strip())
    if found is None:
        return None
    lat, lon = float(found[1]), float(found[2])
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def settle(tx: Transaction, now: datetime, limit: int) -> int:
    """Write on the alarms' timelines what devices answered, and which commands expired without an answer; returns how
    many commands are over now."""
    forgotten = tx.execute(FORGET_OVER, {"now": now})
    over = tx.rows(CLAIM_OVER, {"now": now, "limit": limit})
    return forgotten + act_on_each(tx, now, over, lambda command: _settle(tx, now, command), SWEEP)


def _settle(tx: Transaction, now: datetime, command: Row) -> None:
    tx.execute(SETTLED, {"id": command["id"], "now": now})
    _tell(tx, now, command)


def _tell(tx: Transaction, now: datetime, command: Row) -> None:
    answered = command["acknowledged_at"] is not None
    detail: dict[str, Any] = {
        "command_id": str(command["id"]),
        "command": command["kind"],
        "device": command["device_id"],
    }
    if answered:
        detail["result"] = command["result"]
        place = position_of(command["result"]) if command["kind"] == "locate" else None
        if place is not None:
            detail["lat"], detail["lon"] = place
    kind: EventKind = "alarm.command_answered" if answered else "alarm.command_expired"
    record(tx, now, command["alarm_id"], kind.partition(".")[2], detail=detail)
    # Nobody waits at a screen for the light to say that it shone: the timeline has it for whoever looks.
    if command["actor_id"] is not None:
        tx.emit(Event(kind, now, alarm_id=command["alarm_id"], elder_id=command["elder_id"]))
