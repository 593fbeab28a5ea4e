"""A real TimescaleDB server for the tests: Debian 13's packages in a chroot, on a loopback port."""

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from launcher import debian, ports, processes, safefiles, serveruser, statedir
from launcher.failure import LaunchError
from launcher.guardian import Guardian
from launcher.postgres import STOP_STEPS
from launcher.small_disk import small_disk

SUITE = "trixie"
PACKAGES = ("postgresql-17", "postgresql-17-timescaledb")
# Part of the cached root's name: raise it when the recipe changes.
RECIPE = 1
CACHE = Path("/var/cache/anban")
# A test's data are kept in memory where they may be: a thousand databases, made and dropped, take ext4 as long as the
# tests themselves, because it looks for inodes that were not deleted lately.
DISK_MEGABYTES = 4096
_BINARIES = "/usr/lib/postgresql/17/bin"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "track_commit_timestamp": "on",
    "timescaledb.telemetry_level": "off",
    # Only the launcher itself: a scheduler would sit in every template database, and CREATE DATABASE
    # refuses a template that somebody is connected to. The Apache edition has no jobs to schedule.
    "timescaledb.max_background_workers": "1",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # There is no /dev/shm in the chroot, and a test's data need not survive a power cut.
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def mounts_below(folder: Path, mounts: str) -> list[Path]:
    """Return the mount points at or below a folder, innermost first (text of /proc/self/mounts)."""
    found = [Path(line.split()[1].replace("\\040", " ")) for line in mounts.splitlines() if line.strip()]
    return sorted({point for point in found if point == folder or folder in point.parents}, reverse=True)


def remove_tree(folder: Path) -> None:
    """Delete a root that debootstrap may have mounted /proc and /sys in; LaunchError if it cannot."""
    mounts = Path("/proc/self/mounts")
    for point in mounts_below(folder, mounts.read_text()):
        subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True)
    if mounts_below(folder, mounts.read_text()):
        raise LaunchError(f"cannot unmount what is below {folder}: nothing was deleted")
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _sole_user_of(cache: Path) -> Iterator[None]:
    cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_root(report: Callable[[str], None], cache: Path = CACHE) -> Path:
    """Return the cached Debian root with TimescaleDB, made by debootstrap when absent (as root).

    `report` gets debootstrap's progress lines. Raises LaunchError when it cannot be made.
    """
    root = cache / f"{SUITE}-{RECIPE}"
    with _sole_user_of(cache):
        if root.is_dir():
            return root
        if shutil.which("debootstrap") is None:
            raise LaunchError("debootstrap is not installed: apt-get install debootstrap")
        mirror = debian.find_mirror(SUITE)
        partial = cache / f"{SUITE}-{RECIPE}.partial"
        remove_tree(partial)
        try:
            _debootstrap(mirror, partial, report)
        except BaseException:
            remove_tree(partial)
            raise
        shutil.rmtree(partial / "var/cache/apt/archives", ignore_errors=True)
        partial.rename(root)
    return root


def _debootstrap(mirror: str, target: Path, report: Callable[[str], None]) -> None:
    command = ["debootstrap", "--variant=minbase", f"--keyring={debian.KEYRING}", f"--include={','.join(PACKAGES)}"]
    with subprocess.Popen(
        [*command, SUITE, str(target), mirror],
        env=dict(os.environ) | debian.proxy_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines: list[str] = []
        for line in process.stdout or ():
            lines.append(line.strip())
            report(line.strip().removeprefix("I: "))
    if process.returncode != 0:
        said = [line for line in lines if line.startswith(("E:", "W:"))] or lines
        raise LaunchError(f"debootstrap failed: {said[-1] if said else process.returncode}")


class ChrootTimescale:
    """One TimescaleDB server on a fresh data folder in the cached root; a context manager.

    `url` is the superuser's connection URL on a free loopback port.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = ports.choose(None)
        self._password = secrets.token_hex(16)
        self.url = f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"
        self._folder = root / "var/lib/anban-test" / secrets.token_hex(6)
        self.log = self._folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None
        self._disk = contextlib.ExitStack()

    @property
    def pid(self) -> int | None:
        """The server's pid; None while it does not run."""
        return self._process.pid if self._process else None

    def _command(self, *words: str) -> list[str]:
        return ["chroot", "--userspec=postgres:postgres", str(self.root), *words]

    def _inside(self, path: Path) -> str:
        return "/" + str(path.relative_to(self.root))

    def _initialise(self) -> None:
        self._folder.parent.mkdir(mode=0o755, exist_ok=True)
        self._disk.enter_context(small_disk(self._folder, DISK_MEGABYTES))
        owner = self._server_user()
        serveruser.launcher_folder(self._folder, owner)
        serveruser.private_folder(self._folder / "data", owner)
        password = self._folder / "password"
        statedir.write_private(password, self._password, (owner.uid, owner.gid))
        words = [f"{_BINARIES}/initdb", "-D", self._inside(self._folder / "data"), "-U", "postgres", "--no-sync"]
        words += ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        words += [f"--pwfile={self._inside(password)}"]
        done = subprocess.run(self._command(*words), env=_ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LaunchError(f"initdb of TimescaleDB failed: {' '.join((done.stderr or done.stdout).split())[-300:]}")

    def _server_user(self) -> serveruser.ServerUser:
        """Return the user `postgres` inside the root (they differ from this machine's)."""
        for line in (self.root / "etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == "postgres":
                return serveruser.ServerUser(int(fields[2]), int(fields[3]), switches=True)
        raise LaunchError(f"{self.root} has no user postgres: delete it and run again")

    def start(self, seconds: float = 60) -> Self:
        """Start the server and wait until it accepts connections and has the extension."""
        guardian = Guardian(Path(os.devnull))
        self._guardian = guardian
        guardian.tell(remove=str(self._folder))
        self._initialise()
        words = [f"{_BINARIES}/postgres", "-D", self._inside(self._folder / "data")]
        for key, value in (SETTINGS | {"port": str(self.port)}).items():
            words += ["-c", f"{key}={value}"]
        with safefiles.opened_log(self.log) as log:
            self._process = subprocess.Popen(
                self._command(*words),
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        guardian.add("timescaledb", self._process.pid, STOP_STEPS)
        deadline = time.monotonic() + seconds
        while not self._has_extension():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = statedir.last_lines(self.log, 3)
                self.stop()
                raise LaunchError(f"TimescaleDB did not start: {said}")
            time.sleep(0.05)
        return self

    def _has_extension(self) -> bool:
        query = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
        try:
            with psycopg.connect(self.url, connect_timeout=5) as conn:
                return conn.execute(query).fetchone() is not None
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Stop the server (what `pg_ctl -m fast` does) and delete its data."""
        if self._process is not None:
            processes.end(self._process, STOP_STEPS)
            self._process = None
        self._disk.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
