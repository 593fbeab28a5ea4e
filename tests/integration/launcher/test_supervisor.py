"""Supervised processes through crashes, signals and the death of the launcher."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher import processes, statedir
from launcher.failure import LaunchError
from launcher.service import Service, Status
from launcher.supervisor import PROCESSES, Supervisor, stop_leftovers

pytestmark = pytest.mark.usefixtures("nothing_left")
HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]


def _hear_hangups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Launcher:
    """A small launcher in its own process; `pid` of it and of its children."""

    def __init__(self, state_dir: Path, command: list[str], environment: dict[str, str]) -> None:
        self.state_dir = state_dir
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*command, str(HERE / "small_launcher.py"), str(state_dir)],
            cwd=CHECKOUT,
            env=environment | {"PYTHONPATH": environment.get("PYTHONPATH", str(CHECKOUT))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # The tests may run under nohup, which every process below inherits.
            preexec_fn=_hear_hangups,
        )

    def wait_for(self, word: str) -> str:
        """Read its output up to a line that starts with a word."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(word):
                return line
        raise AssertionError(f"ended without saying {word!r}: {self.lines}")

    def children(self) -> dict[str, dict[str, Any]]:
        """Return the recorded children by name."""
        found: dict[str, dict[str, Any]] = json.loads((self.state_dir / "children.json").read_text())
        return found

    def kill(self) -> None:
        """SIGKILL it, as a crash would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Stop it if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def launch(folder: Path) -> Iterator[Callable[[], Launcher]]:
    """Start small launchers on one state folder."""
    started: list[Launcher] = []

    def start() -> Launcher:
        started.append(Launcher(folder / "state", [sys.executable], dict(os.environ)))
        started[-1].wait_for("ready")
        return started[-1]

    yield start
    for launcher in started:
        launcher.close()


def _are_gone(children: dict[str, dict[str, Any]]) -> bool:
    return not any(processes.is_running(processes.Identity(c["pid"], c["started"])) for c in children.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_launcher_stops_everything(launch: Callable[[], Launcher], number: int) -> None:
    launcher = launch()
    children = launcher.children()
    assert list(children) == ["postgres", "nats", "stand-in"]
    launcher.process.send_signal(number)
    launcher.wait_for("stopped")
    assert launcher.process.wait(10) == 0
    assert _are_gone(children)


def test_sigkilled_launcher_leaves_no_process(launch: Callable[[], Launcher]) -> None:
    launcher = launch()
    children = launcher.children()
    launcher.kill()
    assert processes.wait_until(lambda: _are_gone(children), 20)


def test_next_start_stops_what_launcher_and_guardian_left(launch: Callable[[], Launcher]) -> None:
    launcher = launch()
    children = launcher.children()
    guardians = subprocess.run(
        ["pgrep", "-P", str(launcher.process.pid), "-f", "launcher.guardian"], capture_output=True, text=True
    ).stdout.split()
    assert len(guardians) == 1
    # Stopped first, so that it cannot notice before it is gone.
    os.kill(int(guardians[0]), signal.SIGSTOP)
    launcher.kill()
    os.kill(int(guardians[0]), signal.SIGKILL)
    successor = launch()
    assert successor.lines[0] == "left over: stand-in,nats,postgres"
    assert _are_gone(children)


def test_sigkilled_servers_come_back_by_themselves(launch: Callable[[], Launcher]) -> None:
    launcher = launch()
    before = launcher.children()
    for name in ("postgres", "nats"):
        os.kill(before[name]["pid"], signal.SIGKILL)

    def are_back() -> bool:
        now = launcher.children()
        return all(name in now and now[name]["pid"] != before[name]["pid"] for name in ("postgres", "nats"))

    assert processes.wait_until(are_back, 20)
    assert launcher.children()["stand-in"] == before["stand-in"]
    assert "SIGKILL" in launcher.wait_for("postgres ended")


def _python(*words: str) -> Callable[[], subprocess.Popen[bytes]]:
    return lambda: subprocess.Popen([sys.executable, "-c", *words], start_new_session=True)


@pytest.fixture
def supervisor(folder: Path) -> Iterator[Supervisor]:
    """A supervisor of this process, whose reports are kept in `reports`."""
    (folder / "state/logs").mkdir(parents=True)
    with Supervisor(folder / "state", lambda _: None) as made:
        yield made


def test_process_that_never_starts_is_named_with_its_exit(supervisor: Supervisor) -> None:
    with pytest.raises(LaunchError, match=r"^worker does not start \(exit code 2\)$"):
        supervisor.start(Service("worker", _python("raise SystemExit(2)"), lambda: True))


def test_process_that_is_never_ready_is_named_with_its_log(supervisor: Supervisor) -> None:
    service = Service("worker", _python("import time; time.sleep(600)"), lambda: False, ready_seconds=1)
    with pytest.raises(LaunchError, match=r"^worker was not ready within 1 s \(its log: .*/logs/worker\.log\)$"):
        supervisor.start(service)


def test_finished_simulator_is_not_started_again(supervisor: Supervisor) -> None:
    supervisor.start(Service("sim", _python("pass"), lambda: False, may_finish=True))
    assert supervisor.states() == {"sim": Status.FINISHED}
    assert supervisor.pid("sim") is None


def test_process_that_ignores_sigterm_is_killed(supervisor: Supervisor, folder: Path) -> None:
    ready = folder / "ready"
    stubborn = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "time.sleep(600)"
    )
    steps = ((signal.SIGTERM, 0.2),)
    supervisor.start(Service("stubborn", _python(stubborn, str(ready)), ready.exists, steps))
    pid = supervisor.pid("stubborn")
    assert pid is not None
    supervisor.stop()
    assert processes.identify(pid) is None


def test_record_says_how_each_process_is(supervisor: Supervisor) -> None:
    supervisor.start(Service("steady", _python("import time; time.sleep(600)"), lambda: True, health_port=23_999))
    with pytest.raises(LaunchError):
        supervisor.start(Service("worker", _python("raise SystemExit(2)"), lambda: True))

    def recorded() -> dict[str, Any]:
        return statedir.read_record(supervisor.state_dir / PROCESSES)

    assert processes.wait_until(lambda: recorded().get("worker", {}).get("restarts", 0) >= 3, 20)
    said = recorded()
    assert said["steady"] == {
        "pid": supervisor.pid("steady"),
        "status": "ready",
        "restarts": 0,
        "last_exit": "",
        "health_port": 23_999,
        "metrics_port": None,
    }
    assert said["worker"]["last_exit"] == "exit code 2"
    supervisor.stop()
    assert {entry["status"] for entry in recorded().values()} == {"stopped"}


def test_record_of_a_stopped_supervisor_is_empty(supervisor: Supervisor) -> None:
    supervisor.start(Service("worker", _python("import time; time.sleep(600)"), lambda: True))
    supervisor.stop()
    assert stop_leftovers(supervisor.state_dir) == []


def test_ordinary_user_can_run_everything(folder: Path) -> None:
    """The other tests run as whoever runs them, which in CI is root."""
    if os.geteuid() != 0:
        pytest.skip("the other tests already run as an ordinary user")
    python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    as_user = ["setpriv", "--reuid=games", "--regid=games", "--clear-groups"]
    reaches = [*as_user, python, "-c", "import sys; open(sys.argv[1])", str(HERE / "small_launcher.py")]
    if shutil.which("setpriv") is None or subprocess.run(reaches, capture_output=True).returncode != 0:
        pytest.skip(f"an ordinary user cannot reach {python} or this checkout")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    home = folder / "home"
    home.mkdir()
    shutil.chown(home, "games", "games")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(home)}
    environment |= {"PYTHONPATH": f"{CHECKOUT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    launcher = Launcher(home / "state", [*as_user, python], environment)
    try:
        launcher.wait_for("ready")
        children = launcher.children()
        owners = {Path(f"/proc/{child['pid']}").owner() for child in children.values()}
        assert owners == {"games"}
        launcher.kill()
        assert processes.wait_until(lambda: _are_gone(children), 20)
    finally:
        launcher.close()
