"""The folder where a demo keeps its data, secrets, ports and logs."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher import safefiles
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
    try:
        state_dir.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _own(state_dir, 0o711 if os.geteuid() == 0 else 0o700)
        if not any(state_dir.iterdir()):
            (state_dir / _MARK).touch(mode=0o600)
        _own(state_dir / "logs", 0o700)
    except OSError as error:
        raise LaunchError(f"cannot use the state folder {state_dir}: {error.strerror or error}") from None
    return state_dir


def _own(folder: Path, mode: int) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    with safefiles.opened_folder(folder) as descriptor:
        _check_is_ours_alone(folder, os.fstat(descriptor))
        os.fchmod(descriptor, mode)


def _check_is_ours_alone(folder: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise LaunchError(
            f"the state folder {folder} belongs to uid {found.st_uid}, this is uid {os.geteuid()}: choose another"
        )
    if found.st_mode & 0o022:
        raise LaunchError(
            f"others may write in the state folder {folder}: look through it, then chmod go-w it, or choose another"
        )


def check_existing(state_dir: Path) -> None:
    """Refuse, as prepare() does, a folder in which others could have planted files; absent is fine."""
    if os.path.lexists(state_dir):
        with safefiles.opened_folder(state_dir) as descriptor:
            _check_is_ours_alone(state_dir, os.fstat(descriptor))


def is_ours(state_dir: Path) -> bool:
    """Tell whether prepare() once made this folder (from nothing or from an empty one)."""
    return (state_dir / _MARK).is_file()


def write_private(path: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Replace a file atomically; only its owner (uid and gid, default: the caller) can read it.

    The folder must be the caller's own.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if owner is not None and owner[0] != os.geteuid():
            os.fchown(descriptor, *owner)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON object of ours; empty when the file is absent, a stranger's or no JSON."""
    try:
        found = json.loads(safefiles.read_owned(path, os.geteuid()))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Replace a private JSON object."""
    write_private(path, json.dumps(record, indent=1) + "\n")


def log_path(state_dir: Path, name: str) -> Path:
    """Return where the log of one process is."""
    return state_dir / "logs" / f"{name}.log"


def log_file(state_dir: Path, name: str) -> Path:
    """Return the log of one process, rotated first when it has grown above 8 MiB."""
    path = log_path(state_dir, name)
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
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
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
        descriptor = self._open()
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

    def _open(self) -> int:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LaunchError(f"cannot use the lock {self._path}: {error.strerror}") from None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            os.close(descriptor)
            raise LaunchError(f"cannot use the lock {self._path}: it is not a file of uid {os.geteuid()}")
        return descriptor

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
