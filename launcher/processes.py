"""Processes named by pid and start time, so that a reused pid is never signalled."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
# Signals to end a process with, each with the seconds to wait for its effect.
StopSteps = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Identity:
    """One process for as long as the machine runs: pid plus start time (opaque text)."""

    pid: int
    started: str


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return ""


def identify(pid: int) -> Identity | None:
    """Return the identity of a running process; None when it is gone or a zombie."""
    if pid <= 0:
        return None
    if (_PROC / "self/stat").exists():
        try:
            stat = (_PROC / str(pid) / "stat").read_text()
        except OSError:
            return None
        fields = stat[stat.rindex(")") + 2 :].split()
        if fields[0] in ("Z", "X"):
            return None
        return Identity(pid, f"{_boot_id()}-{fields[19]}")
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    if len(shown) != 2 or shown[0].startswith("Z"):
        return None
    return Identity(pid, shown[1].strip())


def is_running(identity: Identity) -> bool:
    """Tell whether that very process still runs."""
    return identify(identity.pid) == identity


def send(identity: Identity, number: int) -> bool:
    """Signal that very process; False when it is gone."""
    if not is_running(identity):
        return False
    try:
        os.kill(identity.pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Poll a condition until it holds; False when the time (seconds) is over first."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


def end(process: subprocess.Popen[bytes], steps: StopSteps) -> None:
    """Send a child each signal in turn until it has ended, SIGKILL last, and reap it."""
    for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def stop(identity: Identity, steps: Iterable[tuple[int, float]]) -> bool:
    """Send each (signal, seconds to wait) in turn until the process is gone, SIGKILL last.

    Returns True when it ended before SIGKILL was needed.
    """
    for number, seconds in steps:
        if not send(identity, number):
            return True
        if wait_until(lambda: not is_running(identity), seconds):
            return True
    send(identity, signal.SIGKILL)
    wait_until(lambda: not is_running(identity), 5)
    return False
