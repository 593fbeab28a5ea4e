"""Whatever the day, the plan keeps every rule; what is left out is told why; good days are planned well."""

from hypothesis import HealthCheck, given, settings

from dispatch.planning.format import (
    Break,
    BreakStop,
    Job,
    Matrix,
    Means,
    Objective,
    PickupStop,
    Plan,
    Problem,
    Promise,
    Visit,
    VisitStop,
    Worker,
    check,
    decode_plan,
    decode_problem,
    encode,
)
from dispatch.planning.solve import solve
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import verify
from tests.unit.dispatch.planning.whole_days import whole_days


def _quick(problem: Problem, seed: int = 1) -> Plan:
    return solve(problem, 0.2, seed, iterations=30, processes=1)


def _line(*jobs: Job, workers: list[Worker], objective: Objective | None = None, pickup_duration: float = 0) -> Problem:
    """Places 0, 10, … 90 on a line; a step of ten takes ten."""
    ways = [[float(abs(a - b) * 10) for b in range(10)] for a in range(10)]
    problem = Problem(
        version=1,
        objective=objective or Objective(),
        matrix=Matrix(places=[str(10 * at) for at in range(10)], means={"walk": Means(durations=ways)}),
        workers=workers,
        jobs=list(jobs),
        pickup_duration=pickup_duration,
    )
    check(problem)
    return problem


def _reasons(plan: Plan) -> dict[str, str]:
    return {left.job: left.reason for left in plan.unserved}


