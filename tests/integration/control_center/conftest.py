"""The control centre on a database with the fixed cast, and a clock that tests move."""

import socket
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.database import connect
from schemas.settings import Settings
from tests.conftest import Storage
from tests.integration.cast import Cast, assemble
from tests.integration.control_center.applications import application
from tests.integration.waiting import eventually


@dataclass
class MovableClock:
    """Tells the time that a test sets."""

    now: datetime

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def move(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


@dataclass
class Served:
    """The application behind a real server."""

    app: FastAPI
    port: int
    clock: MovableClock
    cast: Cast = field(repr=False)


@pytest.fixture(scope="session")
def noon() -> datetime:
    """Noon in the district, so that no test runs into midnight."""
    return datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0)


@pytest.fixture
def now(noon: datetime) -> datetime:
    """When each test begins."""
    return noon


@pytest.fixture(scope="session")
def assembled(postgresql: Storage, noon: datetime) -> Iterator[tuple[str, Cast]]:
    """The database into which the cast is written once; each test gets a copy of it."""
    url = postgresql.new_database()
    with connect(url, "test") as conn:
        cast = assemble(conn, noon)
    yield url, cast
    postgresql.drop(url)


@pytest.fixture
def database_url(postgresql: Storage, assembled: tuple[str, Cast]) -> Iterator[str]:
    """A database of the test's own, with the fixed cast in it."""
    url = postgresql.new_database(like=assembled[0])
    yield url
    postgresql.drop(url)


@pytest.fixture
def clock(now: datetime) -> MovableClock:
    """The application's clock."""
    return MovableClock(now)


@pytest.fixture
def cast(assembled: tuple[str, Cast]) -> Cast:
    """The fixed cast in the test's database."""
    return deepcopy(assembled[1])


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built front end of three files."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>安伴</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "app-1234.js").write_text("1")
    (folder / ".anban-build").write_text("how it was built")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def app(database_url: str, cast: Cast, clock: MovableClock, dist: Path) -> FastAPI:
    """The application, not started."""
    return application(Settings(database_url=database_url), clock, dist=dist)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the started application; it raises what the application could not handle."""
    with TestClient(app) as started:
        eventually(lambda: not app.state.feed.stale)
        yield started


@pytest.fixture
def served(app: FastAPI, clock: MovableClock, cast: Cast) -> Iterator[Served]:
    """The application behind uvicorn on a free port, its feed following."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, ws="websockets-sansio", ws_per_message_deflate=False, log_config=None, timeout_graceful_shutdown=2
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        eventually(lambda: server.started and not app.state.feed.stale)
        yield Served(app, port, clock, cast)
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()
