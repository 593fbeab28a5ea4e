"""`./anban load`: people and devices by locust, on a service of their own; its page, or headless with an outcome."""

import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from launcher import ports, roster, statedir
from launcher.demo import interruptible
from launcher.district import District
from launcher.failure import LaunchError
from launcher.own_service import own_service

WEB_PORT = 8089
_DAY_SECONDS = 86_400.0
_GRACE_SECONDS = 90.0


@dataclass(frozen=True)
class Load:
    """What to put on the service: people, their pace, and devices with `rate` messages/s and `presses` a minute."""

    elders: int
    operators: int
    workers: int
    relatives: int
    pace: float
    devices: int
    rate: float
    presses: float

    @property
    def users(self) -> int:
        """How many users locust starts: everybody, and one for all devices."""
        return self.operators + self.workers + self.relatives + (1 if self.devices and self.rate else 0)

    def check(self) -> None:
        """Raise LaunchError for what cannot be played."""
        if self.users == 0:
            raise LaunchError(
                "nobody comes and no device sends: give some of --operators, --workers, --relatives, --rate"
            )
        if self.relatives > self.elders:
            raise LaunchError(f"{self.relatives} relatives are more than the {self.elders} elders")

    def environment(self, report: Path | None) -> dict[str, str]:
        """What the processes of load_tests are told."""
        told = {f"ANBAN_LOAD_{name.upper()}": str(value) for name, value in asdict(self).items()}
        return told | ({} if report is None else {"ANBAN_LOAD_REPORT": str(report)})


@dataclass(frozen=True)
class Manner:
    """How locust is run: `headless` for `seconds`, or with its page on `web_port` until Ctrl-C; `users` a second."""

    headless: bool
    seconds: int
    web_port: int | None
    spawn_rate: float

    def words(self, users: int) -> list[str]:
        """The command line of locust."""
        common = ["--users", str(users), "--spawn-rate", str(self.spawn_rate)]
        if self.headless:
            return [*common, "--headless", "--run-time", f"{self.seconds}s", "--only-summary"]
        port = self.web_port or ports.choose(WEB_PORT)
        return [*common, "--web-host", "127.0.0.1", "--web-port", str(port)]


def run(console: Console, load: Load, manner: Manner, outcome: Path | None) -> int:
    """Start a service without simulated devices on temporary data, and locust on it; returns locust's exit code."""
    load.check()
    if manner.web_port is not None and not ports.is_free(manner.web_port):
        raise LaunchError(f"port {manner.web_port} is taken: choose another --web-port")
    with interruptible(), own_service(console, "load", load.elders, with_screens=True) as district:
        district.environment |= load.environment(None if outcome is None else outcome.absolute())
        seats = [sys.executable, "-m", "load_tests", "seats"]
        if district.run_guarded("seats", seats, roster.STORY_GRANTS) != 0:
            raise LaunchError("the accounts of the load test could not be made")
        return _run_locust(console, district, load, manner)


def _run_locust(console: Console, district: District, load: Load, manner: Manner) -> int:
    words = manner.words(load.users)
    if manner.headless:
        console.print(f"{load.users} users for {manner.seconds} s …", highlight=False)
    else:
        console.print(f"[bold]locust:[/] http://127.0.0.1:{words[-1]} (Ctrl-C stops everything)", highlight=False)
        console.print(f"the service under load: {district.base_url}", highlight=False)
    file = statedir.CHECKOUT / "load_tests/locustfile.py"
    command = [sys.executable, "-m", "locust", "--locustfile", str(file), "--loglevel", "WARNING", *words]
    seconds = manner.seconds + _GRACE_SECONDS if manner.headless else _DAY_SECONDS
    try:
        return district.run_guarded("locust", command, roster.STORY_GRANTS, seconds=seconds)
    except subprocess.TimeoutExpired:
        raise LaunchError(f"locust did not end within {seconds:.0f} s") from None
