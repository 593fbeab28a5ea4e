"""The benchmark of plans, in its short seeded form, and its readers of public instances."""

import os
from pathlib import Path

import pytest

from dispatch.planning import parts
from dispatch.planning.format import check, decode_problem, encode
from load_tests.plan_bench.district import district_problem
from load_tests.plan_bench.outcome import NoInstances, district_case, lines, measure, routing_case, standard_cases
from load_tests.plan_bench.vrplib import BadInstance, best_known, parse, problem_of

VRPTW = Path(os.environ.get("ANBAN_DATA") or "../shared/data") / "routing" / "vrptw"

SMALL = """NAME : SMALL
VEHICLES : 2
CAPACITY : 10
SERVICE_TIME : 3
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 1 1
3 3 4
DEMAND_SECTION
1 0
2 6
3 6
TIME_WINDOW_SECTION
1 0 100
2 0 50
3 10 60
DEPOT_SECTION
1
-1
EOF
"""


def test_an_instance_is_read_with_ways_cut_after_one_decimal(tmp_path: Path) -> None:
    path = tmp_path / "SMALL.vrp"
    path.write_text(SMALL, encoding="utf-8")
    path.with_suffix(".sol").write_text("Route #1: 1\nRoute #2: 2\nCost 12.8\n", encoding="utf-8")
    problem = problem_of(path)
    check(problem)
    assert problem.matrix is not None
    assert problem.matrix.means["straight"].durations[0] == [0, 1.4, 5]
    assert [(job.id, job.window, job.load) for job in problem.jobs] == [
        ("1", (0, 50), {"load": 6}),
        ("2", (10, 60), {"load": 6}),
    ]
    result = measure(routing_case(path, 0.5, 1.0), seed=1, processes=1, iterations=50)
    assert result["held"] and result["cost"] == pytest.approx(12.8) and result["gap_percent"] == pytest.approx(0)


def test_what_is_no_instance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInstance):
        parse("once upon a time")
    path = tmp_path / "half.vrp"
    path.write_text("NAME : half\n", encoding="utf-8")
    with pytest.raises(BadInstance, match="NODE_COORD"):
        problem_of(path)
    path.with_suffix(".sol").write_text("Route #1: 1\n", encoding="utf-8")
    with pytest.raises(BadInstance, match="half"):
        best_known(path)
    with pytest.raises(NoInstances):
        standard_cases(tmp_path, 1, 1, 10, 2)


@pytest.mark.skipif(not VRPTW.is_dir(), reason="no public instances: ANBAN_DATA says where they are")
@pytest.mark.parametrize(
    ("name", "reach", "iterations"), [("RC208", 2.0, 2500), ("mt_R201R0.25", 8.0, 1500), ("C1_10_1", 3.0, 1800)]
)
def test_public_instances_come_near_the_best_known_even_in_short(name: str, reach: float, iterations: int) -> None:
    result = measure(routing_case(VRPTW / f"{name}.vrp", reach, 60.0), seed=1, processes=1, iterations=iterations)
    assert result["held"], lines([result])


def test_a_generated_day_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    one, again, other = (encode(district_problem(seed, 40, 8)) for seed in (1, 1, 2))
    assert one == again != other
    decode_problem(one)


def test_a_small_district_day_is_planned_within_its_time_and_every_rule() -> None:
    result = measure(district_case(1, 60, 12, 6.0), seed=1, processes=1)
    assert result["faults"] == []
    assert result["served"] >= 55 and result["held"], lines([result])


def test_a_result_that_is_too_far_is_not_held() -> None:
    result = measure(district_case(1, 20, 1, 0.5), seed=1, processes=1, iterations=5)
    assert result["gap_percent"] is None and result["unserved"]
    assert "NOT HELD" in lines([result | {"held": False}])[0]


def test_a_day_cut_into_parts_keeps_every_rule_and_serves_no_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(district_case(2, 60, 12, 5.0), seed=1, processes=1, iterations=40)
    monkeypatch.setattr(parts, "UNITS_A_PART", 16)
    cut = measure(district_case(2, 60, 12, 5.0), seed=1, processes=1, iterations=40)
    assert whole["faults"] == cut["faults"] == []
    assert cut["served"] >= whole["served"] - 2
