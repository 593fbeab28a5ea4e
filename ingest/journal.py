"""What is stored of each boot, remembered under the shard's lease: read once, said in every commit, saved every minute.

A process that holds a shard is the only one that writes for it, so its memory of what is stored is right as long as it
holds the lease, which every commit checks. Whoever takes the shard over reads the last snapshot and what was journalled
after it. The journal row is inserted in the transaction that stores the readings: both are there, or neither.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from psycopg.rows import tuple_row

from ingest.watermark import Watermark
from schemas.database import Transaction
from schemas.statements import statement

Boot = tuple[int, str]
"""A device's key and the name of one run of its firmware."""

KEEP: Final = timedelta(days=40)
"""Longer than any message can be late: older ones are told apart by looking into the readings themselves."""
SNAPSHOT_EVERY: Final = timedelta(seconds=60)

READ_SNAPSHOTS = statement("""
    SELECT shard, journal_id, device_keys, boots, first_seqs, last_seqs, used_on
    FROM ingest_snapshot WHERE shard = ANY(%(shards)s::smallint[])
""")
READ_JOURNAL = statement("""
    SELECT said.shard, said.device_key, said.boot, said.seq, journal.id
    FROM ingest_journal AS journal
    CROSS JOIN LATERAL unnest(journal.at_shards, journal.device_keys, journal.boots, journal.seqs)
        AS said (shard, device_key, boot, seq)
    LEFT JOIN ingest_snapshot AS snapshot ON snapshot.shard = said.shard
    WHERE journal.shards && %(shards)s::smallint[] AND said.shard = ANY(%(shards)s::smallint[])
      AND journal.id > COALESCE(snapshot.journal_id, 0)
    ORDER BY journal.id
""")
SAY = statement("""
    INSERT INTO ingest_journal (shards, at_shards, device_keys, boots, seqs)
    VALUES (%(shards)s::smallint[], %(at_shards)s::smallint[], %(keys)s::integer[], %(boots)s::text[],
            %(seqs)s::bigint[])
    RETURNING id
""")
SAVE = statement("""
    INSERT INTO ingest_snapshot (shard, journal_id, taken_at, device_keys, boots, first_seqs, last_seqs, used_on)
    VALUES (%(shard)s::smallint, %(journal_id)s::bigint, %(now)s::timestamptz, %(keys)s::integer[], %(boots)s::text[],
            %(firsts)s::bigint[], %(lasts)s::bigint[], %(used_on)s::date[])
    ON CONFLICT (shard) DO UPDATE
    SET journal_id = GREATEST(ingest_snapshot.journal_id, EXCLUDED.journal_id), taken_at = EXCLUDED.taken_at,
        device_keys = EXCLUDED.device_keys, boots = EXCLUDED.boots, first_seqs = EXCLUDED.first_seqs,
        last_seqs = EXCLUDED.last_seqs, used_on = EXCLUDED.used_on
""")
# What every shard it speaks of has saved; a shard without a snapshot has saved nothing.
FORGET = statement("""
    DELETE FROM ingest_journal AS journal
    WHERE id <= %(journal_id)s::bigint AND NOT EXISTS (
        SELECT FROM unnest(journal.shards) AS spoken (shard)
        LEFT JOIN ingest_snapshot AS snapshot ON snapshot.shard = spoken.shard
        WHERE COALESCE(snapshot.journal_id, 0) < journal.id)
""")


class Marked(NamedTuple):
    """One boot's watermark and the day it was last heard of."""

    watermark: Watermark
    used_on: date


Marks = dict[Boot, Marked]


class Said(NamedTuple):
    """What a transaction has journalled, to be remembered once it is committed."""

    journal_id: int
    marks: Mapping[int, Marks]


NOTHING_SAID: Final = Said(0, {})


