"""A visit by two workers that the elder's side calls off: both workers have set their time aside."""

from datetime import datetime

import pytest

from dispatch.orders import cancel
from dispatch.refusals import Refused
from dispatch.service import visits
from dispatch.sources import family
from schemas.database import transaction
from tests.integration.dispatch.races import overtaken
from tests.integration.dispatch.test_companions import _bath, _both
from tests.integration.dispatch.workforce import Workforce
from tests.integration.district import Connection


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """A street where a bath takes two, costs 80 yuan, and 60 yuan go to the provider of each."""
    street = Workforce(conn, now)
    conn.execute(
        "INSERT INTO service_profile (elder_id, two_workers, changed_at) VALUES (%s, true, %s)", (street.elder, now)
    )
    conn.execute(
        "UPDATE catalogue_item SET two_above_kg = 80, price_fen = 8000, provider_fen = 6000, fee = 'paid'"
        " WHERE code = 'bath'"
    )
    return street


def _cases(street: Workforce) -> list[tuple[object, ...]]:
    return street.conn.execute(
        "SELECT order_id, reason, elder_fen, provider_fen FROM no_show ORDER BY order_id"
    ).fetchall()


@pytest.mark.parametrize("which", [0, 1])
def test_two_who_are_called_off_too_late_are_both_paid_and_the_elder_pays_once(
    street: Workforce, now: datetime, which: int
) -> None:
    orders = _both(street, now, street.add_worker("one", 500), street.add_worker("two", 900))
    with transaction(street.conn) as tx:
        cancel(tx, now, orders[which], street.operator, "不洗了", for_elder=True)
    lead, companion = orders
    assert _cases(street) == [(lead, "late_cancel", 2400, 1800), (companion, "late_cancel", 0, 1800)]


def test_the_one_of_two_who_has_accepted_is_paid_when_the_visit_is_called_off_too_late(
    street: Workforce, now: datetime
) -> None:
    worker = street.add_worker("one")
    lead, companion = _bath(street)
    street.sweep(now)
    taken = lead if street.offers(order=lead) else companion
    street.accept(worker, now, order=taken)
    with transaction(street.conn) as tx:
        cancel(tx, now, companion if taken == lead else lead, street.operator, "不洗了", for_elder=True)
    assert [(case[0], case[3]) for case in _cases(street)] == [(taken, 1800)]


def test_relatives_do_not_call_off_a_visit_to_which_the_second_worker_is_on_her_way(
    street: Workforce, now: datetime
) -> None:
    street.conn.execute("DELETE FROM staff_only_item")
    lead, companion = _both(street, now, street.add_worker("one", 500), street.add_worker("two", 900))
    street.conn.execute("UPDATE service_order SET state = 'en_route', departed_at = %s WHERE id = %s", (now, companion))
    with pytest.raises(Refused, match="wrong_step"), transaction(street.conn) as tx:
        family.cancel(tx, now, lead, street.relative, None)
    assert [street.order("state", order) for order in (lead, companion)] == [("accepted",), ("en_route",)]


def test_relatives_who_call_off_wait_for_the_second_worker_who_sets_out(
    street: Workforce, database_url: str, now: datetime
) -> None:
    street.conn.execute("DELETE FROM staff_only_item")
    lead, companion = _both(street, now, street.add_worker("one", 500), street.add_worker("two", 900))
    account = street.conn.execute(
        "SELECT account_id FROM worker JOIN service_order ON worker_id = worker.id WHERE service_order.id = %s",
        (companion,),
    ).fetchone()
    assert account is not None
    told = overtaken(
        database_url,
        street.conn,
        lambda tx: visits.depart(tx, now, companion, account[0]),
        lambda tx: family.cancel(tx, now, lead, street.relative, None),
    )
    assert told == (None, "wrong_step")
    assert [street.order("state", order) for order in (lead, companion)] == [("accepted",), ("en_route",)]
