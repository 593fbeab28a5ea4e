"""`python -m device_sim`: what goes wrong is one line and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(*words: str, state_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANBAN_STATE_DIR": str(state_dir),
        "ANBAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
    }
    command = [sys.executable, "-m", "device_sim", *words]
    return subprocess.run(command, cwd=ROOT, env=environment | settings, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "/nonexistent.csv"), "/nonexistent.csv: No such file or directory"),
        (("replay", str(ROOT / "pyproject.toml"), "--device", "W-00001"), "no column of time"),
        (("replay", "x.csv", "--column", "nonsense"), "write VITAL=NAME"),
        (("run", "--elders", "3"), "run `python -m device_sim seed` first"),
        (("seed", "--elders", "3"), "the database does not take the seed"),
    ],
)
def test_what_goes_wrong_is_one_line(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = run(*words, state_dir=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("anban: ")


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = run("run", state_dir=tmp_path, ANBAN_MQTT_URL="http://example.org")
    assert done.returncode == 2
    assert "ANBAN_MQTT_URL must start with mqtt://" in done.stderr
