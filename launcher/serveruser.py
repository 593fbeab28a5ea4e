"""The unprivileged user that embedded servers run as when the launcher is root."""

import contextlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from launcher import safefiles
from launcher.failure import LaunchError

SERVER_USER = "nobody"


class PopenIdentity(TypedDict, total=False):
    """The keyword arguments that make subprocess.Popen change user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class ServerUser:
    """Who owns and runs the embedded servers; `switches` when that is not the caller."""

    uid: int
    gid: int
    switches: bool

    def popen(self) -> PopenIdentity:
        """Return the Popen arguments that drop to this user (empty when already it)."""
        if not self.switches:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_user() -> ServerUser:
    """Return the caller, or for root the fixed user `nobody` (initdb wants a passwd entry)."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), switches=False)
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise LaunchError(f"running as root needs the system user '{SERVER_USER}', which this machine lacks") from None
    return ServerUser(entry.pw_uid, entry.pw_gid, switches=True)


def has_name(owner: ServerUser) -> bool:
    """Tell whether the user has a passwd entry, which initdb insists on."""
    try:
        pwd.getpwuid(owner.uid)
    except KeyError:
        return False
    return True


def _make(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)


def private_folder(path: Path, owner: ServerUser) -> Path:
    """Make (or check) a folder that only the server user may enter; its parent must be the launcher's.

    Raises LaunchError when it is a link or belongs to somebody else.
    """
    _make(path)
    with safefiles.opened_folder(path) as descriptor:
        found = os.fstat(descriptor).st_uid
        # A new one is still root's. A full one of root's is not for the server user.
        if owner.switches and found == 0 and not safefiles.names_in(descriptor):
            os.fchown(descriptor, owner.uid, owner.gid)
        elif found != owner.uid:
            raise LaunchError(
                f"{path} belongs to uid {found}, servers here run as uid {owner.uid}: choose another --state-dir"
            )
        os.fchmod(descriptor, 0o700)
    return path


def launcher_folder(path: Path, owner: ServerUser, *, take_back: bool = False) -> Path:
    """Make (or check) a folder of the launcher's that the server user may pass but not change.

    `take_back`: one that the server user owns becomes ours (its parent must be ours).
    Raises LaunchError when it is a link or belongs to somebody else.
    """
    _make(path)
    ours = os.geteuid()
    with safefiles.opened_folder(path) as descriptor:
        found = os.fstat(descriptor).st_uid
        if take_back and owner.switches and found == owner.uid:
            os.fchown(descriptor, ours, os.getegid())
        elif found != ours:
            raise LaunchError(f"{path} belongs to uid {found} and not to uid {ours}: choose another --state-dir")
        os.fchmod(descriptor, 0o711 if owner.switches else 0o700)
    return path


def overwrite(owner: ServerUser, path: Path, text: str) -> None:
    """Write a file below a folder of the server user's, as that user: a link leads nowhere else."""
    command = ["/bin/sh", "-c", 'cat > "$1"', "sh", str(path)]
    try:
        done = subprocess.run(
            command, cwd="/", input=text.encode(), capture_output=True, timeout=10, check=False, **owner.popen()
        )
    except subprocess.TimeoutExpired:
        raise LaunchError(f"cannot write {path}: it is no ordinary file") from None
    if done.returncode != 0:
        raise LaunchError(f"cannot write {path}: {done.stderr.decode(errors='replace').strip()}")


def runs_as(owner: ServerUser, command: list[str]) -> bool:
    """Tell whether the server user can execute a command (it must exit 0 at once)."""
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, timeout=30, check=False, **owner.popen())
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def can_enter(owner: ServerUser, folder: Path) -> bool:
    """Tell whether the server user can reach a folder through all of its parents."""
    if not owner.switches:
        return os.access(folder, os.X_OK)
    return runs_as(owner, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)])


def reachable_copy(sources: list[Path], target: Path, version: str) -> Path:
    """Copy files or folders into `target` for a server user who cannot reach the originals.

    `version` names the contents: a copy of another version is replaced. Returns `target`.
    """
    stamp = target / "version"
    if stamp.is_file() and stamp.read_text() == version:
        return target
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    partial.mkdir(mode=0o755, parents=True)
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, partial / source.name, symlinks=True)
        else:
            shutil.copy2(source, partial / source.name)
    (partial / "version").write_text(version)
    partial.chmod(0o755)
    partial.rename(target)
    return target
