"""A nurse checks scores line by line."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.score_readings import Scorer

WHOLE = {
    "hr": 135, "spo2": 90, "rr": 22, "temp": 38.4, "sbp": 105, "on_oxygen": True, "consciousness": "V",
}  # fmt: skip


def _score(*lines: object, carry: bool = False) -> list[dict[str, Any]]:
    return list(Scorer(carry).results(line if isinstance(line, str) else json.dumps(line) for line in lines))


def test_a_whole_line_has_a_complete_score_with_its_parts() -> None:
    (result,) = _score(WHOLE)
    assert (result["score"], result["severity"], result["complete"], result["missing"]) == (15, "emergency", True, [])
    assert {name: part["points"] for name, part in result["parts"].items()} == {
        "rr": 2, "spo2": 3, "sbp": 1, "hr": 3, "temp": 1, "oxygen": 2, "consciousness": 3,
    }  # fmt: skip


def test_what_is_missing_is_named_and_never_counted() -> None:
    (result,) = _score({"hr": 95, "spo2": 0, "temp": 99, "rr": None, "sbp": "high"})
    assert (result["score"], result["severity"]) == (1, None)
    assert result["missing"] == ["rr", "spo2", "sbp", "temp", "oxygen", "consciousness"]
    assert result["unused"] == {"spo2": "0: sensor off", "temp": "outside 25..44 °C", "sbp": "not a number"}
    (nothing,) = _score({"steps": 4})
    assert (nothing["score"], nothing["parts"]) == (None, {})


def test_scale_two_is_the_lines_to_say() -> None:
    assert [result["score"] for result in _score({"spo2": 90}, {"spo2": 90, "scale": 2})] == [3, 0]


def test_lines_are_scored_by_themselves_unless_values_are_carried() -> None:
    lines = [
        {"at": 0, "spo2": 90},
        {"at": 60_000, "hr": 95},
        {"at": 1_860_000, "hr": 95},
        {"at": 1, "device": "x", "hr": 70},
    ]
    assert [result["score"] for result in _score(*lines)] == [3, 1, 1, 0]
    carried = _score(*lines, carry=True)
    assert [result["score"] for result in carried] == [3, 4, 1, 0]
    assert carried[1]["parts"]["spo2"] == {"value": 90, "points": 3, "age_seconds": 60}


def test_each_sample_of_a_backfill_is_scored() -> None:
    results = _score({"samples": [{"at": 1, "hr": 70}, {"at": 2, "hr": 135}]})
    assert [(result["line"], result["at"], result["score"]) for result in results] == [(1, 1, 0), (1, 2, 3)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ({"at": "now"}, "at is not a whole number of milliseconds"),
        ({"at": 10**30}, "at is beyond any calendar"),
        ({"scale": 3}, "scale is not one of 1, 2"),
        ({"scale": True}, "scale is not one of 1, 2"),
        ({"on_oxygen": 1}, "on_oxygen is not one of true, false"),
        ({"consciousness": "asleep"}, 'consciousness is not one of "alert", "cvpu", "A", "C", "V", "P", "U"'),
        ({"samples": [1]}, "samples is not a list of objects"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_line_that_cannot_be_scored_says_why_and_the_next_is_scored(line: object, why: str) -> None:
    assert _score(line, "", {"hr": 70})[0] == {"line": 1, "error": why}
    assert _score(line, "", {"hr": 70})[-1]["score"] == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*WHOLE, "at", "samples", "scale"]), inner),
)


@given(JSON)
def test_whatever_a_line_is_it_gets_an_answer(line: Any) -> None:
    for result in _score(line):
        assert "error" in result or "score" in result


def _run(text: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", "schemas.score_readings", *options]
    return subprocess.run(words, input=text, capture_output=True, check=False)


def test_the_command_prints_a_line_of_json_for_each_and_fails_if_one_was_bad() -> None:
    done = _run(b'{"hr":72}\n\xff\n{"hr":135}\n')
    assert [json.loads(line).get("score") for line in done.stdout.splitlines()] == [0, None, 3]
    assert done.returncode == 1
    done = _run(json.dumps(WHOLE).encode() + b'\n{"hr":95,"rr":0}', "--text")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "1: NEWS2 15 emergency; rr 22 → 2, spo2 90 → 3, sbp 105 → 1, hr 135 → 3, temp 38.4 → 1, oxygen true → 2, "
        "consciousness cvpu → 3",
        "2: NEWS2 ≥ 1; hr 95 → 1; missing: rr, spo2, sbp, temp, oxygen, consciousness; left out: rr 0: sensor off",
    ]
