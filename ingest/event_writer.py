"""Commits a batch of device events in one transaction: each press with its raw message, and the alarms it raises."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from dispatch.alarms import Signal, cancel_fall, fall_already_cancelled, raise_alarm, subject_of
from dispatch.commands import acknowledge_command, answer_press
from ingest.dead_letters import keep, letter_of_stranger
from ingest.devices import KnownDevice, find_devices
from ingest.readings import believed_time
from ingest.received import DeadLetter, Readable, Received, read, sender_of
from ingest.service_requests import ask_for_service
from ingest.telemetry_writer import DUPLICATES, MESSAGES
from schemas.database import Transaction
from schemas.messages import CommandAck, DeviceEvent, Undecodable, decode, salvage_event
from schemas.statements import statement
from schemas.states import KIND_SEVERITY, AlarmKind, Severity

STORE = statement("""
    INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload)
    VALUES (%(key)s::integer, %(boot)s::text, %(seq)s::bigint, %(kind)s::text, %(at)s::timestamptz,
            %(received_at)s::timestamptz, %(topic)s::text, %(payload)s::bytea)
    ON CONFLICT (device_key, boot, seq) DO NOTHING
    RETURNING id
""")
STORED = statement("""
    SELECT payload FROM device_event
    WHERE device_key = %(key)s::integer AND boot = %(boot)s::text AND seq = %(seq)s::bigint
