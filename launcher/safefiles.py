"""Files and folders opened without following links, so that nobody can swap what is touched.

Root must never write, chown or chmod by path where another user can rename entries.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from launcher.failure import LaunchError


@contextlib.contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """Open a real folder and yield its descriptor; LaunchError for a link or anything else."""
    if path.is_symlink():
        raise LaunchError(f"{path} is a symbolic link, which is not followed: name its target, or remove it")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise LaunchError(f"cannot use the folder {path}: {error.strerror}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names_in(descriptor: int) -> list[str]:
    """Return the names in an opened folder."""
    with os.scandir(descriptor) as entries:
        return [entry.name for entry in entries]


def read_owned(path: Path, uid: int, limit: int = 1024 * 1024) -> str:
    """Read a regular file that belongs to `uid`; OSError for any other (never waits for a FIFO)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != uid:
            raise PermissionError(f"{path} is not a file of uid {uid}")
        return file.read(limit).decode()


def copy_owned(source: Path, target: Path, uid: int) -> None:
    """Copy a regular file that belongs to `uid` into a new private file; OSError for any other."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != uid:
            raise PermissionError(errno.EPERM, f"not a file of uid {uid}", str(source))
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(made, "wb") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(made)


def opened_log(path: Path) -> BinaryIO:
    """Open a log of ours for appending, made when absent; LaunchError for a link or a stranger's file."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise LaunchError(f"cannot write the log {path}: {error.strerror}") from None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid != os.geteuid():
        os.close(descriptor)
        raise LaunchError(f"the log {path} belongs to uid {found.st_uid}: remove it")
    # Only the opening must not wait (for the reader of a FIFO).
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "ab")
