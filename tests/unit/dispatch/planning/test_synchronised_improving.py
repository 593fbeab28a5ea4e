import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.planning.format import Break, BreakStop, Job, Objective, Plan, Problem, Promise, Visit, Worker, check
from dispatch.planning.insertion import Routes
from dispatch.planning.solve import plan_of
from dispatch.planning.synchronised import improve, place_doubles
from dispatch.planning.tasks import day_of
from dispatch.planning.travel_times import Ways, ways_of
from dispatch.planning.verify import verify
from tests.unit.dispatch.planning.small_days import visits_of

LONG = 3600.0
HOUR = 3600


@st.composite
def district_days(draw: st.DrawFn) -> Problem:
    """Baths by two, cleaning, and hot meals from a kitchen, for workers with breaks."""
    where = st.tuples(st.integers(0, 30), st.integers(0, 30))
    spots = draw(st.lists(where, min_size=12, max_size=12, unique=True))
    places = {f"e{n}": (29.80 + x * 0.001, 106.40 + y * 0.001) for n, (x, y) in enumerate(spots)}
    workers = [
        Worker(
            id=f"w{n}",
            start=f"e{draw(st.integers(0, 11))}",
            end=draw(st.sampled_from([None, "e0"])),
            shift=(8 * HOUR, draw(st.sampled_from([13, 17])) * HOUR),
            overtime=draw(st.sampled_from([0, 1800])),
            skills=draw(st.sampled_from([["bath", "clean"], ["bath"], ["clean"]])),
            capacity={"meals": 3},
            means=draw(st.sampled_from(["scooter", "walk"])),
            breaks=draw(st.sampled_from([[], [Break(duration=1800, window=(11 * HOUR, 12.5 * HOUR))]])),
        )
        for n in range(draw(st.integers(2, 4)))
    ]
    jobs = [_job(draw, n) for n in range(draw(st.integers(2, 10)))]
    if draw(st.booleans()):
        jobs[0].promised = Promise(
            start=jobs[0].window[0] + 600, workers=["w0", "w1"][: len(jobs[0].visits)], within=900
        )
        jobs[0].fixed = draw(st.booleans())
    objective = Objective(moved=draw(st.sampled_from([0, 500])), worker=draw(st.sampled_from([0, 300])))
    return Problem(version=1, places=places, workers=workers, jobs=jobs, objective=objective, pickup_duration=120)


def _job(draw: st.DrawFn, number: int) -> Job:
    earliest = draw(st.integers(16, 30)) * 1800
    kind = draw(st.sampled_from(["bath", "bath", "clean", "meal"]))
    return Job(
        id=f"j{number}",
        place=f"e{draw(st.integers(1, 11))}",
        window=(earliest, earliest + HOUR),
        visits=[Visit(skills=["bath"], duration=2700)] * 2 if kind == "bath" else [Visit(duration=1200)],
        gap=(0, draw(st.sampled_from([0, 600]))) if kind == "bath" else (0, 0),
        load={"meals": 1} if kind == "meal" else {},
        pickup="e0" if kind == "meal" else None,
        ready=earliest - 900 if kind == "meal" and draw(st.booleans()) else None,
        hot=2400 if kind == "meal" else None,
    )


def inserted(problem: Problem, ways: Ways, placed: int) -> Plan:
    """So many of the doubles as they were placed, and the rest put where it costs least."""
    fixed = place_doubles(problem, ways, LONG, 1, rounds=10)
    chosen = sorted({one.job for one in fixed})[:placed]
    day = day_of(problem, ways, [one for one in fixed if one.job in chosen])
    routes = Routes(day)
    routes.insert(sorted(routes.left))
    plan = plan_of(day, routes)
    assert set(chosen) <= {job for job, _ in visits_of(plan)}
    return plan


@settings(max_examples=150, deadline=None)
@given(district_days(), st.integers(0, 5))
def test_what_is_improved_keeps_every_rule_and_is_no_worse(problem: Problem, placed: int) -> None:
    check(problem)
    ways = ways_of(problem)
    plan = inserted(problem, ways, placed)
    assert verify(problem, ways, plan) == []
    better = improve(problem, ways, plan, LONG, 2, rounds=25)
    assert verify(problem, ways, better) == []
    assert (better.figures.unserved, round(better.figures.objective, 6)) <= (
        plan.figures.unserved,
        round(plan.figures.objective, 6),
    )


def test_a_double_that_was_left_out_is_put_in() -> None:
    problem = two_baths()
    ways = ways_of(problem)
    plan = inserted(problem, ways, 1)
    assert [left.job for left in plan.unserved] == ["j1"]
    assert improve(problem, ways, plan, LONG, 1, rounds=50).unserved == []


def test_whoever_gives_all_visits_away_keeps_no_break() -> None:
    problem = two_baths()
    problem.objective = Objective(worker=10_000)
    rest = Break(duration=60, window=(11 * HOUR, 12 * HOUR))
    problem.workers += [
        Worker(id=name, start="e3", shift=(8 * HOUR, 17 * HOUR), skills=["bath"], breaks=[rest])
        for name in ("w2", "w3")
    ]
    ways = ways_of(problem)
    apart = two_baths()
    apart.workers = problem.workers
    apart.jobs[1].workers = ["w2", "w3"]
    apart.jobs[0].workers = ["w0", "w1"]
    plan = inserted(apart, ways, 2)
    assert len(plan.routes) == 4
    plan.figures.objective += 40_000
    better = improve(problem, ways, plan, LONG, 1, rounds=100)
    assert len(better.routes) == 2


def test_a_plan_without_doubles_is_left_as_it_is() -> None:
    problem = two_baths()
    for job in problem.jobs:
        job.visits = job.visits[:1]
    ways = ways_of(problem)
    day = day_of(problem, ways, [])
    routes = Routes(day)
    routes.insert(sorted(routes.left))
    plan = plan_of(day, routes)
    assert improve(problem, ways, plan, LONG, 1, rounds=5) is plan


@pytest.mark.parametrize("break_at", [9 * HOUR, 10 * HOUR])
def test_a_break_between_two_doubles_stays_between_them_at_where_the_worker_is(break_at: int) -> None:
    problem = two_baths()
    for worker in problem.workers:
        worker.breaks = [Break(duration=900, window=(break_at, break_at + HOUR))]
    ways = ways_of(problem)
    plan = inserted(problem, ways, 2)
    better = improve(problem, ways, plan, LONG, 1, rounds=30)
    assert verify(problem, ways, better) == []
    assert better.unserved == []
    assert all(any(isinstance(stop, BreakStop) for stop in route.stops) for route in better.routes)


def two_baths() -> Problem:
    """Two baths whose windows allow both only in one order, for two workers who may."""
    return Problem(
        version=1,
        places={"e1": (29.80, 106.40), "e2": (29.81, 106.41), "e3": (29.805, 106.405)},
        workers=[
            Worker(id=f"w{n}", start="e3", shift=(8 * HOUR, 17 * HOUR), skills=["bath"], means="scooter")
            for n in (0, 1)
        ],
        jobs=[
            Job(
                id=f"j{n}",
                place=f"e{n + 1}",
                window=(8.2 * HOUR, (13 if n == 0 else 8.6) * HOUR),
                visits=[Visit(skills=["bath"], duration=2700)] * 2,
            )
            for n in (0, 1)
        ],
    )
