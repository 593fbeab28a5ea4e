"""What was turned away at the door: counted, and told to people where a device of ours seems to be set up wrongly."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from dispatch.alarms import Signal, raise_alarm
from ingest.devices import KnownDevice, find_devices
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import KIND_SEVERITY
from schemas.topics import DEVICE_ID

Turned = Literal["wrong_credential", "wrong_client_id", "plain_text", "publish", "subscribe"]
"""What device-auth and the broker know; why a credential is wrong the register knows."""

SPELL: Final = timedelta(minutes=10)
"""Refusals that come sooner after each other than this belong together."""
TELL_AGAIN: Final = timedelta(hours=1)
LIKELY_MISTAKE: Final = 5
"""So many wrong credentials in a spell are told: less is a battery change or a mistyped secret."""
STRANGERS_TOLD: Final = 20
"""The most alarms in a spell for what anybody who knows a device's name can cause."""
UNKNOWN_KEPT: Final = 2_000
MOST_NAMES: Final = 5_000
_BY_DEVICE_ITSELF: Final = frozenset({"publish", "subscribe"})

COUNT = statement("""
    INSERT INTO device_refusal (device_id, reason, times, recent, first_at, last_at, sample)
    SELECT device_id, reason, times, times, %(now)s::timestamptz, %(now)s::timestamptz, sample
    FROM unnest(%(ids)s::text[], %(reasons)s::text[], %(times)s::bigint[], %(samples)s::text[])
        AS turned (device_id, reason, times, sample)
    ORDER BY device_id, reason
    ON CONFLICT (device_id, reason) DO UPDATE
    SET times = device_refusal.times + EXCLUDED.times,
        recent = EXCLUDED.recent
            + CASE WHEN device_refusal.last_at >= %(spell)s::timestamptz THEN device_refusal.recent ELSE 0 END,
        last_at = EXCLUDED.last_at, sample = COALESCE(EXCLUDED.sample, device_refusal.sample)
    RETURNING device_id, reason, times, recent, told_at, sample
""")
FORGET_UNKNOWN = statement("""
    DELETE FROM device_refusal
    WHERE reason = 'unknown_device' AND device_id IN (
        SELECT device_id FROM device_refusal WHERE reason = 'unknown_device'
        ORDER BY last_at DESC, device_id OFFSET %(kept)s::integer)
""")
TOLD_LATELY = statement("""
    SELECT count(*) AS told FROM device_refusal
    WHERE reason NOT IN ('publish', 'subscribe') AND told_at >= %(spell)s::timestamptz
""")
TOLD = statement("""
    UPDATE device_refusal SET told_at = %(now)s::timestamptz
    WHERE device_id = %(device_id)s::text AND reason = %(reason)s::text
""")


@dataclass
class _Count:
    times: int = 0
    sample: str | None = None


class Refusals:
    """Counts in memory until they are written; any thread may note, one takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Turned], _Count] = {}

    def note(self, device_id: str, turned: Turned, sample: str | None = None) -> None:
        """Count one refusal; names that no device can have, and too many at a time, are only in the metrics."""
        if not DEVICE_ID.fullmatch(device_id):
            return
        with self._lock:
            if (device_id, turned) not in self._counts and len(self._counts) >= MOST_NAMES:
                return
            count = self._counts.setdefault((device_id, turned), _Count())
            count.times += 1
            count.sample = sample or count.sample

    def take(self) -> dict[tuple[str, Turned], _Count]:
        """What was counted since the last time."""
        with self._lock:
            taken, self._counts = self._counts, {}
        return taken

    def put_back(self, taken: Mapping[tuple[str, Turned], _Count]) -> None:
        """Count again what could not be written."""
        with self._lock:
            for key, count in taken.items():
                mine = self._counts.setdefault(key, _Count())
                mine.times += count.times
                mine.sample = mine.sample or count.sample


def reason_of(turned: Turned, device: KnownDevice | None) -> str:
    """Why, as the register sees it."""
    if device is None:
        return "unknown_device"
    if turned == "wrong_credential":
        return "revoked" if device.revoked else "wrong_secret"
    return turned


def is_worth_telling(reason: str, recent: int, told_at: datetime | None, now: datetime) -> bool:
    """Whether a person should look: at once where the device itself, rightly connected, oversteps; else when it goes
    on; and not again within the hour."""
    if reason == "unknown_device" or (told_at is not None and now - told_at < TELL_AGAIN):
        return False
    return recent >= (1 if reason in _BY_DEVICE_ITSELF else LIKELY_MISTAKE)


def write_refusals(tx: Transaction, now: datetime, taken: Mapping[tuple[str, Turned], _Count]) -> int:
    """Store the counts and raise `device_refused` where it is due; returns how many alarms were raised or joined."""
    if not taken:
        return 0
    devices = find_devices(tx, {device_id for device_id, _ in taken})
    counts: dict[tuple[str, str], _Count] = {}
    for (device_id, turned), count in taken.items():
        one = counts.setdefault((device_id, reason_of(turned, devices.get(device_id))), _Count())
        one.times += count.times
        one.sample = one.sample or count.sample
    found = tx.rows(
        COUNT,
        {
            "now": now,
            "spell": now - SPELL,
            "ids": [device_id for device_id, _ in counts],
            "reasons": [reason for _, reason in counts],
            "times": [count.times for count in counts.values()],
            "samples": [count.sample for count in counts.values()],
        },
    )
    if any(reason == "unknown_device" for _, reason in counts):
        tx.execute(FORGET_UNKNOWN, {"kept": UNKNOWN_KEPT})
    due = [one for one in found if is_worth_telling(one["reason"], one["recent"], one["told_at"], now)]
    return _tell(tx, now, due, devices) if due else 0


def _tell(tx: Transaction, now: datetime, due: list[Row], devices: Mapping[str, KnownDevice]) -> int:
    lately = tx.row(TOLD_LATELY, {"spell": now - SPELL})
    left = STRANGERS_TOLD - (lately["told"] if lately else 0)
    told = 0
    # In the order of the devices, so that two writers never wait for each other's alarms.
    for one in sorted(due, key=lambda one: (devices[one["device_id"]].key, one["reason"])):
        if one["reason"] not in _BY_DEVICE_ITSELF:
            if left <= 0:
                continue
            left -= 1
        raise_alarm(tx, now, _signal(now, one, devices[one["device_id"]]))
        tx.execute(TOLD, {"now": now, "device_id": one["device_id"], "reason": one["reason"]})
        told += 1
    return told


def _signal(now: datetime, refused: Row, device: KnownDevice) -> Signal:
    wearer = device.wearer_at(now)
    details = {"refused_reason": refused["reason"], "refused_times": refused["recent"]}
    if refused["sample"] is not None:
        details["refused_topic"] = refused["sample"]
    return Signal(
        kind="device_refused",
        severity=KIND_SEVERITY["device_refused"],
        device_key=device.key,
        occurred_at=now,
        elder_id=wearer.elder_id if wearer else None,
        household_id=wearer.household_id if wearer else None,
        # A stolen device is no less stolen while its wearer is in hospital.
        elder_state="test" if wearer and wearer.state == "test" else None,
        details=details,
    )
