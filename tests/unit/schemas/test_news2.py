"""NEWS2 as the Royal College of Physicians published it in 2017, band edge by band edge."""

import math
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import news2

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

EDGES = [
    ("rr", [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)]),
    ("spo2", [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
    ("sbp", [(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
    ("hr", [(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)]),
    ("temp", [(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)]),
]


@pytest.mark.parametrize(
    ("parameter", "value", "expected"), [(name, value, points) for name, edges in EDGES for value, points in edges]
)
def test_band_edges(parameter: str, value: float, expected: int) -> None:
    assert news2.points(parameter, value) == expected


@pytest.mark.parametrize(("value", "on_air", "on_oxygen"), [
    (83, 3, 3), (84, 2, 2), (85, 2, 2), (86, 1, 1), (87, 1, 1), (88, 0, 0), (92, 0, 0),
    (93, 0, 1), (94, 0, 1), (95, 0, 2), (96, 0, 2), (97, 0, 3),
])  # fmt: skip
def test_oxygen_scale_2(value: float, on_air: int, on_oxygen: int) -> None:
    assert news2.points("spo2", value, 2, on_oxygen=False) == on_air
    assert news2.points("spo2", value, 2, on_oxygen=True) == on_oxygen


@pytest.mark.parametrize(("parameter", "value", "expected"), [
    ("hr", 40.4, 3), ("hr", 40.5, 1), ("temp", 35.04, 3), ("temp", 35.05, 1), ("temp", 38.04, 0), ("spo2", 95.5, 0),
    ("temp", 36.05, 0), ("temp", 38.05, 1), ("temp", 39.05, 2), ("temp", 38.0499999999, 0), ("rr", 20.5, 2),
])  # fmt: skip
def test_values_are_rounded_to_the_bands_precision_first(parameter: str, value: float, expected: int) -> None:
    assert news2.points(parameter, value) == expected


def _near_an_edge() -> st.SearchStrategy[tuple[str, float]]:
    edges = [
        (name, value + half) for name, found in EDGES for value, _ in found for half in (0, 0.05, 0.5, -0.05, -0.5)
    ]
    return st.tuples(st.sampled_from(edges), st.integers(-3, 3)).map(
        lambda pick: (pick[0][0], pick[0][1] + pick[1] * math.ulp(pick[0][1]))
    )


@given(_near_an_edge() | st.tuples(st.sampled_from([name for name, _ in EDGES]), st.floats(0, 300)))
def test_points_are_those_of_the_value_rounded_half_up_as_it_is_written(sample: tuple[str, float]) -> None:
    parameter, value = sample
    step = Decimal("0.1") if parameter == "temp" else Decimal(1)
    rounded = float(Decimal(str(value)).quantize(step, rounding=ROUND_HALF_UP))
    assert news2.points(parameter, value) == news2.points(parameter, rounded)


def _at(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_a_missing_field_is_named_and_never_counted_as_zero() -> None:
    result = news2.score({"hr": (131, _at(0)), "spo2": (90, _at(1))}, 1, NOW)
    assert result is not None
    assert result["score"] == 6
    assert result["missing"] == ["rr", "sbp", "temp", "oxygen", "consciousness"]
    assert result["complete"] is False
    assert result["values"]["spo2"] == {"value": 90, "points": 3, "age_seconds": 60}


def test_a_sample_older_than_thirty_minutes_does_not_count() -> None:
    assert news2.score({"hr": (131, _at(30.1))}, 1, NOW) is None
    result = news2.score({"hr": (131, _at(30))}, 1, NOW)
    assert result is not None
    assert result["score"] == 3


@pytest.mark.parametrize(("score", "single_three", "expected"), [
    (0, False, None), (4, False, None), (3, True, "urgent"), (5, False, "urgent"), (6, True, "urgent"),
    (7, False, "emergency"), (12, True, "emergency"),
])  # fmt: skip
def test_severity_of_a_score(score: int, single_three: bool, expected: str | None) -> None:
    assert news2.severity({"score": score, "single_three": single_three}) == expected


@given(
    st.dictionaries(st.sampled_from(["rr", "spo2", "sbp", "hr", "temp"]), st.floats(0, 300), min_size=1),
    st.sampled_from([1, 2]),
)
def test_the_score_is_the_sum_of_its_parts(values: dict[str, float], scale: int) -> None:
    result = news2.score({name: (value, NOW) for name, value in values.items()}, scale, NOW)
    assert result is not None
    assert result["score"] == sum(part["points"] for part in result["values"].values())
    assert set(result["missing"]) | set(values) == set(news2.PARAMETERS)


def test_what_somebody_saw_completes_the_score() -> None:
    values = {"rr": (16, NOW), "spo2": (97, NOW), "sbp": (125, NOW), "hr": (70, NOW), "temp": (36.6, NOW)}
    result = news2.score(values, 1, NOW, on_oxygen=False, consciousness="alert")
    assert result is not None
    assert (result["score"], result["complete"], result["missing"]) == (0, True, [])
    result = news2.score(values, 2, NOW, on_oxygen=True, consciousness="cvpu")
    assert result is not None
    assert {name: part["points"] for name, part in result["values"].items() if part["points"]} == {
        "spo2": 3, "oxygen": 2, "consciousness": 3,
    }  # fmt: skip
    assert (result["score"], result["single_three"], news2.severity(result)) == (8, True, "emergency")


def test_unconsciousness_alone_is_a_single_three() -> None:
    result = news2.score({}, 1, NOW, consciousness="cvpu")
    assert result is not None
    assert (result["score"], news2.severity(result)) == (3, "urgent")
    assert result["missing"] == ["rr", "spo2", "sbp", "hr", "temp", "oxygen"]
