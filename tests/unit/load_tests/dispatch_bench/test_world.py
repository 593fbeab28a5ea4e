"""The world of the simulated day: the same for everybody, and past its limits nobody gets."""

from dataclasses import replace

import pytest

from load_tests.dispatch_bench.account import figures
from load_tests.dispatch_bench.baselines import FirstCome, NearestAvailable
from load_tests.dispatch_bench.day import Day, Order, Worker
from load_tests.dispatch_bench.demand import make_day
from load_tests.dispatch_bench.world import World
from tests.unit.load_tests.dispatch_bench.days import HOUR, SMALL, Idle, some_order, with_orders


def _able(day: Day, order: Order) -> Worker:
    """A worker who may have the order and would say yes."""
    for worker in day.workers:
        asking = Idle(worker.number)
        World(day).play(asking)
        if asking.answers and asking.answers[0][2] == "accepted":
            return worker
    raise AssertionError(order)


def _told(order: Order, worker: Worker) -> tuple[dict[str, int], World]:
    staff = tuple(worker if one.number == worker.number else one for one in SMALL.workers)
    world = World(replace(with_orders(order), workers=staff))
    world.play(Idle(worker.number))
    return dict(world.refused), world


ESCORT = some_order(kind="register", skill="medical_escort", kitchen=None, duration=1200, window=(10 * HOUR, 12 * HOUR))


def test_whoever_takes_an_order_goes_there_and_serves_it_in_its_window() -> None:
    day = with_orders(ESCORT)
    refused, world = _told(ESCORT, _able(day, ESCORT))
    assert refused == {}
    assert world.courses[1].in_window
    assert world.courses[1].begun_at == 10 * HOUR, "she is there a little before"


@pytest.mark.parametrize(
    ("limit", "order", "change"),
    [
        ("skill", ESCORT, {"skills": frozenset({"lifting"}), "lapsed": frozenset()}),
        ("certificate", ESCORT, {"skills": frozenset(), "lapsed": frozenset({"medical_escort"})}),
        ("shift", ESCORT, {"shift": (13 * HOUR, 21 * HOUR)}),
        ("sex", replace(ESCORT, sex="male"), {"sex": "female"}),
        ("area", replace(ESCORT, path="500112/500112001/"), {}),
    ],
)
def test_nobody_is_given_what_a_hard_limit_forbids(limit: str, order: Order, change: dict[str, object]) -> None:
    worker = replace(_able(with_orders(ESCORT), ESCORT), **change)  # type: ignore[arg-type]
    refused, world = _told(order, worker)
    assert refused == {limit: 1}
    assert world.courses[1].has_failed and not world.courses[1].crew


def test_nobody_has_two_visits_at_once() -> None:
    other = replace(
        ESCORT, number=2, duration=3 * HOUR, window=(10 * HOUR, 11 * HOUR), placed_at=ESCORT.placed_at + HOUR
    )
    long = replace(ESCORT, duration=3 * HOUR, window=(10 * HOUR, 11 * HOUR))
    worker = _able(with_orders(long), long)
    world = World(with_orders(long, other))
    world.play(Idle(worker.number))
    assert dict(world.refused) == {"twice": 1}


def test_an_order_to_which_nobody_comes_has_failed_an_hour_after_its_window() -> None:
    world, idle = World(with_orders(ESCORT)), Idle()
    world.play(idle)
    assert idle.gone == [1] and world.courses[1].has_failed


def test_a_meal_is_fetched_before_it_is_brought() -> None:
    meal = some_order(
        kind="meal", skill="meal_delivery", kitchen=0, ready=10 * HOUR, duration=240, window=(11 * HOUR, 12 * HOUR)
    )
    refused, world = _told(meal, _able(with_orders(meal), meal))
    assert refused == {}
    assert world.courses[1].in_window and not world.courses[1].is_cold


def test_every_policy_meets_the_same_world() -> None:
    outcomes = []
    for policy in (NearestAvailable(), FirstCome(), NearestAvailable()):
        world = World(SMALL)
        world.play(policy)
        off = {number for number, course in world.courses.items() if course.is_called_off}
        lasted = {
            number: round(course.done_at - course.begun_at, 6)
            for number, course in world.courses.items()
            if course.begun_at is not None and course.done_at is not None
        }
        outcomes.append((off, lasted, figures(world, ()), world))
    (off, lasted, figured, world), (off_too, lasted_too, _, _), (_, _, again, _) = outcomes
    assert off == off_too == set(SMALL.called_off_at)
    both = lasted.keys() & lasted_too.keys()
    assert len(both) > 40
    assert {number: lasted[number] for number in both} == {number: lasted_too[number] for number in both}
    assert figured == again, "a day comes out the same again"
    assert figured["refused"] == {} and not world.refused


def test_baselines_serve_most_of_a_day_within_every_limit() -> None:
    day = make_day(5, 300, 24)
    for policy in (NearestAvailable(), FirstCome()):
        world = World(day)
        world.play(policy)
        found = figures(world, policy.decisions)
        assert found["refused"] == {}
        assert found["served_in_window"] > 0.7
        assert found["orders"] == 300 and found["called_off"] == len(day.called_off_at)
        assert (
            found["late"] + found["cold"] + found["unserved"] >= (1 - found["served_in_window"]) * found["feasible"] - 1
        )


def test_two_workers_begin_together() -> None:
    day = make_day(6, 400, 32)
    world = World(day)
    world.play(NearestAvailable())
    heavy = [course for course in world.courses.values() if course.order.workers == 2 and course.begun_at is not None]
    assert heavy
    assert all(len(set(course.crew)) == 2 for course in heavy)
