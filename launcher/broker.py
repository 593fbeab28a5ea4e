"""Embedded NATS server: the MQTT listener that devices and services connect to."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import nkeys

from launcher import broker_health, ports, processes, serveruser, statedir, tls
from launcher.broker_config import BrokerFiles, BrokerPorts, BrokerSecrets, config_text
from launcher.embedded import EmbeddedServer
from launcher.failure import LaunchError

# SIGTERM ends the server after it has flushed JetStream.
STOP_STEPS: processes.StopSteps = ((signal.SIGTERM, 10.0),)
# Garbage collected less often, up to a limit that leaves each of 15,000 TLS connections less than 50 KB (25 MiB less
# would keep a core busy with looking for garbage), and half of the processors: handing work between more threads costs
# more than they bring (docs/adr/0012).
RUNTIME = {"GOGC": "300", "GOMEMLIMIT": "725MiB", "GOMAXPROCS": str(max(1, (os.cpu_count() or 2) // 2))}
USUAL_PORTS = BrokerPorts(mqtt=8883, nats=4222)
_PORT_NAMES = ("mqtt", "nats")


def new_account_seed() -> str:
    """Return a fresh account seed (SA…) for signing auth-callout answers."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT)).decode()


def public_key(seed: str) -> str:
    """Return the public account key (A…) of a seed."""
    return bytes(nkeys.from_seed(seed.encode()).public_key).decode()


def chosen_ports(record: dict[str, Any]) -> BrokerPorts:
    """Return the recorded ports where they are still free, else the usual ones, else others."""
    taken: list[int] = []
    for name in _PORT_NAMES:
        recorded = record.get(name)
        preferred = recorded if isinstance(recorded, int) else getattr(USUAL_PORTS, name)
        taken.append(ports.choose(preferred, taken))
    return BrokerPorts(*taken)


