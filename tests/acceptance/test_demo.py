"""The demo as its user starts and stops it, and as nobody should: killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from launcher import ports, statedir
from tests.integration.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state folder of its own."""
    made = Path(tempfile.mkdtemp(prefix="anban-demo-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _processes(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        said = " ".join(process.info["cmdline"] or []), (process.info["environ"] or {}).get("ANBAN_STATE_DIR", "")
        if process.pid != os.getpid() and any(str(folder) in text for text in said):
            found.append(said[0][:120])
    return found


def _start(folder: Path, port: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher", "demo", "--elders", "20", "--state-dir", str(folder), "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Anban is running" in line:
            return process
    raise AssertionError(f"ended with {process.wait()}")


def _count(folder: Path, table: str) -> int:
    url = statedir.read_record(folder / "environment.json")["ANBAN_DATABASE_URL"]
    with psycopg.connect(url) as conn:
        row = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    assert row is not None
    return int(row[0])


def _finish(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    assert process.stdout is not None
    process.stdout.read()
    process.stdout.close()
    return process.wait(30)


def test_it_starts_keeps_its_data_and_leaves_nothing_behind(folder: Path) -> None:
    port = ports.choose(None)
    first = _start(folder, port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
        assert answer.status == 200
    readings = eventually(lambda: _count(folder, "reading"), what="readings")
    refused = subprocess.run(
        [sys.executable, "-m", "launcher", "demo", "--state-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert _finish(first, signal.SIGINT) in (0, 130)
    eventually(lambda: not _processes(folder), what="nothing left after Ctrl-C")

    second = _start(folder, port)
    assert _count(folder, "reading") >= readings
    assert _count(folder, "elder") == 20
    _finish(second, signal.SIGKILL)
    eventually(lambda: not _processes(folder), what="nothing left after SIGKILL of the launcher")
