"""Anban's own processes: their commands, ports and environment, in the order of their start."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import ports, statedir
from launcher.grants import Grant, granted
from launcher.service import Service
from launcher.supervisor import Supervisor, spawn_python

HTTP_PORT = 8080
_ENVIRONMENT = "environment.json"
_WORKER = (Grant.DATABASE, Grant.MESSAGES)
_ENGINE = (*_WORKER, Grant.TRANSPORTS)
_CENTRE = (Grant.DATABASE, Grant.EVENT_LANE, Grant.CALLBACKS)
SEED_GRANTS = (Grant.DATABASE,)
# The story and `replay` speak as devices, and read in the database whose devices there are.
PLAYER_GRANTS = (Grant.DATABASE, Grant.MQTT_ADDRESS)
STORY_GRANTS = (*PLAYER_GRANTS, Grant.WEBSITE)


@dataclass(frozen=True)
class Entry:
    """One of our modules: supervisor name and `python -m` words; `serves_http` for the web.

    `grants` is all that it is told about the servers. The rest runs without an `optional` one.
    """

    name: str
    module: tuple[str, ...]
    grants: tuple[Grant, ...]
    serves_http: bool = False
    may_finish: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Addresses:
    """The ports that were chosen: one for HTTP and one for the metrics of each process."""

    http: int
    metrics: Mapping[str, int]

    def health_port(self, entry: Entry) -> int:
        """Return the port on which a process tells its health."""
        return self.http if entry.serves_http else self.metrics[entry.name]


def entries(
    elders: int, *, story: bool, with_device_auth: bool, with_people: bool, with_simulator: bool = True
) -> list[Entry]:
    """Return the processes to run, in the order of their start: people come when there is something to do."""
    simulator = ("device_sim", "run", "--elders", str(elders), "--period", "10")
    found = [
        Entry("ingest-telemetry", ("ingest", "telemetry"), (*_WORKER, Grant.STORE)),
        Entry("ingest-event", ("ingest", "event"), _WORKER),
        # Two engines side by side: either may die at any moment.
        Entry("dispatch", ("dispatch",), _ENGINE),
        Entry("dispatch-2", ("dispatch",), _ENGINE),
        Entry("control-center", ("control_center",), _CENTRE, serves_http=True),
    ]
    if with_device_auth:
        found.append(Entry("device-auth", ("ingest", "auth"), (Grant.DATABASE, Grant.ADMISSION)))
    module = (*simulator, "--story") if story else simulator
    if with_simulator:
        found.append(Entry("device-sim", module, (Grant.MQTT_ADDRESS,), may_finish=story))
    if with_people:
        found.append(
            Entry("people", ("device_sim", "people", "--elders", str(elders)), (Grant.WEBSITE,), optional=True)
        )
    return found


def choose_addresses(state_dir: Path, found: list[Entry], http_port: int | None) -> Addresses:
    """Choose free ports; without `http_port` the one of the last start is kept where possible."""
    record = state_dir / "http.json"
    last = statedir.read_record(record).get("port")
    http = http_port or ports.choose(last if isinstance(last, int) else HTTP_PORT)
    statedir.write_private(record, f'{{"port": {http}}}\n')
    taken = [http]
    metrics = {}
    for entry in found:
        metrics[entry.name] = ports.choose(None, taken)
        taken.append(metrics[entry.name])
    return Addresses(http, metrics)


def base_environment(state_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment with this demo's settings, and record what `replay` needs."""
    known = {name: value for name, value in os.environ.items() if name.startswith("ANBAN_")}
    ours = known | {"ANBAN_STATE_DIR": str(state_dir)} | dict(settings)
    statedir.write_record(state_dir / _ENVIRONMENT, granted(ours, PLAYER_GRANTS))
    return dict(os.environ) | ours | {"PYTHONUNBUFFERED": "1"}


def recorded_environment(state_dir: Path) -> dict[str, str]:
    """Return the settings of the demo on this state folder; empty when there was none.

    Nothing but our own settings: others would change how a process is run.
    """
    found = statedir.read_record(state_dir / _ENVIRONMENT)
    return {name: str(value) for name, value in found.items() if name.startswith("ANBAN_")}


def is_healthy(port: int) -> bool:
    """Tell whether /health answers 200 on a loopback port."""
    return ports.get(port, "/health") is not None


def service_of(entry: Entry, supervisor: Supervisor, environment: Mapping[str, str], addresses: Addresses) -> Service:
    """Return the service that runs one of our processes."""
    state_dir = supervisor.state_dir
    settings = granted(environment, entry.grants)
    settings["ANBAN_METRICS_PORT"] = str(addresses.metrics[entry.name])
    if entry.serves_http:
        settings["ANBAN_HTTP_PORT"] = str(addresses.http)
    log = statedir.log_file(state_dir, entry.name)
    return Service(
        name=entry.name,
        spawn=functools.partial(spawn_python, list(entry.module), settings, log, supervisor.parent_fd),
        is_ready=functools.partial(is_healthy, addresses.health_port(entry)),
        may_finish=entry.may_finish,
        health_port=addresses.health_port(entry),
        metrics_port=addresses.metrics[entry.name],
    )
