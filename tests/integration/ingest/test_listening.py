"""A worker says on which shards it listens only while the broker and the database are there."""

from datetime import datetime, timedelta

from launcher.broker import EmbeddedBroker
from schemas.topics import SHARDS
from tests.integration.district import Connection, one
from tests.integration.ingest.conftest import working
from tests.integration.waiting import eventually


def _listening(conn: Connection) -> list[tuple[datetime, datetime]]:
    found = conn.execute("SELECT since, until FROM shard_listening WHERE lane_group = 'telemetry' ORDER BY shard")
    return [(since, until) for since, until in found]


def test_a_worker_says_that_it_listens_and_a_new_one_goes_on(
    database_url: str, conn: Connection, nats: EmbeddedBroker
) -> None:
    with working(database_url, nats, "telemetry"):
        first = eventually(lambda: len(found := _listening(conn)) == SHARDS and found, what="listening")
    with working(database_url, nats, "telemetry"):
        eventually(lambda: _listening(conn)[0][1] > first[0][1] + timedelta(seconds=1), what="listening on")
    assert [since for since, _ in _listening(conn)] == [since for since, _ in first]


def test_while_the_broker_is_away_nobody_listens(database_url: str, conn: Connection, nats: EmbeddedBroker) -> None:
    with working(database_url, nats, "telemetry") as worker:
        eventually(lambda: len(_listening(conn)) == SHARDS, what="listening")
        nats.stop()
        eventually(lambda: not worker.health().ready, what="the broker missed")
        silent = _listening(conn)
        leases = one(conn, "SELECT extract(epoch FROM min(expires_at)) FROM shard_lease WHERE lane_group = 'telemetry'")
        renewed = "SELECT extract(epoch FROM min(expires_at)) FROM shard_lease WHERE lane_group = 'telemetry'"
        eventually(lambda: one(conn, renewed) > leases + 2, what="the leases renewed all the same")
        assert _listening(conn) == silent
