"""A visit that will be late goes to somebody who would be in time; where there is nobody it stays."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from dispatch.service_level.handing_over import sweep_late
from dispatch.service_level.lateness import look_ahead
from schemas.database import connect, transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Workforce
from tests.integration.district import Connection


@pytest.fixture
def street(conn: Connection, now: datetime) -> Iterator[Workforce]:
    return Workforce(conn, now)


def look(street: Workforce, at: datetime) -> int:
    with transaction(street.conn) as tx:
        look_ahead(tx, at)
    with transaction(street.conn) as tx:
        return sweep_late(tx, at)


def late_visit(street: Workforce) -> tuple[int, int, datetime]:
    """An order whose worker, 20 km away and on foot, will be late; the worker, and when that is known."""
    walker = street.add_worker("甲", travel="walk")
    order = street.accepted(walker, item="meal", begins=HOUR)
    at = street.now + 90 * MINUTE
    street.locate(walker.id, 20_000, at)
    return order, walker.id, at


def test_a_visit_that_will_be_late_is_offered_to_somebody_who_would_be_in_time(street: Workforce) -> None:
    order, _, at = late_visit(street)
    near = street.add_worker("乙")
    assert look(street, at) == 1
    assert street.order("state, worker_id, risk, hand_over_at", order) == ("requested", None, None, None)
    assert "unassigned" in street.timeline(order)
    street.sweep(at)
    assert street.offers(order=order)[-1] == (near.id, "open")
    assert look(street, at + MINUTE) == 0


def test_a_visit_for_which_there_is_nobody_else_stays_and_is_looked_at_again(street: Workforce) -> None:
    order, walker, at = late_visit(street)
    assert look(street, at) == 1
    assert street.order("state, worker_id, attention, hand_over_at", order) == (
        "accepted", walker, "likely_late", at + 5 * MINUTE,
    )  # fmt: skip
    assert look(street, at + MINUTE) == 0
    street.add_worker("乙")
    assert look(street, at + 5 * MINUTE) == 1
    assert street.order("state", order) == ("requested",)


def test_a_worker_who_made_up_for_it_keeps_her_visit(street: Workforce) -> None:
    order, walker, at = late_visit(street)
    look(street, at)
    street.add_worker("乙")
    street.locate(walker, 100, at + 4 * MINUTE)
    assert look(street, at + 6 * MINUTE) == 0
    assert street.order("state, worker_id, hand_over_at", order) == ("accepted", walker, None)


def test_nothing_is_handed_over_where_the_policy_says_never(street: Workforce) -> None:
    street.conn.execute("UPDATE visit_policy SET hand_over_minutes = NULL")
    order, walker, at = late_visit(street)
    street.add_worker("乙")
    assert look(street, at) == 0
    assert street.order("worker_id, risk", order) == (walker, "late")


def test_an_order_that_somebody_else_holds_is_left_alone(street: Workforce, database_url: str) -> None:
    order, walker, at = late_visit(street)
    street.add_worker("乙")
    with transaction(street.conn) as tx:
        look_ahead(tx, at)
    with connect(database_url, "test") as other, transaction(other) as elsewhere:
        elsewhere.conn.execute("SELECT FROM service_order WHERE id = %s FOR UPDATE", (order,))
        with transaction(street.conn) as tx:
            assert sweep_late(tx, at) == 0
    assert street.order("worker_id", order) == (walker,)