def _came(plan: Plan) -> dict[str, tuple[str, float]]:
    return {s.job: (r.worker, s.start) for r in plan.routes for s in r.stops if isinstance(s, VisitStop)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(whole_days())
def test_any_plan_keeps_every_rule_and_its_figures_are_right(problem: Problem) -> None:
    check(problem)
    plan = _quick(problem)
    assert verify(problem, ways_of(problem), plan) == []
    assert verify(decode_problem(encode(problem)), ways_of(problem), decode_plan(encode(plan))) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(whole_days(doubles=False))
def test_nobody_is_in_two_places_and_nobody_does_what_she_may_not(problem: Problem) -> None:
    plan = _quick(problem)
    workers = {worker.id: worker for worker in problem.workers}
    jobs = {job.id: job for job in problem.jobs}
    for route in plan.routes:
        free = workers[route.worker].shift[0]
        for stop in route.stops:
            assert stop.start >= free - 1e-6
            free = stop.end
            if isinstance(stop, VisitStop):
                job = jobs[stop.job]
                assert set(job.visits[stop.visit].skills) <= set(workers[route.worker].skills)
                assert route.worker not in job.excluded
                assert job.workers is None or route.worker in job.workers
    done = [stop.job for route in plan.routes for stop in route.stops if isinstance(stop, VisitStop)]
    assert sorted([*done, *_reasons(plan)]) == sorted(jobs)


def test_the_same_seed_and_iterations_give_the_same_plan() -> None:
    jobs = [Job(id=str(n), place=str(n % 10 * 10), window=(0, 500), visits=[Visit(duration=5)]) for n in range(20)]
    problem = _line(*jobs, workers=[Worker(id=f"w{n}", start="0", end="0", shift=(0, 300)) for n in range(3)])
    one, other = (solve(problem, 30, 7, iterations=50, processes=1) for _ in range(2))
    one.figures.seconds = other.figures.seconds = 0
    assert one == other


def test_meals_are_fetched_delivered_hot_and_fetched_again_when_the_bag_is_full() -> None:
    meals = [
        Job(
            id=f"m{n}",
            place=str(10 * n),
            window=(100, 300),
            visits=[Visit(duration=2)],
            load={"meals": 1},
            pickup="50",
            hot=45,
            ready=90,
        )
        for n in (3, 4, 6, 7)
    ]
    problem = _line(
        *meals, workers=[Worker(id="w", start="0", end="0", shift=(0, 400), capacity={"meals": 2})], pickup_duration=5
    )
    plan = _quick(problem)
    assert _reasons(plan) == {}
    assert sum(isinstance(stop, PickupStop) for stop in plan.routes[0].stops) == 2


def test_a_break_is_taken_where_the_worker_is_and_work_goes_round_it() -> None:
    jobs = [
        Job(id="before", place="10", window=(0, 95), visits=[Visit(duration=50)]),
        Job(id="after", place="20", window=(120, 200), visits=[Visit(duration=20)]),
    ]
    rest = Break(duration=30, window=(90, 110))
    plan = _quick(_line(*jobs, workers=[Worker(id="w", start="0", end="0", shift=(0, 300), breaks=[rest])]))
    kinds = [type(stop) for stop in plan.routes[0].stops]
    assert _reasons(plan) == {} and BreakStop in kinds


def test_required_jobs_come_before_optional_ones_and_those_by_their_worth() -> None:
    at_once = [
        Job(id=name, place="10", window=(20, 20), visits=[Visit(duration=30)], priority=worth)
        for name, worth in (("little", 1), ("much", 9), ("must", None))
    ]
    workers = [Worker(id="a", start="0", shift=(0, 100)), Worker(id="b", start="0", shift=(0, 100))]
    assert _reasons(_quick(_line(*at_once, workers=workers))) == {"little": "priority"}
    assert _reasons(_quick(_line(*at_once, workers=workers[:1]))) == {"little": "priority", "much": "priority"}


def test_lateness_is_chosen_only_where_a_job_would_stay_undone() -> None:
    jobs = [Job(id=str(n), place="10", window=(20, 25), visits=[Visit(duration=30)], late="allowed") for n in range(2)]
    weights = Objective(lateness=1)
    alone = _quick(_line(*jobs, workers=[Worker(id="a", start="0", shift=(0, 200))], objective=weights))
    assert _reasons(alone) == {} and alone.figures.lateness == 25
    both = [Worker(id=name, start="0", shift=(0, 200)) for name in "ab"]
    assert _quick(_line(*jobs, workers=both, objective=weights)).figures.lateness == 0


def test_promises_are_kept_unless_that_leaves_a_job_undone() -> None:
    workers = [Worker(id=name, start="0", shift=(0, 200)) for name in "ab"]
    told = Promise(worker="b", start=60, within=5)
    job = Job(id="j", place="10", window=(20, 150), visits=[Visit(duration=10)], promised=told)
    weights = Objective(moved=500)
    who, start = _came(_quick(_line(job, workers=workers, objective=weights)))["j"]
    assert who == "b" and 55 <= start <= 65
    gone = _quick(_line(job, workers=[workers[0], Worker(id="b", start="0", shift=(0, 30))], objective=weights))
    assert _came(gone)["j"][0] == "a" and gone.figures.moved == 1


def test_a_fixed_job_stays_to_the_minute() -> None:
    told = Promise(worker="b", start=77)
    jobs = [
        Job(id="fixed", place="90", window=(0, 190), visits=[Visit(duration=10)], promised=told, fixed=True),
        *(Job(id=str(n), place=str(10 * n), window=(0, 150), visits=[Visit(duration=5)]) for n in range(1, 6)),
    ]
    workers = [Worker(id="a", start="0", shift=(0, 60)), Worker(id="b", start="50", shift=(0, 200))]
    plan = _quick(_line(*jobs, workers=workers))
    assert _came(plan)["fixed"] == ("b", 77)


def test_the_elders_usual_worker_comes_where_that_is_worth_the_way() -> None:
    workers = [Worker(id="near", start="10", shift=(0, 200)), Worker(id="known", start="40", shift=(0, 200))]
    job = Job(id="j", place="20", window=(0, 100), visits=[Visit(duration=5)], prefers={"known": 10})
    assert _came(_quick(_line(job, workers=workers)))["j"][0] == "near"
    assert _came(_quick(_line(job, workers=workers, objective=Objective(continuity=5))))["j"][0] == "known"


def test_what_is_left_out_is_told_the_true_reason() -> None:
    def job(name: str, **said: object) -> Job:
        given: dict[str, object] = {"place": "10", "window": (0, 100), "visits": [Visit(duration=10)]}
        return Job(id=name, **(given | said))  # type: ignore[arg-type]

    jobs = [
        job("no_skill", visits=[Visit(duration=10, skills=["bath"])]),
        job("excluded", excluded=["a", "b"]),
        job("capacity", load={"meals": 3}),
        job("no_shift", window=(450, 500)),
        job("window", place="90", window=(0, 20)),
        job("no_pair", visits=[Visit(duration=10, skills=["lift"]), Visit(duration=10, skills=["lift"])]),
        job("full1", place="0", window=(0, 0), visits=[Visit(duration=5)], workers=["b"]),
        job("full2", place="0", window=(0, 0), visits=[Visit(duration=5)], workers=["b"]),
    ]
    workers = [
        Worker(id="a", start="0", end="0", shift=(0, 300), capacity={"meals": 2}, skills=["lift"]),
        Worker(id="b", start="0", end="0", shift=(0, 300)),
    ]
    told = _reasons(_quick(_line(*jobs, workers=workers)))
    full = {name for name, reason in told.items() if reason == "full"}
    assert len(full) == 1 and full < {"full1", "full2"}
    assert {name: reason for name, reason in told.items() if name not in full} == {
        name: name for name in ("no_skill", "excluded", "capacity", "no_shift", "window", "no_pair")
    }


def test_a_day_without_workers_or_without_jobs_is_a_plan_too() -> None:
    job = Job(id="j", place="10", window=(0, 100), visits=[Visit(duration=10)])
    assert _reasons(_quick(_line(job, workers=[]))) == {"j": "no_skill"}
    assert _quick(_line(workers=[Worker(id="a", start="0", shift=(0, 9))])).routes == []