""")
LINK = statement("UPDATE device_event SET alarm_id = %(alarm_id)s::bigint WHERE id = %(id)s::bigint")


@dataclass(frozen=True)
class Recorded:
    """An event that is stored now, so that its device may stop repeating it."""

    shard: int
    device_id: str
    boot: str
    seq: int


@dataclass(frozen=True)
class EventsWritten:
    """What a committed batch has to tell: which devices to answer, and which were heard of when."""

    recorded: list[Recorded]
    seen: dict[int, tuple[datetime, float | None]]


def write_events(tx: Transaction, now: datetime, messages: list[Received]) -> EventsWritten:
    """Store a batch. Answers and presence are the caller's, once the commit has succeeded.

    Presence rows are shared with telemetry: written here, a telemetry batch could hold up an SOS. Messages about the
    same alarm keep their order; alarms are locked in the same order by every process, so that no two wait for each
    other.
    """
    results = [read(message) for message in messages]
    devices = find_devices(tx, {device_id for item in results if (device_id := _device_id(item)) is not None})
    written = EventsWritten([], {})
    pairs = [(item, devices.get(_device_id(item) or "")) for item in results]
    for item, device in sorted(pairs, key=lambda pair: _place(*pair)):
        if isinstance(item, DeadLetter):
            MESSAGES.labels("unreadable").inc()
            written.recorded.extend(_keep_unreadable(tx, now, item, device))
        elif device is None or device.revoked:
            keep(tx, letter_of_stranger(item, device))
        else:
            MESSAGES.labels(item.address.lane).inc()
            _write(tx, now, item, device, written)
    return written


def bury_event(tx: Transaction, now: datetime, message: Received, reason: str, detail: str) -> None:
    """Keep an event that the database refuses, and have a person look at it."""
    device_id = sender_of(message)
    device = find_devices(tx, {device_id}).get(device_id) if device_id else None
    _keep_unreadable(tx, now, DeadLetter(message, device_id, reason, detail), device)


def _device_id(item: Readable | DeadLetter) -> str | None:
    return item.address.device_id if isinstance(item, Readable) else item.device_id


def _place(item: Readable | DeadLetter, device: KnownDevice | None) -> tuple[str, str]:
    """The alarm that a message is about, as subject and kind; a fall and its cancellation are about the same."""
    if device is None or device.revoked:
        return "", ""
    if isinstance(item, DeadLetter):
        return subject_of(_unreadable(item, device, "urgent")), "unreadable_event"
    if not isinstance(item.body, DeviceEvent):
        return "", ""
    if item.body.kind == "service":
        return "", ""
    kind = "fall" if item.body.kind == "fall_cancelled" else item.body.kind
    return subject_of(_signal(device, kind, _time_of(item.body, item.message), item.message, {})), kind


def _time_of(event: DeviceEvent, message: Received) -> datetime:
    return believed_time(event.at, message.received_at) or message.received_at


def _write(tx: Transaction, now: datetime, item: Readable, device: KnownDevice, written: EventsWritten) -> None:
    body, message = item.body, item.message
    is_new = True
    if isinstance(body, CommandAck):
        acknowledge_command(tx, now, device.key, body.id, body.result)
    elif isinstance(body, DeviceEvent):
        event_id = _store(tx, body, message, device)
        is_new = event_id is not None
        if event_id is None:
            DUPLICATES.labels("event").inc()
        else:
            _act(tx, now, body, message, device, event_id)
        written.recorded.append(Recorded(message.shard, item.address.device_id, body.boot, body.seq))
    # A retained message or a redelivery may be of any age and is no sign of life.
    if is_new and not message.retained:
        written.seen[device.key] = (message.received_at, None)


def _store(tx: Transaction, event: DeviceEvent, message: Received, device: KnownDevice) -> int | None:
    """Store an event; returns its id, or None when it is a repeat of one that is stored.

    Firmware that starts again under an old boot id uses identities twice. What happened at another time, or is of
    another kind, is another event, and is stored beside the first under a boot id that no device can send.
    """
    event_id = _insert(tx, event, message, device, event.boot)
    if event_id is None and not _is_repeat(tx, event, message, device):
        digest = hashlib.sha256(f"{event.kind} {event.at}".encode()).hexdigest()[:12]
        event_id = _insert(tx, event, message, device, f"{event.boot}~{digest}")
    return event_id


def _insert(tx: Transaction, event: DeviceEvent, message: Received, device: KnownDevice, boot: str) -> int | None:
    stored = tx.row(
        STORE,
        {
            "key": device.key,
            "boot": boot,
            "seq": event.seq,
            "kind": event.kind,
            "at": _time_of(event, message),
            "received_at": message.received_at,
            "topic": message.topic,
            "payload": message.payload,
        },
    )
    return int(stored["id"]) if stored else None


def _is_repeat(tx: Transaction, event: DeviceEvent, message: Received, device: KnownDevice) -> bool:
    """Whether the event stored under the same identity is the same event, whatever else either message says."""
    stored = tx.row(STORED, {"key": device.key, "boot": event.boot, "seq": event.seq})
    if stored is None or bytes(stored["payload"]) == message.payload:
        return True
    try:
        earlier = decode("event", bytes(stored["payload"]))
    except Undecodable:
        return False
    return isinstance(earlier, DeviceEvent) and (earlier.kind, earlier.at) == (event.kind, event.at)


def _act(
    tx: Transaction, now: datetime, event: DeviceEvent, message: Received, device: KnownDevice, event_id: int
) -> None:
    at = _time_of(event, message)
    if event.kind == "service":
        ask_for_service(tx, now, device, event_id, device.caller(at, message.received_at), at)
        return
    if event.kind == "fall_cancelled":
        alarm_id = cancel_fall(tx, now, device.key, at)
    elif event.kind == "fall" and fall_already_cancelled(tx, device.key, at):
        alarm_id = None
    else:
        alarm_id = raise_alarm(tx, now, _signal(device, event.kind, at, message, {"device_event_id": event_id}))
    if alarm_id is not None:
        tx.execute(LINK, {"id": event_id, "alarm_id": alarm_id})
        answer_press(tx, now, alarm_id)


def _signal(
    device: KnownDevice,
    kind: AlarmKind,
    at: datetime,
    message: Received,
    details: dict[str, int | str],
    severity: Severity | None = None,
) -> Signal:
    """The signal a device gives, about whoever called with it."""
    caller = device.caller(at, message.received_at)
    return Signal(
        kind=kind,
        severity=severity or KIND_SEVERITY[kind],
        device_key=device.key,
        occurred_at=at,
        elder_id=caller.elder_id if caller else None,
        household_id=caller.household_id if caller else None,
        elder_state=caller.state if caller else None,
        details=details,
    )


def _keep_unreadable(tx: Transaction, now: datetime, letter: DeadLetter, device: KnownDevice | None) -> list[Recorded]:
    """An event that cannot be read may be a cry for help: a person looks at it, as soon as what it still says calls
    for. Its repetitions say nothing more, and end when its identity can be read."""
    is_new = keep(tx, letter)
    if device is None or device.revoked or letter.device_id is None:
        return []
    salvaged = salvage_event(letter.message.payload)
    details: dict[str, int | str] = {"reason": letter.reason}
    severity = KIND_SEVERITY["unreadable_event"]
    if salvaged.kind and salvaged.kind != "fall_cancelled" and salvaged.kind != "service":
        details["kind"] = salvaged.kind
        severity = KIND_SEVERITY[salvaged.kind]
    if is_new:
        raise_alarm(tx, now, _unreadable(letter, device, severity, details))
    return [Recorded(letter.message.shard, letter.device_id, *salvaged.identity)] if salvaged.identity else []


def _unreadable(
    letter: DeadLetter, device: KnownDevice, severity: Severity, details: dict[str, int | str] | None = None
) -> Signal:
    at = letter.message.received_at
    return _signal(device, "unreadable_event", at, letter.message, details or {}, severity)
