"""When vital signs call for an alarm."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rules import LONGEST_MEMORY, Finding, Policies, Policy, VitalsWindow
from ingest.thresholds import PLAIN, SIGNS, Limit, WearerRules, standing
from schemas import news2
from schemas.states import Severity
from schemas.vitals import SCORED

START: Final = datetime(2026, 11, 22, 8, 0, tzinfo=UTC).timestamp()
STANDARD: Final = Policies()
URGENT = {"hr": 135.0}
EMERGENCY = {"hr": 135.0, "spo2": 90.0, "rr": 22.0}
FINE = {"hr": 70.0, "spo2": 97.0, "rr": 16.0}
Samples = list[tuple[float, dict[str, float]]]


def _play(
    samples: Samples, rules: WearerRules = PLAIN[1], policies: Policies = STANDARD, delay: float = 0
) -> list[Finding | None]:
    """What each sample (minutes, values), heard `delay` minutes later, confirms."""
    window = VitalsWindow()
    findings: list[Finding | None] = []
    for minutes, values in samples:
        at = START + minutes * 60
        before, window = window, window.advanced(at, values, rules)
        judged = window.verdicts is not before.verdicts
        confirmed = window.confirmed(policies, at + delay * 60) if judged else 0
        findings.append(window.finding(confirmed, rules) if confirmed else None)
    return findings


def _severities(findings: list[Finding | None]) -> list[Severity | None]:
    return [finding.severity if finding else None for finding in findings]


def _raised(*samples: tuple[float, dict[str, float]], rules: WearerRules = PLAIN[1]) -> list[Severity | None]:
    return _severities(_play(list(samples), rules))


def test_one_bad_sample_raises_nothing_and_the_second_confirms() -> None:
    assert _raised((0, URGENT), (1, URGENT)) == [None, "urgent"]


def test_two_of_three_confirm() -> None:
    assert _raised((0, URGENT), (1, FINE), (2, URGENT)) == [None, None, "urgent"]


def test_samples_more_than_fifteen_minutes_apart_do_not_confirm_each_other() -> None:
    assert _raised((0, URGENT), (16, URGENT)) == [None, None]


def test_an_emergency_needs_two_emergencies() -> None:
    assert _raised((0, URGENT), (1, EMERGENCY), (2, EMERGENCY)) == [None, "urgent", "emergency"]


def test_a_sample_that_is_fine_ends_the_finding() -> None:
    assert _raised((0, URGENT), (1, URGENT), (2, FINE)) == [None, "urgent", None]


def test_values_of_different_samples_are_scored_together_once_each_is_borne_out() -> None:
    slow = [(0, {"spo2": 93.0}), (1, {"rr": 22.0}), (2, {"spo2": 93.0}), (3, {"rr": 22.0})]
    findings = _play([*slow, (4, {"hr": 95.0}), (5, {"hr": 95.0})])
    assert _severities(findings) == [None] * 5 + ["urgent"]
    assert findings[5] is not None and findings[5].news2 is not None
    assert findings[5].news2["score"] == 5


def test_a_rare_value_counts_once_until_it_is_measured_again() -> None:
    often = [(float(minute), {"hr": 70.0}) for minute in range(1, 10)]
    low = {"sbp": 80.0}
    assert set(_severities(_play([(0, low), *often]))) == {None}
    assert _severities(_play([(0, low), *often, (10, low), (11, {"hr": 70.0})]))[-2:] == [None, "urgent"]


def test_a_borne_out_value_counts_for_half_an_hour() -> None:
    low = {"sbp": 80.0}
    later = [(2 + minute, {"hr": 70.0}) for minute in (1.0, 29, 30, 31)]
    assert _severities(_play([(0, low), (2, low), *later]))[2:] == ["urgent", None, "urgent", None]


def test_a_sample_out_of_order_raises_nothing() -> None:
    assert _raised((5, URGENT), (1, URGENT)) == [None, None]


def test_an_empty_sample_changes_nothing() -> None:
    assert _raised((0, URGENT), (1, {}), (2, URGENT)) == [None, None, "urgent"]


def test_scale_two_lets_a_copd_patient_live_at_ninety() -> None:
    low = {"spo2": 90.0}
    assert _raised((0, low), (1, low))[-1] == "urgent"
    assert _raised((0, low), (1, low), rules=PLAIN[2]) == [None, None]


def test_yesterdays_finding_is_history() -> None:
    assert _severities(_play([(0, URGENT), (1, URGENT)], delay=30))[-1] == "urgent"
    assert _severities(_play([(0, URGENT), (1, URGENT)], delay=30.1))[-1] is None


def test_each_rule_has_its_own_age_limit() -> None:
    slow = Policies(news2_emergency=Policy(2, 3, 900, 600))
    samples: Samples = [(0, EMERGENCY), (1, EMERGENCY)]
    assert _severities(_play(samples, policies=slow, delay=10))[-1] == "emergency"
    assert _severities(_play(samples, policies=slow, delay=11))[-1] == "urgent"


@pytest.mark.parametrize("needed", range(1, LONGEST_MEMORY + 1))
def test_how_many_samples_confirm_is_data(needed: int) -> None:
    policies = Policies(news2_urgent=Policy(needed, LONGEST_MEMORY, 3600, 1800))
    findings = _severities(_play([(minute, URGENT) for minute in range(LONGEST_MEMORY)], policies=policies))
    assert findings == [None] * (needed - 1) + ["urgent"] * (LONGEST_MEMORY - needed + 1)


def _limit(vital: str = "hr", severity: Severity = "urgent", low: float | None = 50, high: float | None = 100) -> Limit:
    return Limit(vital, severity, low, high, "elder")


def test_a_threshold_is_crossed_below_and_above_and_says_so() -> None:
    rules = WearerRules(1, (_limit(),))
    assert _raised((0, {"hr": 50}), (1, {"hr": 50}), (2, {"hr": 100}), (3, {"hr": 100}), rules=rules) == [None] * 4
    assert _raised((0, {"hr": 49}), (1, {"hr": 101}), rules=rules) == [None, "urgent"]
    finding = _play([(0, {"hr": 101}), (1, {"hr": 102})], rules)[-1]
    assert finding is not None
    assert finding.limits == [
        {"vital": "hr", "value": 102, "low": 50, "high": 100, "severity": "urgent", "source": "elder"}
    ]


def test_a_threshold_on_a_sign_without_points_raises_too() -> None:
    rules = WearerRules(1, (_limit("dbp", "advisory", None, 95),))
    finding = _play([(0, {"dbp": 100}), (1, {"dbp": 99})], rules)[-1]
    assert finding is not None
    assert (finding.severity, finding.news2) == ("advisory", None)


def test_thresholds_of_different_signs_do_not_confirm_each_other() -> None:
    rules = WearerRules(1, (_limit(), _limit("spo2", "urgent", 96, None)))
    assert _raised((0, {"hr": 105.0}), (1, {"spo2": 95.0, "hr": 70.0}), (2, {"spo2": 97.0}), rules=rules) == [None] * 3


def test_an_own_threshold_stands_in_for_the_care_levels() -> None:
    of_level = [Limit("hr", "urgent", 50, 100, "care_level"), Limit("spo2", "urgent", 94, None, "care_level")]
    held = standing([_limit(high=120), _limit("spo2", low=None, high=None)], of_level)
    assert held == (_limit(high=120),)
    assert standing([], of_level) == tuple(of_level)


def test_an_unusual_value_is_an_advisory_once_confirmed() -> None:
    rules = WearerRules(1, baseline=(8, 30, 90, 104, 80, 180, 48, 88, 35, 38, 40, 100))
    unusual = [(float(minute), {"hr": 89.0}) for minute in range(4)]
    findings = _play(unusual, rules)
    assert _severities(findings) == [None, None, "advisory", "advisory"]
    assert findings[2] is not None
    assert [limit["source"] for limit in findings[2].limits] == ["baseline"]


VALUE = st.floats(0, 300)
SAMPLE = st.dictionaries(st.sampled_from(SIGNS), VALUE, min_size=1)
LIMITS = st.lists(
    st.builds(
        lambda vital, severity, low, width: Limit(vital, severity, low, low + width, "elder"),
        st.sampled_from(SIGNS),
        st.sampled_from(("advisory", "urgent", "emergency")),
        VALUE,
        st.floats(0, 100),
    ),
    max_size=6,
    unique_by=lambda limit: (limit.vital, limit.severity),
)
CALM: Final = {"rr": 15.0, "spo2": 97.0, "sbp": 120.0, "hr": 70.0, "temp": 36.6, "dbp": 75.0}


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sets(st.sampled_from(SIGNS), min_size=1)), min_size=1, max_size=30),
    st.data(),
)
def test_no_single_measurement_raises_an_alarm(steps: list[tuple[int, set[str]]], data: st.DataObject) -> None:
    samples: Samples = []
    minutes = 0.0
    for gap, signs in steps:
        minutes += gap
        samples.append((minutes, {sign: CALM[sign] for sign in signs}))
    noisy = data.draw(st.integers(0, len(samples) - 1))
    sign = data.draw(st.sampled_from(sorted(samples[noisy][1])))
    samples[noisy][1][sign] = data.draw(VALUE)
    rules = WearerRules(1, tuple(_limit(name, "emergency", CALM[name] - 1, CALM[name] + 1) for name in SIGNS))
    assert set(_severities(_play(samples, rules))) == {None}


@given(st.lists(SAMPLE.filter(lambda sample: not {*SCORED}.isdisjoint(sample)), min_size=1, max_size=10))
def test_when_every_sample_is_whole_the_verdict_is_the_scores(samples: list[dict[str, float]]) -> None:
    whole: Samples = [(minute, CALM | sample) for minute, sample in enumerate(samples)]
    eager = Policies(news2_emergency=Policy(1, 1, 900, 1800), news2_urgent=Policy(1, 1, 900, 1800))
    now = datetime.fromtimestamp(START, UTC)
    expected: list[Severity | None] = []
    for _, values in whole:
        result = news2.score({name: (values[name], now) for name in SCORED}, 1, now)
        expected.append(news2.severity(result) if result else None)
    assert _severities(_play(whole, policies=eager)) == expected


@given(LIMITS, st.sampled_from(SIGNS), VALUE, st.sampled_from((1, 2)))
def test_a_judgement_is_the_points_and_the_limits_crossed(
    limits: list[Limit], vital: str, value: float, scale: int
) -> None:
    sign = SIGNS.index(vital)
    judged = WearerRules(scale, tuple(limits)).judge(sign, value)
    assert judged & 3 == (news2.points(vital, value, scale) if vital in SCORED else 0)
    crossed = [limit for limit in limits if limit.vital == vital and limit.crossed_by(value)]
    assert judged >> 2 == sum(limit.bit for limit in crossed) >> 2


@given(st.lists(st.tuples(st.integers(0, 10), SAMPLE), min_size=1, max_size=40), LIMITS)
def test_the_last_readings_and_two_of_each_sign_before_them_rebuild_what_matters(
    steps: list[tuple[int, dict[str, float]]], limits: list[Limit]
) -> None:
    rules = WearerRules(1, tuple(limits))
    samples: Samples = []
    minutes = 0.0
    for gap, values in steps:
        minutes += gap
        samples.append((minutes, values))
    head, tail = samples[: -STANDARD.samples], samples[-STANDARD.samples :]
    older: Samples = []
    for sign in SIGNS:
        if any(sign not in values for _, values in tail[:2]):
            older += [(at, {sign: values[sign]}) for at, values in head if sign in values][-2:]
    known, rebuilt = VitalsWindow(), VitalsWindow()
    for at, values in samples:
        known = known.advanced(START + at * 60, values, rules)
    for at, values in sorted(older, key=lambda item: item[0]) + tail:
        rebuilt = rebuilt.advanced(START + at * 60, values, rules)
    now = START + minutes * 60
    assert rebuilt.confirmed(Policies(), now) == known.confirmed(Policies(), now)
    assert (rebuilt.values, rebuilt.ats, rebuilt.borne_out) == (known.values, known.ats, known.borne_out)


def test_what_was_raised_a_moment_ago_is_not_raised_again_unless_worse() -> None:
    told = VitalsWindow()._replace(told="urgent", told_until=START + 300)
    assert [told.is_told(severity, START) for severity in ("advisory", "urgent", "emergency")] == [True, True, False]
    assert not told.is_told("urgent", START + 300)


def test_a_findings_time_is_the_samples() -> None:
    finding = _play([(0, URGENT), (1, URGENT)])[-1]
    assert finding is not None
    assert finding.at == datetime.fromtimestamp(START, UTC) + timedelta(minutes=1)
