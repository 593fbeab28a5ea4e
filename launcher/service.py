"""What the supervisor needs to know of one process, and what it remembers of it."""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from launcher import processes, statedir
from launcher.embedded import EmbeddedServer
from launcher.failure import LaunchError

# Seconds before a restart, by how often the process has failed in a row.
BACK_OFF = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
# A process that ran this long (seconds) starts its back-off anew: whoever could work does not crash by itself at once,
# and everybody waits for the database and the broker.
STEADY_SECONDS = 10.0


class Status(StrEnum):
    """Where a supervised process is in its life."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    FINISHED = "finished"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Service:
    """One process to keep running.

    `may_finish`: exit code 0 is its end and not a crash. `ready_seconds` bounds the first start. On `health_port` and
    `metrics_port` of the loopback address it tells how it is; servers have neither.
    """

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool]
    stop_steps: processes.StopSteps = ((signal.SIGTERM, 10.0),)
    ready_seconds: float = 60.0
    may_finish: bool = False
    health_port: int | None = None
    metrics_port: int | None = None


def of_server(server: EmbeddedServer) -> Service:
    """Return the service that keeps an embedded server running."""
    return Service(server.name, server.spawn, server.is_ready, server.stop_steps)


def back_off_seconds(failures: int) -> float:
    """Return how long to wait before the next start after `failures` (≥ 1) ends in a row."""
    return BACK_OFF[min(max(failures, 1), len(BACK_OFF)) - 1]


def describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


class Child:
    """A service's process through its restarts; only the supervisor's thread changes it."""

    def __init__(self, service: Service, log: Path) -> None:
        self.service = service
        self.status = Status.WAITING
        self.process: subprocess.Popen[bytes] | None = None
        self.identity: processes.Identity | None = None
        self.failures = 0
        self.restarts = -1
        self.was_ready = False
        self.last_exit = ""
        self.log = log
        self._spawned_at = 0.0
        self._next_start = 0.0

    def described(self) -> dict[str, Any]:
        """Return what others may want to know of it, as JSON."""
        return {
            "pid": self.process.pid if self.process is not None else None,
            "status": self.status,
            "restarts": max(self.restarts, 0),
            "last_exit": self.last_exit,
            "health_port": self.service.health_port,
            "metrics_port": self.service.metrics_port,
        }

    def tick(self, now: float) -> bool:
        """Move on by one look (now: monotonic seconds); True when its process changed."""
        if self.status in (Status.FINISHED, Status.STOPPED):
            return False
        if self.process is None:
            return now >= self._next_start and self._spawn(now)
        code = self.process.poll()
        if code is not None:
            self._ended(code, now)
            return True
        if self.status is Status.STARTING and self.service.is_ready():
            self.status = Status.READY
            self.was_ready = True
        return False

    def _spawn(self, now: float) -> bool:
        try:
            self.process = self.service.spawn()
        except (LaunchError, OSError, subprocess.SubprocessError) as error:
            self._failed(str(error), now)
            return False
        self.identity = processes.identify(self.process.pid)
        self.status = Status.STARTING
        self.restarts += 1
        self._spawned_at = now
        return True

    def _ended(self, code: int, now: float) -> None:
        self.process = None
        self.identity = None
        if code == 0 and self.service.may_finish:
            self.status = Status.FINISHED
            self.last_exit = describe_exit(code)
            return
        if now - self._spawned_at >= STEADY_SECONDS:
            self.failures = 0
        said = statedir.last_lines(self.log) if code > 0 else ""
        self._failed(f"{describe_exit(code)}{': ' if said else ''}{said}", now)

    def _failed(self, why: str, now: float) -> None:
        self.failures += 1
        self.last_exit = why
        self.status = Status.WAITING
        self._next_start = now + back_off_seconds(self.failures)

    def stop(self) -> None:
        """End the process for good: its stop signals in turn, SIGKILL last."""
        self.status = Status.STOPPED
        if self.process is None:
            return
        processes.end(self.process, self.service.stop_steps)
        self.process = None
        self.identity = None
