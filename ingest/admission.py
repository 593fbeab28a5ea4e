"""Which telemetry messages are new: their watermarks tell, and the stored readings where a watermark cannot."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ingest.devices import KnownDevice
from ingest.journal import Boot, Marked, Marks
from ingest.readings import CLOCK_AHEAD, CLOCK_BEHIND, Reading, claimed_time, readings_of
from ingest.received import Received
from ingest.watermark import WINDOW, Watermark
from schemas.database import Transaction
from schemas.messages import Measurement, TelemetryBackfill
from schemas.statements import statement
from schemas.vitals import Quality

Identity = tuple[int, str, int]

SLACK: Final = timedelta(days=1)
"""How much later than its first delivery a redelivery may come and still be found where its first delivery put it."""
_CLOCK_OFF: Final = int(Quality.CLOCK_OFF)

# One walk over a device's readings, however many of its messages are in doubt.
FIND_STORED = statement("""
    SELECT asked.device_key, found.boot, found.seq
    FROM unnest(%(keys)s::integer[]) AS asked (device_key)
    CROSS JOIN LATERAL (
        SELECT boot, seq FROM vitals
        WHERE device_key = asked.device_key AND at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
          AND seq = ANY(%(seqs)s::bigint[])
        UNION
        SELECT boot, seq FROM vitals
        WHERE device_key = asked.device_key AND at = ANY(%(claimed)s::timestamptz[]) AND seq = ANY(%(seqs)s::bigint[])
    ) AS found
""")


class Arrival(NamedTuple):
    """A telemetry message of a known device, as readings."""

    message: Received
    body: Measurement | TelemetryBackfill
    device: KnownDevice
    readings: list[Reading]

    @classmethod
    def of(cls, message: Received, body: Measurement | TelemetryBackfill, device: KnownDevice) -> "Arrival":
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
        return claimed_time(self.body.at if isinstance(self.body, Measurement) else self.body.samples[0].at)


class Admitted(NamedTuple):
    """The messages that are not stored yet, in order, their identities by shard, and the marks they lead to."""

    fresh: list[Arrival]
    added: dict[int, list[Identity]]
    marks: dict[int, Marks]


def admit(tx: Transaction, now: datetime, arrivals: list[Arrival], known: Mapping[int, Marks]) -> Admitted:
    """Tell new messages from stored ones; `known` are the marks of their shards, and stay as they are."""
    admitted = _judge(arrivals, known, now, None)
    if admitted is None:
        stored = _find_stored(tx, list(_doubtful(known, arrivals)))
        admitted = _judge(arrivals, known, now, stored)
    assert admitted is not None  # noqa: S101
    return admitted


def _judge(
    arrivals: list[Arrival], known: Mapping[int, Marks], now: datetime, stored: set[Identity] | None
) -> Admitted | None:
    """Which messages are new; None when that cannot be told without knowing which doubtful ones are `stored`."""
    today = now.date()
    fresh: list[Arrival] = []
    added: dict[int, list[Identity]] = {}
    marks: dict[int, Marks] = {}
    for arrival in arrivals:
        message, body, device, _ = arrival
        shard, seq, boot = message.shard, body.seq, (device.key, body.boot)
        if shard not in marks:
            marks[shard], added[shard] = {}, []
        mark = marks[shard].get(boot) or known[shard].get(boot)
        verdict = mark.watermark.judge(seq) if mark else "unknown"
        if verdict == "duplicate":
            continue
        identity = (*boot, seq)
        if verdict == "too_old_to_tell" or (verdict == "unknown" and arrival.may_be_old()):
            if stored is None:
                return None
            if identity in stored:
                continue
        if stored is not None:
            stored.add(identity)
        marks[shard][boot] = Marked(mark.watermark.advanced(seq) if mark else Watermark.first(seq), today)
        added[shard].append(identity)
        fresh.append(arrival)
    return Admitted(fresh, {shard: some for shard, some in added.items() if some}, marks)


def _doubtful(known: Mapping[int, Marks], arrivals: list[Arrival]) -> Iterator[Arrival]:
    """Every message that its watermark may be unable to judge when its turn comes."""
    highs: dict[Boot, int] = {}
    for arrival in arrivals:
        boot, seq = arrival.boot, arrival.body.seq
        high = highs.get(boot)
        if high is None:
            mark = known[arrival.message.shard].get(boot)
            high = mark.watermark.high if mark else None
            if mark is None and arrival.may_be_old():
                yield arrival
        if high is not None and high - seq >= WINDOW:
            yield arrival
        highs[boot] = seq if high is None or seq > high else high


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
