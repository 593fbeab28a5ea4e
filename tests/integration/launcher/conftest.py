"""Folders that embedded servers can use, and what is left when a launcher is gone."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path outside private folders: the servers of a root launcher run as `nobody`."""
    made = Path(tempfile.mkdtemp(prefix="anban-l-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def processes_naming(text: str) -> list[int]:
    """Return the pids of all processes whose command line or folder contains a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if text in words or text in where:
            found.append(int(entry.name))
    return found


@pytest.fixture
def nothing_left(folder: Path) -> Iterator[None]:
    """Fail a test that leaves a process behind."""
    yield
    assert processes_naming(folder.name) == []
