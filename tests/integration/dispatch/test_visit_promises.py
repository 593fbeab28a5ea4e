"""Promises about orders: breaches are told once and reviewed, lateness is foretold before it happens."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from dispatch.service_level.breaches import sweep_visit_promises
from dispatch.service_level.figures import kept
from dispatch.service_level.lateness import look_ahead
from schemas.database import connect, transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Workforce
from tests.integration.district import Connection


@pytest.fixture
def street(conn: Connection, now: datetime) -> Iterator[Workforce]:
    return Workforce(conn, now)


def promises(street: Workforce, at: datetime) -> int:
    with transaction(street.conn) as tx:
        return sweep_visit_promises(tx, at)


def reviews(street: Workforce, order: int) -> list[str]:
    found = street.conn.execute(
        "SELECT detail->>'promise' FROM task WHERE kind = 'breach_review' AND order_id = %s ORDER BY id", (order,)
    )
    return [row[0] for row in found]


def look(street: Workforce, at: datetime) -> int | None:
    with transaction(street.conn) as tx:
        return look_ahead(tx, at)


def test_an_order_that_nobody_accepts_in_time_is_reviewed_once(street: Workforce) -> None:
    order = street.request("meal", HOUR)
    assert promises(street, street.now + 10 * MINUTE) == 0
    assert promises(street, street.now + 11 * MINUTE) == 1
    assert reviews(street, order) == ["accept"]
    assert "breached" in street.timeline(order)
    assert promises(street, street.now + 12 * MINUTE) == 0


def test_each_promise_of_an_order_breaks_for_itself(street: Workforce) -> None:
    worker = street.add_worker("甲")
    order = street.accepted(worker, item="meal", begins=HOUR)
    late = street.now + 3 * HOUR
    assert promises(street, late) == 1
    assert reviews(street, order) == ["arrive"]
    assert street.order("breaches, sla_due_at", order) == (["arrive"], late + 15 * MINUTE)


def test_a_test_order_breaks_no_promise(street: Workforce) -> None:
    tester = street.add_neighbour(100, "test")
    order = street.request("meal", HOUR, elder=tester)
    assert street.order("sla_due_at", order) == (None,)
    assert promises(street, street.now + 5 * HOUR) == 0


def test_a_worker_too_far_away_is_foretold_to_be_late(street: Workforce) -> None:
    worker = street.add_worker("甲", travel="walk")
    order = street.accepted(worker, item="meal", begins=HOUR)
    street.locate(worker.id, 20_000, street.now + 90 * MINUTE)
    assert look(street, street.now + 90 * MINUTE) == 1
    attention, risk = street.order("attention, risk", order)
    assert (attention, risk) == ("likely_late", "late")
    street.locate(worker.id, 100, street.now + 95 * MINUTE)
    assert look(street, street.now + 95 * MINUTE) == 0
    assert street.order("attention, risk", order) == (None, "none")


def test_a_forecast_that_stays_the_same_is_not_told_again(street: Workforce) -> None:
    worker = street.add_worker("甲")
    street.accepted(worker, item="meal", begins=HOUR)
    look(street, street.now + 30 * MINUTE)
    before = street.events()
    look(street, street.now + 31 * MINUTE)
    assert street.events() == before


def test_something_worse_keeps_the_attention(street: Workforce) -> None:
    worker = street.add_worker("甲", travel="walk")
    order = street.accepted(worker, item="meal", begins=HOUR)
    street.sweep(street.now + 121 * MINUTE)
    assert street.order("attention", order) == ("late",)
    street.locate(worker.id, 20_000, street.now + 122 * MINUTE)
    look(street, street.now + 122 * MINUTE)
    assert street.order("attention, risk", order) == ("late", "late")


def test_only_one_engine_foretells_at_a_time(street: Workforce, database_url: str) -> None:
    with connect(database_url, "test") as other, transaction(other) as elsewhere:
        assert look_ahead(elsewhere, street.now) == 0
        assert look(street, street.now) is None


def test_figures_count_what_is_decided_by_provider(street: Workforce) -> None:
    worker = street.add_worker("甲")
    street.accepted(worker, item="meal", begins=HOUR)
    since, until = street.now - timedelta(days=1), street.now + timedelta(days=1)
    with transaction(street.conn) as tx:
        found = kept(tx, street.now + 3 * HOUR, since, until, ["500109001"], "provider")
    assert {(one.key, one.promise, one.decided, one.broken) for one in found} == {
        (str(street.provider), "accept", 1, 0),
        (str(street.provider), "arrive", 1, 1),
    }
