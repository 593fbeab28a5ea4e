"""The embedded PostgreSQL server through its crashes and leftovers."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from launcher import processes, serveruser
from launcher.failure import LaunchError
from launcher.postgres import EmbeddedPostgres

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running server."""
    with EmbeddedPostgres(folder / "state") as started:
        yield started


def _write(url: str, value: int) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
        conn.execute("INSERT INTO kept VALUES (%s)", (value,))


def _values(url: str) -> list[int]:
    with psycopg.connect(url) as conn:
        return [row[0] for row in conn.execute("SELECT value FROM kept ORDER BY value")]


def test_speaks_unicode_in_utc_and_opens_no_tcp_port(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as conn:
        shown = [
            conn.execute(f"SHOW {name}").fetchone()
            for name in ("server_encoding", "timezone", "listen_addresses", "max_connections")
        ]
        assert shown == [("UTF8",), ("UTC",), ("",), ("60",)]
        assert conn.execute("SELECT upper('é'), '安伴' < '北碚'").fetchone() == ("É", False)


def test_wrong_password_is_refused_and_the_socket_is_private(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url.replace("anban:", "anban:x"))
    sockets = server.state_dir / "postgres/socket"
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_committed_rows_survive_sigkill(server: EmbeddedPostgres) -> None:
    _write(server.url, 1)
    server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)
    server.start()
    assert _values(server.url) == [1]


def test_restart_keeps_address_and_data(folder: Path) -> None:
    with EmbeddedPostgres(folder / "state") as first:
        _write(first.url, 1)
        address = first.url
    with EmbeddedPostgres(folder / "state") as second:
        assert second.url == address
        _write(second.url, 2)
        assert _values(second.url) == [1, 2]


def test_leftover_of_an_earlier_launcher_is_replaced(server: EmbeddedPostgres) -> None:
    _write(server.url, 7)
    leftover = server.process
    with EmbeddedPostgres(server.state_dir) as successor:
        assert leftover is not None and leftover.poll() is not None
        assert _values(successor.url) == [7]


def test_stale_pid_of_a_stranger_does_not_prevent_the_start(folder: Path) -> None:
    with EmbeddedPostgres(folder / "state") as server:
        _write(server.url, 3)
        lock = server.data / "postmaster.pid"
        kept = lock.read_text()
        server.kill()
    # After a reboot the recorded pid may belong to anybody: here, to the parent of this test.
    lock.write_text(kept.replace(kept.split("\n", 1)[0], str(os.getppid()), 1))
    with EmbeddedPostgres(folder / "state") as server:
        assert _values(server.url) == [3]


def test_half_made_data_folder_is_never_used(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "state")
    partial = server.state_dir / "postgres/data.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    with server:
        _write(server.url, 1)
        assert not partial.exists()


def test_deep_folder_gets_a_short_socket_path(folder: Path) -> None:
    deep = folder / ("d" * 100)
    deep.mkdir(mode=0o755)
    server = EmbeddedPostgres(deep / "state")
    with server:
        _write(server.url, 1)
    sockets = server.url.partition("host=")[2].partition("&")[0]
    assert sockets.startswith("/tmp/anban-")
    with contextlib.suppress(OSError):
        shutil.rmtree(Path(sockets).parent)


def test_data_of_another_postgresql_is_refused_in_one_line(folder: Path) -> None:
    with EmbeddedPostgres(folder / "state") as server:
        pass
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(LaunchError, match="was made by PostgreSQL 17"):
        EmbeddedPostgres(folder / "state").start()


def test_data_folder_of_another_user_is_refused_in_one_line(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make another user's folder")
    state = folder / "state"
    EmbeddedPostgres(state)
    os.chown(state / "postgres", 12345, 12345)
    with pytest.raises(LaunchError, match="belongs to uid 12345"):
        EmbeddedPostgres(state)


def test_private_state_folder_is_refused_in_one_line_as_root(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("an ordinary user enters its own private folders")
    private = folder / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(LaunchError, match="private folder"):
        EmbeddedPostgres(private / "state")


def test_root_runs_the_server_unprivileged(server: EmbeddedPostgres) -> None:
    assert server.process is not None
    owner = Path(f"/proc/{server.process.pid}").stat().st_uid
    assert owner == serveruser.server_user().uid
    assert owner != 0


def test_binaries_in_a_private_checkout_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = serveruser.runs_as

    def from_state_only(owner: serveruser.ServerUser, command: list[str]) -> bool:
        return command[0].startswith(("/bin/", str(folder))) and real(owner, command)

    monkeypatch.setattr(serveruser, "runs_as", from_state_only)
    with EmbeddedPostgres(folder / "state") as server:
        _write(server.url, 1)
        copied = (folder / "state/postgres-binaries/version").stat().st_mtime_ns
        server.kill()
        server.start()
        assert (folder / "state/postgres-binaries/version").stat().st_mtime_ns == copied


def test_an_interrupted_start_leaves_no_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(folder / "state")
    pids: list[int] = []

    def interrupted() -> bool:
        assert server.process is not None
        pids.append(server.process.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "is_ready", interrupted)
    with pytest.raises(KeyboardInterrupt), server:
        pass
    assert [processes.identify(pid) for pid in pids] == [None]


def test_server_does_not_outlive_a_sigkilled_caller(folder: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from launcher.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])).start()\n"
        "print(server.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    checkout = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "state")], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL
    assert processes.wait_until(lambda: processes.identify(int(done.stdout)) is None, 20)
