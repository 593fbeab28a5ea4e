"""The vitals rule at work: remembering recent vital signs, and raising alarms for what they confirm."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from dispatch.alarms import Signal, raise_alarm, subject_of
from ingest.admission import Arrival
from ingest.devices import KnownDevice, Wearer
from ingest.readings import Reading
from ingest.rules import MEMORY, Finding, VitalsWindow, still_matters
from schemas import news2
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.vitals import SCORED

WindowKey = tuple[int, int | None, int | None]
"""Device, elder and household: the next wearer of a device does not inherit the last one's heart rate."""
Windows = dict[WindowKey, VitalsWindow]

REMEMBERED: Final = 8
"""How many of a device's last readings are played again after a restart; the rule looks at three."""

HISTORY = statement("""
    SELECT asked.device_key, last.at, last.hr, last.spo2, last.rr, last.temp, last.sbp
    FROM unnest(%(keys)s::integer[]) AS asked (device_key)
    CROSS JOIN LATERAL (
        SELECT at, hr, spo2, rr, temp, sbp FROM reading
        WHERE device_key = asked.device_key AND at > %(since)s::timestamptz AND at <= %(now)s::timestamptz
          AND num_nonnulls(hr, spo2, rr, temp, sbp) > 0
        ORDER BY at DESC LIMIT %(limit)s::integer
    ) AS last
    ORDER BY last.at
""")
RARE = statement("""
    SELECT asked.device_key, asked.sign, newest.at, newest.value
    FROM unnest(%(keys)s::integer[], %(signs)s::text[]) AS asked (device_key, sign)
    CROSS JOIN LATERAL (
        SELECT at, measured.value FROM reading
        CROSS JOIN LATERAL (
            SELECT CASE asked.sign WHEN 'hr' THEN hr WHEN 'spo2' THEN spo2 WHEN 'rr' THEN rr WHEN 'temp' THEN temp
                                   WHEN 'sbp' THEN sbp END AS value
        ) AS measured
        WHERE device_key = asked.device_key AND at > %(since)s::timestamptz AND at <= %(now)s::timestamptz
          AND measured.value IS NOT NULL
        ORDER BY at DESC LIMIT 1
    ) AS newest
""")


def key_of(device: KnownDevice, wearer: Wearer | None) -> WindowKey:
    """Whose vital signs are remembered together."""
    return (device.key, wearer.elder_id, wearer.household_id) if wearer else (device.key, None, None)


def recall(tx: Transaction, now: datetime, fresh: list[Arrival], windows: Windows) -> Windows:
    """The windows that new readings advance; those not remembered are rebuilt from the stored readings."""
    needed: Windows = {}
    forgotten: dict[int, KnownDevice] = {}
    for device, reading in _recent(fresh, now):
        key = key_of(device, device.wearer_at(reading.at))
        window = windows.get(key)
        if window is None:
            forgotten[device.key] = device
        needed[key] = window or VitalsWindow()
    if forgotten:
        rebuilt = _rebuild(tx, now, forgotten)
        needed |= {key: window for key, window in rebuilt.items() if key in needed and key not in windows}
    return needed


def _recent(fresh: Iterable[Arrival], now: datetime) -> Iterable[tuple[KnownDevice, Reading]]:
    since = now - MEMORY
    return ((arrival.device, reading) for arrival in fresh for reading in arrival.readings if reading.at >= since)


def _rebuild(tx: Transaction, now: datetime, devices: dict[int, KnownDevice]) -> Windows:
    span = {"since": now - news2.MAX_AGE, "now": now}
    rows: dict[int, list[Row]] = {key: [] for key in devices}
    for row in tx.rows(HISTORY, {"keys": sorted(devices), "limit": REMEMBERED, **span}):
        rows[row["device_key"]].append(row)
    windows = _rarely_sent(tx, span, devices, rows)
    for device_key, device in devices.items():
        for row in rows[device_key]:
            wearer = device.wearer_at(row["at"])
            key = key_of(device, wearer)
            reading = Reading(row["at"], 0, {name: row[name] for name in SCORED}, 0, None)
            windows[key], _ = windows.get(key, VitalsWindow()).advanced(reading, _scale(wearer))
    return windows


def _rarely_sent(
    tx: Transaction, span: dict[str, datetime], devices: dict[int, KnownDevice], rows: dict[int, list[Row]]
) -> Windows:
    """Windows with the newest values of the signs, such as blood pressure, that the last readings do not have."""
    asked = [
        (key, name)
        for key, last in rows.items()
        for name in SCORED
        if len(last) == REMEMBERED and all(row[name] is None for row in last)
    ]
    latest: dict[WindowKey, dict[str, tuple[float, datetime]]] = {}
    keys, signs = [key for key, _ in asked], [name for _, name in asked]
    for row in tx.rows(RARE, {"keys": keys, "signs": signs, **span}) if asked else []:
        device = devices[row["device_key"]]
        key = key_of(device, device.wearer_at(row["at"]))
        latest.setdefault(key, {})[row["sign"]] = (row["value"], row["at"])
    return {key: VitalsWindow(values) for key, values in latest.items()}


def _scale(wearer: Wearer | None) -> int:
    return wearer.oxygen_scale if wearer else 1


def apply_vitals_rule(tx: Transaction, now: datetime, fresh: list[Arrival], windows: Windows) -> Windows:
    """Score new readings, raise what they confirm, and return the windows as they are after them.

    Alarms are raised in the order of their subjects, the same in every process, so that no two wait for each other.
    """
    changed = dict(windows)
    signals: list[Signal] = []
    for arrival in fresh:
        findings = _advance(arrival, now, changed)
        signals += [_signal(arrival.device, finding) for finding in findings.values() if still_matters(finding, now)]
    for signal in sorted(signals, key=subject_of):
        raise_alarm(tx, now, signal)
    return changed


def _advance(arrival: Arrival, now: datetime, windows: Windows) -> dict[WindowKey, Finding]:
    """Advance the windows by one message; returns its last finding about each wearer."""
    findings: dict[WindowKey, Finding] = {}
    since = now - MEMORY
    readings = arrival.readings if len(arrival.readings) == 1 else sorted(arrival.readings, key=lambda item: item.at)
    for reading in readings:
        if reading.at < since:
            continue
        wearer = arrival.device.wearer_at(reading.at)
        key = key_of(arrival.device, wearer)
        windows[key], finding = windows[key].advanced(reading, _scale(wearer))
        if finding:
            findings[key] = finding
    return findings


def _signal(device: KnownDevice, finding: Finding) -> Signal:
    wearer = device.wearer_at(finding.at)
    return Signal(
        kind="vitals",
        severity=finding.severity,
        device_key=device.key,
        occurred_at=finding.at,
        elder_id=wearer.elder_id if wearer else None,
        household_id=wearer.household_id if wearer else None,
        elder_state=wearer.state if wearer else None,
        details={"news2": finding.news2},
    )
