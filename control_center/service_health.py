"""How the service itself is doing, for the people who rely on it: whether what devices send is stored in time."""

from datetime import datetime, timedelta
from typing import Final

from control_center.cards import Shape
from control_center.dependencies import Connection
from schemas.database import rows
from schemas.statements import statement
from schemas.topics import LaneGroup

WATCHED_WITHIN: Final = timedelta(seconds=15)

READ = statement("""
    SELECT lane_group, checked_at, lag_seconds, shards_unserved, behind_since FROM ingest_lag ORDER BY lane_group
""")


class IngestHealth(Shape):
    """One lane group: the longest that a message waits to be stored, in seconds; for how many of the eight shards
    nobody works; since when that counts as behind (null: it keeps up); and whether anybody watches over it now."""

    lane_group: LaneGroup
    lag_seconds: float
    shards_unserved: int
    behind_since: datetime | None
    watched: bool


def ingest_health(conn: Connection, now: datetime) -> list[IngestHealth]:
    """Every lane group as the watch last judged it; empty before its first look."""
    return [
        IngestHealth(
            lane_group=found["lane_group"],
            lag_seconds=found["lag_seconds"],
            shards_unserved=found["shards_unserved"],
            behind_since=found["behind_since"],
            watched=now - found["checked_at"] <= WATCHED_WITHIN,
        )
        for found in rows(conn, READ)
    ]
