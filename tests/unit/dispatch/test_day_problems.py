"""A district's day becomes a problem in the plan format, and a plan becomes visits again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dispatch.day_plans.making import search_seconds
from dispatch.day_plans.problem import LeftOut, PlannedVisit, problem_of, visits_of
from dispatch.day_plans.reading import DayRows, PlanningPolicy
from dispatch.planning.format import Figures, PickupStop, Plan, Route, Unserved, VisitStop, decode_problem, encode

DAY = date(2026, 11, 24)
MIDNIGHT = datetime(2026, 11, 23, 16, tzinfo=UTC)
EVENING_BEFORE = datetime(2026, 11, 23, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def order(order_id: int, **changed: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "lead_id": None,
        "elder_id": 100 + order_id,
        "worker_id": None,
        "state": "requested",
        "item_code": "bath",
        "skills": ["bathing"],
        "duration_minutes": 60,
        "window_from": MIDNIGHT + 9 * HOUR,
        "window_to": MIDNIGHT + 11 * HOUR,
        "worker_sex": None,
        "sex_required": False,
        "priority": 0,
        "planned_at": None,
        "checked_in_at": None,
        "kitchen_id": None,
        "kitchen_lat": None,
        "kitchen_lon": None,
        "hot_minutes": None,
        "kitchen_of": None,
        "org_code": "500109001",
        "lat": 29.8,
        "lon": 106.4,
        "mode": "plan",
    } | changed


def shift(worker_id: int, shift_id: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "shift_id": shift_id,
        "worker_id": worker_id,
        "provider_id": 1,
        "travel": "scooter",
        "base_lat": 29.81,
        "base_lon": 106.41,
        "sex": "female",
        "carries_meals": 10,
        "every_service": True,
        "starts_at": MIDNIGHT + 8 * HOUR,
        "ends_at": MIDNIGHT + 17 * HOUR,
        "position_lat": None,
        "position_lon": None,
        "position_at": None,
    } | changed


def rows(orders: list[dict[str, Any]], shifts: list[dict[str, Any]], **changed: Any) -> DayRows:
    values = {
        "day": DAY,
        "now": EVENING_BEFORE,
        "orders": orders,
        "shifts": shifts,
        "skills": {row["worker_id"]: ["bathing"] for row in shifts},
        "areas": {1: ["500109001"]},
        "services": {},
        "full": set(),
        "known": {},
        "excluded": {},
        "policy": PlanningPolicy(),
    } | changed
    return DayRows(**values)  # type: ignore[arg-type]


def test_a_problem_is_what_the_format_says() -> None:
    problem = problem_of(rows([order(1), order(2)], [shift(7), shift(8)]), "tomorrow")
    assert decode_problem(encode(problem)) == problem


def test_times_are_seconds_of_the_districts_day() -> None:
    problem = problem_of(rows([order(1)], [shift(7)]), "")
    assert problem.jobs[0].window == (9 * 3600, 11 * 3600 - 12 * 60)
    assert problem.workers[0].shift == (8 * 3600, 17 * 3600)
    assert problem.workers[0].breaks[0].window == (10.5 * 3600, 14.5 * 3600)


def test_what_a_worker_may_do_is_said_in_skills() -> None:
    wanted = order(1, worker_sex="female", sex_required=True)
    problem = problem_of(rows([wanted], [shift(7, sex="male", every_service=False)], services={1: ["meal"]}), "")
    needed = set(problem.jobs[0].visits[0].skills)
    assert needed == {"bathing", "item:bath", "unit:500109001", "sex:female"}
    assert needed - set(problem.workers[0].skills) == {"item:bath", "sex:female"}


def test_the_two_orders_of_a_visit_by_two_are_one_job() -> None:
    problem = problem_of(rows([order(1), order(2, lead_id=1)], [shift(7), shift(8)]), "")
    assert [(job.id, len(job.visits)) for job in problem.jobs] == [("1", 2)]


def test_whoever_makes_a_visit_is_free_where_and_when_it_ends() -> None:
    now = MIDNIGHT + 9 * HOUR
    busy = order(1, state="in_service", worker_id=7, checked_in_at=now - 20 * MINUTE, lat=29.9)
    problem = problem_of(rows([busy, order(2)], [shift(7)], now=now), "")
    assert [job.id for job in problem.jobs] == ["2"]
    [worker] = problem.workers
    assert worker.shift[0] == (9 * 60 + 40) * 60
    assert problem.places is not None and problem.places[worker.start] == (29.9, 106.4)


def test_an_accepted_visit_is_a_promise() -> None:
    accepted = order(1, state="accepted", worker_id=7, planned_at=MIDNIGHT + 10 * HOUR)
    problem = problem_of(rows([accepted], [shift(7), shift(8)]), "")
    promised = problem.jobs[0].promised
    assert promised is not None and (promised.who, promised.start) == (["7.1"], 36_000)


def test_a_visit_of_somebody_off_duty_is_left_alone() -> None:
    accepted = order(1, state="accepted", worker_id=9)
    assert problem_of(rows([accepted], [shift(7)]), "").jobs == []


def test_exclusions_and_acquaintance_name_every_shift_of_a_worker() -> None:
    two = [shift(7, 1), shift(7, 2, starts_at=MIDNIGHT + 18 * HOUR, ends_at=MIDNIGHT + 20 * HOUR), shift(8)]
    known = rows([order(1)], two, known={101: {8: 3}}, excluded={101: {7}})
    [job] = problem_of(known, "").jobs
    assert (sorted(job.excluded), job.prefers) == (["7.1", "7.2"], {"8.1": 3})


def test_orders_of_one_priority_are_all_required() -> None:
    problem = problem_of(rows([order(1, priority=3), order(2, priority=3)], [shift(7)]), "")
    assert [job.priority for job in problem.jobs] == [None, None]


def test_what_has_a_lower_priority_than_others_that_wait_is_optional() -> None:
    orders = [order(1), order(2, priority=4), order(3, priority=9), order(4, priority=9)]
    problem = problem_of(rows(orders, [shift(7)]), "")
    assert [job.priority for job in problem.jobs] == [1, 5, None, None]


def test_what_is_promised_is_required_and_makes_nothing_else_optional() -> None:
    promised = {"state": "accepted", "worker_id": 7, "planned_at": MIDNIGHT + 9 * HOUR}
    problem = problem_of(rows([order(1, priority=9, **promised), order(2, priority=1)], [shift(7)]), "")
    assert [job.priority for job in problem.jobs] == [None, None]
    problem = problem_of(rows([order(1, **promised), order(2, priority=1)], [shift(7)]), "")
    assert [job.priority for job in problem.jobs] == [None, None]


def test_a_providers_own_kitchen_is_for_every_shift_of_its_workers() -> None:
    later = {"starts_at": MIDNIGHT + 18 * HOUR, "ends_at": MIDNIGHT + 20 * HOUR}
    staff = [shift(7, provider_id=2), shift(7, 2, provider_id=2, **later), shift(8)]
    place = {"kitchen_id": 5, "kitchen_lat": 29.8, "kitchen_lon": 106.4, "hot_minutes": 60}
    own, anybodys, nobodys = (order(one, **place, kitchen_of=of) for one, of in ((1, 2), (2, None), (3, 9)))
    problem = problem_of(rows([own, anybodys, nobodys], staff), "")
    assert [job.workers for job in problem.jobs] == [["7.1", "7.2"], None, []]


def test_a_provider_that_is_full_gets_nothing_more_and_keeps_what_it_has() -> None:
    staff = [shift(7, provider_id=2), shift(8, provider_id=2), shift(9, provider_id=3), shift(10)]
    kept = order(1, state="accepted", worker_id=7, planned_at=MIDNIGHT + 9 * HOUR)
    problem = problem_of(rows([kept, order(2)], staff, full={2, 3}), "")
    assert [job.excluded for job in problem.jobs] == [["9.1"], ["7.1", "8.1", "9.1"]]


def test_a_plan_says_who_begins_when_and_what_was_left_out() -> None:
    orders = [order(1), order(2, lead_id=1), order(3, kitchen_id=5), order(4)]
    plan = Plan(
        version=1,
        routes=[
            Route(worker="7.1", stops=[visit(1, 0, 36_000)], travel=0, distance=0),
            Route(
                worker="8.1",
                stops=[
                    visit(1, 1, 36_000),
                    PickupStop(place="kitchen 5", arrive=40_000, start=40_000, end=40_120),
                    visit(3, 0, 41_000),
                ],
                travel=0,
                distance=0,
            ),
        ],
        unserved=[Unserved(job="4", reason="full")],
        figures=Figures(**dict.fromkeys(FIGURES, 0)),
    )
    visits, left_out = visits_of(plan, orders, MIDNIGHT)
    at_ten = MIDNIGHT + 10 * HOUR
    assert visits == [
        PlannedVisit(1, 7, at_ten, None),
        PlannedVisit(2, 8, at_ten, None),
        PlannedVisit(3, 8, MIDNIGHT + timedelta(seconds=41_000), MIDNIGHT + timedelta(seconds=40_120)),
    ]
    assert left_out == [LeftOut(4, "full")]


FIGURES = tuple(name for name in Figures.__struct_fields__ if name != "seconds")


def visit(job: int, number: int, start: float) -> VisitStop:
    return VisitStop(job=str(job), visit=number, arrive=start, start=start, end=start + 3600)


def test_a_plan_leaves_time_to_spare() -> None:
    tight = order(1, window_to=MIDNIGHT + 9 * HOUR + 12 * MINUTE, kitchen_id=5, kitchen_lat=29.8, kitchen_lon=106.4)
    [job] = problem_of(rows([tight | {"hot_minutes": 60}], [shift(7)]), "").jobs
    assert job.window == (9 * 3600, 9 * 3600 + 3 * 60)
    assert (job.visits[0].duration, job.hot) == (3888, 45 * 60)


def test_a_promise_late_in_its_window_stays_possible() -> None:
    late = order(1, state="accepted", worker_id=7, planned_at=MIDNIGHT + 11 * HOUR - MINUTE)
    [job] = problem_of(rows([late], [shift(7)]), "").jobs
    assert job.window[1] == 11 * 3600 - 60


@pytest.mark.parametrize(("jobs", "seconds"), [(0, 3), (10, 3), (1000, 63), (5000, 300)])
def test_a_small_day_is_planned_soon(jobs: int, seconds: int) -> None:
    assert search_seconds(jobs, 300) == seconds
