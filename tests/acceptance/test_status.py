"""`./anban status` of a demo that is well, of one that is not, and of none."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher import statedir
from launcher.district import District
from schemas.database import connect
from schemas.statements import statement
from tests.integration.waiting import eventually
from tests.running_district import running_district

ROOT = Path(__file__).resolve().parents[2]
RAISE = statement("""
    INSERT INTO alarm
        (kind, severity, state, device_key, is_test, occurred_at, raised_at, last_signal_at, due_at, due_reason)
    SELECT 'sos', 'emergency', 'raised', min(key), false, %(at)s::timestamptz, %(at)s::timestamptz, %(at)s::timestamptz,
           'infinity', 'escalate' FROM device
    RETURNING id
""")
FORGET = statement("UPDATE alarm SET due_at = '2000-01-01Z' WHERE due_at = 'infinity'")


def status(state_dir: Path, *words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "launcher", "status", "--state-dir", str(state_dir), *words],
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def report(state_dir: Path) -> dict[str, Any]:
    """What the command says as JSON, with its exit code."""
    done = status(state_dir, "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"exit": done.returncode}


@pytest.fixture(scope="module")
def district() -> Iterator[District]:
    """A running demo whose buttons nobody presses."""
    with running_district("status", 20) as running:
        yield running


def test_all_is_well_and_every_process_is_told_of(district: District) -> None:
    found = eventually(lambda: (said := report(district.state_dir))["exit"] == 0 and said, 30)
    assert {process["name"] for process in found["processes"]} == set(district.supervisor.states())
    for process in found["processes"]:
        assert process["pid"] == district.supervisor.pid(process["name"])
        assert (process["state"], process["healthy"], process["restarts"]) == ("ready", True, 0)
    assert found["wrong"] == []
    assert found["broker"]["waiting"].keys() == {"event", "telemetry"}
    assert found["database"]["storage"]["timescaledb"] is None
    assert found["disk"]["used_bytes"] > 10_000_000
    shown = status(district.state_dir)
    assert shown.returncode == 0
    assert "All is well." in shown.stdout
    assert "storage: PostgreSQL" in shown.stdout


def test_open_work_is_counted(district: District) -> None:
    with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
        conn.execute(RAISE, {"at": "2026-01-01Z"})
    assert report(district.state_dir)["database"]["alarms"] == {"raised": 1}


def test_process_that_answers_no_more_is_wrong_until_it_does(district: District) -> None:
    pids = [district.supervisor.pid(engine) for engine in ("dispatch", "dispatch-2")]
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    try:
        found = report(district.state_dir)
        assert found["exit"] == 1
        assert "dispatch is not ready: does not answer" in found["wrong"]
        assert "dispatch-2 is not ready: does not answer" in found["wrong"]
        with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
            conn.execute(FORGET)
        found = report(district.state_dir)
        assert "deadlines nobody acted on: alarms 1" in found["wrong"]
        assert "!" in status(district.state_dir).stdout
    finally:
        for pid in filter(None, pids):
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: report(district.state_dir)["exit"] == 0, 30, "well again")


def test_messages_that_nobody_stores_are_counted_by_lane(district: District) -> None:
    pid = district.supervisor.pid("ingest-telemetry")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        found = eventually(lambda: (said := report(district.state_dir))["broker"]["waiting"]["telemetry"] and said, 30)
        assert found["broker"]["oldest_seconds"] >= 0
        assert found["exit"] == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: report(district.state_dir)["exit"] == 0, 30, "well again")


def test_restarts_are_counted(district: District) -> None:
    pid = district.supervisor.pid("dispatch")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    def restarts() -> int:
        return next(
            entry["restarts"] for entry in report(district.state_dir)["processes"] if entry["name"] == "dispatch"
        )

    eventually(lambda: restarts() == 1, 30, "one restart")
    eventually(lambda: report(district.state_dir)["exit"] == 0, 30, "well again")


def test_database_that_is_away_is_wrong_and_said_in_one_line(district: District) -> None:
    done = status(district.state_dir, environment={"ANBAN_DATABASE_URL": "postgresql://li:geheim@127.0.0.1:1/care"})
    assert done.returncode == 1
    assert "cannot connect to the database" in done.stdout
    assert "geheim" not in done.stdout + done.stderr


def test_last_backup_is_told(district: District) -> None:
    target = district.state_dir.with_name(f"{district.state_dir.name}-saved")
    command = [sys.executable, "-m", "launcher", "backup", str(target), "--state-dir", str(district.state_dir)]
    try:
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
        assert report(district.state_dir)["last_backup"]["folder"] == str(target)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def test_nothing_that_runs_is_exit_code_2(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="anban-none-", dir="/tmp"))
    statedir.prepare(folder / "state")
    for place in (tmp_path / "absent", folder / "state"):
        done = status(place)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"anban: nothing runs on {place}\n"
    shutil.rmtree(folder)
    mistake = status(tmp_path, "--jsonn")
    assert mistake.returncode == 2
    assert len(mistake.stderr.splitlines()) == 1
