"""Real servers for the tests: one PostgreSQL a session, one migrated template, a fresh database a test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from launcher import broker as broker_server
from launcher.broker import EmbeddedBroker
from launcher.broker_config import BrokerPorts
from launcher.migrations import migrate
from launcher.postgres import EmbeddedPostgres
from launcher.small_disk import small_disk
from launcher.timescaledb import DISK_MEGABYTES
from schemas.database import connect

STORAGES = ("postgresql", "timescaledb")
_counter = itertools.count(1)
# A broker that is killed and started again must find its ports free: each test process has usual ports of its own.
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
broker_server.USUAL_PORTS = BrokerPorts(mqtt=28_883 + _worker, nats=24_222 + _worker)


@pytest.fixture(scope="session")
def state_dir() -> Iterator[Path]:
    """A folder that the unprivileged server user can reach, in memory where that is allowed."""
    folder = Path(tempfile.mkdtemp(prefix="anban-test-", dir="/tmp"))
    with small_disk(folder, DISK_MEGABYTES):
        folder.chmod(0o755)
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_postgres(state_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The embedded server, which no test kills."""
    with EmbeddedPostgres(state_dir / "pg") as server:
        make_cheap(server)
        with _admin(server.url) as conn:
            # A clone makes a checkpoint, after which each page would be written whole, and compressed, once more.
            conn.execute("ALTER SYSTEM SET full_page_writes = off")
            conn.execute("SELECT pg_reload_conf()")
        yield server


def make_cheap(server: EmbeddedPostgres) -> None:
    """Tell a server to keep nothing for a crash of the machine (tests only kill processes), and to ask no password.

    A password takes a client 2 ms of CPU, and a test connects up to thirty times. The socket's folder is private.
    """
    (server.data / "pg_hba.conf").write_text("local all all trust\n")
    with _admin(server.url) as conn:
        conn.execute("ALTER SYSTEM SET fsync = off")
        conn.execute("SELECT pg_reload_conf()")


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def _admin(url: str) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(url, autocommit=True)


class Storage:
    """A server with a migrated template from which each test gets its own database."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        self._template = f"anban_template_{os.getpid()}_{next(_counter)}"
        with _admin(url) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._template)))
        migrate(_with_database(url, self._template))

    def new_database(self, like: str | None = None) -> str:
        """Clone the template, or the database at a URL to which nobody is connected; returns the new database's URL."""
        name = f"anban_test_{os.getpid()}_{next(_counter)}"
        template = self._template if like is None else urlsplit(like).path.removeprefix("/")
        # Twice as fast as by the log, where no checkpoint waits for the disk.
        clone = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        with _admin(self._url) as conn:
            conn.execute(clone.format(sql.Identifier(name), sql.Identifier(template)))
        return _with_database(self._url, name)

    def new_empty_database(self) -> str:
        """Make a database without any schema; returns its URL."""
        name = f"anban_test_{os.getpid()}_{next(_counter)}"
        with _admin(self._url) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return _with_database(self._url, name)

    def drop(self, url: str) -> None:
        """Drop a test's database, with whoever is still connected."""
        name = urlsplit(url).path.removeprefix("/")
        with _admin(self._url) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Drop the template."""
        self.drop(_with_database(self._url, self._template))


@pytest.fixture(scope="session")
def postgresql(embedded_postgres: EmbeddedPostgres) -> Iterator[Storage]:
    """Embedded PostgreSQL with the schema."""
    storage = Storage("postgresql", embedded_postgres.url)
    yield storage
    storage.close()


@pytest.fixture(scope="session")
def timescaledb() -> Iterator[Storage]:
    """A real TimescaleDB server; a failure in CI when it is missing, a visible skip elsewhere."""
    url = os.environ.get("ANBAN_TEST_TIMESCALEDB_URL")
    if not url:
        reason = "no TimescaleDB server: set ANBAN_TEST_TIMESCALEDB_URL, or run ./anban test as root on Debian"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    storage = Storage("timescaledb", url)
    yield storage
    storage.close()


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> Storage:
    """Each storage in turn: the storage tests run on all of them."""
    found: Storage = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database_url(postgresql: Storage) -> Iterator[str]:
    """A fresh migrated database on the embedded server."""
    url = postgresql.new_database()
    yield url
    postgresql.drop(url)


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """An autocommit connection to the test's database."""
    with connect(database_url, "test") as connection:
        yield connection


@pytest.fixture
def storage_conn(storage: Storage) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection to a fresh database on each storage."""
    url = storage.new_database()
    with connect(url, "test") as connection:
        yield connection
    storage.drop(url)


@pytest.fixture
def now() -> datetime:
    """A fixed moment near today, so that partitions exist for it; tests move it as they like."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def broker(state_dir: Path) -> Iterator[EmbeddedBroker]:
    """The embedded NATS server with its auth callout."""
    with EmbeddedBroker(state_dir / "nats") as server:
        yield server
