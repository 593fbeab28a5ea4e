"""Plans that go wrong: a solver that talks nonsense, engines that are killed or overlap, workers with two shifts."""

from datetime import datetime, timedelta

import pytest

from dispatch.day_plans.applying import apply_some
from dispatch.day_plans.making import PlanMaker
from dispatch.day_plans.problem import problem_of
from dispatch.day_plans.reading import read_day
from dispatch.planning.format import Plan, Problem, Route, VisitStop
from schemas.database import transaction
from tests.integration.dispatch.races import overtaken
from tests.integration.dispatch.test_day_plans import DISTRICT, Planned, quickly
from tests.integration.dispatch.workforce import HOUR
from tests.integration.district import Connection


@pytest.fixture
def street(conn: Connection, now: datetime) -> Planned:
    return Planned(conn, now)


class Killed(BaseException):
    """The engine ends in the middle of its work."""


def test_a_plan_whose_making_kills_the_engine_is_given_up_after_three_times(street: Planned) -> None:
    street.wanted(10)
    street.ask()

    def dies(_problem: Problem, _seconds: int, _seed: int) -> Plan:
        raise Killed

    for _ in range(3):
        with pytest.raises(Killed):
            street.plan(dies)
        street.now += HOUR
    assert street.plan(dies)
    [(state, _, error)] = street.plans()
    assert state == "failed"
    assert error
    assert not street.plan(dies)


def test_nothing_of_a_plan_that_breaks_its_problem_is_promised(street: Planned) -> None:
    worker = street.works_tomorrow("甲")
    order = street.wanted(10)
    street.ask()

    def at_night(problem: Problem, seconds: int, seed: int) -> Plan:
        plan = quickly(problem, seconds, seed)
        for route in plan.routes:
            for stop in route.stops:
                if isinstance(stop, VisitStop):
                    stop.arrive, stop.start, stop.end = 0, 0, 600
        return plan

    street.plan(at_night)
    assert street.order("state, planned_at", order) == ("requested", None)
    assert street.plans()[0][0] == "queued"
    street.now += timedelta(minutes=1)
    street.plan()
    assert street.order("state, worker_id", order) == ("accepted", worker.id)


def test_a_plan_of_orders_that_nobody_knows_fails_as_others_do(street: Planned) -> None:
    street.works_tomorrow("甲")
    street.wanted(10)
    street.ask()

    def strange(problem: Problem, seconds: int, seed: int) -> Plan:
        plan = quickly(problem, seconds, seed)
        for route in plan.routes:
            for stop in route.stops:
                if isinstance(stop, VisitStop):
                    stop.job = "999999"
        return plan

    assert street.plan(strange)
    assert street.plans()[0][0] == "queued"


def test_two_engines_that_carry_a_plan_out_at_once_say_everything_once(street: Planned, database_url: str) -> None:
    street.works_tomorrow("甲")
    orders = [street.wanted(9 + number) for number in range(3)] + [street.wanted(20)]
    plan_id = street.ask()
    assert plan_id is not None

    def killed(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dispatch.day_plans.making.carry_out", killed)
        with pytest.raises(Killed):
            street.plan()
    overtaken(
        database_url,
        street.conn,
        lambda tx: apply_some(tx, street.now, plan_id),
        lambda tx: apply_some(tx, street.now, plan_id),
    )
    outcomes = street.conn.execute("SELECT outcome FROM day_plan_visit ORDER BY order_id").fetchall()
    assert outcomes == [("promised",)] * 3 + [("left_out",)]
    assert street.timeline(orders[3]).count("left_out") == 1


def test_a_promise_in_a_workers_second_shift_is_a_promise_in_that_shift(street: Planned) -> None:
    worker = street.add_worker("甲", shift=(street.at(7), street.at(11)))
    street.roster(worker.id, street.at(14), street.at(20))
    order = street.wanted(16)
    street.ask()
    street.plan()
    assert street.order("worker_id", order) == (worker.id,)
    with transaction(street.conn) as tx:
        rows = read_day(tx, street.now, DISTRICT, street.tomorrow)
    problem = problem_of(rows, "tomorrow")
    [job] = problem.jobs
    assert job.promised is not None
    [second] = [one.id for one in problem.workers if one.shift[0] >= 14 * 3600]
    assert job.promised.workers == [second]


def test_a_plan_that_is_ready_is_still_there_when_another_maker_looks(street: Planned) -> None:
    street.works_tomorrow("甲")
    street.wanted(10)
    street.ask(at_once=False)
    street.plan()
    assert not PlanMaker("", lambda: street.now + 9 * HOUR).make_one(street.conn)


def test_when_one_of_two_is_replaced_the_other_goes_on_at_the_time_of_the_plan(street: Planned) -> None:
    street.conn.execute(
        "INSERT INTO service_profile (elder_id, two_workers, changed_at) VALUES (%s, true, %s)",
        (street.elder, street.now),
    )
    street.conn.execute("UPDATE catalogue_item SET two_above_kg = 80 WHERE code = 'bath'")
    street.works_tomorrow("甲", 300)
    street.works_tomorrow("乙", 600)
    lead = street.request("bath", street.at(10), 4 * HOUR)
    street.ask()
    street.plan()
    [companion] = street.conn.execute("SELECT id FROM service_order WHERE lead_id = %s", (lead,)).fetchone() or (0,)
    third = street.add_worker("丙", 100, shift=(street.at(12), street.at(17)))
    stays = street.order("worker_id", companion)

    def an_hour_later(problem: Problem, seconds: int, seed: int) -> Plan:
        plan = quickly(problem, seconds, seed)
        [job] = problem.jobs
        keys = {int(worker.id.partition(".")[0]): worker.id for worker in problem.workers}
        start = job.window[0] + 9_000
        routes = []
        for number, worker in enumerate((third.id, stays[0])):
            end = start + job.visits[number].duration
            stop = VisitStop(job=job.id, visit=number, arrive=start, start=start, end=end)
            routes.append(Route(worker=keys[int(str(worker))], stops=[stop], travel=0, distance=0))
        plan.routes = routes
        return plan

    street.ask()
    street.plan(an_hour_later)
    later = street.tomorrow + 12.5 * HOUR
    assert street.order("state, worker_id, planned_at", lead) == ("accepted", third.id, later)
    assert street.order("state, worker_id, planned_at", companion) == ("accepted", *stays, later)
