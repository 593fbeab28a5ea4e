"""Since when ingest hears devices without a gap: who is silent can only be told by somebody who listens."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Transaction
from schemas.statements import statement
from schemas.topics import LaneGroup

GAP: Final = timedelta(seconds=15)
"""Listening that pauses for longer begins anew. A shard that moves to another process pauses for less."""

NOTE = statement("""
    INSERT INTO shard_listening (lane_group, shard, since, until)
    SELECT %(lane_group)s::text, shard, %(now)s::timestamptz, %(now)s::timestamptz
    FROM unnest(%(shards)s::smallint[]) AS shard
    ON CONFLICT (lane_group, shard) DO UPDATE
    SET since = CASE WHEN shard_listening.until >= EXCLUDED.until - %(gap)s::interval THEN shard_listening.since
                     ELSE EXCLUDED.since END,
        until = GREATEST(shard_listening.until, EXCLUDED.until)
""")


def note_listening(tx: Transaction, now: datetime, group: LaneGroup, shards: Collection[int]) -> None:
    """Say that the sessions of these shards have their subscriptions now and what they bring is being stored."""
    if shards:
        tx.execute(NOTE, {"lane_group": group, "shards": sorted(shards), "now": now, "gap": GAP})
