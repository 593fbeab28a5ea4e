"""The schema goes up, comes down again, and uses what the server offers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from dispatch.partitions import ensure_partitions, partitions_of
from launcher.migrations import FOLDER, check_connection, migrate, with_explicit_tls
from schemas.database import connect, transaction
from tests.conftest import Storage


@pytest.fixture
def url(storage: Storage) -> Iterator[str]:
    """A fresh migrated database on each storage."""
    made = storage.new_database()
    yield made
    storage.drop(made)


def _tables(conn: psycopg.Connection[TupleRow]) -> set[str]:
    query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    return {row[0] for row in conn.execute(query)}


def test_every_migration_goes_down_and_up_again(url: str) -> None:
    with connect(url, "test") as conn:
        before = _tables(conn)
        dbmate = [str(Path(sys.executable).with_name("dbmate")), "--migrations-dir", str(FOLDER), "--no-dump-schema"]
        environment = dict(os.environ) | {"DATABASE_URL": with_explicit_tls(url, check_connection(url))}
        for _ in list(FOLDER.glob("*.sql")):
            subprocess.run([*dbmate, "down"], env=environment, check=True, capture_output=True)
        assert _tables(conn) == {"schema_migrations"}
        assert len(migrate(url)) == len(list(FOLDER.glob("*.sql")))
        assert _tables(conn) == before


def test_migrating_twice_changes_nothing(url: str) -> None:
    assert migrate(url) == []


def test_readings_are_a_hypertable_where_there_is_timescaledb_and_partitions_elsewhere(
    url: str, storage: Storage
) -> None:
    with connect(url, "test") as conn:
        if storage.name == "timescaledb":
            found = conn.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
            assert sorted(found) == [("reading",), ("vitals_hour",)]
        else:
            partitions = conn.execute(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"
            ).fetchone()
            assert partitions is not None
            assert partitions[0] == 6
            hours = "SELECT relkind::text FROM pg_class WHERE relname = 'vitals_hour'"
            assert conn.execute(hours).fetchall() == [("p",)]


def test_housekeeping_makes_the_coming_days_partitions(url: str, storage: Storage) -> None:
    now = datetime(2031, 12, 30, tzinfo=UTC)
    with connect(url, "test") as conn:
        for _ in range(2):
            with transaction(conn) as tx:
                ensure_partitions(tx, now)
        made = {"reading_20311230", "reading_20311231", "reading_20320101", "vitals_hour_203112", "vitals_hour_203201"}
        assert made <= _tables(conn) if storage.name == "postgresql" else not made & _tables(conn)


def test_readings_survive_their_packing_and_their_unpacking(url: str, tmp_path: Path) -> None:
    """What version 0.1 stored comes back through the view, and goes back into the old table."""
    dbmate = [str(Path(sys.executable).with_name("dbmate")), "--migrations-dir", str(tmp_path), "--no-dump-schema"]
    environment = dict(os.environ) | {"DATABASE_URL": with_explicit_tls(url, check_connection(url))}
    old = "SELECT at, device_key, boot, seq, sample, hr, spo2, temp, steps, lat, battery, quality, extra FROM {}"
    newest = max(int(file.name[:4]) for file in FOLDER.glob("*.sql"))
    for file in FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    with connect(url, "test") as conn:
        for _ in range(newest - 8):
            subprocess.run([*dbmate, "down"], env=environment, check=True, capture_output=True)
        conn.execute(
            "INSERT INTO reading (at, device_key, received_at, boot, seq, sample, hr, spo2, temp, steps, lat, lon,"
            " battery, quality, extra) VALUES"
            " (now() - interval '20 days', 7, now(), 'k3f9', 9007199254740993, 3, 71.5, 97, 36.55, 5210, 29.8301234,"
            "  106.44, 88, 12, '{\"at\": 1}'),"
            " (now(), 8, now() + interval '1 s', 'b', 2147483647, 0, NULL, NULL, 25.01, NULL, NULL, NULL, NULL, 0,"
            "  NULL)"
        )
        before = conn.execute(old.format("reading ORDER BY at")).fetchall()  # type: ignore[arg-type]
        received = conn.execute("SELECT received_at - at FROM reading ORDER BY at").fetchall()
        migrate(url)
        assert conn.execute(old.format("vitals ORDER BY at")).fetchall() == before  # type: ignore[arg-type]
        kept = conn.execute("SELECT received_at - at FROM vitals ORDER BY at").fetchall()
        assert kept == [received[0], (timedelta(0),)]
        for _ in range(newest - 8):
            subprocess.run([*dbmate, "down"], env=environment, check=True, capture_output=True)
        assert conn.execute(old.format("reading ORDER BY at")).fetchall() == before  # type: ignore[arg-type]


def test_the_partitions_of_a_new_database_reach_from_yesterday_into_the_coming_days(url: str, storage: Storage) -> None:
    if storage.name != "postgresql":
        pytest.skip("TimescaleDB makes its chunks itself")
    now = datetime.now(UTC)
    with connect(url, "test") as conn, transaction(conn) as tx:
        spans = list(partitions_of(tx, "reading").values())
    assert spans[0].since <= now - timedelta(hours=24) and spans[-1].until >= now + timedelta(days=2)
