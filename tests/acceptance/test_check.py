"""`./anban demo --check` on each storage: the whole story through the real processes.

Its speed is judged by the command itself on a machine of its own; here only what must hold on any machine counts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Storage

ROOT = Path(__file__).resolve().parents[2]
SPEED = "an SOS is on the operator's screen within"


@pytest.fixture
def server_settings(storage: Storage) -> Iterator[dict[str, str]]:
    """Nothing for the embedded server; the URL of an empty database for TimescaleDB."""
    if storage.name == "postgresql":
        yield {}
        return
    server = os.environ["ANBAN_TEST_TIMESCALEDB_URL"]
    name = f"anban_check_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield {"ANBAN_DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{name}"))}
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_the_story_holds(server_settings: dict[str, str], storage: Storage, tmp_path: Path) -> None:
    outcome = tmp_path / "check.json"
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "demo", "--check", "--json", str(outcome)],
        cwd=ROOT,
        env=dict(os.environ) | server_settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.exists(), done.stdout + done.stderr
    said = json.loads(outcome.read_text())
    failed = [check for check in said["checks"] if not check["held"] and not check["name"].startswith(SPEED)]
    assert failed == [], done.stdout[-3000:]
    assert said["storage"] == storage.name
    assert said["sos_to_operator_ms"]["n"] >= 200
    assert said["readings_published"] == said["readings_stored"] > 0
    assert said["readings_lost"] == said["readings_doubled"] == 0
    assert said["alarms_raised"] > 200
    assert said["orders"] == {"created": 3, "accepted": 3, "completed": 3}
    assert said["offers"]["declined"] == said["offers"]["expired"] == 1
    assert said["offers"]["lost_races"] >= 2
    assert said["offers"]["made"] >= 8
    assert done.returncode == (0 if said["passed"] else 1)
