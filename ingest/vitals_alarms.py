"""The vitals rules at work: remembering recent vital signs, and raising alarms for what they confirm."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from dispatch.alarms import Signal, raise_alarm, subject_of
from ingest.admission import Arrival
from ingest.devices import KnownDevice, Wearer
from ingest.readings import CLOCK_AHEAD, Reading
from ingest.rule_book import RuleBook
from ingest.rules import Finding, VitalsWindow, severity_of
from ingest.thresholds import PLAIN, SIGNS, WearerRules
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import Severity, worse

WindowKey = tuple[int, int | None, int | None]
"""Device, elder and household: the next wearer of a device does not inherit the last one's heart rate."""

TELL_AGAIN: Final = 300.0
"""For so many seconds after a finding was raised the same or a lesser one is not raised again: it would join the alarm
that it has raised, at the price of a locked row for every message of a sick elder."""
AHEAD: Final = CLOCK_AHEAD + timedelta(minutes=1)
"""How far in the future the last readings may be: a device's clock may run ahead of ours by so much."""
_SIGNS: Final = frozenset(SIGNS)
_EMPTY: Final = VitalsWindow()

HISTORY = statement("""
    SELECT asked.device_key, last.at, last.hr, last.spo2, last.rr, last.temp, last.sbp, last.dbp
    FROM unnest(%(keys)s::integer[]) AS asked (device_key)
    CROSS JOIN LATERAL (
        SELECT at, hr, spo2, rr, temp, sbp, dbp FROM vitals
        WHERE device_key = asked.device_key AND at > %(since)s::timestamptz AND at <= %(until)s::timestamptz
          AND num_nonnulls(hr, spo2, rr, temp, sbp, dbp) > 0
        ORDER BY at DESC LIMIT %(limit)s::integer
    ) AS last
    ORDER BY last.at
""")
# The newest two of each sign: what the older one bears out, the newer one may go on counting for. The fixed upper bound
# leaves one or two partitions, whose index then yields the newest first.
BEFORE = statement("""
    SELECT asked.device_key, asked.sign, older.at, older.value
    FROM unnest(%(keys)s::integer[], %(ats)s::timestamptz[], %(signs)s::text[]) AS asked (device_key, at, sign)
    CROSS JOIN LATERAL (
        SELECT vitals.at, measured.value FROM vitals
        CROSS JOIN LATERAL (
            SELECT CASE asked.sign WHEN 'hr' THEN hr WHEN 'spo2' THEN spo2 WHEN 'rr' THEN rr WHEN 'temp' THEN temp
                                   WHEN 'sbp' THEN sbp WHEN 'dbp' THEN dbp END AS value
        ) AS measured
        WHERE vitals.device_key = asked.device_key AND vitals.at > %(since)s::timestamptz AND vitals.at < asked.at
          AND vitals.at <= %(until)s::timestamptz AND measured.value IS NOT NULL
        ORDER BY vitals.at DESC LIMIT 2
    ) AS older
    ORDER BY older.at
""")


class Windows(dict[WindowKey, VitalsWindow]):
    """What is remembered of every wearer, and the rules that hold for them."""

    def __init__(self, book: RuleBook | None = None) -> None:
        super().__init__()
        self.book = book or RuleBook()

    def rules_of(self, wearer: Wearer | None) -> WearerRules:
        """What holds for a wearer, or for nobody known."""
        return self.book.of(wearer.elder_id, wearer.oxygen_scale) if wearer else PLAIN[1]


def key_of(device: KnownDevice, wearer: Wearer | None) -> WindowKey:
    """Whose vital signs are remembered together."""
    return (device.key, wearer.elder_id, wearer.household_id) if wearer else (device.key, None, None)


def recall(tx: Transaction, now: datetime, fresh: list[Arrival], windows: Windows) -> Windows:
    """The windows that new readings advance; those not remembered are rebuilt from the stored readings."""
    book = windows.book
    book.refresh(tx, now)
    needed, forgotten, scales = Windows(book), dict[int, KnownDevice](), dict[int, int]()
    for device, reading in _recent(fresh, now - timedelta(seconds=book.policies.memory)):
        wearer = device.wearer_at(reading.at)
        key = key_of(device, wearer)
        window = windows.get(key)
        if window is None:
            forgotten[device.key] = device
        needed[key] = window or _EMPTY
        if wearer and wearer.elder_id is not None:
            scales[wearer.elder_id] = wearer.oxygen_scale
    book.learn(tx, scales)
    if forgotten:
        rebuilt = _rebuild(tx, now, forgotten, book)
        needed |= {key: window for key, window in rebuilt.items() if key in needed and key not in windows}
    return needed


def _recent(fresh: Iterable[Arrival], since: datetime) -> Iterator[tuple[KnownDevice, Reading]]:
    for arrival in fresh:
        for reading in arrival.readings:
            if not _SIGNS.isdisjoint(reading.values) and reading.at >= since:
                yield arrival.device, reading


