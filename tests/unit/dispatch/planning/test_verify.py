"""A plan that breaks any one rule, or tells any wrong figure, is found out."""

from collections.abc import Callable

import pytest

from dispatch.planning.format import (
    Break,
    BreakStop,
    EndStop,
    Figures,
    Job,
    Matrix,
    Means,
    Objective,
    PickupStop,
    Plan,
    Problem,
    Promise,
    Route,
    Unserved,
    Visit,
    VisitStop,
    Worker,
)
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import figures, verify


def _problem() -> Problem:
    """Places 0, 10, … 50 on a line; a step of ten takes ten, and is a hundred long."""
    ways = [[float(abs(a - b) * 10) for b in range(6)] for a in range(6)]
    lengths = [[10 * way for way in row] for row in ways]
    places = [str(10 * at) for at in range(6)]
    return Problem(
        version=1,
        objective=Objective(travel=1, lateness=2, worker=7, moved=100, continuity=3),
        matrix=Matrix(places=places, means={"walk": Means(durations=ways, distances=lengths)}),
        pickup_duration=5,
        workers=[
            Worker(
                id="a",
                start="0",
                end="0",
                shift=(0, 300),
                skills=["bath"],
                capacity={"meals": 1},
                breaks=[Break(duration=20, window=(100, 140))],
            ),
            Worker(id="b", start="0", shift=(0, 200), skills=["bath"]),
        ],
        jobs=[
            Job(
                id="meal",
                place="20",
                window=(30, 60),
                visits=[Visit(duration=5)],
                load={"meals": 1},
                pickup="10",
                hot=20,
                ready=25,
            ),
            Job(
                id="pair",
                place="30",
                window=(80, 90),
                visits=[Visit(duration=10, skills=["bath"])] * 2,
                gap=(0, 5),
                late="allowed",
                promised=Promise(workers=["b", "a"], start=80, within=10),
            ),
            Job(
                id="kept",
                place="0",
                window=(0, 250),
                visits=[Visit(duration=10)],
                promised=Promise(worker="a", start=180),
                fixed=True,
                prefers={"b": 4, "a": 1},
            ),
            Job(id="out", place="50", window=(0, 10), visits=[Visit(duration=1)]),
        ],
    )


def _plan() -> Plan:
    """A plan of that problem which keeps every rule; the pair comes 5 late."""
    return Plan(
        version=1,
        routes=[
            Route(
                worker="a",
                travel=60,
                distance=600,
                stops=[
                    PickupStop(place="10", arrive=20, start=20, end=25),
                    VisitStop(job="meal", visit=0, arrive=35, start=35, end=40),
                    VisitStop(job="pair", visit=0, arrive=50, start=95, end=105, late=5),
                    BreakStop(number=0, arrive=105, start=105, end=125),
                    VisitStop(job="kept", visit=0, arrive=155, start=180, end=190),
                    EndStop(place="0", arrive=190, start=190, end=190),
                ],
            ),
            Route(
                worker="b",
                travel=30,
                distance=300,
                stops=[VisitStop(job="pair", visit=1, arrive=95, start=95, end=105, late=5)],
            ),
        ],
        unserved=[Unserved(job="out", reason="window")],
        figures=Figures(
            jobs=4,
            served=3,
            unserved=1,
            travel=90,
            distance=900,
            lateness=10,
            greatest_lateness=5,
            objective=90 + 2 * 10 + 2 * 7 + 100 + 3 * 3,
            workers_used=2,
            moved=1,
            overtime=0,
            missed_points=3,
            unserved_priority=0,
        ),
    )


def _visit(plan: Plan, route: int, stop: int) -> VisitStop:
    found = plan.routes[route].stops[stop]
    assert isinstance(found, VisitStop)
    return found


def _drop(plan: Plan, route: int, stop: int) -> None:
    del plan.routes[route].stops[stop]


def _swap_hands(plan: Plan) -> None:
    plan.routes[0].worker, plan.routes[1].worker = "b", "a"


def test_a_plan_that_keeps_every_rule_is_accepted_with_its_figures() -> None:
    problem, plan = _problem(), _plan()
    assert verify(problem, ways_of(problem), plan) == []
    assert figures(problem, ways_of(problem), plan) == plan.figures


