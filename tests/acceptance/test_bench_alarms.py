"""`./anban bench alarms`, short and at a quick pace: no step is missed and nobody is called in vain."""

from pathlib import Path

from tests.acceptance.short_bench import run_bench


def test_incidents_come_to_their_end_while_both_engines_are_killed_again_and_again(tmp_path: Path) -> None:
    much = ("--incidents", "150", "--per-second", "15", "--pace", "0.4", "--most-open", "1000")
    _, report, said = run_bench(tmp_path, "alarms", *much, "--kill-every", "3", "--seed", "5")
    assert report["incidents"] == 150, said
    assert (report["unclosed"], report["left_open"], report["failures"]) == (0, 0, []), said
    assert report["engines_killed"] >= 5, "both have not died at the same moment"
    assert report["steps_taken"] > 150
    assert report["steps_missing"] == 0, "a step that its policy wants was never taken"
    assert report["step_delay_ms"]["max"] < 10_000, "a step waited although an engine lived"
    assert report["notified_after_acknowledgement"] == 0
    assert report["acknowledged_twice"] == 0
    assert report["operators_told_too_late"]["already_acknowledged"] > 0, "nobody raced for an answer"
    assert report["raise_to_notify_with_kills_ms"]["n"] > 100
    assert set(report["sweep"]) == {"10", "1000"}
