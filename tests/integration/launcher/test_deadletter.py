"""`./anban deadletter` on a demo's state folder, whether the demo runs or not."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher.broker import EmbeddedBroker
from launcher.grants import DATABASE_URL, MQTT_URL, NATS_URL
from launcher.migrations import migrate
from launcher.postgres import EmbeddedPostgres
from launcher.small_disk import small_disk
from schemas.database import connect

ROOT = Path(__file__).resolve().parents[3]
LETTER = """
    INSERT INTO dead_letter (received_at, last_received_at, topic, device_id, reason, detail, payload, payload_size,
                             payload_sha256)
    VALUES (%(now)s, %(now)s, 'care/v1/2/W-1/telemetry', 'W-1', 'unknown_device', 'no such device', '{}', 2, '')
"""


def _anban(*words: str) -> tuple[int, str]:
    others = (DATABASE_URL, MQTT_URL, NATS_URL)
    environment = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "deadletter", *words],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


@pytest.mark.usefixtures("nothing_left")
def test_a_stopped_demos_letters_are_listed_redriven_and_dropped(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server, EmbeddedBroker(folder):
        migrate(server.url)
        with connect(server.url, "test") as conn:
            conn.execute(LETTER, {"now": datetime.now(UTC)})
    state = ("--state-dir", str(folder))
    assert "1 dead letters" in _anban(*state, "list")[1]
    code, said = _anban(*state, "redrive", "--all", "--wait", "0")
    assert (code, said.splitlines()[-1]) == (0, "1 redriven, 0 refused, 0 came back")
    assert "1 dead letters" in _anban(*state, "list", "--redriven")[1]
    assert _anban(*state, "drop", "--all", "--yes") == (0, "1 dropped\n")
    assert "0 dead letters" in _anban("list", *state)[1]


def test_help_needs_no_demo_and_no_demo_is_said_in_one_line(tmp_path: Path) -> None:
    assert "redrive" in _anban("--help")[1]
    assert "--wait" in _anban("redrive", "--help")[1]
    code, said = _anban("--state-dir", str(tmp_path / "none"), "list")
    assert code == 2
    assert len(said.splitlines()) == 1


def test_a_small_disk_is_full_when_it_is_full_and_gone_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with small_disk(folder, 1) as mounted:
        if not mounted:
            pytest.skip("takes root on Linux")
        assert folder.is_mount()
        with pytest.raises(OSError, match="No space left"):
            (folder / "file").write_bytes(bytes(2 * 1024 * 1024))
    assert not folder.is_mount()
