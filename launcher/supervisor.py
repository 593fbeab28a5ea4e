"""Starts processes in order, restarts those that end, and stops all of them in reverse."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from launcher import processes, safefiles, statedir
from launcher.failure import LaunchError
from launcher.guardian import Guardian
from launcher.service import Child, Service, Status

_LOOK_SECONDS = 0.1
_FIRST_TRIES = 4
_RECORD = "children.json"
# What `./anban status` reads; written whenever any of it changes.
PROCESSES = "processes.json"
_LEFTOVER_STEPS: processes.StopSteps = ((signal.SIGTERM, 10.0),)


def stop_leftovers(state_dir: Path) -> list[str]:
    """Stop what an earlier launcher recorded and left running; returns the names."""
    record = state_dir / _RECORD
    stopped = []
    for name, said in reversed(list(statedir.read_record(record).items())):
        identity = processes.Identity(int(said["pid"]), str(said["started"]))
        steps = [(int(number), float(wait)) for number, wait in said["steps"]]
        if processes.is_running(identity):
            processes.stop(identity, steps or _LEFTOVER_STEPS)
            stopped.append(name)
    record.unlink(missing_ok=True)
    return stopped


class Supervisor:
    """Keeps services running from start() until stop(); a context manager.

    Its own thread does all spawning, so that a Ctrl-C never hits between a start and its record.
    `report` gets one line for each crash (called from that thread).
    """

    def __init__(self, state_dir: Path, report: Callable[[str], None], *, remove_after: bool = False) -> None:
        self.state_dir = state_dir
        self._report = report
        self._children: list[Child] = []
        self._described: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._guardian = Guardian(statedir.log_file(state_dir, "guardian"))
        self._guardian.look()
        if remove_after:
            self._guardian.tell(remove=str(state_dir))
        # Only this process holds the write end: its death is the end of file for every child.
        self.parent_fd, self._write_end = os.pipe()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, service: Service) -> None:
        """Start one service and wait until it is ready; LaunchError when it is not in time."""
        child = Child(service, self.state_dir / "logs" / f"{service.name}.log")
        with self._lock:
            self._children.append(child)
        deadline = time.monotonic() + service.ready_seconds
        while not child.was_ready and child.status is not Status.FINISHED:
            if child.failures >= _FIRST_TRIES:
                raise LaunchError(f"{service.name} does not start ({child.last_exit})")
            if time.monotonic() > deadline:
                raise LaunchError(
                    f"{service.name} was not ready within {service.ready_seconds:.0f} s (its log: {child.log})"
                )
            time.sleep(0.02)

    def states(self) -> dict[str, Status]:
        """Return where each process is, in the order of their start."""
        return {child.service.name: child.status for child in self._children}

    def pid(self, name: str) -> int | None:
        """Return a process's pid; None while it does not run."""
        for child in self._children:
            if child.service.name == name and child.process is not None:
                return child.process.pid
        return None

    def guard(self, name: str, pid: int) -> None:
        """Let the guardian stop a process that is not ours to restart."""
        self._guardian.add(name, pid, _LEFTOVER_STEPS)

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._lock:
                children = list(self._children)
            for child in children:
                if not self._over.is_set():
                    self._look(child)
            self._describe()
            self._guardian.look()

    def _describe(self) -> None:
        described = {child.service.name: child.described() for child in self._children}
        if described != self._described:
            statedir.write_record(self.state_dir / PROCESSES, described)
            self._described = described

    def _look(self, child: Child) -> None:
        before, failures = child.identity, child.failures
        if child.tick(time.monotonic()):
            if before is not None:
                self._guardian.tell(drop=before.pid)
            if child.identity is not None:
                self._guardian.add(child.service.name, child.identity.pid, child.service.stop_steps)
            self._record()
        if child.failures > failures and child.was_ready:
            self._report(f"{child.service.name} ended ({child.last_exit}), starting it again")

    def _record(self) -> None:
        running = {
            child.service.name: {
                "pid": child.identity.pid,
                "started": child.identity.started,
                "steps": child.service.stop_steps,
            }
            for child in self._children
            if child.identity is not None
        }
        statedir.write_record(self.state_dir / _RECORD, running)

    def stop(self) -> None:
        """Stop every process in reverse order of start; harmless when called again."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        for child in reversed(self._children):
            child.stop()
        self._record()
        self._describe()
        self._guardian.dismiss()
        os.close(self._write_end)
        os.close(self.parent_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def spawn_python(module: list[str], environment: dict[str, str], log: Path, parent_fd: int) -> subprocess.Popen[bytes]:
    """Start one of our modules (`["ingest", "event"]`) in its own session, output to its log.

    It gets `environment` with ANBAN_SUPERVISED and ANBAN_PARENT_FD added.
    """
    with safefiles.opened_log(log) as output:
        return subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=statedir.CHECKOUT,
            env=environment | {"ANBAN_SUPERVISED": "1", "ANBAN_PARENT_FD": str(parent_fd)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(parent_fd,),
        )
