"""Which telemetry messages are new: their watermarks tell, and the stored readings where a watermark cannot."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ingest.devices import KnownDevice
from ingest.readings import CLOCK_AHEAD, CLOCK_BEHIND, Reading, claimed_time, readings_of
from ingest.received import Received
from ingest.watermark import WINDOW, Watermark
from schemas.database import Transaction
from schemas.messages import Telemetry, TelemetryBackfill
from schemas.statements import statement
from schemas.vitals import Quality

Boot = tuple[int, str]
Marks = dict[Boot, Watermark]
Identity = tuple[int, str, int]

SLACK: Final = timedelta(days=1)
"""How much later than its first delivery a redelivery may come and still be found where its first delivery put it."""
_CLOCK_OFF: Final = int(Quality.CLOCK_OFF)

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
# One walk over a device's readings, however many of its messages are in doubt.
FIND_STORED = statement("""
    SELECT asked.device_key, found.boot, found.seq
    FROM unnest(%(keys)s::integer[]) AS asked (device_key)
    CROSS JOIN LATERAL (
        SELECT boot, seq FROM reading
        WHERE device_key = asked.device_key AND at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
          AND seq = ANY(%(seqs)s::bigint[])
        UNION
        SELECT boot, seq FROM reading
        WHERE device_key = asked.device_key AND at = ANY(%(claimed)s::timestamptz[]) AND seq = ANY(%(seqs)s::bigint[])
    ) AS found
""")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A telemetry message of a known device, as readings."""

    message: Received
    body: Telemetry | TelemetryBackfill
    device: KnownDevice
    readings: list[Reading]

    @classmethod
    def of(cls, message: Received, body: Telemetry | TelemetryBackfill, device: KnownDevice) -> "Arrival":
        """Read a message's samples."""
        return cls(message, body, device, readings_of(body, message.received_at))

    @property
    def boot(self) -> Boot:
        """Whose sequence numbers it counts in."""
        return self.device.key, self.body.boot

    @property
    def identity(self) -> Identity:
        """What makes it the same message as another."""
        return self.device.key, self.body.boot, self.body.seq

    def may_be_old(self) -> bool:
        """Whether it may be a message of long ago, whose watermark is forgotten."""
        return self.message.retained or any(reading.quality & _CLOCK_OFF for reading in self.readings)

    def claimed_at(self) -> datetime | None:
        """When its first sample was taken, if its clock was right."""
        return claimed_time(self.body.at if isinstance(self.body, Telemetry) else self.body.samples[0].at)


def admit(tx: Transaction, arrivals: list[Arrival]) -> tuple[list[Arrival], Marks]:
    """The messages that are not stored yet, in order, and the watermarks to set with them; locks the watermarks."""
    marks = _lock_watermarks(tx, {arrival.boot for arrival in arrivals})
    stored = _find_stored(tx, list(_doubtful(marks, arrivals)))
    admitted: list[Arrival] = []
    changed: Marks = {}
    for arrival in arrivals:
        boot, seq, identity = arrival.boot, arrival.body.seq, arrival.identity
        mark = marks.get(boot)
        if identity in stored or (mark and mark.judge(seq) == "duplicate"):
            continue
        stored.add(identity)
        marks[boot] = changed[boot] = mark.advanced(seq) if mark else Watermark.first(seq)
        admitted.append(arrival)
    return admitted, changed


def _doubtful(marks: Marks, arrivals: list[Arrival]) -> Iterator[Arrival]:
    """Every message that its watermark may be unable to judge when its turn comes."""
    highs = {boot: mark.high for boot, mark in marks.items()}
    for arrival in arrivals:
        boot, seq = arrival.boot, arrival.body.seq
        high = highs.get(boot, seq)
        if high - seq >= WINDOW or (boot not in marks and arrival.may_be_old()):
            yield arrival
        highs[boot] = max(high, seq)


def _find_stored(tx: Transaction, doubtful: list[Arrival]) -> set[Identity]:
    """Which of some messages are among the readings, wherever their clock or an earlier time of receipt put them."""
    if not doubtful:
        return set()
    received = [arrival.message.received_at for arrival in doubtful]
    claimed = {arrival.claimed_at() for arrival in doubtful} - {None}
    rows = tx.rows(
        FIND_STORED,
        {
            "keys": sorted({arrival.device.key for arrival in doubtful}),
            "seqs": sorted({arrival.body.seq for arrival in doubtful}),
            "first": min(received) - CLOCK_BEHIND - SLACK,
            "last": max(received) + CLOCK_AHEAD + timedelta(minutes=1),
            "claimed": list(claimed),
        },
    )
    return {(row["device_key"], row["boot"], row["seq"]) for row in rows} & {arrival.identity for arrival in doubtful}


def _lock_watermarks(tx: Transaction, boots: Iterable[Boot]) -> Marks:
    ordered = sorted(boots)
    if not ordered:
        return {}
    found = tx.rows(LOCK_WATERMARKS, {"keys": [key for key, _ in ordered], "boots": [boot for _, boot in ordered]})
    return {(row["device_key"], row["boot"]): Watermark.from_bytes(row["high"], row["recent"]) for row in found}


def set_watermarks(tx: Transaction, now: datetime, marks: Marks) -> None:
    """Remember what is stored, in the transaction that stores it."""
    if not marks:
        return
    boots = sorted(marks)
    tx.execute(
        SET_WATERMARKS,
        {
            "now": now,
            "keys": [key for key, _ in boots],
            "boots": [boot for _, boot in boots],
            "highs": [marks[boot].high for boot in boots],
            "recents": [marks[boot].to_bytes() for boot in boots],
        },
    )
