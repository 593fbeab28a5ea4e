"""The vitals rule at work: remembering each device's recent vital signs, and raising alarms for what they confirm."""

from collections.abc import Mapping
from datetime import datetime

from dispatch.alarms import Signal, raise_alarm
from ingest.devices import KnownDevice
from ingest.readings import Reading
from ingest.rules import Finding, VitalsWindow, still_matters
from schemas import news2
from schemas.database import Transaction
from schemas.statements import statement
from schemas.vitals import SCORED, Quality

Windows = dict[int, VitalsWindow]

HISTORY = statement("""
    SELECT device_key, at, hr, spo2, rr, temp, sbp FROM reading
    WHERE device_key = ANY(%(keys)s::integer[]) AND at > %(since)s::timestamptz AND at <= %(now)s::timestamptz
    ORDER BY at
""")


def scale_of(device: KnownDevice, at: datetime) -> int:
    """The NEWS2 oxygen scale of whoever wore the device at a moment."""
    wearer = device.wearer_at(at)
    return wearer.oxygen_scale if wearer else 1


def load_windows(tx: Transaction, now: datetime, scales: Mapping[int, int]) -> Windows:
    """Rebuild what the rule remembers of devices from their stored readings, after a start or a change of owner."""
    windows: Windows = {key: VitalsWindow() for key in scales}
    if not scales:
        return windows
    for row in tx.rows(HISTORY, {"keys": sorted(scales), "since": now - news2.MAX_AGE, "now": now}):
        values: dict[str, float | None] = {name: row[name] for name in SCORED}
        key = row["device_key"]
        reading = Reading(row["at"], 0, values, Quality(0), None)
        windows[key], _ = windows[key].advanced(reading, scales[key])
    return windows


def apply_vitals_rule(
    tx: Transaction, now: datetime, fresh: list[tuple[KnownDevice, list[Reading]]], windows: Windows
) -> Windows:
    """Score new readings, raise what they confirm, and return the windows as they are after them."""
    changed: Windows = {}
    for device, readings in fresh:
        window = changed.get(device.key, windows[device.key])
        confirmed: Finding | None = None
        for reading in sorted(readings, key=lambda item: item.at):
            window, finding = window.advanced(reading, scale_of(device, reading.at))
            confirmed = finding or confirmed
        changed[device.key] = window
        if confirmed and still_matters(confirmed, now):
            _raise(tx, now, device, confirmed)
    return changed


def _raise(tx: Transaction, now: datetime, device: KnownDevice, finding: Finding) -> None:
    wearer = device.wearer_at(finding.at)
    raise_alarm(
        tx,
        now,
        Signal(
            kind="vitals",
            severity=finding.severity,
            device_key=device.key,
            occurred_at=finding.at,
            elder_id=wearer.elder_id if wearer else None,
            household_id=wearer.household_id if wearer else None,
            elder_state=wearer.state if wearer else None,
            details={"news2": finding.news2},
        ),
    )
