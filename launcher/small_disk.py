"""A small disk of a folder's own, in memory, so that a test can fill it up without harm. Takes root on Linux."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount one over `folder` (made if need be) for as long as the block takes; yields whether that was possible."""
    mounted = _mount(folder, megabytes)
    try:
        yield mounted
    finally:
        if mounted:
            # Whoever still has a file open there keeps it; nobody else sees the disk any more.
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def _mount(folder: Path, megabytes: int) -> bool:
    if os.geteuid() != 0 or sys.platform != "linux" or shutil.which("mount") is None:
        return False
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
