"""The folder that a backup is: a manifest, its files and their checksums, made whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from launcher import safefiles
from launcher.dump import Storage
from launcher.failure import LaunchError

FORMAT = 1
MANIFEST = "manifest.json"
# In the format of `sha256sum --check`, so that a backup can be looked at without Anban.
CHECKSUMS = "SHA256SUMS"
DATABASE = "database.dump"
BROKER = "broker"
STATE = "state"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: when it was made and of what; `rows` by table; messages by broker stream, or None.

    `schema` is the versions of the applied migrations.
    """

    anban: str
    made_at: datetime
    storage: Storage
    schema: list[str]
    rows: dict[str, int]
    broker: dict[str, int] | None
    state: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Write it as JSON."""
        said = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def _parsed(text: str, path: Path) -> Manifest:
    try:
        said: dict[str, Any] = json.loads(text)
        if said.pop("format") != FORMAT:
            raise LaunchError(f"{path} was made by another version of Anban: its format is unknown here")
        said["made_at"] = datetime.fromisoformat(said["made_at"])
        said["storage"] = Storage(**said["storage"])
        manifest = Manifest(**said)
        if any(Path(name).name != name for name in manifest.state):
            raise ValueError("a name that leads elsewhere")
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LaunchError(f"{path} is no manifest of a backup") from None


@contextlib.contextmanager
def written(target: Path) -> Iterator[Path]:
    """Yield a private folder to fill, which becomes `target` when the block ends well and vanishes when it does not.

    `target` must be absent or an empty folder, and its parent must exist. Raises LaunchError otherwise, and when the
    disk is full.
    """
    _check_target(target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise LaunchError(f"cannot write beside {target}: {error.strerror}") from None
    try:
        yield partial
        _seal(partial)
        partial.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise LaunchError(f"the backup was not made: {_reason(error)}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error.strerror})"
    return str(error.strerror or error)


def _check_target(target: Path) -> None:
    if not target.name:
        raise LaunchError(f"{target} cannot be a backup: name a new folder")
    if not target.parent.is_dir():
        raise LaunchError(f"{target.parent} is no folder: make it first")
    if not os.path.lexists(target):
        return
    with safefiles.opened_folder(target) as descriptor:
        if safefiles.names_in(descriptor):
            raise LaunchError(f"{target} is not empty: a backup never overwrites anything")
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise LaunchError(f"{target} belongs to uid {os.fstat(descriptor).st_uid}: name a folder of your own")


def files_in(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted; LaunchError for anything that is neither file nor folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            found.append(path)
        elif not stat.S_ISDIR(mode):
            raise LaunchError(f"{path} is no ordinary file")
    return found


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(folder: Path) -> None:
    """Close a backup: private modes, checksums, everything on the disk."""
    lines = [f"{digest(path)}  {path.relative_to(folder)}\n" for path in files_in(folder)]
    (folder / CHECKSUMS).write_text("".join(lines))
    for path in [*files_in(folder), *(found for found in folder.rglob("*") if found.is_dir())]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verified(folder: Path) -> Manifest:
    """Check every file of a backup against its checksum and return the manifest.

    Raises LaunchError for a folder that is no backup or that others may write in, and naming the files that are
    missing, changed or too many.
    """
    with safefiles.opened_folder(folder) as descriptor:
        status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise LaunchError(f"others could change {folder} while it is read: make it your own (chown), and chmod go-w it")
    if not (folder / CHECKSUMS).is_file() or not (folder / MANIFEST).is_file():
        raise LaunchError(f"{folder} is no backup: it has no {CHECKSUMS} and {MANIFEST}")
    try:
        return _verified(folder)
    except OSError as error:
        raise LaunchError(f"cannot read the backup {folder}: {error.strerror}") from None


def _verified(folder: Path) -> Manifest:
    wanted = {}
    for line in (folder / CHECKSUMS).read_text(errors="replace").splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            raise LaunchError(f"{folder / CHECKSUMS} is damaged")
        wanted[found[2]] = found[1]
    present = {str(path.relative_to(folder)): path for path in files_in(folder)}
    present.pop(CHECKSUMS)
    missing = sorted(wanted.keys() - present.keys())
    changed = sorted(name for name in wanted.keys() & present.keys() if digest(present[name]) != wanted[name])
    foreign = sorted(present.keys() - wanted.keys())
    for names, what in ((missing, "missing"), (changed, "damaged"), (foreign, "not part of it")):
        if names:
            raise LaunchError(f"the backup {folder} is not whole: {', '.join(names[:5])} {what}")
    if not {MANIFEST, DATABASE} <= wanted.keys():
        raise LaunchError(f"the backup {folder} is not whole: its checksums name no {MANIFEST} and {DATABASE}")
    return _parsed((folder / MANIFEST).read_text(errors="replace"), folder / MANIFEST)
