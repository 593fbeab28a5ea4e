"""Commits a batch of telemetry: readings, watermarks, presence, dead letters and vitals alarms in one transaction."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from prometheus_client import Counter
from psycopg.types.json import Jsonb

from ingest.admission import Arrival, admit, set_watermarks
from ingest.dead_letters import keep, letter_of_stranger
from ingest.devices import KnownDevice, Said, find_devices, mark_seen, mark_statuses
from ingest.readings import Reading, plausible
from ingest.received import DeadLetter, Readable, Received, read
from ingest.vitals_alarms import Windows, apply_vitals_rule, recall
from schemas.database import Transaction
from schemas.messages import Status, Telemetry, TelemetryBackfill

MESSAGES = Counter("anban_messages_total", "Messages taken from the broker", ["lane"])
READINGS = Counter("anban_readings_stored_total", "Rows stored in reading")
DUPLICATES = Counter("anban_duplicates_total", "Messages that were already stored", ["lane"])

COPY: Final = """COPY reading (at, device_key, received_at, boot, seq, sample, hr, spo2, rr, temp, sbp, dbp, steps, lat,
lon, battery, quality, extra) FROM STDIN (FORMAT BINARY)"""
COPY_TYPES: Final = (
    ["timestamptz", "int4", "timestamptz", "text", "int8", "int2"]
    + ["float4"] * 6
    + ["int4", "float8", "float8", "float4", "int4", "jsonb"]
)

Known = list[tuple[Readable, KnownDevice]]
Seen = dict[int, tuple[datetime, float | None]]


def write_telemetry(tx: Transaction, now: datetime, messages: list[Received], windows: Windows) -> Windows:
    """Store a batch; returns the vitals windows that changed, to be kept only once the commit has succeeded."""
    known, letters = _recognise(tx, messages)
    for letter in letters:
        keep(tx, letter)
    arrivals = [
        Arrival.of(item.message, item.body, device)
        for item, device in known
        if isinstance(item.body, Telemetry | TelemetryBackfill)
    ]
    fresh, marks = admit(tx, arrivals)
    # The history of a wearer not yet remembered is read before new readings are stored beside it.
    remembered = recall(tx, now, fresh, windows)
    _store(tx, fresh)
    set_watermarks(tx, now, marks)
    mark_seen(tx, _signs_of_life(known, fresh))
    mark_statuses(tx, _statuses(known))
    DUPLICATES.labels("telemetry").inc(len(arrivals) - len(fresh))
    return apply_vitals_rule(tx, now, fresh, remembered)


def _recognise(tx: Transaction, messages: list[Received]) -> tuple[Known, list[DeadLetter]]:
    """Tell readable messages of registered devices from dead letters."""
    results = [read(message) for message in messages]
    readable = [result for result in results if isinstance(result, Readable)]
    letters = [result for result in results if isinstance(result, DeadLetter)]
    for lane, number in Tally(item.address.lane for item in readable).items():
        MESSAGES.labels(lane).inc(number)
    MESSAGES.labels("unreadable").inc(len(letters))
    devices = find_devices(tx, {item.address.device_id for item in readable})
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
        said = reading.values.get("bat")
        if said is not None:
            return said
    return before[1] if before else None


def _statuses(known: Known) -> dict[int, Said]:
    """The last word of each device that spoke of itself."""
    return {
        device.key: Said(item.message.received_at, item.body.online, item.body.fw, plausible("bat", item.body.bat))
        for item, device in known
        if isinstance(item.body, Status)
    }


def _row(arrival: Arrival, reading: Reading) -> tuple[Any, ...]:
    value = reading.values.get
    steps = value("steps")
    return (
        reading.at,
        arrival.device.key,
        arrival.message.received_at,
        arrival.body.boot,
        arrival.body.seq,
        reading.sample,
        value("hr"),
        value("spo2"),
        value("rr"),
        value("temp"),
        value("sbp"),
        value("dbp"),
        None if steps is None else int(steps),
        value("lat"),
        value("lon"),
        value("bat"),
        reading.quality,
        None if reading.extra is None else Jsonb(reading.extra),
    )


def _store(tx: Transaction, fresh: list[Arrival]) -> None:
    if not fresh:
        return
    rows = [_row(arrival, reading) for arrival in fresh for reading in arrival.readings]
    with tx.conn.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COPY_TYPES)
        for row in rows:
            copy.write_row(row)
    READINGS.inc(len(rows))
