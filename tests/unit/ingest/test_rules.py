"""When vital signs call for an alarm."""

from datetime import UTC, datetime, timedelta

from ingest.readings import Reading
from ingest.rules import Finding, VitalsWindow, still_matters
from schemas.vitals import Quality

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
URGENT = {"hr": 135.0}
EMERGENCY = {"hr": 135.0, "spo2": 90.0, "rr": 22.0}
FINE = {"hr": 70.0, "spo2": 97.0, "rr": 16.0}


def _play(*samples: tuple[float, dict[str, float]], scale: int = 1) -> list[Finding | None]:
    window = VitalsWindow()
    findings: list[Finding | None] = []
    for minutes, values in samples:
        reading = Reading(START + timedelta(minutes=minutes), 0, dict(values), Quality(0), None)
        window, finding = window.advanced(reading, scale)
        findings.append(finding)
    return findings


def _severities(findings: list[Finding | None]) -> list[str | None]:
    return [finding.severity if finding else None for finding in findings]


def test_one_bad_sample_raises_nothing_and_the_second_confirms() -> None:
    assert _severities(_play((0, URGENT), (1, URGENT))) == [None, "urgent"]


def test_two_of_three_confirm() -> None:
    assert _severities(_play((0, URGENT), (1, FINE), (2, URGENT))) == [None, None, "urgent"]


def test_samples_more_than_fifteen_minutes_apart_do_not_confirm_each_other() -> None:
    assert _severities(_play((0, URGENT), (16, URGENT))) == [None, None]


def test_an_emergency_needs_two_emergencies() -> None:
    assert _severities(_play((0, URGENT), (1, EMERGENCY), (2, EMERGENCY))) == [None, "urgent", "emergency"]


def test_a_sample_that_is_fine_ends_the_finding() -> None:
    assert _severities(_play((0, URGENT), (1, URGENT), (2, FINE))) == [None, "urgent", None]


def test_values_of_different_samples_are_scored_together_while_fresh() -> None:
    findings = _play((0, {"spo2": 93.0}), (1, {"rr": 22.0}), (2, {"hr": 95.0}), (3, {"hr": 95.0}))
    assert _severities(findings) == [None, None, None, "urgent"]
    assert findings[3] is not None
    assert findings[3].news2["score"] == 5


def test_a_sample_out_of_order_raises_nothing() -> None:
    assert _severities(_play((5, URGENT), (1, URGENT))) == [None, None]


def test_an_empty_sample_changes_nothing() -> None:
    assert _severities(_play((0, URGENT), (1, {}), (2, URGENT))) == [None, None, "urgent"]


def test_scale_two_lets_a_copd_patient_live_at_ninety() -> None:
    low = {"spo2": 90.0}
    assert _severities(_play((0, low), (1, low)))[-1] == "urgent"
    assert _severities(_play((0, low), (1, low), scale=2)) == [None, None]


def test_yesterdays_finding_is_history() -> None:
    finding = Finding("emergency", START, {})
    assert still_matters(finding, START + timedelta(minutes=30))
    assert not still_matters(finding, START + timedelta(minutes=31))
