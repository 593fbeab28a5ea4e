"""The TimescaleDB server in its chroot; making the root itself is what `./anban test` does first."""

import os

import psycopg
import pytest

from launcher import processes, timescaledb


@pytest.fixture(scope="module")
def server() -> timescaledb.ChrootTimescale:
    """A server that was not started yet."""
    root = timescaledb.CACHE / f"{timescaledb.SUITE}-{timescaledb.RECIPE}"
    if os.geteuid() != 0 or not root.is_dir():
        pytest.skip("no Debian root with TimescaleDB: run ./anban test as root on Debian")
    return timescaledb.ChrootTimescale(root)


def test_server_offers_hypertables_and_leaves_nothing_behind(server: timescaledb.ChrootTimescale) -> None:
    with server:
        with psycopg.connect(server.url) as conn:
            conn.execute("CREATE EXTENSION timescaledb")
            conn.execute("CREATE TABLE reading (at timestamptz NOT NULL, hr smallint)")
            made = conn.execute("SELECT (create_hypertable('reading', 'at')).created").fetchone()
        assert made == (True,)
        assert server.log.exists()
        pid = server.pid
        assert pid is not None and processes.identify(pid) is not None
    assert processes.identify(pid) is None
    assert not server.log.parent.exists()


def test_template_databases_stay_free_to_be_cloned(server: timescaledb.ChrootTimescale) -> None:
    with server:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute("CREATE DATABASE template_of_tests")
        with psycopg.connect(f"{server.url.removesuffix('postgres')}template_of_tests") as conn:
            conn.execute("CREATE EXTENSION timescaledb")
        with psycopg.connect(server.url, autocommit=True) as conn:
            for number in range(5):
                conn.execute(f"CREATE DATABASE clone_{number} TEMPLATE template_of_tests")
                conn.execute(f"DROP DATABASE clone_{number} WITH (FORCE)")
