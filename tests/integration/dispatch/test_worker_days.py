"""When visits are expected stays true as a day changes; meals are fetched in rounds; standings and weights are kept."""

from datetime import datetime, timedelta

import pytest

from dispatch import weights
from dispatch.order_looks import preview
from dispatch.orders import cancel
from dispatch.refusals import Refused
from dispatch.standings import take_stock
from dispatch.travel import Place, travel_time
from schemas.database import transaction
from tests.integration.dispatch.workforce import HOME, HOUR, MINUTE, Workforce
from tests.integration.district import Connection, one

KITCHEN = (29.8200, 106.4000)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def _kitchen(street: Workforce, provider: int | None = None) -> int:
    return one(
        street.conn,
        "INSERT INTO kitchen (name, org_code, lat, lon, provider_id) VALUES ('食堂', '500109', %s, %s, %s)"
        " RETURNING id",
        *KITCHEN,
        provider,
    )


def test_a_visit_put_before_another_moves_that_one_and_its_cancelling_moves_it_back(
    street: Workforce, now: datetime
) -> None:
    worker = street.add_worker("one")
    late = street.accepted(worker, item="bath", begins=2 * HOUR, lasts=2 * HOUR)
    assert street.order("planned_at", late) == (now + 2 * HOUR,)
    early = street.accepted(worker, item="bath", begins=2 * HOUR, lasts=10 * MINUTE)
    assert street.order("planned_at", early) == (now + 2 * HOUR,)
    assert street.order("planned_at", late) == (now + 3 * HOUR + MINUTE,)
    with transaction(street.conn) as tx:
        cancel(tx, now, early, street.operator, "不要了")
    assert street.order("planned_at", late) == (now + 2 * HOUR,)


def test_meals_of_one_round_leave_their_kitchen_together(street: Workforce, now: datetime) -> None:
    kitchen = _kitchen(street)
    worker = street.add_worker("one")
    first = street.accepted(worker, lasts=2 * HOUR)
    second = street.accepted(worker, lasts=2 * HOUR, elder=street.add_neighbour(400))
    rows = [street.order("kitchen_id, pickup_at, planned_at", order) for order in (first, second)]
    assert {row[0] for row in rows} == {kitchen}
    assert len({row[1] for row in rows}) == 1
    begins = min(row[2] for row in rows if isinstance(row[2], datetime))
    left_at = rows[0][1]
    assert isinstance(left_at, datetime)
    nearest = min(
        travel_time(Place(*KITCHEN), Place(*home), "scooter") for home in (HOME, (HOME[0] + 400 / 111_195, HOME[1]))
    )
    assert begins - left_at >= nearest - timedelta(seconds=2)
    assert begins - left_at <= HOUR


def test_a_providers_own_kitchen_is_for_its_workers(street: Workforce, now: datetime) -> None:
    other = street.add_provider("别家")
    _kitchen(street, other)
    street.add_worker("near")
    own = street.add_worker("own", 5000, provider=other)
    street.offered(own)


def test_a_home_that_moves_takes_its_orders_along(street: Workforce, now: datetime) -> None:
    order = street.request()
    street.move(street.household, 29.9, 106.5)
    assert street.order("place_lat, place_lon", order) == (29.9, 106.5)


def test_the_provider_whose_workers_earned_less_goes_first(street: Workforce, now: datetime) -> None:
    poor = street.add_provider("新机构")
    rich_worker, poor_worker = street.add_worker("rich"), street.add_worker("poor", provider=poor)
    done = street.accepted(rich_worker)
    street.conn.execute(
        "UPDATE service_order SET state = 'settled', ended_at = %s, due_at = NULL, due_reason = NULL,"
        " provider_fen = 9000 WHERE id = %s",
        (now, done),
    )
    street.conn.execute("DELETE FROM offer")
    with transaction(street.conn) as tx:
        take_stock(tx, now)
    shares = dict(street.conn.execute("SELECT provider_id, share FROM provider_standing").fetchall())
    assert (shares[street.provider], shares[poor]) == (2, 0)
    street.offered(poor_worker, elder=street.add_neighbour(), begins=30 * HOUR - 22 * HOUR)


def test_weights_are_versions_and_can_be_tried_on_what_was_decided(street: Workforce, now: datetime) -> None:
    near, busy = street.add_worker("near", 2000), street.add_worker("busy")
    street.accepted(busy)
    order = street.request(begins=4 * HOUR, elder=street.add_neighbour())
    with transaction(street.conn) as tx:
        standing = {name: weights.history(tx, "order")[0][name] for name in weights.COLUMNS}
        weights.set_weights(tx, now, street.supervisor, "order", {**standing, "load_minutes": 0.5}, "先看路程")
        with pytest.raises(Refused, match="same_policy"):
            weights.set_weights(tx, now, street.supervisor, "order", {**standing, "load_minutes": 0.5}, None)
    street.sweep(now)
    assert street.offers(order=order) == [(busy.id, "open")]
    with transaction(street.conn) as tx:
        versions = weights.history(tx, "order")
        same = weights.replay(tx, {name: versions[0][name] for name in weights.COLUMNS}, 10)
        fair = weights.replay(tx, {**standing, "load_minutes": 40.0}, 10)
    assert [version["setter"] is None for version in versions] == [False, True]
    assert (same.orders, same.others) == (2, [])
    assert [(each, instead) for each, _, instead in fair.others] == [(order, near.id)]
    assert fair.travel_minutes > 0


def test_a_look_changes_nothing(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = street.request()
    with transaction(street.conn) as tx:
        choice = preview(tx, now, order)
    assert [ranked.candidate.worker_id for ranked in choice.best(5)] == [worker.id]
    assert street.timeline(order) == ["requested"]
