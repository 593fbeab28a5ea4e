"""A day cut into districts loses no rule, and only what its borders forbid is left to the whole day."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.planning import apart, solve
from dispatch.planning.apart import districts, doubles_of, together
from dispatch.planning.format import Job, Problem, Promise, Visit, Worker
from dispatch.planning.tasks import day_of
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import verify
from tests.unit.dispatch.planning.whole_days import whole_days


def _two_towns() -> Problem:
    """Ten jobs each in two towns far from each other, some by two, with two workers at home in each."""
    towns = {"north": 31.5, "south": 31.0}
    places = {f"{town}{n}": (lat + n / 500, 121.4) for town, lat in towns.items() for n in range(12)}
    return Problem(
        version=1,
        places=places,
        workers=[
            Worker(id=f"{town}{n}", start=f"{town}{n}", end=f"{town}{n}", shift=(0, 30_000), means="car")
            for town in towns
            for n in (10, 11)
        ],
        jobs=[
            Job(
                id=f"{town}{n}",
                place=f"{town}{n}",
                window=(3_000, 15_000),
                visits=[Visit(duration=600)] * (2 if n < 2 else 1),
                excluded=["north10"] if n == 3 else [],
            )
            for town in towns
            for n in range(10)
        ],
    )


def test_each_district_has_its_own_workers_and_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_JOBS_EACH", 10)
    problem = _two_towns()
    pieces = districts(problem, ways_of(problem), 1, 1)
    assert sorted(sorted(job.id for job in piece.jobs) for piece, _ in pieces) == [
        sorted(job.id for job in problem.jobs if job.id.startswith(town)) for town in ("north", "south")
    ]
    for piece, ways in pieces:
        town = piece.jobs[0].id[:5]
        assert all(worker.id.startswith(town) for worker in piece.workers)
        assert ways.duration("car", f"{town}1", f"{town}11") == ways_of(problem).duration("car", "north1", "north11")


def test_nobody_is_sent_to_another_town_for_the_sake_of_equal_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_JOBS_EACH", 10)
    problem = _two_towns()
    for worker in problem.workers:
        worker.skills = ["drive"] if worker.id.startswith("north") else []
    for piece, _ in districts(problem, ways_of(problem), 1, 1):
        assert len({worker.id[:5] for worker in piece.workers} | {job.id[:5] for job in piece.jobs}) == 1


def test_a_promise_by_workers_of_two_districts_is_in_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_JOBS_EACH", 10)
    problem = _two_towns()
    problem.jobs[0].promised = Promise(start=4_000, workers=["north10", "south10"])
    assert "north0" not in {job.id for piece, _ in districts(problem, ways_of(problem), 1, 1) for job in piece.jobs}


def test_plans_of_districts_stand_on_the_whole_day_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_JOBS_EACH", 10)
    problem = _two_towns()
    ways = ways_of(problem)
    plans = [
        solve.solve(piece, 1, 1, ways=own, iterations=20, processes=1) for piece, own in districts(problem, ways, 1, 1)
    ]
    day = day_of(problem, ways, doubles_of(problem, plans))
    routes = together(day, plans)
    assert sum(plan.figures.served for plan in plans) == 20 and not routes.left
    assert sum(made.travel for made in routes.timed.values()) == sum(plan.figures.travel for plan in plans)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(whole_days(), st.integers(0, 3))
def test_a_day_planned_by_districts_keeps_every_rule(problem: Problem, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "_JOBS_EACH", 3)
        patch.setattr(solve, "WHOLE_MOST", 1)
        plan = solve.solve(problem, 0.3, seed, iterations=20, processes=1)
    assert verify(problem, ways_of(problem), plan) == []
