"""The peers of `./anban bench peers`: installed into a cache folder, run with a broker and a database of their own."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from launcher import ports, processes, safefiles, statedir, web
from launcher.failure import LaunchError
from launcher.guardian import Guardian
from launcher.postgres import EmbeddedPostgres
from launcher.steps import Steps

SOURCES = statedir.CHECKOUT / "load_tests/peers"
_STOP_STEPS: processes.StopSteps = ((signal.SIGTERM, 5.0),)
_START_SECONDS = 40.0
_FLOWING, _CONNECTED = "Started flows", "Connected to broker"


def cache_folder() -> Path:
    """Return where the peers are installed: below the caller's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "anban"


def install(steps: Steps) -> tuple[Path, Path]:
    """Install what is missing; returns Node-RED's folder and the ESPHome ingestor's Python. Raises LaunchError."""
    with steps.step("Installing Node-RED"):
        node_red = _install_node_red()
    with steps.step("Installing the ESPHome ingestor"):
        python = _install_esphome()
    return node_red, python


def _digest(files: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _install_node_red() -> Path:
    lock = [SOURCES / "node_red" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    folder = cache_folder() / f"node-red-{_digest(lock)}"
    if not (folder / "node_modules/node-red").is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for file in lock:
            shutil.copy(file, partial)
        node = web.install_node()
        command = [*node.npm, "ci", "--ignore-scripts", "--omit=dev"]
        web.run_quietly(command, "installing Node-RED", node.environment(), partial)
        partial.rename(folder)
    return folder


def _install_esphome() -> Path:
    lock = SOURCES / "esphome/requirements.txt"
    folder = cache_folder() / f"esphome-{_digest([lock])}"
    done = folder / "installed"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        web.run_quietly([sys.executable, "-m", "venv", str(folder)], "making the ingestor's environment")
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        web.run_quietly([*pip, "--require-hashes", "-r", str(lock)], "installing the ESPHome ingestor")
        done.touch()
    return folder / "bin/python"


class PeerStage:
    """A broker and a database on a state folder, and one peer at work between them."""

    def __init__(self, state_dir: Path, broker: str = "mosquitto") -> None:
        self.state_dir = statedir.prepare(state_dir)
        (self.state_dir / "logs").mkdir(exist_ok=True)
        self.mqtt_port = ports.choose(None)
        self._broker = broker
        self.database = EmbeddedPostgres(self.state_dir)
        self._guardian = Guardian(statedir.log_file(self.state_dir, "peer-guardian"))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def settings(self) -> dict[str, str]:
        """What whoever measures is told: where everything is."""
        return {
            "ANBAN_DATABASE_URL": self.database.url,
            "ANBAN_MQTT_URL": f"mqtt://127.0.0.1:{self.mqtt_port}",
            "ANBAN_STATE_DIR": str(self.state_dir),
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start database and broker, and stop everything at the end. Raises LaunchError."""
        try:
            with self.database:
                try:
                    self._start_broker()
                    yield
                finally:
                    self._stop()
        finally:
            self._guardian.dismiss()

    def _stop(self) -> None:
        for process in reversed(self._running.values()):
            processes.end(process, _STOP_STEPS)
        self._running.clear()

    def _start_broker(self) -> None:
        command, config = (
            _nats(self.mqtt_port, self.state_dir) if self._broker == "nats" else _mosquitto(self.mqtt_port)
        )
        file = self.state_dir / "broker.conf"
        file.write_text(config)
        self._run("broker", [*command, "-c", str(file)], dict(os.environ))
        if not processes.wait_until(lambda: ports.accepts(self.mqtt_port), _START_SECONDS):
            raise LaunchError(f"the peers' broker does not start: {self._last_words('broker')}")

    def start_node_red(self, folder: Path) -> None:
        """Make its table and start Node-RED with the flow; raises LaunchError."""
        with psycopg.connect(self.database.url) as conn:
            conn.execute((SOURCES / "node_red/schema.sql").read_bytes())
        user = self.state_dir / "node-red"
        user.mkdir()
        (user / "flows.json").write_text(json.dumps(flows(self.mqtt_port)))
        settings = user / "settings.js"
        shutil.copy(SOURCES / "node_red/settings.js", settings)
        environment = web.install_node().environment() | {
            "NODE_PATH": str(folder / "node_modules"),
            "NODE_ENV": "production",
            "PEER_HTTP_PORT": str(ports.choose(None, [self.mqtt_port])),
            "PEER_DATABASE_URL": self.database.url,
        }
        node = shutil.which("node", path=environment["PATH"]) or "node"
        script = folder / "node_modules/node-red/red.js"
        self._run("app", [node, str(script), "--userDir", str(user), "--settings", str(settings)], environment)
        started = processes.wait_until(lambda: self._said(_FLOWING) and self._said(_CONNECTED), _START_SECONDS)
        if not started or self._said("[error]"):
            raise LaunchError(f"Node-RED does not start: {self._last_words('app')}")

    def start_esphome(self, python: Path, *, unlimited: bool) -> None:
        """Start the ESPHome ingestor, as published or `unlimited`; raises LaunchError."""
        home = self.state_dir / "esphome-home"
        config = home / ".esphome-ingestor/ingestor_config.json"
        config.parent.mkdir(parents=True)
        database = psycopg.conninfo.conninfo_to_dict(self.database.url)
        mqtt = {"host": "127.0.0.1", "port": self.mqtt_port, "username": "peer", "password": "-"}
        config.write_text(json.dumps({"database": database, "mqtt": mqtt}))
        command = [str(python), "-u", str(SOURCES / "esphome/start.py"), *(["--unlimited"] if unlimited else [])]
        self._run("app", command, dict(os.environ) | {"HOME": str(home), "PYTHONUNBUFFERED": "1"})
        if not processes.wait_until(lambda: self._said("subscribed to topics"), _START_SECONDS):
            raise LaunchError(f"the ESPHome ingestor does not start: {self._last_words('app')}")

    def _run(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with safefiles.opened_log(statedir.log_file(self.state_dir, name)) as log:
            process = subprocess.Popen(
                command,
                cwd=self.state_dir,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running[name] = process
        self._guardian.add(name, process.pid, _STOP_STEPS)
        self._record()

    def _record(self) -> None:
        """Say which processes there are, where whoever measures looks for them."""
        found = {name: {"pid": process.pid} for name, process in self._running.items()}
        if self.database.process is not None:
            found["database"] = {"pid": self.database.process.pid}
        statedir.write_record(self.state_dir / "processes.json", found)

    def _said(self, words: str) -> bool:
        log = statedir.log_path(self.state_dir, "app")
        return log.exists() and words in log.read_text(errors="replace")

    def _last_words(self, name: str) -> str:
        return statedir.last_lines(statedir.log_path(self.state_dir, name), 3)


def _mosquitto(port: int) -> tuple[list[str], str]:
    """Return Mosquitto's command and configuration: for everybody on the loopback address, in memory, no limits."""
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise LaunchError("mosquitto is missing: install the Debian package, or choose --broker nats")
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence false",
        "set_tcp_nodelay true",
        "max_inflight_messages 0",
        "max_queued_messages 0",
        "log_type error",
    ]
    if os.geteuid() == 0:
        # It would become a user that need not exist here.
        lines.append("user root")
    return [binary], "\n".join(lines) + "\n"


def _nats(port: int, state_dir: Path) -> tuple[list[str], str]:
    """Return the NATS server's command and configuration: as Anban's, but for everybody."""
    config = f"""
        server_name: "peer"
        listen: "127.0.0.1:-1"
        jetstream {{ store_dir: "{state_dir / "nats"}", sync_interval: "1s" }}
        mqtt {{ listen: "127.0.0.1:{port}", ack_wait: "5s", max_ack_pending: 16000 }}
    """
    return [str(Path(sys.executable).with_name("nats-server"))], config


def flows(mqtt_port: int) -> list[dict[str, Any]]:
    """Return Node-RED's flow: MQTT in at QoS 1, parsed as JSON, into the function node that writes batches."""
    code = {name: (SOURCES / f"node_red/{name}.js").read_text() for name in ("begin", "batch", "end")}
    return [
        {"id": "tab", "type": "tab", "label": "anban"},
        {
            "id": "broker",
            "type": "mqtt-broker",
            "name": "",
            "broker": "127.0.0.1",
            "port": str(mqtt_port),
            "clientid": "node-red",
            "autoConnect": True,
            "protocolVersion": "4",
            "keepalive": "60",
            "cleansession": False,
        },
        {
            "id": "in",
            "type": "mqtt in",
            "z": "tab",
            "x": 100,
            "y": 100,
            "topic": "care/v1/+/+/telemetry",
            "qos": "1",
            "datatype": "json",
            "broker": "broker",
            "inputs": 0,
            "wires": [["write"]],
        },
        {
            "id": "write",
            "type": "function",
            "z": "tab",
            "x": 300,
            "y": 100,
            "name": "",
            "func": code["batch"],
            "initialize": code["begin"],
            "finalize": code["end"],
            "outputs": 0,
            "timeout": 0,
            "noerr": 0,
            "libs": [],
            "wires": [],
        },
    ]