class Journal:
    """The watermarks of the shards one process holds."""

    def __init__(self) -> None:
        self._marks: dict[int, Marks] = {}
        self._journal_id = 0
        self._saved_at: dict[int, datetime] = {}

    def forget(self) -> None:
        """Somebody else may have written since."""
        self._marks.clear()
        self._saved_at.clear()

    def recall(self, tx: Transaction, now: datetime, shards: set[int]) -> Mapping[int, Marks]:
        """The marks by shard; those not remembered are read, under the lease that the transaction holds."""
        missing = sorted(shards - self._marks.keys())
        if missing:
            self._marks |= self._read(tx, missing, now.date())
            self._saved_at |= dict.fromkeys(missing, now)
        return self._marks

    def _read(self, tx: Transaction, shards: list[int], today: date) -> dict[int, Marks]:
        found: dict[int, Marks] = {shard: {} for shard in shards}
        with tx.conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            for shard, _, *columns in cursor.execute(READ_SNAPSHOTS, {"shards": shards}):
                found[shard] = _marks_of(zip(*columns, strict=True))
            for shard, key, boot, seq, journal_id in cursor.execute(READ_JOURNAL, {"shards": shards}):
                mark = found[shard].get((key, boot))
                watermark = mark.watermark.advanced(seq) if mark else Watermark.first(seq)
                found[shard][key, boot] = Marked(watermark, today)
                self._journal_id = max(self._journal_id, journal_id)
        return found

    def say(self, tx: Transaction, added: Mapping[int, list[tuple[int, str, int]]], marks: Mapping[int, Marks]) -> Said:
        """Journal the identities that are stored in this transaction, by shard, with the marks they lead to."""
        if not added:
            return NOTHING_SAID
        entries = [(shard, *identity) for shard, identities in added.items() for identity in identities]
        at_shards, keys, boots, seqs = map(list, zip(*entries, strict=True))
        said = tx.row(
            SAY, {"shards": sorted(added), "at_shards": at_shards, "keys": keys, "boots": boots, "seqs": seqs}
        )
        assert said is not None  # noqa: S101
        return Said(int(said["id"]), marks)

    def keep(self, said: Said) -> None:
        """The transaction is committed."""
        self._journal_id = max(self._journal_id, said.journal_id)
        for shard, marks in said.marks.items():
            self._marks[shard].update(marks)

    def due(self, now: datetime) -> set[int]:
        """The shard whose snapshot is due the longest, if any: one at a time holds up the next batch the least."""
        waiting = [(at, shard) for shard, at in self._saved_at.items() if now - at >= SNAPSHOT_EVERY]
        return {min(waiting)[1]} if waiting else set()

    def save(self, tx: Transaction, now: datetime, shards: Iterable[int]) -> None:
        """Save snapshots of shards under their leases, and forget what the journal said before.

        Should the transaction fail it is tried again a while later: a snapshot is a convenience.
        """
        oldest = now.date() - KEEP
        for shard in shards:
            self._saved_at[shard] = now
            marks = {boot: mark for boot, mark in self._marks[shard].items() if mark.used_on >= oldest}
            self._marks[shard] = marks
            tx.execute(SAVE, {"shard": shard, "journal_id": self._journal_id, "now": now, **_columns(marks)})
        tx.execute(FORGET, {"journal_id": self._journal_id})


def _columns(marks: Marks) -> dict[str, list[int] | list[str] | list[date]]:
    runs = [
        (key, boot, mark.watermark.ranges[place], mark.watermark.ranges[place + 1], mark.used_on)
        for (key, boot), mark in marks.items()
        for place in range(0, len(mark.watermark.ranges), 2)
    ]
    keys, boots, firsts, lasts, used_on = map(list, zip(*runs, strict=True)) if runs else ([], [], [], [], [])
    return {"keys": keys, "boots": boots, "firsts": firsts, "lasts": lasts, "used_on": used_on}


def _marks_of(runs: Iterable[tuple[int, str, int, int, date]]) -> Marks:
    ranges: dict[Boot, list[int]] = {}
    days: dict[Boot, date] = {}
    for key, boot, first, last, used_on in runs:
        ranges.setdefault((key, boot), []).extend((first, last))
        days[key, boot] = used_on
    return {boot: Marked(Watermark(tuple(ends)), days[boot]) for boot, ends in ranges.items()}
