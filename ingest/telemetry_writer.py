"""Commits a batch of telemetry: readings, watermarks, presence, dead letters and vitals alarms in one transaction."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from prometheus_client import Counter
from psycopg.types.json import Jsonb

from ingest.dead_letters import DEAD_LETTERS, keep
from ingest.devices import KnownDevice, find_devices, mark_seen, mark_status
from ingest.readings import CLOCK_BEHIND, Reading, plausible, readings_of
from ingest.received import DeadLetter, Readable, Received, read
from ingest.vitals_alarms import Windows, apply_vitals_rule, load_windows, scale_of
from ingest.watermark import Watermark
from schemas.database import Row, Transaction
from schemas.messages import Status, Telemetry, TelemetryBackfill
from schemas.statements import statement
from schemas.vitals import Quality

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
LOCK_WATERMARKS = statement("""
    SELECT device_key, boot, high, recent FROM device_watermark
    WHERE (device_key, boot) IN (SELECT * FROM unnest(%(keys)s::integer[], %(boots)s::text[]))
    ORDER BY device_key, boot FOR UPDATE
""")
SET_WATERMARKS = statement("""
    INSERT INTO device_watermark (device_key, boot, high, recent, updated_at)
    SELECT keys, boots, highs, recents, %(now)s::timestamptz
    FROM unnest(%(keys)s::integer[], %(boots)s::text[], %(highs)s::bigint[], %(recents)s::bytea[])
        AS marks (keys, boots, highs, recents)
    ON CONFLICT (device_key, boot) DO UPDATE
    SET high = EXCLUDED.high, recent = EXCLUDED.recent, updated_at = EXCLUDED.updated_at
""")
IS_STORED = statement("""
    SELECT 1 FROM reading
    WHERE device_key = %(key)s::integer AND boot = %(boot)s::text AND seq = %(seq)s::bigint
      AND at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
    LIMIT 1
""")

Boot = tuple[int, str]


@dataclass
class _Batch:
    """What one batch adds, gathered before anything is written."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    marks: dict[Boot, Watermark] = field(default_factory=dict)
    changed: set[Boot] = field(default_factory=set)
    seen: dict[int, tuple[datetime, float | None]] = field(default_factory=dict)
    fresh: list[tuple[KnownDevice, list[Reading]]] = field(default_factory=list)
    duplicates: int = 0


def write_telemetry(tx: Transaction, now: datetime, messages: list[Received], windows: Windows) -> Windows:
    """Store a batch; returns the vitals windows that changed, to be kept only once the commit has succeeded."""
    readable, letters = _sort(messages)
    devices = find_devices(tx, {item.address.device_id for item in readable})
    known: list[tuple[Readable, KnownDevice]] = []
    for item in readable:
        device = devices.get(item.address.device_id)
        if device is None or device.revoked:
            reason = "unknown_device" if device is None else "revoked_device"
            letters.append(DeadLetter(item.message, item.address.device_id, reason, "no such device in the registry"))
        else:
            known.append((item, device))
    for letter in letters:
        keep(tx, letter)
        DEAD_LETTERS.labels(letter.reason).inc()
    batch = _gather(tx, known)
    # The history of a device not yet remembered is read before its new readings are stored beside it.
    remembered = _remembered(tx, now, batch.fresh, windows)
    _store(tx, now, batch)
    for item, device in known:
        if isinstance(item.body, Status):
            _status(tx, item, device)
    READINGS.inc(len(batch.rows))
    DUPLICATES.labels("telemetry").inc(batch.duplicates)
    return apply_vitals_rule(tx, now, batch.fresh, remembered)


def _remembered(
    tx: Transaction, now: datetime, fresh: list[tuple[KnownDevice, list[Reading]]], windows: Windows
) -> Windows:
    known = {device.key: windows[device.key] for device, _ in fresh if device.key in windows}
    return known | load_windows(
        tx, now, {device.key: scale_of(device, now) for device, _ in fresh if device.key not in known}
    )


def _sort(messages: list[Received]) -> tuple[list[Readable], list[DeadLetter]]:
    readable: list[Readable] = []
    letters: list[DeadLetter] = []
    for message in messages:
        result = read(message)
        if isinstance(result, DeadLetter):
            letters.append(result)
            MESSAGES.labels("unreadable").inc()
        else:
            readable.append(result)
            MESSAGES.labels(result.address.lane).inc()
    return readable, letters


