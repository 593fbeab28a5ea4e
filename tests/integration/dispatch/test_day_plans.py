"""A district's day is planned as a whole, beside the engine, and what the plan says becomes promises."""

from datetime import datetime, timedelta

import pytest

from dispatch.day_plans import asking
from dispatch.day_plans.making import PlanMaker, SolverFailed, solve_apart
from dispatch.planning.format import Plan, Problem
from dispatch.refusals import Refused
from schemas.database import transaction
from schemas.district_time import DISTRICT_TIME, today
from tests.integration.dispatch.workforce import HOUR, Worker, Workforce
from tests.integration.district import Connection

DISTRICT = "500109"


class Planned(Workforce):
    """A street whose day tomorrow is planned; the orders wait for the plan."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        super().__init__(conn, now)
        conn.execute("UPDATE order_policy SET mode = 'plan'")
        self.database_url = conn.info.dsn
        local = now.astimezone(DISTRICT_TIME)
        self.tomorrow = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    def at(self, hour: float) -> timedelta:
        """An hour of tomorrow, counted from now."""
        return self.tomorrow + timedelta(hours=hour) - self.now

    def works_tomorrow(self, name: str, north_m: float = 0) -> Worker:
        """A worker with a shift from eight to five tomorrow."""
        return self.add_worker(name, north_m, shift=(self.at(8), self.at(17)))

    def wanted(self, hour: float, north_m: float = 0, item: str = "meal") -> int:
        """An order for tomorrow, of an elder so many metres north."""
        return self.request(item, self.at(hour), HOUR, elder=self.add_neighbour(north_m))

    def ask(self, **about: object) -> int | None:
        with transaction(self.conn) as tx:
            return asking.ask(tx, self.now, DISTRICT, today(self.tomorrow), "by_hand", **about)  # type: ignore[arg-type]

    def plan(self, solver: object = None) -> bool:
        """Make the plan that is due."""
        maker = PlanMaker("", lambda: self.now, solver or quickly)  # type: ignore[arg-type]
        return maker.make_one(self.conn)

    def plans(self) -> list[tuple[object, ...]]:
        return self.conn.execute("SELECT state, tries, error FROM day_plan ORDER BY id").fetchall()


def quickly(problem: Problem, _seconds: int, seed: int) -> Plan:
    return solve_apart(problem, 1, seed)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Planned:
    return Planned(conn, now)


def test_what_waits_for_a_plan_is_asked_of_nobody_until_then(street: Planned) -> None:
    street.works_tomorrow("甲")
    order = street.wanted(10)
    street.sweep(street.now)
    assert street.offers(order=order) == []
    assert street.order("state, due_reason", order) == ("requested", "assign")


def test_a_plan_gives_every_order_to_somebody_who_can_come(street: Planned) -> None:
    near, far = street.works_tomorrow("甲"), street.works_tomorrow("乙", 6_000)
    orders = {street.wanted(10, 100): near.id, street.wanted(10, 5_900): far.id, street.wanted(14, 200): near.id}
    street.ask()
    assert street.plan()
    for order, worker in orders.items():
        state, given, planned_at, window_from, window_to = street.order(
            "state, worker_id, planned_at, window_from, window_to", order
        )
        assert (state, given) == ("accepted", worker)
        assert window_from <= planned_at <= window_to  # type: ignore[operator]
        assert "accepted" in street.timeline(order)
    assert [plan[0] for plan in street.plans()] == ["applied"]
    assert not street.plan()


def test_who_is_left_out_is_looked_for_as_others_are(street: Planned) -> None:
    worker = street.works_tomorrow("甲")
    order = street.wanted(19)
    street.ask()
    street.plan()
    assert street.order("state, plan_left_at", order) == ("requested", street.now)
    assert "left_out" in street.timeline(order)
    street.roster(worker.id, street.at(18), street.at(22))
    street.sweep(street.now)
    assert street.offers(order=order) == [(worker.id, "open")]


def test_a_person_looks_at_a_plan_first_where_the_policy_says_so(street: Planned) -> None:
    street.works_tomorrow("甲")
    order = street.wanted(10)
    street.ask(at_once=False)
    street.plan()
    assert [plan[0] for plan in street.plans()] == ["ready"]
    assert street.order("state", order) == ("requested",)


def test_what_has_changed_since_stays_as_it_is(street: Planned) -> None:
    worker = street.works_tomorrow("甲")
    kept, gone = street.wanted(10), street.wanted(14)

    def cancelled_meanwhile(problem: Problem, seconds: int, seed: int) -> Plan:
        street.conn.execute(
            "UPDATE service_order SET state = 'cancelled', ended_at = %s, due_at = NULL, due_reason = NULL"
            " WHERE id = %s",
            (street.now, gone),
        )
        return quickly(problem, seconds, seed)

    street.ask()
    street.plan(cancelled_meanwhile)
    assert street.order("state, worker_id", kept) == ("accepted", worker.id)
    assert street.order("state", gone) == ("cancelled",)
    outcomes = dict(street.conn.execute("SELECT order_id, outcome FROM day_plan_visit").fetchall())
    assert outcomes == {kept: "promised", gone: "changed"}


def test_a_worker_suspended_meanwhile_gets_nothing(street: Planned) -> None:
    street.works_tomorrow("甲")
    order = street.wanted(10)

    def suspended_meanwhile(problem: Problem, seconds: int, seed: int) -> Plan:
        street.conn.execute("UPDATE provider SET state = 'suspended'")
        return quickly(problem, seconds, seed)

    street.ask()
    street.plan(suspended_meanwhile)
    assert street.order("state, worker_id", order) == ("requested", None)
    said = street.conn.execute("SELECT outcome, refusal FROM day_plan_visit").fetchall()
    assert said == [("refused", "no_longer_eligible")]


def test_planned_again_a_day_moves_nothing_without_need(street: Planned) -> None:
    street.works_tomorrow("甲")
    street.works_tomorrow("乙", 3_000)
    orders = [street.wanted(9 + number, 500 * number) for number in range(5)]
    street.ask()
    street.plan()
    before = [street.order("worker_id", order) for order in orders]
    street.ask()
    street.plan()
    assert [street.order("worker_id", order) for order in orders] == before
    assert {row[0] for row in street.conn.execute("SELECT DISTINCT moved FROM day_plan_visit")} == {False}


def test_a_visit_of_somebody_off_duty_is_left_to_whatever_takes_it_from_her(street: Planned) -> None:
    ill = street.works_tomorrow("甲")
    order = street.wanted(10)
    street.ask()
    street.plan()
    street.works_tomorrow("乙", 4_000)
    street.conn.execute("DELETE FROM worker_shift WHERE worker_id = %s", (ill.id,))
    street.ask()
    street.plan()
    assert street.order("state, worker_id", order) == ("accepted", ill.id)


def test_a_promise_moves_when_only_its_worker_can_do_something_else(street: Planned) -> None:
    bather = street.works_tomorrow("甲")
    meal = street.wanted(10, 100)
    street.ask()
    street.plan()
    assert street.order("worker_id", meal) == (bather.id,)
    other = street.add_worker("乙", 3_000, shift=(street.at(8), street.at(17)), skills=("meal_delivery",))
    bath = street.request("bath", street.at(10), HOUR / 6, elder=street.add_neighbour(200))
    street.conn.execute(
        "UPDATE service_order SET window_to = window_from + interval '10 minutes' WHERE id = %s", (meal,)
    )
    street.ask()
    street.plan()
    assert street.order("state, worker_id", bath) == ("accepted", bather.id)
    assert street.order("state, worker_id", meal) == ("accepted", other.id)
    moved = street.conn.execute("SELECT order_id FROM day_plan_visit WHERE moved").fetchall()
    assert moved == [(meal,)]
    assert street.timeline(meal)[-3:] == ["unassigned", "offered", "accepted"]


def test_a_plan_short_of_workers_keeps_what_matters_more(street: Planned) -> None:
    worker = street.works_tomorrow("甲")
    lower, higher, lowest = (
        street.request("bath", street.at(10), HOUR / 4, elder=street.add_neighbour(200 * number), priority=priority)
        for number, priority in enumerate((2, 7, 0))
    )
    street.ask()
    street.plan()
    assert street.order("state, worker_id", higher) == ("accepted", worker.id)
    said = street.conn.execute("SELECT order_id, reason FROM day_plan_visit WHERE outcome = 'left_out'").fetchall()
    assert dict(said) == {lower: "priority", lowest: "priority"}


def test_a_plan_gives_nothing_more_to_a_provider_that_is_full(street: Planned) -> None:
    street.conn.execute("UPDATE provider SET orders_a_day = 1")
    other = street.add_provider("别家")
    near, hours = street.works_tomorrow("甲"), (street.at(8), street.at(17))
    far = street.add_worker("乙", 4_000, shift=hours, provider=other)
    first = street.wanted(9, 100)
    street.ask()
    street.plan()
    assert street.order("state, worker_id", first) == ("accepted", near.id)
    second = street.wanted(14, 100)
    street.ask()
    street.plan()
    assert street.order("state, worker_id", second) == ("accepted", far.id)
    assert street.order("worker_id", first) == (near.id,)


def test_a_plan_sends_to_a_providers_own_kitchen_only_its_workers(street: Planned) -> None:
    other = street.add_provider("别家")
    street.conn.execute(
        "INSERT INTO kitchen (name, org_code, lat, lon, provider_id) VALUES ('食堂', %s, 29.811, 106.4, %s)",
        (DISTRICT, other),
    )
    street.works_tomorrow("甲")
    own = street.add_worker("乙", 4_000, shift=(street.at(8), street.at(17)), provider=other)
    meal = street.wanted(11, 100)
    street.ask()
    street.plan()
    assert street.order("state, worker_id", meal) == ("accepted", own.id)


def test_a_solver_that_fails_is_tried_three_times(street: Planned) -> None:
    street.wanted(10)
    street.ask()

    def fails(_problem: Problem, _seconds: int, _seed: int) -> Plan:
        raise SolverFailed("no core left")

    for _ in range(3):
        assert street.plan(fails)
        street.now += timedelta(minutes=1)
    assert street.plans() == [("failed", 3, "no core left")]
    assert not street.plan(fails)


def test_a_day_is_asked_for_once_at_a_time(street: Planned) -> None:
    assert street.ask() is not None
    assert street.ask() is None


def test_the_evening_plans_the_next_day_once(street: Planned) -> None:
    street.now = street.tomorrow.replace(hour=19) - timedelta(days=1)
    for _ in range(2):
        with transaction(street.conn) as tx:
            assert asking.ask_when_due(tx, street.now)
    found = street.conn.execute("SELECT org_code, day, reason FROM day_plan").fetchall()
    assert found == [(DISTRICT, today(street.tomorrow), "nightly")]


@pytest.mark.parametrize(("days", "why"), [(-1, "in_the_past"), (15, "too_far_ahead")])
def test_only_days_ahead_can_be_planned(street: Planned, days: int, why: str) -> None:
    with transaction(street.conn) as tx, pytest.raises(Refused) as refused:
        asking.ask(tx, street.now, DISTRICT, today(street.now + timedelta(days=days)), "by_hand")
    assert refused.value.code == why


def test_what_waits_for_its_plan_is_promised_from_then_on(street: Planned) -> None:
    planned = street.wanted(10)
    street.conn.execute("UPDATE order_policy SET mode = 'sequence'")
    asked_now = street.wanted(10)
    cutoff = street.tomorrow - timedelta(hours=6) + timedelta(minutes=60)
    promised = max(street.now, cutoff) + timedelta(seconds=600)
    assert street.order("accept_due_at", planned) == (promised,)
    assert street.order("accept_due_at", asked_now) == (street.now + timedelta(seconds=600),)
