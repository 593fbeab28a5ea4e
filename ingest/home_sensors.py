"""What the sensors of homes say in a batch of telemetry, against the last word of each; kept in `home_sensor`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from prometheus_client import Counter
from psycopg.types.json import Jsonb

from ingest.admission import Arrival
from ingest.devices import KnownDevice, Wearer
from ingest.readings import Reading
from ingest.sensor_words import Changes, Words, changes, own_words, vendor_words
from schemas.database import Transaction
from schemas.home import HOME_FIELDS, MAX_SENSORS
from schemas.statements import statement

SAID = Counter("anban_home_samples_total", "Samples in which a home said something of itself")
UNREADABLE = Counter("anban_home_fields_unreadable_total", "Home fields that could not be read", ["field"])
IGNORED = Counter("anban_home_sensors_ignored_total", "Words of sensors beyond the number kept behind one device")
LONGEST_NAME: Final = 64

log = structlog.get_logger()

# Only the process that holds the device's shard writes these rows.
REMEMBERED = statement("""
    SELECT device_key, sensor, heard_at, battery, said FROM home_sensor WHERE device_key = ANY(%(keys)s::integer[])
""")
REMEMBER = statement("""
    INSERT INTO home_sensor (device_key, sensor, heard_at, battery, said)
    SELECT * FROM unnest(%(keys)s::integer[], %(sensors)s::text[], %(ats)s::timestamptz[], %(batteries)s::real[],
                         %(saids)s::jsonb[])
    ON CONFLICT (device_key, sensor) DO UPDATE
    SET heard_at = EXCLUDED.heard_at, battery = COALESCE(EXCLUDED.battery, home_sensor.battery), said = EXCLUDED.said
""")


@dataclass(frozen=True, slots=True)
class Told:
    """What one sample said of a home."""

    device: KnownDevice
    wearer: Wearer | None
    sensor: str
    at: datetime
    received_at: datetime
    words: Words
    change: Changes


@dataclass(slots=True)
class _Memory:
    """The last word of one sensor."""

    at: datetime
    battery: float | None
    said: dict[str, bool]


def home_samples(fresh: Iterable[Arrival]) -> list[tuple[Arrival, Reading]]:
    """The samples that say something of a home, in the order of their times within each message."""
    return [
        (arrival, reading)
        for arrival in fresh
        for reading in sorted(
            (found for found in arrival.readings if found.extra and not HOME_FIELDS.isdisjoint(found.extra)),
            key=lambda found: found.at,
        )
    ]


def hear(tx: Transaction, samples: list[tuple[Arrival, Reading]]) -> list[Told]:
    """Read samples of homes and remember each sensor's last word.

    What is older than a sensor's last word tells only what happened with it (a movement, a press), not what changed.
    """
    memory = _recall(tx, {arrival.device.key for arrival, _ in samples})
    told: list[Told] = []
    changed: set[tuple[int, str]] = set()
    for arrival, reading in samples:
        SAID.inc()
        sensor, words = _read(reading.extra or {})
        known = memory.setdefault(arrival.device.key, {})
        before = known.get(sensor)
        is_late = before is not None and reading.at < before.at
        change = changes(Words(words.moved, words.pressed) if is_late else words, before.said if before else {})
        told.append(
            Told(
                arrival.device,
                arrival.device.wearer_at(reading.at),
                sensor,
                reading.at,
                arrival.message.received_at,
                words,
                change,
            )
        )
        if is_late:
            continue
        if before is None and len(known) >= MAX_SENSORS:
            IGNORED.inc()
            continue
        said = {**(before.said if before else {}), **words.states}
        battery = before.battery if before and words.battery is None else words.battery
        known[sensor] = _Memory(reading.at, battery, said)
        changed.add((arrival.device.key, sensor))
    _remember(tx, memory, changed)
    return told


def _read(extra: Mapping[str, Any]) -> tuple[str, Words]:
    """Which sensor speaks and what it says; fields that cannot be read are counted, and stay with the stored sample."""
    said, name = extra.get("said"), extra.get("sensor")
    words = vendor_words(said) if isinstance(said, dict) else own_words(extra)
    wrong = [*words.unreadable]
    if said is not None and not isinstance(said, dict):
        wrong.append("said")
    if name is not None and (not isinstance(name, str) or len(name) > LONGEST_NAME):
        wrong.append("sensor")
        name = None
    for field in wrong:
        UNREADABLE.labels(field).inc()
    return name or "", words


def _recall(tx: Transaction, keys: set[int]) -> dict[int, dict[str, _Memory]]:
    memory: dict[int, dict[str, _Memory]] = {}
    for row in tx.rows(REMEMBERED, {"keys": sorted(keys)}):
        said = {name: state for name, state in row["said"].items() if isinstance(state, bool)}
        known = memory.setdefault(row["device_key"], {})
        known[row["sensor"]] = _Memory(row["heard_at"], row["battery"], said)
    return memory


def _remember(tx: Transaction, memory: dict[int, dict[str, _Memory]], changed: set[tuple[int, str]]) -> None:
    if not changed:
        return
    rows = [(key, sensor, memory[key][sensor]) for key, sensor in sorted(changed)]
    tx.execute(
        REMEMBER,
        {
            "keys": [key for key, _, _ in rows],
            "sensors": [sensor for _, sensor, _ in rows],
            "ats": [last.at for _, _, last in rows],
            "batteries": [last.battery for _, _, last in rows],
            "saids": [Jsonb(last.said) for _, _, last in rows],
        },
    )
