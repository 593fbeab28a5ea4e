"""A short seeded run of the chaos benchmark, as anybody would start it: nothing is lost, nothing doubled."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {"seconds": 20, "seed": 1, "kills": 6, "rate": 225, "connections": 120, "event-share": 0.05, "patience": 4}


def test_whatever_is_killed_or_cut_every_acknowledged_message_is_stored_once(tmp_path: Path) -> None:
    outcome = tmp_path / "chaos.json"
    words = [word for name, value in OPTIONS.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "launcher", "bench", "chaos", *words, "--json", str(outcome)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=420, check=False)
    said = done.stdout.decode()
    assert done.returncode == 0, said
    report = json.loads(outcome.read_text())
    assert (report["lost"], report["duplicated"], report["never_sent"], report["events_lost"]) == (0, 0, 0, 0), said
    assert report["kills"] == report["recovery_ms"]["n"] == 6
    assert report["acknowledged"] == report["sent"] >= 4500
    assert report["dead_letters"] == {}
    assert {"kill postgres", "kill nats", "kill ingest-telemetry", "kill ingest-event"} <= report["faults"].keys()
    assert report["faults"]["refuse read_only"] >= 1
    assert report["all_events_recorded"]
    assert max(report["most_memory_mb"][name] for name in ("ingest-telemetry", "ingest-event")) < 250
    if os.geteuid() == 0 and sys.platform == "linux":
        assert report["faults"]["refuse disk_full"] >= 1
