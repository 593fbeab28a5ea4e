"""Stops what a SIGKILLed launcher left behind: `python -m launcher.guardian`, started by it.

Its standard input is a pipe that only the launcher holds open. Each line is a JSON object:
`{"add": NAME, "pid": …, "started": …, "steps": [[signal, seconds], …]}`, `{"drop": PID}`,
`{"remove": FOLDER}` (deleted at the end) or `{"done": true}` (all is stopped, nothing to do).
"""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from launcher import processes, safefiles


@dataclass(frozen=True)
class Ward:
    """One process to be stopped, and how."""

    name: str
    identity: processes.Identity
    steps: tuple[tuple[int, float], ...]


@dataclass
class Wards:
    """Everything the guardian would have to do, in the order in which it was told."""

    processes: dict[int, Ward] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    done: bool = False

    def hear(self, line: str) -> None:
        """Take one line of the launcher in; a line cut off by its death is ignored."""
        try:
            said = json.loads(line)
            if "add" in said:
                identity = processes.Identity(int(said["pid"]), str(said["started"]))
                steps = tuple((int(number), float(wait)) for number, wait in said["steps"])
                self.processes.pop(identity.pid, None)
                self.processes[identity.pid] = Ward(str(said["add"]), identity, steps)
            elif "drop" in said:
                self.processes.pop(int(said["drop"]), None)
            elif "remove" in said:
                self.folders.append(Path(said["remove"]))
            elif "done" in said:
                self.done = True
        except (ValueError, KeyError, TypeError):
            return

    def stop_all(self) -> None:
        """Stop the processes in reverse order, then delete the folders."""
        for ward in reversed(list(self.processes.values())):
            processes.stop(ward.identity, ward.steps)
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


class Guardian:
    """The launcher's end of the pipe; restarts the guardian when it was killed."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._told: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def tell(self, **said: object) -> None:
        """Send one line, and remember it for a guardian that has to be started again."""
        self._told.append(json.dumps(said))
        if not self._write(self._told[-1:]):
            self._restart()

    def add(self, name: str, pid: int, steps: processes.StopSteps) -> None:
        """Have a process stopped in these steps should the launcher die; nothing when it is gone."""
        identity = processes.identify(pid)
        if identity is not None:
            self.tell(add=name, pid=pid, started=identity.started, steps=steps)

    def look(self) -> None:
        """Start the guardian when it does not run (first look included)."""
        if self._process is None or self._process.poll() is not None:
            self._restart()

    def _restart(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with safefiles.opened_log(self._log) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "launcher.guardian"],
                cwd=Path(__file__).resolve().parent.parent,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._write(self._told)

    def _write(self, lines: Iterable[str]) -> bool:
        pipe: IO[str] | None = self._process.stdin if self._process else None
        if pipe is None:
            return False
        try:
            for line in lines:
                pipe.write(line + "\n")
            pipe.flush()
        except (OSError, ValueError):
            return False
        return True

    def dismiss(self) -> None:
        """Tell the guardian that everything is stopped and wait for its end."""
        if self._process is None:
            return
        self._write([json.dumps({"done": True})])
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process = None


def main() -> None:
    """Listen until the launcher is gone, then stop what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wards = Wards()
    for line in sys.stdin:
        wards.hear(line)
    if not wards.done:
        wards.stop_all()


if __name__ == "__main__":
    main()
