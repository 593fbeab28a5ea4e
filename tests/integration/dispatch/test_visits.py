"""A visit step by step; who is not at the door cannot check in, and nobody takes another's step."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf, nan

import pytest

from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.service.checking_in import check_in
from dispatch.service.completing import complete
from dispatch.service.visits import begin, depart, fail
from schemas.database import Transaction, transaction
from schemas.states import ORDER_STEPS, OrderState
from tests.integration.dispatch.progress import AT_HOME, HURRIED, STATES, order_in, visit_until
from tests.integration.dispatch.workforce import HOME, HOUR, MINUTE, Workforce
from tests.integration.district import Connection

SECOND = timedelta(seconds=1)
_STEPS: dict[OrderState, Callable[[Transaction, datetime, int, int], object]] = {
    "en_route": depart,
    "checked_in": lambda tx, now, order, account: check_in(tx, now, order, account, AT_HOME),
    "in_service": begin,
    "completed": lambda tx, now, order, account: complete(tx, now, order, account, AT_HOME, None, reason=HURRIED),
    "failed": lambda tx, now, order, account: fail(tx, now, order, account, "elder_absent", None),
}


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def north(metres: float, accuracy: float = 10) -> Spot:
    return Spot(HOME[0] + metres / 111_195, HOME[1], accuracy)


def test_a_visit_from_the_door_of_the_worker_to_the_end(storage_conn: Connection, now: datetime) -> None:
    street = Workforce(storage_conn, now)
    worker = street.add_worker("one")
    order = street.accepted(worker)
    visit_until(street, worker, order, "begin", now + HOUR)
    with transaction(street.conn) as tx:
        complete(tx, now + 80 * MINUTE, order, worker.account, north(250), "吃得很好", reason=HURRIED)
    assert street.order("departed_at, checked_in_at, begun_at, completed_at, ended_at, due_reason", order) == (
        now + HOUR, now + HOUR, now + HOUR, now + 80 * MINUTE, now + 80 * MINUTE, "confirm",
    )  # fmt: skip
    there, away = street.order("checked_in_distance_m, completed_distance_m", order)
    assert (there, round(float(str(away)))) == (0, 250)
    assert street.timeline(order)[2:] == ["accepted", "departed", "checked_in", "begun", "completed"]
    assert street.events()[-4:] == ["order.departed", "order.checked_in", "order.begun", "order.completed"]
    note = street.conn.execute("SELECT note, actor_id FROM order_event WHERE kind = 'completed'").fetchone()
    assert note == ("吃得很好", worker.account)


@pytest.mark.parametrize("state", STATES)
def test_each_step_follows_only_the_one_before_it(street: Workforce, now: datetime, state: OrderState) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, state)
    held = street.order("worker_id", order) == (worker.id,)
    ended = state in ("completed", "confirmed", "settled", "failed")
    code = "order_cancelled" if state == "cancelled" else "order_ended" if ended else "wrong_step"
    before = street.order("service_order::text", order), street.timeline(order), street.events()
    for to, step in _STEPS.items():
        if held and to in ORDER_STEPS[state]:
            continue
        with pytest.raises(Refused) as refused, transaction(street.conn) as tx:
            step(tx, now + HOUR, order, worker.account)
        assert (to, refused.value.code) == (to, code if held else "not_found")
    assert (street.order("service_order::text", order), street.timeline(order), street.events()) == before


@pytest.mark.parametrize(
    ("spot", "code"),
    [
        (north(311), "too_far"),
        (north(900, 500), "too_far"),
        (Spot(0, 0, 10), "too_far"),
        (Spot(-HOME[0], HOME[1], 10), "too_far"),
        (north(0, 501), "too_vague"),
        (north(0, nan), "too_vague"),
        (north(0, inf), "too_vague"),
        (north(0, -1), "too_vague"),
        (Spot(nan, HOME[1], 10), "too_vague"),
        (Spot(HOME[0], inf, 10), "too_vague"),
        (Spot(91, HOME[1], 10), "too_vague"),
        (Spot(HOME[0], 1e308, 10), "too_vague"),
    ],
)
def test_nobody_checks_in_from_elsewhere(street: Workforce, now: datetime, spot: Spot, code: str) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "en_route")
    before = street.order("service_order::text", order), street.timeline(order), street.events()
    with pytest.raises(Refused) as refused, transaction(street.conn) as tx:
        check_in(tx, now + HOUR, order, worker.account, spot)
    assert refused.value.code == code
    assert (street.order("service_order::text", order), street.timeline(order), street.events()) == before


@pytest.mark.parametrize("spot", [north(309), north(-299, 0), north(690, 400), north(0, 500)])
def test_near_enough_is_near_enough(street: Workforce, now: datetime, spot: Spot) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "en_route")
    with transaction(street.conn) as tx:
        check_in(tx, now + HOUR, order, worker.account, spot)
    assert street.order("state", order) == ("checked_in",)


def test_nobody_checks_in_long_before_the_window(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "en_route")
    with pytest.raises(Refused, match="too_early"), transaction(street.conn) as tx:
        check_in(tx, now + 30 * MINUTE - SECOND, order, worker.account, AT_HOME)
    with transaction(street.conn) as tx:
        check_in(tx, now + 30 * MINUTE, order, worker.account, AT_HOME)


def test_a_home_that_is_not_on_the_map_keeps_nobody_out(street: Workforce, now: datetime) -> None:
    street.move(street.household, None, None)
    worker = street.add_worker("one")
    order = order_in(street, worker, "en_route")
    with transaction(street.conn) as tx:
        check_in(tx, now + HOUR, order, worker.account, north(5000))
    assert street.order("state, checked_in_distance_m", order) == ("checked_in", None)


@pytest.mark.parametrize(
    ("spot", "known"), [(None, False), (north(9000), True), (north(0, inf), False), (Spot(nan, 999, -1), False)]
)
def test_a_visit_is_completed_wherever_the_phone_says_it_is(
    street: Workforce, now: datetime, spot: Spot | None, known: bool
) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "in_service")
    with transaction(street.conn) as tx:
        complete(tx, now + HOUR, order, worker.account, spot, None, reason=HURRIED)
    assert street.order(
        "state, completed_distance_m IS NOT NULL, completed_lat IS NOT NULL, completed_accuracy_m IS NOT NULL", order
    ) == ("completed", known, known, known)


@pytest.mark.parametrize("state", ["en_route", "checked_in", "in_service"])
def test_a_visit_can_fail_once_the_worker_has_set_out(street: Workforce, now: datetime, state: str) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, state)
    with transaction(street.conn) as tx:
        fail(tx, now + HOUR, order, worker.account, "elder_refused", "改天")
    assert street.order("state, ended_at, end_reason, due_at, attention", order) == (
        "failed", now + HOUR, "elder_refused", None, None,
    )  # fmt: skip
    assert "failed" in street.timeline(order)


def test_nobody_takes_the_steps_of_another(street: Workforce, now: datetime) -> None:
    worker, other = street.add_worker("one"), street.add_worker("two", 500)
    order = order_in(street, worker, "en_route")
    for account in (other.account, street.operator, street.relative):
        with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
            check_in(tx, now + HOUR, order, account, AT_HOME)
    street.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (now, worker.account))
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        check_in(tx, now + HOUR, order, worker.account, AT_HOME)
