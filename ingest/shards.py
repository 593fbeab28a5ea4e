"""Who may write for a shard: leases in the database, with a fencing number that every commit checks.

A lease ends by itself after TTL, and at once when its owner's database session is gone, so that a process that was
killed is followed without waiting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.topics import SHARDS, LaneGroup

TTL: Final = timedelta(seconds=10)


class LeaseLost(Exception):
    """Another process owns the shard now; nothing of this transaction may be committed."""


@dataclass(frozen=True)
class Lease:
    """The right to write for one shard of a lane group."""

    shard: int
    fence: int


ANNOUNCE = statement("""
    INSERT INTO ingest_member (lane_group, owner, expires_at, backend_pid, backend_start)
    SELECT %(lane_group)s::text, %(owner)s::text, %(expires_at)s::timestamptz, pid, backend_start
    FROM pg_stat_activity WHERE pid = pg_backend_pid()
    ON CONFLICT (lane_group, owner) DO UPDATE
    SET expires_at = EXCLUDED.expires_at, backend_pid = EXCLUDED.backend_pid, backend_start = EXCLUDED.backend_start
""")
FORGET_MEMBERS = statement("""
    DELETE FROM ingest_member AS member
    WHERE expires_at < %(now)s::timestamptz OR NOT EXISTS (
        SELECT FROM pg_stat_activity AS backend
        WHERE backend.pid = member.backend_pid AND backend.backend_start = member.backend_start)
""")
COUNT_MEMBERS = statement("SELECT count(*) AS members FROM ingest_member WHERE lane_group = %(lane_group)s::text")
RENEW = statement("""
    UPDATE shard_lease SET expires_at = %(expires_at)s::timestamptz
    WHERE lane_group = %(lane_group)s::text AND owner = %(owner)s::text AND backend_pid = pg_backend_pid()
    RETURNING shard, fence
""")
TAKE = statement("""
    WITH mine AS (
        SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
    ), free AS (
        SELECT lane_group, shard FROM shard_lease AS lease
        WHERE lane_group = %(lane_group)s::text AND (
            owner IS NULL OR owner = %(owner)s::text OR expires_at < %(now)s::timestamptz OR NOT EXISTS (
                SELECT FROM pg_stat_activity AS backend
                WHERE backend.pid = lease.backend_pid AND backend.backend_start = lease.backend_start))
          AND NOT (owner IS NOT DISTINCT FROM %(owner)s::text AND backend_pid IS NOT DISTINCT FROM pg_backend_pid())
        ORDER BY shard LIMIT %(wanted)s::integer
        FOR UPDATE SKIP LOCKED
    )
    UPDATE shard_lease AS lease
    SET owner = %(owner)s::text, fence = fence + 1, expires_at = %(expires_at)s::timestamptz,
        backend_pid = pg_backend_pid(), backend_start = (SELECT backend_start FROM mine)
    FROM free
    WHERE lease.lane_group = free.lane_group AND lease.shard = free.shard
    RETURNING lease.shard, lease.fence
""")
GIVE_BACK = statement("""
    UPDATE shard_lease SET owner = NULL, expires_at = NULL, backend_pid = NULL, backend_start = NULL
    WHERE lane_group = %(lane_group)s::text AND owner = %(owner)s::text AND shard = ANY(%(shards)s::smallint[])
""")
LEAVE = statement("DELETE FROM ingest_member WHERE lane_group = %(lane_group)s::text AND owner = %(owner)s::text")
HOLD = statement("""
    SELECT shard, fence FROM shard_lease
    WHERE lane_group = %(lane_group)s::text AND shard = ANY(%(shards)s::smallint[])
    ORDER BY shard FOR SHARE
""")


def fair_share(members: int) -> int:
    """How many shards one of `members` processes holds at most."""
    return -(-SHARDS // max(members, 1))


def _leases(rows: list[Row]) -> dict[int, Lease]:
    return {row["shard"]: Lease(row["shard"], row["fence"]) for row in rows}


def renew(tx: Transaction, now: datetime, group: LaneGroup, owner: str) -> dict[int, Lease]:
    """Keep this process's leases, give back more than its fair share, take what is free; returns those held now."""
    whose = {"lane_group": group, "owner": owner, "expires_at": now + TTL, "now": now}
    tx.execute(FORGET_MEMBERS, {"now": now})
    tx.execute(ANNOUNCE, whose)
    counted = tx.row(COUNT_MEMBERS, whose)
    share = fair_share(int(counted["members"]) if counted else 1)
    held = _leases(tx.rows(RENEW, whose))
    surplus = sorted(held)[share:]
    if surplus:
        tx.execute(GIVE_BACK, whose | {"shards": surplus})
        return {shard: lease for shard, lease in held.items() if shard not in surplus}
    if len(held) < share:
        held |= _leases(tx.rows(TAKE, whose | {"wanted": share - len(held)}))
    return held


def leave(tx: Transaction, group: LaneGroup, owner: str) -> None:
    """Give everything back when stopping, so that others need not wait."""
    whose = {"lane_group": group, "owner": owner}
    tx.execute(GIVE_BACK, whose | {"shards": list(range(SHARDS))})
    tx.execute(LEAVE, whose)


def hold(tx: Transaction, group: LaneGroup, leases: dict[int, Lease], shards: set[int]) -> None:
    """Check the fencing numbers inside the writing transaction; raises LeaseLost when one has moved on."""
    found = {row["shard"]: row["fence"] for row in tx.rows(HOLD, {"lane_group": group, "shards": sorted(shards)})}
    for shard in shards:
        lease = leases.get(shard)
        if lease is None or found.get(shard) != lease.fence:
            raise LeaseLost(f"{group} shard {shard}")
