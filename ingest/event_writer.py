"""Commits a batch of device events in one transaction: each press with its raw message, and the alarms it raises."""

from dataclasses import dataclass
from datetime import datetime

from dispatch.alarms import Signal, cancel_fall, fall_already_cancelled, raise_alarm
from dispatch.commands import acknowledge_command
from ingest.dead_letters import DEAD_LETTERS, keep
from ingest.devices import KnownDevice, find_devices, mark_seen
from ingest.readings import believed_time
from ingest.received import DeadLetter, Readable, Received, read
from ingest.telemetry_writer import DUPLICATES, MESSAGES
from schemas.database import Transaction
from schemas.messages import CommandAck, DeviceEvent
from schemas.statements import statement
from schemas.states import KIND_SEVERITY, AlarmKind

STORE = statement("""
    INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload)
    VALUES (%(key)s::integer, %(boot)s::text, %(seq)s::bigint, %(kind)s::text, %(at)s::timestamptz,
            %(received_at)s::timestamptz, %(topic)s::text, %(payload)s::bytea)
    ON CONFLICT (device_key, boot, seq) DO NOTHING
    RETURNING id
""")
LINK = statement("UPDATE device_event SET alarm_id = %(alarm_id)s::bigint WHERE id = %(id)s::bigint")


@dataclass(frozen=True)
class Recorded:
    """An event that is stored now, so that its device may stop repeating it."""

    shard: int
    device_id: str
    boot: str
    seq: int


def write_events(tx: Transaction, now: datetime, messages: list[Received]) -> list[Recorded]:
    """Store a batch in the order received; returns what to tell the devices once the commit has succeeded."""
    results = [read(message) for message in messages]
    ids = {item.address.device_id if isinstance(item, Readable) else item.device_id for item in results}
    devices = find_devices(tx, {device_id for device_id in ids if device_id is not None})
    recorded: list[Recorded] = []
    seen: dict[int, tuple[datetime, float | None]] = {}
    for item in results:
        device = devices.get((item.address.device_id if isinstance(item, Readable) else item.device_id) or "")
        if isinstance(item, DeadLetter):
            MESSAGES.labels("unreadable").inc()
            _keep_unreadable(tx, now, item, device)
        elif device is None or device.revoked:
            reason = "unknown_device" if device is None else "revoked_device"
            _keep(tx, DeadLetter(item.message, item.address.device_id, reason, "no such device in the registry"))
        else:
            MESSAGES.labels(item.address.lane).inc()
            seen[device.key] = (item.message.received_at, None)
            recorded += _write(tx, now, item, device)
    mark_seen(tx, seen)
    return recorded


def _write(tx: Transaction, now: datetime, item: Readable, device: KnownDevice) -> list[Recorded]:
    if isinstance(item.body, CommandAck):
        acknowledge_command(tx, now, device.key, item.body.id, item.body.result)
        return []
    if not isinstance(item.body, DeviceEvent):
        return []
    event = item.body
    at = believed_time(event.at, item.message.received_at) or item.message.received_at
    stored = tx.row(
        STORE,
        {
            "key": device.key,
            "boot": event.boot,
            "seq": event.seq,
            "kind": event.kind,
            "at": at,
            "received_at": item.message.received_at,
            "topic": item.message.topic,
            "payload": item.message.payload,
        },
    )
    if stored is None:
        DUPLICATES.labels("event").inc()
    else:
        alarm_id = _act(tx, now, event, device, at, stored["id"])
        if alarm_id is not None:
            tx.execute(LINK, {"id": stored["id"], "alarm_id": alarm_id})
    return [Recorded(item.message.shard, item.address.device_id, event.boot, event.seq)]


def _act(
    tx: Transaction, now: datetime, event: DeviceEvent, device: KnownDevice, at: datetime, event_id: int
) -> int | None:
    if event.kind == "fall_cancelled":
        return cancel_fall(tx, now, device.key, at)
    if event.kind == "fall" and fall_already_cancelled(tx, device.key, at):
        return None
    return raise_alarm(tx, now, signal_for(device, event.kind, at, {"device_event_id": event_id}))


def signal_for(device: KnownDevice, kind: AlarmKind, at: datetime, details: dict[str, int | str]) -> Signal:
    """The signal a device's event gives, about whoever it spoke for at that moment."""
    wearer = device.wearer_at(at)
    return Signal(
        kind=kind,
        severity=KIND_SEVERITY[kind],
        device_key=device.key,
        occurred_at=at,
        elder_id=wearer.elder_id if wearer else None,
        household_id=wearer.household_id if wearer else None,
        elder_state=wearer.state if wearer else None,
        details=details,
    )


def _keep(tx: Transaction, letter: DeadLetter) -> None:
    DEAD_LETTERS.labels(letter.reason).inc()
    keep(tx, letter)


def _keep_unreadable(tx: Transaction, now: datetime, letter: DeadLetter, device: KnownDevice | None) -> None:
    """An event that cannot be read may be a cry for help: a person looks at it."""
    _keep(tx, letter)
    if device is not None and not device.revoked:
        raise_alarm(tx, now, signal_for(device, "unreadable_event", now, {"reason": letter.reason}))