def _rebuild(tx: Transaction, now: datetime, devices: dict[int, KnownDevice], book: RuleBook) -> Windows:
    span = {"since": now - timedelta(seconds=book.policies.memory), "until": now + AHEAD}
    rows: dict[int, list[Row]] = {key: [] for key in devices}
    for row in tx.rows(HISTORY, {"keys": sorted(devices), "limit": book.policies.samples, **span}):
        rows[row["device_key"]].append(row)
    for device_key, older in _before(tx, span, rows, book.policies.samples).items():
        rows[device_key] = older + rows[device_key]
    book.learn(tx, _scales(devices, rows))
    windows = Windows(book)
    for device_key, device in devices.items():
        for row in rows[device_key]:
            wearer = device.wearer_at(row["at"])
            key = key_of(device, wearer)
            measured = {name: row[name] for name in SIGNS if row.get(name) is not None}
            before = windows.get(key, _EMPTY)
            windows[key] = before.advanced(row["at"].timestamp(), measured, windows.rules_of(wearer))
    return windows


def _scales(devices: dict[int, KnownDevice], rows: dict[int, list[Row]]) -> dict[int, int]:
    wearers = (devices[key].wearer_at(row["at"]) for key, played in rows.items() for row in played)
    return {wearer.elder_id: wearer.oxygen_scale for wearer in wearers if wearer and wearer.elder_id is not None}


def _before(
    tx: Transaction, span: dict[str, datetime], rows: dict[int, list[Row]], asked_for: int
) -> dict[int, list[Row]]:
    """What was measured, before the last readings of each device, of the signs that the first two of them do not both
    have, such as the rare blood pressure: what bears out the others is known."""
    asked = [
        (key, last[0]["at"], sign)
        for key, last in rows.items()
        for sign in SIGNS
        if len(last) == asked_for and any(row[sign] is None for row in last[:2])
    ]
    found: dict[int, list[Row]] = {}
    if asked:
        keys, ats, signs = (list(column) for column in zip(*asked, strict=True))
        for row in tx.rows(BEFORE, {"keys": keys, "ats": ats, "signs": signs, **span}):
            found.setdefault(row["device_key"], []).append({"at": row["at"], row["sign"]: row["value"]})
    return found


def apply_vitals_rule(tx: Transaction, now: datetime, fresh: list[Arrival], windows: Windows) -> Windows:
    """Look at new readings, raise what they confirm, and return the windows as they are after them.

    Alarms are raised in the order of their subjects, the same in every process, so that no two wait for each other.
    """
    changed = Windows(windows.book)
    changed.update(windows)
    since = now - timedelta(seconds=windows.book.policies.memory)
    signals: list[Signal] = []
    for arrival in fresh:
        if any(not _SIGNS.isdisjoint(reading.values) for reading in arrival.readings):
            signals += _advance(arrival, since, now.timestamp(), changed)
    for signal in sorted(signals, key=subject_of):
        raise_alarm(tx, now, signal)
    return changed


def _advance(arrival: Arrival, since: datetime, now: float, windows: Windows) -> list[Signal]:
    """Advance the windows by one message; returns what is to be raised, the worst about each wearer."""
    device, policies = arrival.device, windows.book.policies
    worst: dict[WindowKey, tuple[Severity, VitalsWindow, int, Wearer | None]] = {}
    readings = arrival.readings if len(arrival.readings) == 1 else sorted(arrival.readings, key=lambda item: item.at)
    for reading in readings:
        if reading.at < since or _SIGNS.isdisjoint(reading.values):
            continue
        wearer = device.wearer_at(reading.at)
        key = key_of(device, wearer)
        before = windows[key]
        window = windows[key] = before.advanced(reading.at.timestamp(), reading.values, windows.rules_of(wearer))
        if not window.verdicts or window.verdicts is before.verdicts:
            continue
        confirmed = window.confirmed(policies, now)
        severity = severity_of(confirmed)
        if confirmed and (key not in worst or not worse(worst[key][0], severity)):
            worst[key] = (severity, window, confirmed, wearer)
    signals: list[Signal] = []
    for key, (severity, window, confirmed, wearer) in worst.items():
        if not windows[key].is_told(severity, now):
            windows[key] = windows[key]._replace(told=severity, told_until=now + TELL_AGAIN)
            signals.append(_signal(device, wearer, window.finding(confirmed, windows.rules_of(wearer))))
    return signals


def _signal(device: KnownDevice, wearer: Wearer | None, finding: Finding) -> Signal:
    return Signal(
        kind="vitals",
        severity=finding.severity,
        device_key=device.key,
        occurred_at=finding.at,
        elder_id=wearer.elder_id if wearer else None,
        household_id=wearer.household_id if wearer else None,
        elder_state=wearer.state if wearer else None,
        details=finding.details,
    )
