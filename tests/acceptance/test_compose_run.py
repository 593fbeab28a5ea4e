"""Each service of docker-compose.yml run as written until its health check as written answers.

There is no Docker here: containers' names and ports become those of the test's own servers, and nothing else changes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from launcher import broker_snapshot, compose_secrets, ports, processes
from launcher.postgres import install_folder
from tests.acceptance import compose_file
from tests.acceptance.compose_file import ROOT, Service
from tests.conftest import Storage
from tests.integration.waiting import eventually

# Passwords that a careless configuration would read as numbers.
SECRETS = compose_secrets.fresh() | {"ANBAN_INGEST_PASSWORD": "0123456789", "ANBAN_AUTH_PASSWORD": "1e5"}
SERVICES = compose_file.read(SECRETS | {"ANBAN_ELDERS": "12"})
BINARIES = f"{Path(sys.executable).parent}:{install_folder() / 'pginstall/bin'}"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the file says, and the test takes away
NETWORK = ("timescaledb", "nats", "control-center")


class Stack:
    """Containers as processes; `start` brings up a service and whatever it waits for."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._database_url = database_url
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._done: set[str] = set()
        self.ports: dict[tuple[str, str], str] = {}

    def port(self, service: str, written: str) -> str:
        """The free port that stands for one inside a container."""
        if (service, written) not in self.ports:
            self.ports[service, written] = str(ports.choose(None, [int(port) for port in self.ports.values()]))
        return self.ports[service, written]

    def _rewritten(self, service: Service, text: str) -> str:
        """Put this machine's place where the file names a container's: an address, a port, a path."""
        parts = urlsplit(text)
        if parts.scheme and parts.hostname == "timescaledb":
            return self._database_url
        if parts.scheme and parts.hostname in NETWORK:
            place = f"{parts.hostname}:{parts.port}"
            return text.replace(place, f"127.0.0.1:{self.port(parts.hostname, str(parts.port))}")
        for written in ("9100", "8080", "4222", "8883", "8222"):
            text = text.replace(f":{written}", f":{self.port(service.name, written)}")
            text = self.port(service.name, written) if text == written else text
        for volume in service.described.get("volumes", []):
            source, target, *_ = volume.split(":")
            local = self._config() if source.startswith(".") else self._folder / source
            inside = text == target or text.startswith(f"{target}/")
            text = text.replace(target, str(local)) if source.startswith(".") or inside else text
        return "127.0.0.1" if text == EVERYWHERE else text

    def _config(self) -> Path:
        """The mounted configuration with this machine's ports and folder."""
        path = self._folder / "nats.conf"
        if not path.exists():
            text = (ROOT / "deploy/nats.conf").read_text()
            for written in ("4222", "8883", "8222"):
                assert f":{written}" in text
                text = text.replace(f":{written}", f":{self.port('nats', written)}")
            for written, volume in (('"/data', "broker"), ('"/log/', "broker-log/"), ('"/tls/', "tls/")):
                assert written in text
                text = text.replace(written, f'"{self._folder}/{volume}')
            path.write_text(text.replace(EVERYWHERE, "127.0.0.1"))
        return path

    def environment(self, service: Service) -> dict[str, str]:
        """What the process is told: the file's variables, and where programs are."""
        told = {name: self._rewritten(service, value) for name, value in service.environment.items()}
        return told | {"PATH": f"{BINARIES}:{os.environ['PATH']}", "HOME": str(self._folder)}

    def start(self, name: str) -> None:
        """Run a service once, after what it waits for, until it ended well or its health check passes."""
        service = SERVICES[name]
        if name in self._done:
            return
        for other in service.waits_for:
            self.start(other)
        if name != "timescaledb":
            self._spawn(service)
        if service.ends:
            assert self._running.pop(name).wait(120) == 0, self._log(name)
        else:
            eventually(lambda: self._passes(service), 60, f"the health check of {name}: {self._log(name)}")
        self._done.add(name)

    def _spawn(self, service: Service) -> None:
        for volume in service.described.get("volumes", []):
            if not volume.startswith("."):
                (self._folder / volume.split(":")[0]).mkdir(mode=0o700, exist_ok=True)
        command = [self._rewritten(service, word) for word in service.command]
        with (self._folder / f"{service.name}.log").open("wb") as log:
            program = shutil.which(command[0], path=BINARIES)
            assert program is not None, f"{command[0]} is not installed"
            self._running[service.name] = subprocess.Popen(
                [program, *command[1:]], cwd=ROOT, env=self.environment(service), stdout=log, stderr=log
            )

    def _passes(self, service: Service) -> bool:
        process = self._running.get(service.name)
        assert process is None or process.poll() is None, f"{service.name} ended: {self._log(service.name)}"
        return self.check(service) == 0

    def check(self, service: Service) -> int:
        """Run the health check as a container would; its exit code."""
        assert service.check is not None
        if service.name == "timescaledb":
            words = self._database_words(service.check)
        else:
            words = [self._rewritten(service, word) for word in service.check]
        return subprocess.run(
            words, env=self.environment(service), capture_output=True, timeout=30, check=False
        ).returncode

    def _database_words(self, words: list[str]) -> list[str]:
        parts = urlsplit(self._database_url)
        host = parts.hostname or parse_qs(parts.query)["host"][0]
        port = parts.port or int(parse_qs(parts.query)["port"][0])
        return [word.replace("127.0.0.1", host).replace("5432", str(port)) for word in words]

    def _log(self, name: str) -> str:
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace")[-800:] if path.exists() else ""

    def stop(self) -> None:
        """End everything as Docker does: SIGTERM, and SIGKILL after the grace period."""
        for process in reversed(self._running.values()):
            processes.end(process, ((15, 20.0),))


