"""Watches over ingest: whether what devices send is stored in time. One alarm says when it is not, and ends by itself.

While the database itself is away nothing can be said here: screens say so themselves, because their feed is stale.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.alarms import Signal, raise_alarm
from dispatch.recovery import end_by_itself
from dispatch.turns import take_turn
from schemas.database import Row, Transaction
from schemas.locks import AdvisoryLock
from schemas.statements import statement
from schemas.states import KIND_SEVERITY
from schemas.topics import LaneGroup

WATCH_SECONDS: Final = 1.0
UNWATCHED: Final = timedelta(seconds=15)
"""After nobody watched for so long, what was seen before says nothing about since when."""
REMIND_AFTER: Final = timedelta(minutes=10)
"""Somebody ended the alarm, and it is still true after this time: it is raised again."""


@dataclass(frozen=True)
class Limits:
    """From when a lane group is late (seconds of lag) or steady, and for how long before anybody is told."""

    late_seconds: float
    steady_seconds: float
    patience: timedelta
    calm: timedelta


LIMITS: Final[dict[LaneGroup, Limits]] = {
    "telemetry": Limits(10.0, 5.0, timedelta(seconds=10), timedelta(seconds=10)),
    "event": Limits(3.0, 1.5, timedelta(seconds=3), timedelta(seconds=10)),
}


@dataclass(frozen=True)
class Judged:
    """What is known of a lane group: how far behind it is, and since when it is late, steady, or behind."""

    checked_at: datetime
    lag_seconds: float
    shards_unserved: int
    late_since: datetime | None = None
    steady_since: datetime | None = None
    behind_since: datetime | None = None


def judge(before: Judged | None, lag_seconds: float, shards_unserved: int, limits: Limits, now: datetime) -> Judged:
    """What a look at a lane group changes; pure. Between late and steady everything stays as it was."""
    seen = Judged(now, lag_seconds, shards_unserved)
    if before is not None:
        watched = now - before.checked_at <= UNWATCHED
        seen = replace(
            seen,
            late_since=before.late_since if watched else None,
            steady_since=before.steady_since if watched else None,
            behind_since=before.behind_since,
        )
    if shards_unserved or lag_seconds >= limits.late_seconds:
        seen = replace(seen, late_since=seen.late_since or now, steady_since=None)
    elif lag_seconds < limits.steady_seconds:
        seen = replace(seen, late_since=None, steady_since=seen.steady_since or now)
    if seen.behind_since is None and seen.late_since is not None and now - seen.late_since >= limits.patience:
        return replace(seen, behind_since=now)
    if seen.behind_since is not None and seen.steady_since is not None and now - seen.steady_since >= limits.calm:
        return replace(seen, behind_since=None)
    return seen


LOOK = statement("""
    SELECT lease.lane_group,
           count(*) FILTER (WHERE lease.owner IS NULL OR lease.expires_at < %(now)s::timestamptz) AS shards_unserved,
           COALESCE(max(GREATEST(
               member.lag_seconds,
               EXTRACT(EPOCH FROM %(now)s::timestamptz - member.reported_at)::real - %(usual_seconds)s::real)), 0)
               AS lag_seconds
    FROM shard_lease AS lease
    LEFT JOIN ingest_member AS member ON member.lane_group = lease.lane_group AND member.owner = lease.owner
    GROUP BY lease.lane_group
""")
BEFORE = statement("""
    SELECT lane_group, checked_at, lag_seconds, shards_unserved, late_since, steady_since, behind_since FROM ingest_lag
""")
REMEMBER = statement("""
    INSERT INTO ingest_lag (lane_group, checked_at, lag_seconds, shards_unserved, late_since, steady_since,
                            behind_since)
    VALUES (%(lane_group)s::text, %(checked_at)s::timestamptz, %(lag_seconds)s::real, %(shards_unserved)s::smallint,
            %(late_since)s::timestamptz, %(steady_since)s::timestamptz, %(behind_since)s::timestamptz)
    ON CONFLICT (lane_group) DO UPDATE
    SET checked_at = EXCLUDED.checked_at, lag_seconds = EXCLUDED.lag_seconds, late_since = EXCLUDED.late_since,
        shards_unserved = EXCLUDED.shards_unserved, steady_since = EXCLUDED.steady_since,
        behind_since = EXCLUDED.behind_since
""")
# Every district that is served here is told; one in which somebody ended the alarm lately is left alone for a while.
TO_TELL = statement("""
    SELECT org_unit.code FROM org_unit
    WHERE org_unit.parent_code IS NULL AND NOT EXISTS (
        SELECT FROM alarm WHERE alarm.kind = 'ingest_behind' AND alarm.org_code = org_unit.code
          AND (alarm.ended_at IS NULL
               OR (alarm.resolved_by IS NOT NULL AND alarm.ended_at > %(lately)s::timestamptz)))
    ORDER BY org_unit.code
""")
OPEN = statement("SELECT id FROM alarm WHERE kind = 'ingest_behind' AND ended_at IS NULL ORDER BY id FOR UPDATE")
USUAL_SECONDS: Final = 3.0
"""Ingest reports once a second; this much more is no lag."""


def watch_ingest(tx: Transaction, now: datetime) -> dict[str, Judged]:
    """Look at every lane group, raise the alarm or end it; empty when another process is at it."""
    if not take_turn(tx, AdvisoryLock.INGEST_WATCH):
        return {}
    before = {row.pop("lane_group"): Judged(**row) for row in tx.rows(BEFORE)}
    judged = {
        group: judge(before.get(group), row["lag_seconds"], row["shards_unserved"], LIMITS[group], now)
        for row in tx.rows(LOOK, {"now": now, "usual_seconds": USUAL_SECONDS})
        for group in [row["lane_group"]]
    }
    for group, known in judged.items():
        tx.execute(REMEMBER, {"lane_group": group, **vars(known)})
    behind = {group: known for group, known in judged.items() if known.behind_since is not None}
    if behind:
        _tell(tx, now, behind)
    elif any(known.behind_since is not None for known in before.values()):
        for alarm in tx.rows(OPEN):
            end_by_itself(tx, now, alarm["id"], "recovered")
    return judged


def _tell(tx: Transaction, now: datetime, behind: dict[str, Judged]) -> None:
    details: dict[str, Any] = {
        group: {"lag_seconds": round(known.lag_seconds, 1), "shards_unserved": known.shards_unserved}
        for group, known in behind.items()
    }
    since = min(known.behind_since or now for known in behind.values())
    for district in _districts(tx, now):
        raise_alarm(
            tx,
            now,
            Signal(
                kind="ingest_behind",
                severity=KIND_SEVERITY["ingest_behind"],
                device_key=None,
                org_code=district["code"],
                occurred_at=since,
                details=details,
            ),
        )


def _districts(tx: Transaction, now: datetime) -> list[Row]:
    return tx.rows(TO_TELL, {"lately": now - REMIND_AFTER})
