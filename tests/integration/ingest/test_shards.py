"""One process writes for a shard; whoever lost the lease can commit nothing."""

from datetime import datetime, timedelta

import psycopg
import pytest

from ingest.shards import TTL, LeaseLost, hold, leave, renew
from schemas import database
from schemas.database import connect, transaction
from schemas.topics import SHARDS
from tests.integration.district import Connection
from tests.integration.waiting import eventually


def _renew(conn: Connection, now: datetime, owner: str) -> dict[int, int]:
    with transaction(conn) as tx:
        return {shard: lease.fence for shard, lease in renew(tx, now, "telemetry", owner).items()}


def test_a_lone_process_holds_every_shard_and_keeps_its_fences(conn: Connection, now: datetime) -> None:
    first = _renew(conn, now, "one")
    assert sorted(first) == list(range(SHARDS))
    assert _renew(conn, now + timedelta(seconds=1), "one") == first


def test_two_processes_end_up_with_half_each(conn: Connection, database_url: str, now: datetime) -> None:
    _renew(conn, now, "one")
    with connect(database_url, "test") as other:
        assert _renew(other, now, "two") == {}
        ours = _renew(conn, now, "one")
        theirs = _renew(other, now, "two")
        assert len(ours) == len(theirs) == SHARDS // 2
        assert not ours.keys() & theirs.keys()


def test_a_killed_process_is_followed_at_once_with_a_higher_fence(
    conn: Connection, database_url: str, now: datetime
) -> None:
    victim = connect(database_url, "test")
    before = _renew(victim, now, "one")
    pid = victim.info.backend_pid
    victim.close()
    while conn.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
        pass
    after = _renew(conn, now, "two")
    assert sorted(after) == list(range(SHARDS))
    assert all(after[shard] == before[shard] + 1 for shard in after)


def test_a_process_that_stops_inside_a_transaction_is_followed(
    conn: Connection, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE_SECONDS", 1)
    with pytest.raises(psycopg.Error), connect(database_url, "test") as stopped, transaction(stopped) as tx:
        leases = renew(tx, now, "telemetry", "stopped")
        tx.conn.execute("COMMIT; BEGIN")
        hold(tx, "telemetry", leases, {0, 1})
        late = now + TTL + timedelta(seconds=1)
        eventually(lambda: len(_renew(conn, late, "other")) == SHARDS, what="every shard taken over")


def test_a_hung_process_loses_its_lease_after_its_time_and_cannot_commit(
    conn: Connection, database_url: str, now: datetime
) -> None:
    with connect(database_url, "test") as hung:
        with transaction(hung) as tx:
            stale = renew(tx, now, "telemetry", "hung")
        late = now + TTL + timedelta(seconds=1)
        assert len(_renew(conn, late, "other")) == SHARDS
        with pytest.raises(LeaseLost), transaction(hung) as tx:
            hold(tx, "telemetry", stale, {0})


def test_leaving_gives_everything_back(conn: Connection, database_url: str, now: datetime) -> None:
    with connect(database_url, "test") as other:
        _renew(other, now, "one")
        with transaction(other) as tx:
            leave(tx, "telemetry", "one")
        assert len(_renew(conn, now, "two")) == SHARDS