@pytest.fixture(scope="module", params=("postgresql", "timescaledb"))
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The services on each storage, started as the tests ask for them."""
    storage: Storage = request.getfixturevalue(request.param)
    folder = Path(tempfile.mkdtemp(prefix="anban-compose-", dir="/tmp"))
    url = storage.new_empty_database()
    made = Stack(folder, url if "?" in url else f"{url}?sslmode=disable")
    yield made
    made.stop()
    storage.drop(url)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "tools"])
def test_service_runs_as_written_until_its_health_check_as_written_answers(stack: Stack, name: str) -> None:
    stack.start(name)


def test_health_check_fails_for_a_process_that_is_not_there(stack: Stack) -> None:
    elsewhere = Service("elsewhere", SERVICES["dispatch"].described)
    assert stack.check(elsewhere) != 0


def test_broker_has_the_settings_of_the_design(stack: Stack) -> None:
    stack.start("nats")
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port('nats', '8222')}/varz") as answer:
        said = json.load(answer)
    assert said["max_payload"] == 2 * 1024 * 1024
    assert said["mqtt"]["ack_wait"] == 5_000_000_000
    assert said["mqtt"]["max_ack_pending"] == 16_000
    assert said["jetstream"]["config"]["sync_interval"] == 1_000_000_000
    assert said["jetstream"]["config"]["max_storage"] == 4 * 1024**3
    assert said["auth_timeout"] == 60


def test_tools_tell_that_all_is_well_and_save_everything(stack: Stack, tmp_path: Path) -> None:
    for name in SERVICES:
        if name not in ("tools", "people"):
            stack.start(name)
    tools = SERVICES["tools"]
    environment = stack.environment(tools)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    assert tools.command[:2] == ["python", "-m"]
    eventually(lambda: run(*tools.command[2:]).returncode == 0, 30, run(*tools.command[2:]).stdout)
    saved = run("launcher", "backup", str(tmp_path / "saved"))
    assert saved.returncode == 0, saved.stderr
    manifest = json.loads((tmp_path / "saved/manifest.json").read_text())
    assert manifest["rows"]["elder"] == 12
    assert manifest["broker"]["$MQTT_sess"] >= 16
    assert manifest["state"] == ["sim.key"]


def test_broker_admits_nobody_without_the_callout(stack: Stack) -> None:
    stack.start("nats")
    port = stack.port("nats", "4222")
    assert broker_snapshot.streams(f"nats://auth:{SECRETS['ANBAN_AUTH_PASSWORD']}@127.0.0.1:{port}") is not None
    with pytest.raises(broker_snapshot.BrokerUnusable):
        broker_snapshot.streams(f"nats://auth:wrong@127.0.0.1:{port}")
