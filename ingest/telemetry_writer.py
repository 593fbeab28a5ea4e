"""Commits a batch of telemetry: readings, watermarks, presence, dead letters and vitals alarms in one transaction."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from prometheus_client import Counter

from ingest.admission import Arrival, admit
from ingest.dead_letters import keep, letter_of_stranger
from ingest.devices import KnownDevice, Registry
from ingest.journal import Said
from ingest.memory import Memory
from ingest.presence import SaidOfItself, Seen, mark_seen, mark_statuses
from ingest.reading_rows import row, store
from ingest.readings import Reading, plausible
from ingest.received import DeadLetter, Readable, Received, read
from ingest.vitals_alarms import Windows, apply_vitals_rule, recall
from schemas.database import Transaction
from schemas.messages import Measurement, Status, TelemetryBackfill

MESSAGES = Counter("anban_messages_total", "Messages taken from the broker", ["lane"])
READINGS = Counter("anban_readings_stored_total", "Rows stored in reading")
DUPLICATES = Counter("anban_duplicates_total", "Messages that were already stored", ["lane"])

Known = list[tuple[Readable, KnownDevice]]


class Written(NamedTuple):
    """What a batch changes in the memory of the process, once the commit has succeeded."""

    windows: Windows
    said: Said
    seen: Seen


def write_telemetry(tx: Transaction, now: datetime, messages: list[Received], memory: Memory) -> Written:
    """Store a batch; what it returns is for `Memory.keep`. The caller holds the leases of its shards."""
    known, letters = _recognise(tx, messages, memory.registry)
    for letter in letters:
        keep(tx, letter)
    arrivals = [
        Arrival.of(item.message, item.body, device)
        for item, device in known
        if isinstance(item.body, Measurement | TelemetryBackfill)
    ]
    marks = memory.journal.recall(tx, now, {message.shard for message in messages})
    fresh, added, changed = admit(tx, now, arrivals, marks)
    # The history of a wearer not yet remembered is read before new readings are stored beside it.
    remembered = recall(tx, now, fresh, memory.windows)
    _store(tx, fresh)
    said = memory.journal.say(tx, added, changed)
    seen = memory.presence.worth_noting({device.key: device for _, device in known}, _signs_of_life(known, fresh))
    mark_seen(tx, seen)
    mark_statuses(tx, _statuses(known))
    memory.clocks.apply(tx, now, fresh)
    memory.homes.apply(tx, now, fresh)
    DUPLICATES.labels("telemetry").inc(len(arrivals) - len(fresh))
    return Written(apply_vitals_rule(tx, now, fresh, remembered), said, seen)


def _recognise(tx: Transaction, messages: list[Received], registry: Registry) -> tuple[Known, list[DeadLetter]]:
    """Tell readable messages of registered devices from dead letters."""
    results = [read(message) for message in messages]
    readable = [result for result in results if isinstance(result, Readable)]
    letters = [result for result in results if isinstance(result, DeadLetter)]
    for lane, number in Tally(item.address.lane for item in readable).items():
        MESSAGES.labels(lane).inc(number)
    MESSAGES.labels("unreadable").inc(len(letters))
    devices = registry.find(tx, {item.address.device_id for item in readable})
    known: Known = []
    for item in readable:
        device = devices.get(item.address.device_id)
        if device is None or device.revoked:
            letters.append(letter_of_stranger(item, device))
        else:
            known.append((item, device))
    return known, letters


def _signs_of_life(known: Known, fresh: Iterable[Arrival]) -> Seen:
    """When devices were heard of: a retained message or a redelivery may be of any age and is no sign of life."""
    seen: Seen = {}
    for item, device in known:
        if isinstance(item.body, Status) and item.body.online and not item.message.retained:
            seen[device.key] = (item.message.received_at, plausible("bat", item.body.bat))
    for arrival in fresh:
        if not arrival.message.retained:
            battery = _battery(arrival.readings, seen.get(arrival.device.key))
            seen[arrival.device.key] = (arrival.message.received_at, battery)
    return seen


def _battery(readings: list[Reading], before: tuple[datetime, float | None] | None) -> float | None:
    for reading in reversed(readings):
        said: float | None = reading.values.get("bat")
        if said is not None:
            return said
    return before[1] if before else None


def _statuses(known: Known) -> dict[int, SaidOfItself]:
    """The last word of each device that spoke of itself."""
    return {
        device.key: SaidOfItself(item.message.received_at, body.online, body.fw, plausible("bat", body.bat))
        for item, device in known
        if isinstance(body := item.body, Status)
    }


def _store(tx: Transaction, fresh: list[Arrival]) -> None:
    if not fresh:
        return
    rows = [row(arrival, reading) for arrival in fresh for reading in arrival.readings]
    store(tx.conn, rows)
    READINGS.inc(len(rows))