class EmbeddedBroker(EmbeddedServer):
    """One NATS server on a state folder; a context manager, or start() and stop().

    The ports are chosen at the first spawn and then kept for the life of the object, so that a
    killed server comes back where its clients look for it.
    """

    stop_steps = STOP_STEPS

    def __init__(self, state_dir: Path, name: str = "nats") -> None:
        super().__init__(state_dir, name)
        self._record_path = self.state_dir / f"{name}.json"
        self._record = self._load_record()
        self._ports: BrokerPorts | None = None
        self._authority = tls.DemoAuthority(self.state_dir)

    @property
    def ports(self) -> BrokerPorts:
        """The server's ports; chosen now when it was not spawned yet."""
        if self._ports is None:
            self._ports = self._choose_ports()
        return self._ports

    @property
    def mqtt_port(self) -> int:
        """The MQTT listener's port."""
        return self.ports.mqtt

    @property
    def mqtt_url(self) -> str:
        """The services' MQTT address with their credentials."""
        return f"mqtt://ingest:{self._record['ingest']}@127.0.0.1:{self.ports.mqtt}"

    @property
    def event_lane_url(self) -> str:
        """The MQTT address of whoever reads only events and answers their devices, with its credentials."""
        return f"mqtt://screens:{self._record['screens']}@127.0.0.1:{self.ports.mqtt}"

    @property
    def device_url(self) -> str:
        """The MQTT address as devices know it: with TLS, and they bring credentials of their own."""
        return f"mqtts://127.0.0.1:{self.ports.mqtt}"

    @property
    def authority_file(self) -> Path:
        """The certificate (PEM) that devices trust."""
        return self._authority.file

    @property
    def log_file(self) -> Path:
        """Where the server writes what it refused."""
        return statedir.log_path(self.state_dir, self.name)

    @property
    def nats_url(self) -> str:
        """device-auth's NATS address with its credentials."""
        return f"nats://auth:{self._record['auth']}@127.0.0.1:{self.ports.nats}"

    @property
    def jetstream_url(self) -> str:
        """The NATS address for reading what devices published, with the services' credentials."""
        return f"nats://ingest:{self._record['ingest']}@127.0.0.1:{self.ports.nats}"

    @classmethod
    def recorded_nats_url(cls, state_dir: Path, name: str = "nats") -> str | None:
        """Return the NATS address of the server that last ran on a state folder, touching nothing; None without one."""
        record = statedir.read_record(state_dir / f"{name}.json")
        if not isinstance(record.get("nats"), int) or not isinstance(record.get("auth"), str):
            return None
        return f"nats://auth:{record['auth']}@127.0.0.1:{record['nats']}"

    @classmethod
    def recorded_mqtt_url(cls, state_dir: Path, name: str = "nats") -> str | None:
        """Return the services' MQTT address at the server that last ran on a state folder; None without one."""
        record = statedir.read_record(state_dir / f"{name}.json")
        if not isinstance(record.get("mqtt"), int) or not isinstance(record.get("ingest"), str):
            return None
        return f"mqtt://ingest:{record['ingest']}@127.0.0.1:{record['mqtt']}"

    @property
    def sys_url(self) -> str:
        """The system account's NATS address (for `$SYS` requests such as KICK)."""
        return f"nats://sys:{self._record['sys']}@127.0.0.1:{self.ports.nats}"

    @property
    def issuer_seed(self) -> str:
        """The account seed (SA…) that signs auth-callout answers."""
        return str(self._record["issuer_seed"])

    def _load_record(self) -> dict[str, Any]:
        record = statedir.read_record(self._record_path)
        complete = dict(record)
        for user in ("ingest", "auth", "screens", "sys"):
            complete.setdefault(user, secrets.token_hex(24))
        complete.setdefault("issuer_seed", new_account_seed())
        complete.setdefault("server_name", f"anban-{secrets.token_hex(4)}")
        if complete != record:
            self._save(complete)
        return complete

    def _save(self, record: dict[str, Any]) -> None:
        statedir.write_record(self._record_path, record)

    def _choose_ports(self) -> BrokerPorts:
        self.stop_leftover()
        chosen = chosen_ports(self._record)
        self._record |= {name: getattr(chosen, name) for name in _PORT_NAMES}
        self._save(self._record)
        return chosen

    def stop_leftover(self) -> None:
        """Stop a server that an earlier launcher left on this state folder."""
        recorded = self._record.get("server")
        if isinstance(recorded, dict):
            identity = processes.Identity(int(recorded.get("pid", 0)), str(recorded.get("started", "")))
            processes.stop(identity, STOP_STEPS)

    def _binary(self) -> Path:
        beside = Path(sys.executable).with_name("nats-server")
        found = str(beside) if beside.exists() else shutil.which("nats-server")
        if found is None:
            raise LaunchError("nats-server is not installed: remove .venv and start again")
        original = Path(found)
        if serveruser.runs_as(self._owner, [str(original), "--version"]):
            return original
        built = original.stat()
        version = f"{built.st_size}-{built.st_mtime_ns}"
        copy = serveruser.reachable_copy([original], self.state_dir / "nats-binary", version)
        return copy / original.name

    def _write_config(self) -> Path:
        known = BrokerSecrets(
            ingest=self._record["ingest"],
            auth=self._record["auth"],
            screens=self._record["screens"],
            sys=self._record["sys"],
            issuer_public=public_key(self.issuer_seed),
        )
        path = self._folder / "nats.conf"
        text = config_text(self._record["server_name"], self.ports, known, self._write_files())
        statedir.write_private(path, text, (self._owner.uid, self._owner.gid))
        return path

    def _write_files(self) -> BrokerFiles:
        made = self._authority.server_certificate(tls.local_hosts())
        files = BrokerFiles(
            store=serveruser.private_folder(self._folder / "jetstream", self._owner),
            certificate=self._folder / "server.pem",
            key=self._folder / "server-key.pem",
        )
        for path, text in ((files.certificate, made.chain), (files.key, made.key)):
            statedir.write_private(path, text, (self._owner.uid, self._owner.gid))
        return files

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server process without waiting for it."""
        self.stop_leftover()
        command = [str(self._binary()), "-c", str(self._write_config())]
        process = self._launch(command, {"PATH": "/usr/bin:/bin", "HOME": str(self._folder), **RUNTIME})
        identity = processes.identify(process.pid)
        if identity is not None:
            self._record["server"] = {"pid": identity.pid, "started": identity.started}
            self._save(self._record)
        return process

    def is_ready(self) -> bool:
        """Tell whether this very server has recovered JetStream and accepts MQTT connections."""
        known = self._record
        healthy = broker_health.is_healthy(self.ports.nats, known["server_name"], known["sys"])
        return healthy and ports.accepts(self.ports.mqtt)

    def start(self, seconds: float = 30) -> Self:
        """Start the server and wait until devices could connect.

        Another program may take a chosen port in between; then other ports are tried, unless the
        server ran before. Raises LaunchError with the server's last words when it fails.
        """
        fixed = self.process is not None or self._ports is not None
        deadline = time.monotonic() + seconds
        process = self._spawn_guarded()
        while not (self.is_ready() and process.poll() is None):
            ended = process.poll() is not None
            said = self._last_words()
            in_use = ended and "in use" in said
            if time.monotonic() > deadline or (ended and not in_use):
                self.stop()
                raise LaunchError(f"NATS did not start: {said}")
            if in_use:
                if not fixed:
                    self._ports = self._choose_ports()
                time.sleep(0.1)
                process = self._spawn_guarded()
            time.sleep(0.02)
        return self