CHANGES: list[tuple[str, Callable[[Problem, Plan], object]]] = [
    ("cannot be there before", lambda _, plan: setattr(_visit(plan, 0, 2), "arrive", 45)),
    ("before arriving", lambda _, plan: setattr(_visit(plan, 1, 0), "arrive", 97)),
    ("takes", lambda _, plan: setattr(_visit(plan, 0, 1), "end", 38)),
    ("before its window", lambda problem, _: setattr(problem.jobs[0], "window", (40, 60))),
    ("too late", lambda problem, _: setattr(problem.jobs[0], "window", (30, 32))),
    ("late, not", lambda _, plan: setattr(_visit(plan, 1, 0), "late", 0)),
    ("after the shift", lambda problem, _: setattr(problem.workers[0], "shift", (0, 189))),
    ("cannot be there before", lambda problem, _: setattr(problem.workers[0], "shift", (15, 300))),
    ("lacks a skill", lambda problem, _: setattr(problem.workers[1], "skills", [])),
    ("must not", lambda problem, _: setattr(problem.jobs[0], "excluded", ["a"])),
    ("must not", lambda problem, _: setattr(problem.jobs[0], "workers", ["b"])),
    ("carries", lambda problem, _: setattr(problem.workers[0], "capacity", {})),
    ("carries", lambda problem, _: setattr(problem.jobs[2], "load", {"meals": 1})),
    ("not fetched", lambda problem, _: setattr(problem.jobs[0], "pickup", "20")),
    ("ready only", lambda problem, _: setattr(problem.jobs[0], "ready", 26)),
    ("hot only", lambda problem, _: setattr(problem.jobs[0], "hot", 9)),
    ("no break", lambda _, plan: _drop(plan, 0, 3)),
    ("outside its window", lambda problem, _: setattr(problem.workers[0].breaks[0], "window", (106, 140))),
    ("does not end", lambda _, plan: _drop(plan, 0, 5)),
    ("does not have", lambda problem, _: setattr(problem.workers[0], "end", None)),
    ("between the two starts", lambda problem, _: setattr(problem.jobs[1], "gap", (1, 5))),
    ("is fixed", lambda problem, _: setattr(problem.jobs[2].promised, "start", 181)),
    ("1 of 2 visits", lambda _, plan: plan.routes.pop()),
    ("not unserved", lambda _, plan: plan.unserved.clear()),
    ("unserved", lambda _, plan: plan.unserved.append(Unserved(job="meal", reason="full"))),
    ("twice", lambda _, plan: plan.unserved.append(Unserved(job="out", reason="full"))),
    ("two routes", lambda _, plan: setattr(plan.routes[1], "worker", "a")),
    ("unknown", lambda _, plan: setattr(plan.routes[1], "worker", "z")),
    ("unknown visit", lambda _, plan: setattr(_visit(plan, 1, 0), "visit", 2)),
    ("twice", lambda _, plan: setattr(_visit(plan, 1, 0), "visit", 0)),
    ("both visits by one", lambda _, plan: plan.routes[0].stops.insert(3, plan.routes.pop().stops[0])),
    ("travel is", lambda _, plan: setattr(plan.routes[1], "travel", 20)),
    ("distance is", lambda _, plan: setattr(plan.routes[1], "distance", 20)),
    ("without a visit", lambda _, plan: plan.routes[1].stops.clear()),
    ("lacks a skill", lambda problem, plan: (_swap_hands(plan), setattr(problem.workers[1], "skills", []))),
    ("figures.objective", lambda problem, _: setattr(problem.objective, "moved", 50)),
    *(
        (f"figures.{name}", lambda _, plan, name=name: setattr(plan.figures, name, 77))
        for name in Figures.__struct_fields__
        if name != "seconds"
    ),
]


@pytest.mark.parametrize(("said", "change"), CHANGES)
def test_each_broken_rule_is_told(said: str, change: Callable[[Problem, Plan], object]) -> None:
    problem, plan = _problem(), _plan()
    change(problem, plan)
    assert any(said in fault for fault in verify(problem, ways_of(problem), plan))


def test_a_promise_counts_as_kept_within_its_span_only() -> None:
    problem, plan = _problem(), _plan()
    promise = problem.jobs[1].promised
    assert promise is not None
    promise.within = 15
    assert figures(problem, ways_of(problem), plan).moved == 0
    promise.within = 14
    assert figures(problem, ways_of(problem), plan).moved == 1
