"""The schema goes up, comes down again, and uses what the server offers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from dispatch.scheduled import ensure_partitions, months_ahead
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
            assert found == [("reading",)]
        else:
            partitions = conn.execute(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"
            ).fetchone()
            assert partitions is not None
            assert partitions[0] == 6


def test_housekeeping_makes_the_coming_months_partitions(url: str, storage: Storage) -> None:
    now = datetime(2031, 12, 5, tzinfo=UTC)
    with connect(url, "test") as conn:
        for _ in range(2):
            with transaction(conn) as tx:
                ensure_partitions(tx, now)
        made = {f"reading_{first:%Y_%m}" for first, _ in months_ahead(now.date(), 3)}
        assert made <= _tables(conn) if storage.name == "postgresql" else not made & _tables(conn)
