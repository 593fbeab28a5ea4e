"""Kitchens are opened, changed and closed; what waits to be fetched follows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dispatch.pool import kitchens
from dispatch.pool.kitchens import Kitchen
from dispatch.refusals import Refused
from schemas.database import Transaction, transaction
from tests.integration.dispatch.workforce import HOME, HOUR, Workforce
from tests.integration.district import Connection

DISTRICT = "500109"
NEAR = Kitchen("近处食堂", HOME[0] + 0.005, HOME[1], None, 60)
FAR = Kitchen("远处食堂", HOME[0] + 0.02, HOME[1], None, 60)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def _open(street: Workforce, kitchen: Kitchen) -> int:
    with transaction(street.conn) as tx:
        return kitchens.open_kitchen(tx, street.now, DISTRICT, kitchen)


def _close(street: Workforce, kitchen_id: int, now: datetime | None = None) -> int:
    with transaction(street.conn) as tx:
        return kitchens.close(tx, now or street.now, kitchen_id)


def _refused(street: Workforce, code: str, command: Callable[[Transaction], object]) -> None:
    with transaction(street.conn) as tx, pytest.raises(Refused) as refused:
        command(tx)
    assert refused.value.code == code


def test_a_meal_comes_from_the_nearest_kitchen_that_is_open(street: Workforce) -> None:
    far, near = _open(street, FAR), _open(street, NEAR)
    before = street.request()
    assert _close(street, near) == 1
    after = street.request()
    assert [street.order("kitchen_id", order) for order in (before, after)] == [(far,), (far,)]
    assert _close(street, far) == 2
    assert street.order("kitchen_id", after) == (None,)


def test_an_accepted_meal_is_fetched_elsewhere_when_its_kitchen_closes(street: Workforce, now: datetime) -> None:
    near, far = _open(street, NEAR), _open(street, FAR)
    worker = street.add_worker("one")
    order = street.accepted(worker, lasts=2 * HOUR)
    kitchen, pickup_at, planned_at = street.order("kitchen_id, pickup_at, planned_at", order)
    assert kitchen == near
    _close(street, near)
    kitchen, fetched_at, begins_at = street.order("kitchen_id, pickup_at, planned_at", order)
    assert kitchen == far
    assert isinstance(fetched_at, datetime) and isinstance(begins_at, datetime)
    assert isinstance(pickup_at, datetime) and isinstance(planned_at, datetime)
    assert begins_at - fetched_at > planned_at - pickup_at
    assert street.events()[-1] == "order.changed"


def test_what_has_left_a_kitchen_stays_as_it_is(street: Workforce) -> None:
    near, _ = _open(street, NEAR), _open(street, FAR)
    order = street.accepted(street.add_worker("one"), lasts=2 * HOUR)
    [pickup_at] = street.order("pickup_at", order)
    assert isinstance(pickup_at, datetime)
    assert _close(street, near, pickup_at + timedelta(seconds=1)) == 0
    assert street.order("kitchen_id, pickup_at", order) == (near, pickup_at)


def test_nobody_is_sent_to_the_kitchen_of_another_provider_when_hers_closes(street: Workforce) -> None:
    other = street.add_provider("别家")
    closing = _open(street, NEAR)
    theirs = _open(street, replace(NEAR, name="别家食堂", lat=HOME[0] + 0.01, provider_id=other))
    anybodys = _open(street, FAR)
    accepted, waiting = street.accepted(street.add_worker("one"), lasts=2 * HOUR), street.request()
    _close(street, closing)
    assert street.order("kitchen_id", accepted) == (anybodys,)
    assert street.order("kitchen_id", waiting) == (theirs,)


def test_a_kitchen_that_moves_moves_the_day_of_whoever_fetches_there(street: Workforce) -> None:
    kitchen = _open(street, NEAR)
    order = street.accepted(street.add_worker("one"), lasts=2 * HOUR)
    before = street.order("pickup_at, planned_at", order)
    with transaction(street.conn) as tx:
        kitchens.change(tx, street.now, kitchen, replace(NEAR, lat=FAR.lat))
    assert street.order("kitchen_id", order) == (kitchen,)
    assert street.order("pickup_at, planned_at", order) != before


def test_what_is_wrong_with_a_kitchen_is_refused(street: Workforce) -> None:
    kitchen = _open(street, NEAR)
    applicant = street.add_provider("新来", "suspended")
    stranger = street.add_provider("外地")
    street.conn.execute("DELETE FROM provider_area WHERE provider_id = %s", (stranger,))
    for provider in (applicant, stranger, 9999):
        own = replace(FAR, provider_id=provider)
        _refused(street, "unknown_provider", lambda tx, own=own: kitchens.open_kitchen(tx, street.now, DISTRICT, own))
        _refused(street, "unknown_provider", lambda tx, own=own: kitchens.change(tx, street.now, kitchen, own))
    _refused(street, "name_in_use", lambda tx: kitchens.open_kitchen(tx, street.now, DISTRICT, NEAR))
    _refused(street, "not_found", lambda tx: kitchens.change(tx, street.now, 9999, FAR))
    _refused(street, "not_found", lambda tx: kitchens.close(tx, street.now, 9999))
    _close(street, kitchen)
    _refused(street, "kitchen_closed", lambda tx: kitchens.change(tx, street.now, kitchen, FAR))


def test_whose_provider_is_suspended_keeps_its_kitchen(street: Workforce) -> None:
    own = replace(NEAR, provider_id=street.provider)
    kitchen = _open(street, own)
    street.conn.execute("UPDATE provider SET state = 'suspended'")
    with transaction(street.conn) as tx:
        kitchens.change(tx, street.now, kitchen, replace(own, hot_minutes=30))
    found = street.conn.execute("SELECT provider_id, hot_minutes FROM kitchen").fetchall()
    assert found == [(street.provider, 30)]
