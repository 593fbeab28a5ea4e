"""`./anban bench ingest`, short: the figures are there, and nothing is lost or doubled."""

from pathlib import Path

from tests.acceptance.short_bench import run_bench

SPREADS = ("publish_to_commit_ms", "sos_to_commit_ms", "sos_to_operator_ms", "generator_late_ms")
RATIOS = (
    "messages_per_platform_cpu_second",
    "bytes_per_point",
    "bare_subscriber_per_second",
    "copy_rows_per_second",
)


def test_a_short_run_of_the_fleet_loses_and_doubles_nothing(tmp_path: Path) -> None:
    words = ("--rate", "200", "--seconds", "5", "--devices", "150", "--warmup", "1", "--event-share", "0.05")
    code, report, said = run_bench(tmp_path, "ingest", *words)
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
