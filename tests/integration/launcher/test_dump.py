"""Dump and restore of one database, on PostgreSQL and on TimescaleDB."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from launcher import dump
from launcher.failure import LaunchError
from tests.conftest import Storage

FILL = """
    INSERT INTO reading (at, device_key, received_at, boot, seq, hr)
    SELECT %(now)s::timestamptz - number * interval '7 hours', 1, %(now)s, 'b', number, 7000
    FROM generate_series(1, 60) AS number
"""


@pytest.fixture
def source(storage: Storage, now: datetime) -> Iterator[str]:
    """A database with readings over many chunks or partitions."""
    url = storage.new_database()
    with psycopg.connect(url) as conn:
        conn.execute(FILL, {"now": now})
    yield url
    storage.drop(url)


@pytest.fixture
def target(storage: Storage) -> Iterator[str]:
    """An empty database on the same server."""
    url = storage.new_empty_database()
    yield url
    storage.drop(url)


def _epoch(url: str) -> str:
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT epoch::text FROM feed_epoch").fetchone()
    assert row is not None
    return str(row[0])


def test_restored_database_is_the_same_with_a_new_epoch(
    storage: Storage, source: str, target: str, tmp_path: Path, now: datetime
) -> None:
    kind, counts = dump.dump(source, tmp_path / "dump")
    assert (kind.timescaledb is not None) == (storage.name == "timescaledb")
    assert counts["reading"] == 60
    dump.restore(target, tmp_path / "dump", kind, counts)
    assert _epoch(target) != _epoch(source)
    everything = "SELECT * FROM reading ORDER BY at"
    with psycopg.connect(source) as old, psycopg.connect(target) as new:
        assert new.execute(everything).fetchall() == old.execute(everything).fetchall()
        assert dump.schema_versions(target) == dump.schema_versions(source)
        if kind.timescaledb is not None:
            chunks = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'reading'"
            assert new.execute(chunks).fetchone() == old.execute(chunks).fetchone()
            assert new.execute("SHOW timescaledb.restoring").fetchone() == ("off",)
        # It takes new readings, in a place of its own where that is needed.
        new.execute(FILL, {"now": now + timedelta(days=40)})
        assert new.execute("SELECT count(*) FROM reading").fetchone() == (120,)


def test_database_that_is_not_empty_is_refused_and_moved_aside_only_when_asked(
    storage: Storage, source: str, target: str, tmp_path: Path
) -> None:
    kind, counts = dump.dump(source, tmp_path / "dump")
    dump.restore(target, tmp_path / "dump", kind, counts)
    with pytest.raises(LaunchError, match="not empty: --force"):
        dump.restore(target, tmp_path / "dump", kind, counts)
    with psycopg.connect(target) as conn:
        conn.execute("DELETE FROM reading WHERE seq > 10")
        conn.commit()
        with pytest.raises(LaunchError, match="sessions use the database"):
            dump.move_aside(target, "before")
    name = dump.move_aside(target, "before")
    aside = target.replace(str(psycopg.conninfo.conninfo_to_dict(target)["dbname"]), name)
    try:
        dump.restore(target, tmp_path / "dump", kind, counts)
        with psycopg.connect(target) as new, psycopg.connect(aside) as old:
            assert new.execute("SELECT count(*) FROM reading").fetchone() == (60,)
            assert old.execute("SELECT count(*) FROM reading").fetchone() == (10,)
    finally:
        storage.drop(aside)


def test_dump_that_breaks_off_leaves_the_database_empty(source: str, target: str, tmp_path: Path) -> None:
    kind, counts = dump.dump(source, tmp_path / "dump")
    content = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(LaunchError, match="pg_restore"):
        dump.restore(target, tmp_path / "dump", kind, counts)
    assert not dump.holds_tables(target)


def test_rows_that_differ_from_the_manifest_are_named(source: str, target: str, tmp_path: Path) -> None:
    kind, counts = dump.dump(source, tmp_path / "dump")
    with pytest.raises(LaunchError, match="the rows of reading differ"):
        dump.restore(target, tmp_path / "dump", kind, counts | {"reading": 61})


def test_another_timescaledb_is_refused_before_anything_is_made(target: str) -> None:
    with pytest.raises(LaunchError, match=r"needs TimescaleDB (9\.9\.9|.*no TimescaleDB)"):
        dump.check_room(target, dump.Storage("17.0", "9.9.9", "apache"))
    with psycopg.connect(target) as conn:
        assert conn.execute("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'").fetchone() == (0,)


def test_backup_of_plain_postgresql_can_go_to_either(
    storage: Storage, postgresql: Storage, target: str, tmp_path: Path
) -> None:
    source = postgresql.new_database()
    kind, counts = dump.dump(source, tmp_path / "dump")
    postgresql.drop(source)
    assert kind == replace(kind, timescaledb=None, edition=None)
    dump.restore(target, tmp_path / "dump", kind, counts)
    with psycopg.connect(target) as conn:
        assert conn.execute("SELECT relkind::text FROM pg_class WHERE relname = 'reading'").fetchone() == ("p",)


def test_password_is_in_no_command_line_and_no_message(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = str(psycopg.conninfo.conninfo_to_dict(source)["password"])
    seen: list[list[str]] = []
    really_run = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        seen.append(command)
        return really_run(command, **options)

    monkeypatch.setattr(dump.subprocess, "run", run)
    dump.dump(source, tmp_path / "dump")
    assert [Path(command[0]).name for command in seen] == ["pg_dump"]
    assert password not in " ".join(seen[0])
    gone = urlunsplit(urlsplit(source.replace(password, "geheim"))._replace(path="/no_such_database"))
    with pytest.raises(LaunchError) as failure:
        dump.dump(gone, tmp_path / "again")
    assert "geheim" not in str(failure.value)
