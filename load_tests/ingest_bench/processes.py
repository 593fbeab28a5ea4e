"""CPU and memory of every process of the service, with the children they have and had."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_RECORD: Final = "processes.json"
PLATFORM: Final = ("nats", "postgres", "ingest")
"""What carries a message, by the beginning of process names: broker, database, and ingest with its rules."""
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class Usage:
    """Seconds of CPU since a process and its children began; bytes of memory, shared pages counted once."""

    pid: int
    cpu_seconds: float
    memory_bytes: int


class ProcessTable:
    """The processes that the launcher's supervisor records in the state folder, and servers that it runs."""

    def __init__(self, state_dir: Path) -> None:
        self._record = state_dir / _RECORD

    def pids(self) -> dict[str, int]:
        """Process ids by the supervisor's names; raises OSError or ValueError when nothing is recorded."""
        recorded = json.loads(self._record.read_text())
        return {name: said["pid"] for name, said in recorded.items() if said.get("pid")}

    def look(self, *, with_memory: bool = True) -> dict[str, Usage]:
        """What each process has used until now; one that has just ended is left out."""
        found = {}
        for name, pid in self.pids().items():
            try:
                found[name] = _usage(psutil.Process(pid), with_memory)
            except psutil.NoSuchProcess:
                continue
        return found


def _usage(root: psutil.Process, with_memory: bool) -> Usage:
    """Of a whole tree: a child that ended and was waited for is part of its parent's account."""
    family = [root, *root.children(recursive=True)]
    cpu, memory = 0.0, 0
    for process in family:
        try:
            times = process.cpu_times()
            cpu += times.user + times.system + times.children_user + times.children_system
            memory += process.memory_full_info().pss if with_memory else 0
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            memory += process.memory_info().rss
    return Usage(root.pid, cpu, memory)


def used(before: dict[str, Usage], after: dict[str, Usage]) -> dict[str, float]:
    """CPU seconds of each process between two looks; one that was started anew counts from its start."""
    return {
        name: usage.cpu_seconds
        - (before[name].cpu_seconds if name in before and before[name].pid == usage.pid else 0.0)
        for name, usage in after.items()
    }


def is_platform(name: str) -> bool:
    """Whether a process carries messages."""
    return name.startswith(PLATFORM)


def described(cpu: dict[str, float], memory: dict[str, Usage], seconds: float) -> dict[str, dict[str, float]]:
    """CPU and memory of each process for the report: seconds, percent of one core, MiB."""
    return {
        name: {
            "cpu_seconds": round(spent, 3),
            "cpu_percent": round(100 * spent / seconds, 1),
            "memory_mib": round(memory[name].memory_bytes / _MEBIBYTE, 1) if name in memory else 0.0,
        }
        for name, spent in cpu.items()
    }
