"""`./anban load`, headless and short: people and devices on a whole service, with what they waited for."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WAITED_FOR = {
    "press → operator's screen",
    "press → recorded, said to the button",
    "reading → stored",
    "operator: acknowledge → own screen",
}


def test_people_and_devices_get_what_they_wait_for(tmp_path: Path) -> None:
    outcome = tmp_path / "load.json"
    words = "--headless --seconds 15 --elders 120 --operators 2 --workers 4 --relatives 4 --pace 30"
    devices = "--devices 60 --rate 40 --presses 120 --spawn-rate 10"
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "load", *words.split(), *devices.split(), "--json", str(outcome)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    said = json.loads(outcome.read_text())
    measured = {one["name"]: one for one in said["measured"]}
    assert measured.keys() >= WAITED_FOR
    for name in WAITED_FOR:
        assert measured[name]["n"] > 0 and measured[name]["failures"] == 0
    assert said["failures"] == 0
    assert measured["connect → whole board"]["n"] >= 10
    assert said["devices"]["connected"] == 60
    assert said["devices"]["acknowledged"] > 100
