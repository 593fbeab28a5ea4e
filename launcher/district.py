"""A whole running Anban: servers, schema, seeded elders and every process, on one state folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rich.markup import escape

from launcher import migrations, ports, processes, roster, safefiles, statedir
from launcher.broker import EmbeddedBroker
from launcher.failure import LaunchError
from launcher.grants import BASE_URL, SERVERS, Grant, described, granted
from launcher.postgres import EmbeddedPostgres
from launcher.service import Service, of_server
from launcher.steps import Steps
from launcher.supervisor import Supervisor, stop_leftovers

DEVICE_SIM = "device-sim"
_COMMAND_STOP_STEPS: processes.StopSteps = ((signal.SIGTERM, 3.0),)


@dataclass(frozen=True)
class Plan:
    """What to run: `elders` to simulate, `story` for the check, the wished HTTP port or None.

    `people`: simulated operators and workers answer, as they do outside the check unless a person wants to play.
    `simulator`: the elders' devices speak; a load brings its own. `only` these of our processes run, None for all.
    """

    elders: int
    http_port: int | None = None
    story: bool = False
    extra: Mapping[str, str] | None = None
    people: bool = False
    simulator: bool = True
    only: frozenset[str] | None = None


def external_settings() -> dict[str, str]:
    """Return the servers that the caller's environment names instead of the embedded ones."""
    return {name: os.environ[name] for name in SERVERS if os.environ.get(name)}


class District:
    """Starts everything in order and stops it in reverse; a context manager around its life."""

    def __init__(
        self, state_dir: Path, plan: Plan, report: Callable[[str], None], *, remove_after: bool = False
    ) -> None:
        self.state_dir = statedir.prepare(state_dir)
        self.plan = plan
        self.settings = external_settings()
        self._external = described(self.settings)
        self.environment: dict[str, str] = {}
        self._lock = statedir.StateLock(self.state_dir)
        self._lock.acquire()
        try:
            if plan.http_port is not None and not ports.is_free(plan.http_port):
                raise LaunchError(f"port {plan.http_port} is taken: choose another --port")
            self.left_over = stop_leftovers(self.state_dir)
            self.entries = roster.entries(
                plan.elders,
                story=plan.story,
                with_device_auth=self._has_callout(),
                with_people=plan.people,
                with_simulator=plan.simulator,
            )
            if plan.only is not None:
                self.entries = [entry for entry in self.entries if entry.name in plan.only]
            self.addresses = roster.choose_addresses(self.state_dir, self.entries, plan.http_port)
            self.supervisor = Supervisor(self.state_dir, report, remove_after=remove_after)
        except BaseException:
            self._lock.release()
            raise

    def _has_callout(self) -> bool:
        return "ANBAN_MQTT_URL" not in self.settings or "ANBAN_NATS_URL" in self.settings

    @property
    def base_url(self) -> str:
        """The control centre's address on this machine."""
        return f"http://127.0.0.1:{self.addresses.http}"

    @property
    def steps_to_start(self) -> int:
        """How many steps start() shows."""
        return 4 + len(self.entries)

    def start(self, steps: Steps) -> None:
        """Start servers, migrate, seed, start the processes; LaunchError names what failed."""
        for line in self._external:
            steps.say(escape(line))
        with steps.step("Starting the database"):
            self._start_database()
        with steps.step("Starting the broker"):
            self._start_broker()
        settings = {**self.settings, BASE_URL: self.base_url, **(self.plan.extra or {})}
        self.environment = roster.base_environment(self.state_dir, settings)
        with steps.step("Bringing the schema up to date"):
            migrations.migrate(self.settings["ANBAN_DATABASE_URL"])
        with steps.step(f"Seeding the district with {self.plan.elders} elders"):
            self._seed()
        self.start_entries(steps)

    def start_entries(self, steps: Steps) -> None:
        """Start our own processes in their order; the rest goes on without an optional one."""
        for entry in self.entries:
            with steps.step(f"Starting {entry.name}"):
                self._start_entry(entry, steps)

    def _start_entry(self, entry: roster.Entry, steps: Steps) -> None:
        try:
            self._start(roster.service_of(entry, self.supervisor, self.environment, self.addresses))
        except LaunchError as error:
            if not entry.optional:
                raise
            steps.say(f"[yellow]![/] {escape(str(error))}: going on without, and trying again")

    def _start(self, service: Service) -> None:
        self.supervisor.start(service)

    def _start_database(self) -> None:
        if "ANBAN_DATABASE_URL" in self.settings:
            migrations.check_connection(self.settings["ANBAN_DATABASE_URL"])
            return
        server = EmbeddedPostgres(self.state_dir)
        self._start(of_server(server))
        self.settings["ANBAN_DATABASE_URL"] = server.url

    def _start_broker(self) -> None:
        if "ANBAN_MQTT_URL" in self.settings:
            return
        broker = EmbeddedBroker(self.state_dir)
        self._start(of_server(broker))
        self.settings |= {
            "ANBAN_MQTT_URL": broker.mqtt_url,
            "ANBAN_NATS_URL": broker.nats_url,
            "ANBAN_JETSTREAM_URL": broker.jetstream_url,
            "ANBAN_NATS_ISSUER_SEED": broker.issuer_seed,
            "ANBAN_NATS_SYS_URL": broker.sys_url,
            "ANBAN_BROKER_LOG": str(broker.log_file),
            "ANBAN_DEVICE_MQTT_URL": broker.device_url,
            "ANBAN_EVENT_LANE_URL": broker.event_lane_url,
            "ANBAN_MQTT_CA": str(broker.authority_file),
        }

    def _seed(self) -> None:
        log = statedir.log_file(self.state_dir, "seed")
        command = [sys.executable, "-m", "device_sim", "seed", "--elders", str(self.plan.elders)]
        if not self.plan.story:
            command.append("--regular")
        with safefiles.opened_log(log) as output:
            code = self.run_guarded("seed", command, roster.SEED_GRANTS, stdout=output)
        if code != 0:
            raise LaunchError(f"seeding failed: {statedir.last_lines(log) or f'exit code {code}'} (its log: {log})")

    def run_guarded(
        self,
        name: str,
        command: list[str],
        grants: Collection[Grant],
        *,
        stdout: BinaryIO | None = None,
        seconds: float = 300,
    ) -> int:
        """Run one command, told what is granted, to its end under the guardian's eyes; returns its exit code.

        Raises subprocess.TimeoutExpired (the command is then stopped) after `seconds`.
        """
        process = subprocess.Popen(
            command,
            cwd=statedir.CHECKOUT,
            env=granted(self.environment, grants),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT if stdout is not None else None,
            start_new_session=True,
        )
        self.supervisor.guard(name, process.pid)
        try:
            code: int = process.wait(seconds)
            return code
        finally:
            processes.end(process, _COMMAND_STOP_STEPS)

    def stop(self) -> None:
        """Stop everything and let the state folder go."""
        self.supervisor.stop()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
