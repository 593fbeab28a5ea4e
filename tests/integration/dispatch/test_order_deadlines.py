"""Deadlines of orders: whoever is late or away is noticed, silence confirms, one faulty order holds up no other."""

from datetime import date, datetime, timedelta

import pytest

from dispatch.order_deadlines import SWEEP
from dispatch.orders import reassign, search_again
from dispatch.pool.watching import sweep_workers
from dispatch.service.completing import complete
from dispatch.service.visits import begin
from dispatch.sweeping import overdue
from schemas.database import transaction
from tests.integration.dispatch.progress import HURRIED, STATES, order_in, visit_until
from tests.integration.dispatch.workforce import HOUR, MINUTE, Workforce
from tests.integration.district import Connection

DAY = timedelta(days=1)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def test_an_elder_who_goes_away_stops_the_search_and_calls_a_person(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    waiting, taken = street.offered(worker, begins=5 * HOUR), street.accepted(worker)
    street.elder_becomes("hospital", now)
    assert street.order("state, attention", taken) == ("accepted", "elder_away")
    assert street.order("state, attention, due_at", waiting) == ("requested", "elder_away", now + 5 * MINUTE)
    assert street.offers(order=waiting) == [(worker.id, "withdrawn")]
    street.elder_becomes("deceased", now)
    street.sweep(now + 5 * MINUTE)
    assert street.offers(order=waiting) == [(worker.id, "withdrawn")]
    assert street.events().count("order.attention") == 2
    street.elder_becomes("home", now + 6 * MINUTE)
    assert street.order("attention, attention_at", taken) == (None, None)
    street.sweep(now + 6 * MINUTE)
    assert street.order("state, attention", waiting) == ("offered", None)
    assert street.offers(order=waiting)[-1] == (worker.id, "open")


def test_an_order_whose_worker_lost_her_account_before_she_came_goes_to_somebody_else(
    street: Workforce, now: datetime
) -> None:
    gone = street.add_worker("gone")
    taken, there = street.accepted(gone, begins=5 * HOUR), street.accepted(gone)
    visit_until(street, gone, there, "begin", now + HOUR)
    other = street.add_worker("other", 3000)
    street.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (now, gone.account))
    with transaction(street.conn) as tx:
        sweep_workers(tx, now + HOUR, 10)
    assert street.sweep(now + HOUR) == 1
    assert street.order("state, worker_id", there) == ("in_service", gone.id)
    assert street.order("state, worker_id, accepted_at", taken) == ("offered", None, None)
    assert street.offers(order=taken) == [(gone.id, "accepted"), (other.id, "open")]
    assert street.timeline(taken)[-2:] == ["unassigned", "offered"]
    assert street.events()[-3:] == ["order.unassigned", "offer.made", "order.offered"]


def test_coming_back_leaves_other_reasons_to_look_alone(street: Workforce, now: datetime) -> None:
    order = street.request()
    street.sweep(now)
    assert street.order("attention", order) == ("nobody_eligible",)
    street.elder_becomes("home", now)
    assert street.order("attention", order) == ("nobody_eligible",)


def test_while_the_elder_is_away_nothing_else_hides_that(street: Workforce, now: datetime) -> None:
    order = street.accepted(street.add_worker("one"))
    street.elder_becomes("travelling", now)
    street.sweep(now + 3 * HOUR)
    assert street.order("attention, due_at", order) == ("elder_away", now + 3 * HOUR + 15 * MINUTE)
    with transaction(street.conn) as tx:
        reassign(tx, now + 3 * HOUR, order, street.operator, "再找")
    with transaction(street.conn) as tx:
        search_again(tx, now + 3 * HOUR, order, street.operator)
    assert street.order("attention", order) == ("elder_away",)


def test_a_late_worker_and_a_visit_without_end_call_a_person_every_quarter_of_an_hour(
    street: Workforce, now: datetime
) -> None:
    worker = street.add_worker("one")
    order = street.accepted(worker)
    end = now + 2 * HOUR
    assert street.sweep(end - timedelta(seconds=1)) == 0
    assert street.sweep(end) == 1
    assert street.order("attention, attention_at, due_at", order) == ("late", end, end + 15 * MINUTE)
    street.sweep(end + 15 * MINUTE)
    assert street.events().count("order.attention") == 1
    visit_until(street, worker, order, "check_in", end + 20 * MINUTE)
    assert street.order("attention, due_at, due_reason", order) == (None, end + 65 * MINUTE, "finish")
    with transaction(street.conn) as tx:
        begin(tx, end + 21 * MINUTE, order, worker.account)
    assert street.sweep(end + 65 * MINUTE) == 1
    assert street.order("attention, due_at", order) == ("overrun", end + 80 * MINUTE)
    with transaction(street.conn) as tx:
        complete(tx, end + 81 * MINUTE, order, worker.account, None, None, reason=HURRIED)
    assert street.order("attention, due_reason", order) == (None, "confirm")


def test_silence_confirms_a_visit_after_a_day(street: Workforce, now: datetime) -> None:
    order = order_in(street, street.add_worker("one"), "completed")
    done = now + 40 * MINUTE
    assert street.order("ended_at, due_at", order) == (done, done + DAY)
    assert street.sweep(done + DAY) == 1
    assert street.order("state, confirmed_at, confirmed_by", order) == ("confirmed", done + DAY, None)
    assert street.sweep(done + 2 * DAY) == 0


@pytest.mark.parametrize("state", STATES)
def test_every_open_order_has_a_deadline_and_the_overdue_are_counted(
    street: Workforce, now: datetime, state: str
) -> None:
    order = order_in(street, street.add_worker("one"), state)
    due_at, open_ = street.order("due_at, ended_at IS NULL", order)
    assert (due_at is not None) == (state not in ("settled", "cancelled", "failed"))
    assert due_at is not None or not open_
    with transaction(street.conn) as tx:
        assert overdue(tx, now + 60 * DAY, timedelta(), SWEEP) == (due_at is not None)
        assert overdue(tx, now, timedelta(seconds=10), SWEEP) == 0


def test_an_order_whose_step_fails_is_tried_later_and_holds_up_no_other(street: Workforce, now: datetime) -> None:
    faulty, sound = street.request(), street.request(elder=street.add_neighbour(100))
    street.add_worker("one")
    street.conn.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$")
    street.conn.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON offer FOR EACH ROW WHEN (NEW.order_id = {faulty})"
        " EXECUTE FUNCTION refuse()".encode()
    )
    assert street.sweep(now) == 2
    assert street.order("state, due_at", faulty) == ("requested", now + timedelta(seconds=30))
    assert street.order("state", sound) == ("offered",)
    assert street.events() == ["order.requested", "order.requested", "offer.made", "order.offered"]
    street.conn.execute("DROP TRIGGER refuse ON offer")
    street.sweep(now + timedelta(seconds=30))
    assert street.order("state", faulty) == ("offered",)


def test_a_certificate_counts_on_the_day_of_the_visit(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one", skills=(), shift=(-HOUR, 100 * HOUR))
    visit_day = (now + 3 * DAY).date()
    street.certify(worker.id, "bathing", date(2020, 1, 1), visit_day + timedelta(days=2))
    street.offered(worker, item="bath", begins=3 * DAY)
    street.conn.execute("UPDATE worker_skill SET valid_to = %s", (visit_day - timedelta(days=2),))
    order = street.request("bath", 3 * DAY)
    street.sweep(now)
    assert street.order("attention_detail->'turned_away'", order) == ({"skill": 1},)
