from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dispatch.planning.format import Break, Job, Plan, Problem, Promise, Visit, VisitStop, Worker, check
from dispatch.planning.synchronised import can_solve, improve, place_doubles, solve
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import verify
from tests.unit.dispatch.planning.small_days import cheapest, days, visits_of

LONG = 3600.0


def solved(problem: Problem, rounds: int = 40, seed: int = 1) -> Plan:
    check(problem)
    return solve(problem, ways_of(problem), LONG, seed, rounds, processes=1)


@settings(max_examples=120, deadline=None)
@given(days())
def test_no_rule_is_broken_and_every_figure_is_right(problem: Problem) -> None:
    plan = solved(problem)
    assert verify(problem, ways_of(problem), plan) == []


@settings(max_examples=120, deadline=None)
@given(days())
def test_nobody_is_at_two_places_and_two_skilled_workers_come_within_the_gap(problem: Problem) -> None:
    plan = solved(problem)
    workers = {worker.id: worker for worker in problem.workers}
    came = visits_of(plan)
    for route in plan.routes:
        stops = [stop for stop in route.stops if isinstance(stop, VisitStop)]
        assert all(one.end <= next_one.arrive + 1e-6 for one, next_one in pairwise(stops))
    for job in problem.jobs:
        both = [came[job.id, visit] for visit in range(len(job.visits)) if (job.id, visit) in came]
        assert len(both) in (0, len(job.visits))
        for visit, (name, stop) in enumerate(both):
            assert set(job.visits[visit].skills) <= set(workers[name].skills)
            assert name not in job.excluded
            assert stop.start >= job.window[0]
        if len(both) == 2:
            assert both[0][0] != both[1][0]
            assert job.gap[0] - 1e-6 <= both[1][1].start - both[0][1].start <= job.gap[1] + 1e-6


