"""`./anban bench ingest`, `connections` and `alarms`, short: the figures are there, and nothing is lost or doubled.

How fast the platform is, is judged by the commands themselves on a quiet machine.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SPREADS = ("publish_to_commit_ms", "sos_to_commit_ms", "sos_to_operator_ms", "generator_late_ms")
RATIOS = (
    "messages_per_platform_cpu_second",
    "bytes_per_point",
    "bare_subscriber_per_second",
    "copy_rows_per_second",
)


def _run(tmp_path: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    outcome = tmp_path / "outcome.json"
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "bench", *words, "--json", str(outcome)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    said = done.stdout + done.stderr
    assert outcome.exists(), said
    report: dict[str, Any] = json.loads(outcome.read_text())
    return done.returncode, report, said


def test_a_short_run_of_the_fleet_loses_and_doubles_nothing(tmp_path: Path) -> None:
    words = ("--rate", "200", "--seconds", "5", "--devices", "150", "--warmup", "1", "--event-share", "0.05")
    code, report, said = _run(tmp_path, "ingest", *words)
    assert report["sent"] == report["acknowledged"] == report["stored"] == 1200, said
    assert (report["lost"], report["duplicated"], report["never_sent"]) == (0, 0, 0)
    assert report["connections"] == 150
    assert report["events"] == report["events_recorded"] > 0
    assert all(report[name]["n"] > 0 and report[name]["p50"] <= report[name]["p99"] for name in SPREADS)
    assert report["sos_to_operator_ms"]["n"] == report["sos_to_commit_ms"]["n"]
    assert report["sos_not_shown"] == 0
    assert all(report[name] > 0 for name in RATIOS)
    assert report["watermark_us_per_message"] is not None
    assert {"nats", "postgres", "ingest-telemetry", "ingest-event"} <= report["processes"].keys()
    assert all(one["memory_mib"] > 0 for one in report["processes"].values())
    # A void run is one on a machine that has other things to do, and says so.
    assert code == (1 if report["void"] else 0), said
    assert bool(report["why_void"]) == report["void"]


def test_everybody_is_admitted_again_after_the_brokers_death(tmp_path: Path) -> None:
    _, report, said = _run(tmp_path, "connections", "--devices", "120", "--settle", "2")
    assert report["connected"] == report["readmitted"] == 120, said
    assert report["tls"]
    assert report["readmission_ms"]["n"] >= 120
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["broker_bytes_after"] > report["broker_bytes_before"] > 0
    assert report["district_on_paper"]["broker_memory_gib"] > 0


def test_incidents_come_to_their_end_while_both_engines_are_killed_again_and_again(tmp_path: Path) -> None:
    words = ("--incidents", "150", "--per-second", "15", "--kill-every", "6", "--most-open", "1000", "--seed", "5")
    _, report, said = _run(tmp_path, "alarms", *words)
    assert report["incidents"] == 150, said
    assert (report["unclosed"], report["left_open"], report["failures"]) == (0, 0, []), said
    assert report["engines_killed"] >= 6
    assert report["steps_taken"] > 150
    assert report["steps_missing"] == 0, "a step that its policy wants was never taken"
    assert report["step_delay_ms"]["max"] < 10_000, "a step waited although an engine lived"
    assert report["notified_after_acknowledgement"] == 0
    assert report["acknowledged_twice"] == 0
    assert report["operators_told_too_late"]["already_acknowledged"] > 0, "nobody raced for an answer"
    assert report["raise_to_notify_with_kills_ms"]["n"] > 100
    assert set(report["sweep"]) == {"10", "1000"}
