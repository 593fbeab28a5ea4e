"""What the faults are done with: signals, cut sockets, a database told to refuse, a disk filled up."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import psycopg

from load_tests.chaos.plan import Target
from schemas.statements import statement

FILLER: Final = "filler"
LARGEST_DISK: Final = 8 * 1024**3
"""A disk larger than this is not the run's own, and is not filled."""
_INGEST: Final = ("ingest-telemetry", "ingest-event")
_LEAVE_BYTES: Final = 4096
_PATIENCE: Final = 60.0

END_SESSIONS = statement("""
    SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity WHERE application_name LIKE 'anban-ingest-%%'
""")


class Machine:
    """One Anban that the launcher runs on this machine, by its state folder."""

    def __init__(self, state_dir: Path, database_url: str) -> None:
        self._state_dir = state_dir
        self._database_url = database_url
        self._disk = state_dir / "postgres"

    def pid(self, name: str) -> int | None:
        """The process id of one of the processes, as the supervisor last wrote it down."""
        try:
            said = json.loads((self._state_dir / "processes.json").read_text())
        except (OSError, ValueError):
            return None
        pid = said.get(name, {}).get("pid")
        return pid if isinstance(pid, int) else None

    def possible(self) -> set[Target]:
        """What can be cut or refused here; the rest needs root, or a disk of the database's own."""
        targets: set[Target] = {"devices", "postgres", "read_only"}
        if os.geteuid() == 0 and shutil.which("ss"):
            targets.add("sessions")
        if os.path.ismount(self._disk) and shutil.disk_usage(self._disk).total <= LARGEST_DISK:
            targets.add("disk_full")
        return targets

    def kill(self, name: str) -> bool:
        """SIGKILL a process and wait until it is gone; false when it does not run at this moment."""
        process = self._process(name)
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(5)
        return True

    def _process(self, name: str) -> psutil.Process | None:
        pid = self.pid(name)
        try:
            return psutil.Process(pid) if pid is not None else None
        except psutil.NoSuchProcess:
            return None

    def cut_sessions(self) -> int:
        """Reset the connections of ingest to the broker; returns how many there were."""
        broker = self._process("nats")
        listening = _listening(broker) if broker is not None else set()
        ports = [
            port
            for name in _INGEST
            if (process := self._process(name)) is not None
            for port in _ports_to(process, listening)
        ]
        for port in ports:
            command = ["ss", "-K", "-t", "src", "127.0.0.1", "sport", "=", f":{port}"]
            subprocess.run(command, capture_output=True, check=False)
        return len(ports)

    def cut_database(self) -> int:
        """End the database sessions of ingest; returns how many there were, 0 when the database is away."""
        try:
            with psycopg.connect(self._database_url, autocommit=True, connect_timeout=2) as conn:
                row = conn.execute(END_SESSIONS).fetchone()
        except psycopg.Error:
            return 0
        return int(row[0]) if row else 0

    @contextlib.contextmanager
    def stalled(self, name: str) -> Iterator[bool]:
        """Stop a server with all its processes for the length of the block; false when it does not run."""
        process = self._process(name)
        stopped = [process, *_children(process)] if process is not None else []
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
        try:
            yield bool(stopped)
        finally:
            for one in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.resume()

    @contextlib.contextmanager
    def refusing(self, target: Target) -> Iterator[bool]:
        """Have the database refuse writes for the length of the block; false when it cannot be told to now."""
        begin, end = (self._fill, self._free) if target == "disk_full" else (self._forbid, self._permit)
        try:
            yield begin()
        finally:
            end()

    def _forbid(self) -> bool:
        return self._set_read_only("on")

    def _permit(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._set_read_only("off"):
            if time.monotonic() > deadline:
                raise TimeoutError("the database could not be told to accept writes again")
            time.sleep(0.1)

    def _set_read_only(self, value: str) -> bool:
        options = "-c default_transaction_read_only=off"
        try:
            with psycopg.connect(self._database_url, autocommit=True, connect_timeout=2, options=options) as conn:
                conn.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
                conn.execute("SELECT pg_reload_conf()")
        except psycopg.Error:
            return False
        return True

    def _fill(self) -> bool:
        free = shutil.disk_usage(self._disk).free - _LEAVE_BYTES
        descriptor = os.open(self._disk / FILLER, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while free > _LEAVE_BYTES:
                try:
                    os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, free)
                except OSError:
                    # Others write meanwhile: what is left is less than it was.
                    free //= 2
                else:
                    break
        finally:
            os.close(descriptor)
        return True

    def _free(self) -> None:
        (self._disk / FILLER).unlink(missing_ok=True)

    def memory(self, name: str) -> int | None:
        """Resident bytes of a process now."""
        process = self._process(name)
        try:
            return int(process.memory_info().rss) if process is not None else None
        except psutil.NoSuchProcess:
            return None


def _listening(process: psutil.Process) -> set[int]:
    """The ports on which a process takes connections."""
    try:
        found = process.net_connections("tcp")
    except psutil.Error:
        return set()
    return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}


def _ports_to(process: psutil.Process, remote: set[int]) -> list[int]:
    """The local ports of a process's connections to some ports."""
    try:
        found = process.net_connections("tcp")
    except psutil.Error:
        return []
    return [one.laddr.port for one in found if one.raddr and one.raddr.port in remote]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []
