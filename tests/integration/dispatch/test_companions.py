"""A visit that takes two workers: two different ones, at the same time, or a person is told."""

from datetime import datetime, timedelta

import pytest

from dispatch.orders import cancel, confirm, reassign
from schemas.database import transaction
from tests.integration.dispatch.races import overtaken
from tests.integration.dispatch.test_order_races import _accept
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """A street whose elder cannot be bathed by one alone."""
    street = Workforce(conn, now)
    conn.execute(
        "INSERT INTO service_profile (elder_id, two_workers, changed_at) VALUES (%s, true, %s)", (street.elder, now)
    )
    conn.execute("UPDATE catalogue_item SET two_above_kg = 80 WHERE code = 'bath'")
    return street


def _bath(street: Workforce, begins: timedelta = HOUR, lasts: timedelta = 2 * HOUR) -> tuple[int, int]:
    lead = street.request("bath", begins, lasts)
    return lead, one(street.conn, "SELECT id FROM service_order WHERE lead_id = %s", lead)


def _asked(street: Workforce, order: int) -> int:
    [(worker, state)] = street.offers(order=order)
    assert state == "open"
    return worker


def _both(street: Workforce, now: datetime, *workers: Worker) -> tuple[int, int]:
    """A bath that two have accepted."""
    lead, companion = _bath(street)
    street.sweep(now)
    by_id = {worker.id: worker for worker in workers}
    street.accept(by_id[_asked(street, lead)], now, order=lead)
    street.accept(by_id[_asked(street, companion)], now, order=companion)
    return lead, companion


def test_two_different_workers_are_asked_and_begin_together(street: Workforce, now: datetime) -> None:
    one_, two = street.add_worker("one", 500), street.add_worker("two", 2500)
    lead, companion = _both(street, now, one_, two)
    first, second = street.order("worker_id, planned_at", lead), street.order("worker_id, planned_at", companion)
    assert {first[0], second[0]} == {one_.id, two.id}
    assert first[1] == second[1] is not None


def test_one_worker_alone_gets_one_part_and_a_person_is_told_of_the_other(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    lead, companion = _bath(street)
    street.sweep(now)
    asked = [order for order in (lead, companion) if street.offers(order=order)]
    assert len(asked) == 1
    street.accept(worker, now, order=asked[0])
    other = companion if asked[0] == lead else lead
    street.sweep(now + 5 * MINUTE)
    state, attention, detail = street.order("state, attention, attention_detail", other)
    assert (state, attention) == ("requested", "companion_missing")
    assert isinstance(detail, dict)
    assert detail["turned_away"] == {"pair": 1}


def test_when_the_second_can_only_come_later_the_first_agrees_on_that_time(street: Workforce, now: datetime) -> None:
    first = street.add_worker("first")
    lead, companion = _bath(street)
    street.sweep(now)
    taken, other = (lead, companion) if street.offers(order=lead) else (companion, lead)
    street.accept(first, now, order=taken)
    [(was,)] = [street.order("planned_at", taken)]
    second = street.add_worker("second", shift=(2 * HOUR, 9 * HOUR))
    street.sweep(now + 5 * MINUTE)
    street.accept(second, now + 6 * MINUTE, order=other)
    assert was == now + HOUR
    assert street.order("planned_at", taken) == street.order("planned_at", other) == (now + 2 * HOUR,)
    assert "planned" in street.timeline(taken)


def test_calling_off_either_calls_off_both(street: Workforce, now: datetime) -> None:
    workers = street.add_worker("one", 500), street.add_worker("two", 900)
    for which in (0, 1):
        orders = _both(street, now, *workers)
        with transaction(street.conn) as tx:
            cancel(tx, now, orders[which], street.operator, "不洗了")
        assert [street.order("state", order) for order in orders] == [("cancelled",), ("cancelled",)]


def test_a_reassigned_part_is_for_whoever_can_be_there_at_the_time_agreed_on(street: Workforce, now: datetime) -> None:
    workers = street.add_worker("one", 500), street.add_worker("two", 900)
    third = street.add_worker("three", 1500)
    street.conn.execute("DELETE FROM worker_skill WHERE worker_id = %s", (third.id,))
    lead, companion = _both(street, now, *workers)
    street.certify(third.id, "bathing", now.date() - timedelta(days=9), None)
    with transaction(street.conn) as tx:
        reassign(tx, now, companion, street.operator, "病了")
    street.sweep(now)
    street.accept(third, now, order=companion)
    assert street.order("worker_id, planned_at", companion) == (third.id, street.order("planned_at", lead)[0])


def test_both_parts_are_confirmed_by_one_word(street: Workforce, now: datetime) -> None:
    workers = street.add_worker("one", 500), street.add_worker("two", 900)
    orders = _both(street, now, *workers)
    street.conn.execute(
        "UPDATE service_order SET state = 'completed', completed_at = %(now)s, ended_at = %(now)s,"
        " checked_in_at = %(now)s, due_at = %(now)s, due_reason = 'confirm'",
        {"now": now},
    )
    with transaction(street.conn) as tx:
        confirm(tx, now, orders[0], street.relative)
    assert [street.order("state", order) for order in orders] == [("confirmed",), ("confirmed",)]


def test_relatives_see_one_visit(street: Workforce, now: datetime) -> None:
    lead, companion = _bath(street)
    seen = "SELECT order_id FROM order_audience(%s) WHERE account_id = %s"
    assert street.conn.execute(seen, (now, street.relative)).fetchall() == [(lead,)]
    assert {row[0] for row in street.conn.execute(seen, (now, street.operator))} == {lead, companion}


def test_two_who_accept_at_once_agree_on_one_time(street: Workforce, database_url: str, now: datetime) -> None:
    by_id = {worker.id: worker for worker in (street.add_worker("one", 500), street.add_worker("two", 2500))}
    lead, companion = _bath(street)
    street.sweep(now)
    acts = [_accept(street, by_id[_asked(street, order)], order, now) for order in (companion, lead)]
    assert overtaken(database_url, street.conn, *acts) == (None, None)
    planned = {street.order("planned_at", order) for order in (lead, companion)}
    assert len(planned) == 1
    assert planned != {(None,)}
    assert street.order("worker_id", lead) != street.order("worker_id", companion)


def test_accepting_one_part_while_staff_call_off_the_other(street: Workforce, database_url: str, now: datetime) -> None:
    by_id = {worker.id: worker for worker in (street.add_worker("one", 500), street.add_worker("two", 900))}
    lead, companion = _bath(street)
    street.sweep(now)
    accept = _accept(street, by_id[_asked(street, companion)], companion, now)
    told = overtaken(database_url, street.conn, lambda tx: cancel(tx, now, lead, street.operator, "不洗了"), accept)
    assert told == (None, "order_cancelled")
    assert street.order("state", companion) == ("cancelled",)
