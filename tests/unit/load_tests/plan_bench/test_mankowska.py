import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from dispatch.planning.format import Plan, VisitStop, check
from dispatch.planning.synchronised import solve
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import verify
from load_tests.plan_bench.mankowska import Instance, best_known, cost, problem_of, read

TWO_STAFF = """nbNodes
4
nbVehi
2
nbServi
2
r
1 1
1 0
1 1
1 1
DS
3
a
1 0
1 1
x
0 3 3 0
y
0 0 4 0
d
0 3 5 0
3 0 4 3
5 4 0 5
0 3 5 0
p
0 0
0 0
10 10
10 10
10 10
10 10
0 0
0 0
mind
0 0 2 0
maxd
0 0 6 0
e
0 0 0 0
l
99 8 10 99
"""


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    path = tmp_path / "tiny.txt"
    path.write_text(TWO_STAFF, encoding="utf-8")
    return read(path)


def solved(instance: Instance, rounds: int) -> Plan:
    problem = problem_of(instance)
    check(problem)
    plan = solve(problem, ways_of(problem), 600.0, 1, rounds, processes=1)
    assert verify(problem, ways_of(problem), plan) == []
    return plan


def test_an_instance_becomes_a_problem_with_its_gap_and_skills(instance: Instance) -> None:
    problem = problem_of(instance)
    assert [(job.id, len(job.visits), job.gap, job.window) for job in problem.jobs] == [
        ("p1", 1, (0, 0), (0, 8)),
        ("p2", 2, (2, 6), (0, 10)),
    ]
    assert [worker.skills for worker in problem.workers] == [["0"], ["0", "1"]]


def test_the_least_cost_of_a_tiny_instance_is_found(instance: Instance) -> None:
    found = cost(instance, solved(instance, 50))
    # Staff 0 gives the first service to patient 2 and staff 1 the second; either takes patient 1 before or after.
    # The way is 22 each time; in the last, patient 2 waits for staff 1, and staff 0 until the gap is short enough.
    options = [[17 - 10, 19 - 10], [19 - 8], [21 - 8], [17 - 10, 11 - 10]]
    assert found.total == pytest.approx(min((22 + sum(late) + max(late)) / 3 for late in options))
    assert found.total == pytest.approx(solved(instance, 50).figures.objective)


def test_a_plan_that_breaks_a_rule_has_no_cost(instance: Instance) -> None:
    plan = solved(instance, 20)
    with pytest.raises(ValueError, match="a service is missing"):
        cost(instance, replace(plan, routes=plan.routes[:1]))
    stops = [stop for route in plan.routes for stop in route.stops if isinstance(stop, VisitStop) and stop.job == "p2"]
    next(stop for stop in stops if stop.visit == 1).start += 5
    with pytest.raises(ValueError, match="between"):
        cost(instance, plan)


def test_what_is_no_instance_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("r\n1 2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is not an instance"):
        read(path)


def test_service_times_that_depend_on_staff_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.txt"
    path.write_text(TWO_STAFF.replace("10 10\n10 10\n10 10\n10 10", "10 10\n12 12\n10 10\n10 10"), encoding="utf-8")
    with pytest.raises(ValueError, match="depend on who comes"):
        read(path)


def test_the_best_known_cost_of_the_small_public_instance_is_reached() -> None:
    data = Path(os.environ.get("ANBAN_DATA") or "../shared/data") / "routing/mankowska2014"
    if not data.is_dir():
        pytest.skip(f"no instances in {data}: set ANBAN_DATA")
    small = read(data / "InstanzCPLEX_HCSRP_10_3.txt")
    found = cost(small, solved(small, 400)).total
    assert found <= best_known(data / "bks_brkga2021.csv")[small.name] + 0.05