def _gather(tx: Transaction, known: list[tuple[Readable, KnownDevice]]) -> _Batch:
    batch = _Batch()
    for item, device in known:
        if isinstance(item.body, Status) and item.body.online and not item.message.retained:
            batch.seen[device.key] = (item.message.received_at, plausible("bat", item.body.bat))
    telemetry = [
        (item.message, item.body, device)
        for item, device in known
        if isinstance(item.body, Telemetry | TelemetryBackfill)
    ]
    batch.marks = _lock_watermarks(tx, {(device.key, body.boot) for _, body, device in telemetry})
    for message, body, device in telemetry:
        readings = readings_of(body, message.received_at)
        batch.seen[device.key] = (message.received_at, _battery(readings, batch.seen.get(device.key)))
        if _admit(tx, batch, device.key, body, readings):
            batch.rows += [_row(device.key, message, body, reading) for reading in readings]
            batch.fresh.append((device, readings))
        else:
            batch.duplicates += 1
    return batch


def _battery(readings: list[Reading], before: tuple[datetime, float | None] | None) -> float | None:
    said = [reading.values["bat"] for reading in readings if reading.values.get("bat") is not None]
    return said[-1] if said else (before[1] if before else None)


def _lock_watermarks(tx: Transaction, boots: set[Boot]) -> dict[Boot, Watermark]:
    if not boots:
        return {}
    ordered = sorted(boots)
    found: list[Row] = tx.rows(
        LOCK_WATERMARKS, {"keys": [key for key, _ in ordered], "boots": [boot for _, boot in ordered]}
    )
    return {(row["device_key"], row["boot"]): Watermark.from_bytes(row["high"], row["recent"]) for row in found}


def _admit(
    tx: Transaction, batch: _Batch, key: int, body: Telemetry | TelemetryBackfill, readings: list[Reading]
) -> bool:
    mark = batch.marks.get((key, body.boot))
    verdict = mark.judge(body.seq) if mark else "new"
    if verdict == "too_old_to_tell":
        verdict = "duplicate" if _is_stored(tx, key, body, readings) else "new"
    if verdict == "duplicate":
        return False
    batch.marks[key, body.boot] = mark.advanced(body.seq) if mark else Watermark.first(body.seq)
    batch.changed.add((key, body.boot))
    return True


def _is_stored(tx: Transaction, key: int, body: Telemetry | TelemetryBackfill, readings: list[Reading]) -> bool:
    times = [reading.at for reading in readings]
    first, last = min(times), max(times)
    if any(reading.quality & Quality.CLOCK_OFF for reading in readings):
        first = last - CLOCK_BEHIND
    return tx.row(IS_STORED, {"key": key, "boot": body.boot, "seq": body.seq, "first": first, "last": last}) is not None


def _row(key: int, message: Received, body: Telemetry | TelemetryBackfill, reading: Reading) -> tuple[Any, ...]:
    value = reading.values.get
    steps = value("steps")
    return (
        reading.at,
        key,
        message.received_at,
        body.boot,
        body.seq,
        reading.sample,
        *(value(name) for name in ("hr", "spo2", "rr", "temp", "sbp", "dbp")),
        None if steps is None else int(steps),
        value("lat"),
        value("lon"),
        value("bat"),
        int(reading.quality),
        None if reading.extra is None else Jsonb(reading.extra),
    )


def _store(tx: Transaction, now: datetime, batch: _Batch) -> None:
    if batch.rows:
        with tx.conn.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(COPY_TYPES)
            for row in batch.rows:
                copy.write_row(row)
    if batch.changed:
        boots = sorted(batch.changed)
        tx.execute(
            SET_WATERMARKS,
            {
                "now": now,
                "keys": [key for key, _ in boots],
                "boots": [boot for _, boot in boots],
                "highs": [batch.marks[boot].high for boot in boots],
                "recents": [batch.marks[boot].to_bytes() for boot in boots],
            },
        )
    mark_seen(tx, batch.seen)


def _status(tx: Transaction, item: Readable, device: KnownDevice) -> None:
    if isinstance(item.body, Status):
        mark_status(
            tx,
            item.message.received_at,
            device.key,
            online=item.body.online,
            firmware=item.body.fw,
            battery=plausible("bat", item.body.bat),
        )