@settings(max_examples=40, deadline=None)
@given(days(most_jobs=3, most_workers=3, late=True))
def test_a_small_day_costs_no_more_than_the_best_of_all_plans(problem: Problem) -> None:
    for job in problem.jobs:
        job.promised, job.priority, job.prefers = None, None, {}
    plan = solved(problem, rounds=1500)
    least = cheapest(problem)
    if plan.unserved:
        assert least == float("inf")
    else:
        assert plan.figures.objective == pytest.approx(least, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(days(), st.integers(0, 3))
def test_doubles_placed_first_are_a_plan_by_themselves(problem: Problem, breaks: int) -> None:
    for worker in problem.workers[:breaks]:
        worker.breaks = [Break(duration=30, window=(100, 180))]
    placed = place_doubles(problem, ways_of(problem), LONG, 1, rounds=40)
    jobs = {job.id: job for job in problem.jobs}
    at = {(one.job, one.visit): one for one in placed}
    assert {one.job for one in placed} <= {job.id for job in problem.jobs if len(job.visits) == 2}
    for one in placed:
        job, other = jobs[one.job], at[one.job, 1 - one.visit]
        assert one.worker != other.worker
        assert job.window[0] <= one.start
        assert one.start <= job.window[1] or job.late == "allowed"
        assert job.gap[0] - 1e-6 <= at[one.job, 1].start - at[one.job, 0].start <= job.gap[1] + 1e-6
    bound = {job.id for job in problem.jobs if (job.id, 0) in at}
    fixed = [
        Job(
            id=job.id,
            place=job.place,
            window=(at[job.id, 0].start, at[job.id, 0].start),
            visits=[replace(visit) for visit in job.visits],
            gap=(at[job.id, 1].start - at[job.id, 0].start,) * 2,
            late="allowed",
            promised=Promise(start=at[job.id, 0].start, workers=[at[job.id, 0].worker, at[job.id, 1].worker]),
            fixed=True,
        )
        for job in problem.jobs
        if job.id in bound
    ]
    alone = replace(problem, jobs=fixed, workers=[replace(worker, breaks=[]) for worker in problem.workers])
    assert solved(alone).unserved == []


def test_a_fixed_double_stays_with_its_workers_at_its_time() -> None:
    problem = bath_day(4)
    problem.jobs[0].promised = Promise(start=9000, workers=["w2", "w1"])
    problem.jobs[0].fixed = True
    for job in problem.jobs[1:]:
        job.prefers = {"w0": 1}
    came = visits_of(solved(problem))
    assert [came["j0", 0][0], came["j0", 1][0]] == ["w2", "w1"]
    assert came["j0", 0][1].start == came["j0", 1][1].start == 9000
    placed = {(one.job, one.visit): one for one in place_doubles(problem, ways_of(problem), LONG, 1, rounds=20)}
    assert (placed["j0", 0].worker, placed["j0", 1].worker, placed["j0", 0].start) == ("w2", "w1", 9000)


def test_doubles_make_way_for_a_single_visit_that_is_fixed() -> None:
    problem = bath_day(1, window=(7200, 9000))
    problem.workers = problem.workers[:2]
    alone = place_doubles(problem, ways_of(problem), LONG, 1, rounds=20)
    assert len(alone) == 2
    told = Promise(start=7200, workers=["w1"])
    problem.jobs.append(
        Job(id="kept", place="e1", window=(7200, 7200), visits=[Visit(duration=900)], promised=told, fixed=True)
    )
    placed = place_doubles(problem, ways_of(problem), LONG, 1, rounds=20)
    assert {one.job for one in placed} == {"j0"}
    assert all(one.start >= 8100 for one in placed)
    problem.jobs[-1].visits = [Visit(duration=3600)]
    assert place_doubles(problem, ways_of(problem), LONG, 1, rounds=20) == []


def test_a_promised_time_is_kept_where_it_can_be_and_given_up_before_the_job_is() -> None:
    problem = bath_day(1)
    problem.objective.moved = 100_000
    problem.jobs[0].promised = Promise(start=9500, workers=["w0", "w1"], within=300)
    assert solved(problem).figures.moved == 0
    for worker in problem.workers:
        worker.shift = (0, 11000)
    plan = solved(problem)
    assert plan.unserved == []
    assert plan.figures.moved == 1
    assert [one.job for one in place_doubles(problem, ways_of(problem), LONG, 1, rounds=20)] == ["j0", "j0"]


def test_a_double_that_needs_the_same_worker_twice_is_left_out() -> None:
    problem = bath_day(1)
    for worker in problem.workers[1:]:
        worker.skills = []
    assert [left.job for left in solved(problem).unserved] == ["j0"]
    assert place_doubles(problem, ways_of(problem), LONG, 1, rounds=20) == []


def test_doubles_leave_room_for_a_break() -> None:
    problem = bath_day(2, window=(3600, 3600))
    problem.workers = problem.workers[:2]
    problem.jobs[1].window = (7300, 7300)
    assert len(place_doubles(problem, ways_of(problem), LONG, 1, rounds=20)) == 4
    for worker in problem.workers:
        worker.breaks = [Break(duration=1800, window=(5000, 7000))]
    assert len(place_doubles(problem, ways_of(problem), LONG, 1, rounds=20)) == 2


def test_the_same_seed_and_rounds_give_the_same_plan() -> None:
    problem = bath_day(6)
    assert solved(problem, seed=3).routes == solved(problem, seed=3).routes


def test_two_processes_give_a_plan_that_keeps_the_rules() -> None:
    problem = bath_day(4)
    plan = solve(problem, ways_of(problem), LONG, 1, rounds=10, processes=2)
    assert plan.unserved == []
    assert verify(problem, ways_of(problem), plan) == []


def test_problems_with_loads_or_breaks_are_for_another_solver() -> None:
    assert can_solve(bath_day(2))
    with_load = bath_day(2)
    with_load.jobs.append(
        Job(id="meal", place="e0", window=(0, 9), visits=[Visit(duration=5)], load={"meals": 1}, pickup="e1")
    )
    with_break = bath_day(2)
    with_break.workers[0].breaks = [Break(duration=60, window=(0, 60))]
    assert not can_solve(with_load)
    assert not can_solve(with_break)


@settings(max_examples=60, deadline=None)
@given(days())
def test_improving_never_worsens_a_plan_nor_breaks_a_rule(problem: Problem) -> None:
    ways = ways_of(problem)
    plan = solve(problem, ways, LONG, 1, rounds=0, processes=1)
    better = improve(problem, ways, plan, LONG, 2, rounds=30)
    assert verify(problem, ways, better) == []
    assert rank(problem, better) <= rank(problem, plan)


def rank(problem: Problem, plan: Plan) -> tuple[int, float, float]:
    left = {one.job for one in plan.unserved}
    required = sum(job.id in left and job.priority is None for job in problem.jobs)
    return required, round(plan.figures.unserved_priority, 6), round(plan.figures.objective, 6)


def bath_day(baths: int, window: tuple[float, float] = (7200, 18000)) -> Problem:
    """Baths by two, and four workers who all may."""
    places = {f"e{number}": (29.80 + number * 0.004, 106.40 + (number % 2) * 0.006) for number in range(max(2, baths))}
    return Problem(
        version=1,
        places=places | {"station": (29.81, 106.41)},
        workers=[
            Worker(id=f"w{n}", start="station", end="station", shift=(0, 36000), skills=["bath"], means="scooter")
            for n in range(4)
        ],
        jobs=[
            Job(id=f"j{n}", place=f"e{n}", window=window, visits=[Visit(skills=["bath"], duration=2700)] * 2)
            for n in range(baths)
        ],
    )
