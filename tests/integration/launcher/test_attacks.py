"""What the unprivileged server user, or another user of the machine, may try on a root launcher."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from launcher import serveruser
from launcher.broker import EmbeddedBroker
from launcher.failure import LaunchError
from launcher.postgres import EmbeddedPostgres, socket_folder

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another user, whom it must not trust"),
]
# Nothing in it belongs to the checkout: the attacker may not be able to read that.
_PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
_SWAP_THE_PID_FILE = """
import os, sys
data, victim = sys.argv[1:]
os.unlink(f"{data}/postmaster.pid") if os.path.lexists(f"{data}/postmaster.pid") else None
os.mkfifo(f"{data}/postmaster.pid", 0o666)
os.symlink(victim, f"{data}/link")
print("ready", flush=True)
with open(f"{data}/postmaster.pid", "w") as file:
    file.write("1\\nattacker's line\\n")
    file.flush()
    os.rename(f"{data}/link", f"{data}/postmaster.pid")
"""
_PLANT_LINKS = """
import os, sys
folder, name, victim = sys.argv[1:]
print("ready", flush=True)
while True:
    try:
        os.symlink(victim, f"{folder}/planted")
        os.rename(f"{folder}/planted", f"{folder}/{name}")
    except OSError:
        pass
"""


def _as_nobody(*command: str) -> subprocess.Popen[str]:
    owner = serveruser.server_user()
    return subprocess.Popen(list(command), cwd="/", stdout=subprocess.PIPE, text=True, **owner.popen())


def _shell_as_nobody(script: str) -> int:
    with _as_nobody("/bin/sh", "-c", script) as process:
        process.communicate()
    return process.returncode


@pytest.fixture
def victim(folder: Path) -> Iterator[Path]:
    """A file of root in a folder of root; it must be the same afterwards."""
    parent = folder / "victim"
    parent.mkdir(mode=0o755)
    file = parent / "authorized_keys"
    file.write_text("root's own line\n")
    file.chmod(0o600)
    before = [(path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in (parent, file)]
    yield file
    assert [(path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in (parent, file)] == before
    assert file.read_text() == "root's own line\n"
    assert list(parent.iterdir()) == [file]


def _give_to_nobody(folder: Path) -> None:
    """Make a folder as launchers before this protection left it."""
    owner = serveruser.server_user()
    os.chown(folder, owner.uid, owner.gid)


def test_server_user_cannot_replace_what_root_touches(folder: Path) -> None:
    with EmbeddedPostgres(folder / "state") as database, EmbeddedBroker(folder / "state") as broker:
        for path in (database.data, database.state_dir / "postgres/socket", broker.state_dir / "nats/nats.conf"):
            assert _shell_as_nobody(f"mv {path} {path}.moved") != 0
            assert _shell_as_nobody(f"touch {path.parent}/planted") != 0


def test_planted_socket_link_is_refused_in_one_line(folder: Path, victim: Path) -> None:
    state = folder / "state"
    EmbeddedPostgres(state)
    _give_to_nobody(state / "postgres")
    assert _shell_as_nobody(f"cd {state}/postgres && rm -rf socket && ln -s {victim.parent} socket") == 0
    with pytest.raises(LaunchError, match=r"socket is a symbolic link") as refusal:
        EmbeddedPostgres(state)
    assert "\n" not in str(refusal.value)


def test_planted_data_link_is_refused(folder: Path, victim: Path) -> None:
    state = folder / "state"
    EmbeddedPostgres(state)
    _give_to_nobody(state / "postgres")
    assert _shell_as_nobody(f"ln -s {victim.parent} {state}/postgres/data") == 0
    with pytest.raises(LaunchError, match=r"data is a symbolic link"):
        EmbeddedPostgres(state).start()


def test_folder_of_an_earlier_launcher_is_taken_back(folder: Path) -> None:
    with EmbeddedPostgres(folder / "state") as first:
        _give_to_nobody(first.state_dir / "postgres")
    with EmbeddedPostgres(folder / "state") as second:
        assert (second.state_dir / "postgres").stat().st_uid == 0


@pytest.mark.parametrize("plant", ["mkdir -m 777 {}", "ln -s {victim} {}"])
def test_short_socket_folder_made_by_somebody_else_is_refused(folder: Path, victim: Path, plant: str) -> None:
    deep = folder / ("d" * 100)
    deep.mkdir(mode=0o755)
    short = socket_folder(deep / "state/postgres/socket", os.geteuid())
    top = Path("/tmp") / short.relative_to("/tmp").parts[0]
    assert _shell_as_nobody(plant.format(top, victim=victim.parent)) == 0
    try:
        with pytest.raises(LaunchError, match=r"belongs to uid|symbolic link"):
            EmbeddedPostgres(deep / "state")
    finally:
        top.unlink() if top.is_symlink() else top.rmdir()


def test_pid_file_swapped_for_a_link_is_never_written_through(folder: Path, victim: Path) -> None:
    with EmbeddedPostgres(folder / "state") as server:
        data = server.data
    with _as_nobody(_PYTHON, "-c", _SWAP_THE_PID_FILE, str(data), str(victim)) as attacker:
        assert attacker.stdout is not None and attacker.stdout.readline() == "ready\n"
        EmbeddedPostgres(folder / "state").stop_leftover()
        attacker.kill()


def test_pid_file_that_is_a_link_names_no_process(folder: Path, victim: Path) -> None:
    with EmbeddedPostgres(folder / "state") as server:
        data = server.data
    victim.write_text(f"{os.getppid()}\n")
    assert _shell_as_nobody(f"ln -sf {victim} {data}/postmaster.pid") == 0
    EmbeddedPostgres(folder / "state").stop_leftover()
    assert victim.read_text() == f"{os.getppid()}\n"
    victim.write_text("root's own line\n")


def test_configuration_swapped_for_a_link_changes_no_other_file(folder: Path, victim: Path) -> None:
    EmbeddedBroker(folder / "state")
    _give_to_nobody(folder / "state/nats")
    with _as_nobody(_PYTHON, "-c", _PLANT_LINKS, f"{folder}/state/nats", "nats.conf", str(victim)) as attacker:
        assert attacker.stdout is not None and attacker.stdout.readline() == "ready\n"
        broker = EmbeddedBroker(folder / "state")
        end = time.monotonic() + 3
        while time.monotonic() < end and victim.stat().st_uid == 0:
            broker._write_config()
        attacker.kill()
    config = folder / "state/nats/nats.conf"
    assert not config.is_symlink() and config.stat().st_uid == serveruser.server_user().uid


def test_demo_refuses_a_foreign_state_folder_and_trusts_nothing_in_it(folder: Path, victim: Path) -> None:
    foreign = folder / "foreign"
    (foreign / "logs").mkdir(parents=True)
    (foreign / "lock").symlink_to(victim)
    (foreign / "logs/guardian.log").symlink_to(victim)
    _give_to_nobody(foreign)
    for words in (["demo"], ["demo", "--reset"], ["replay", "x.csv"]):
        command = [sys.executable, "-m", "launcher", *words, "--state-dir", str(foreign)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.splitlines() == [done.stderr.rstrip("\n")]
        assert "belongs to uid" in done.stderr


def test_address_names_the_private_socket(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "state")
    host = unquote(urlsplit(server.url).query.split("&")[0].removeprefix("host="))
    assert Path(host).stat().st_uid == serveruser.server_user().uid
    assert Path(host).parent.stat().st_uid == 0
