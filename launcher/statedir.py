"""The folder where a demo keeps its data, secrets, ports and logs."""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.failure import LaunchError

CHECKOUT = Path(__file__).resolve().parent.parent
# Names a folder as ours, so that --reset never deletes a stranger's files.
_MARK = "anban-state"
# A waiting launcher may hold the lock file open already.
KEPT_BY_RESET = (_MARK, "lock")
_LOG_LIMIT = 8 * 1024 * 1024
_LOGS_KEPT = 3


def default_state_dir(checkout: Path = CHECKOUT) -> Path:
    """Return $ANBAN_STATE_DIR, or this checkout's own folder (outside private homes for root)."""
    chosen = os.environ.get("ANBAN_STATE_DIR")
    if chosen:
        return Path(chosen).absolute()
    name = hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
    if os.geteuid() == 0:
        return Path("/var/lib/anban") / name
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "anban" / name


def prepare(state_dir: Path) -> Path:
    """Make the state folder, passable for the server user when root, private otherwise."""
    is_root = os.geteuid() == 0
    try:
        state_dir.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        state_dir.mkdir(mode=0o700, exist_ok=True)
        if state_dir.stat().st_uid == os.geteuid():
            state_dir.chmod(0o711 if is_root else 0o700)
        if not any(state_dir.iterdir()):
            (state_dir / _MARK).touch(mode=0o600)
        (state_dir / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LaunchError(f"cannot use the state folder {state_dir}: {error.strerror or error}") from None
    return state_dir


def is_ours(state_dir: Path) -> bool:
    """Tell whether prepare() once made this folder (from nothing or from an empty one)."""
    return (state_dir / _MARK).is_file()


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner can read it."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty when the file is absent or unreadable as JSON."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Replace a private JSON object."""
    write_private(path, json.dumps(record, indent=1) + "\n")


def log_file(state_dir: Path, name: str) -> Path:
    """Return the log of one process, rotated first when it has grown above 8 MiB."""
    path = state_dir / "logs" / f"{name}.log"
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        for number in range(_LOGS_KEPT - 1, 0, -1):
            older = path.with_suffix(f".log.{number}")
            if older.exists():
                older.replace(path.with_suffix(f".log.{number + 1}"))
        path.replace(path.with_suffix(".log.1"))
    return path


def last_lines(path: Path, count: int = 1) -> str:
    """Return the last lines of a log that say something, joined by ' | '."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return " | ".join(said[-count:])


class StateLock:
    """Holds a state folder for one launcher; the kernel releases it when the process ends."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the folder or raise LaunchError naming the launcher that holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise LaunchError(
                f"a demo already runs on {self._path.parent} (pid {holder}): "
                "stop it first or choose another --state-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def is_held(self) -> bool:
        """Tell whether a launcher holds the folder now."""
        try:
            self.acquire()
        except (LaunchError, OSError):
            return True
        self.release()
        return False

    def release(self) -> None:
        """Let the folder go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
