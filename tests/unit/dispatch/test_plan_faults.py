"""A plan from another process is held against its problem before anybody is promised anything by it."""

from collections.abc import Callable
from typing import Final

import pytest

from dispatch.day_plans.checking import fault_of
from dispatch.planning.format import Figures, Job, Plan, Problem, Route, Unserved, Visit, VisitStop, Worker

HOUR: Final = 3600.0
PROBLEM: Final = Problem(
    version=1,
    places={"base": (29.81, 106.4), "home": (29.82, 106.41)},
    workers=[
        Worker(id="1.1", start="base", shift=(8 * HOUR, 12 * HOUR)),
        Worker(id="2.2", start="base", shift=(8 * HOUR, 17 * HOUR)),
    ],
    jobs=[
        Job(id="7", place="home", window=(9 * HOUR, 10 * HOUR), visits=[Visit(duration=HOUR), Visit(duration=HOUR)]),
        Job(id="8", place="home", window=(11 * HOUR, 13 * HOUR), visits=[Visit(duration=HOUR)]),
        Job(id="9", place="home", window=(11 * HOUR, 13 * HOUR), visits=[Visit(duration=HOUR)]),
    ],
)


def stop(job: str, hour: float, visit: int = 0) -> VisitStop:
    return VisitStop(job=job, visit=visit, arrive=hour * HOUR, start=hour * HOUR, end=(hour + 1) * HOUR)


def plan() -> Plan:
    """Two together at nine, one at eleven, one left out."""
    nothing = dict.fromkeys(Figures.__struct_fields__, 0)
    return Plan(
        version=1,
        name="",
        routes=[
            Route(worker="1.1", stops=[stop("7", 9), stop("8", 11)], travel=0, distance=0),
            Route(worker="2.2", stops=[stop("7", 9, 1)], travel=0, distance=0),
        ],
        unserved=[Unserved(job="9", reason="full")],
        figures=Figures(**nothing),
    )


def test_a_plan_of_its_problem_has_no_fault() -> None:
    assert fault_of(PROBLEM, plan()) is None


def _put(worker: int, one: VisitStop) -> Callable[[Plan], None]:
    return lambda made: made.routes[worker].stops.append(one)


def _strange_worker(made: Plan) -> None:
    made.routes[0].worker = "3.3"


def _alone(made: Plan) -> None:
    made.routes[1].stops.clear()


def _forgotten(made: Plan) -> None:
    made.unserved.clear()


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_strange_worker, "worker 3.3: unknown"),
        (_put(0, stop("999", 9)), "job 999: unknown"),
        (_put(0, stop("8", 11, 1)), "job 8: unknown"),
        (_put(1, stop("8", 11)), "job 8: visited twice"),
        (_put(1, stop("9", 14)), "job 9: outside its window"),
        (_put(1, stop("9", 10)), "job 9: outside its window"),
        (_put(0, stop("9", 11.5)), "job 9: outside the shift of 1.1"),
        (_put(1, stop("9", 12)), "a job is served in part, or served and left out"),
        (_alone, "a job is served in part, or served and left out"),
        (_forgotten, "job 9: neither served nor left out"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(spoil: Callable[[Plan], None], fault: str) -> None:
    made = plan()
    spoil(made)
    assert fault_of(PROBLEM, made) == fault
