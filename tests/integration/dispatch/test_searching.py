"""Whom the engine asks, in which order, in which rounds, and what a person is told when there is nobody."""

from datetime import date, datetime, timedelta

import pytest

from dispatch.orders import search_again
from schemas.database import transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Workforce
from tests.integration.district import Connection, one

SECOND = timedelta(seconds=1)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def _reasons(street: Workforce, order: int) -> list[dict[str, float]]:
    rows = street.conn.execute("SELECT reasons FROM offer WHERE order_id = %s ORDER BY id", (order,))
    return [row[0] for row in rows]


def test_the_nearest_is_asked_first_and_the_reasons_are_kept(storage_conn: Connection, now: datetime) -> None:
    street = Workforce(storage_conn, now)
    street.add_worker("far", 5000)
    near = street.add_worker("near", 500)
    order = street.offered(near)
    assert street.order("state, due_at, due_reason, worker_id", order) == ("offered", now + 90 * SECOND, "offer", None)
    [reasons] = _reasons(street, order)
    assert (reasons["rank"], reasons["candidates"], reasons["load"], reasons["familiarity"]) == (1, 2, 0, 0)
    assert abs(reasons["distance_m"] - 500) < 2
    assert reasons["travel_minutes"] == 4
    assert street.timeline(order) == ["requested", "offered"]
    assert street.events() == ["order.requested", "offer.made", "order.offered"]


def test_nobody_is_asked_again_before_everybody_was(street: Workforce, now: datetime) -> None:
    near, far = street.add_worker("near"), street.add_worker("far", 3000)
    order = street.request()
    street.sweep(now)
    street.decline(near, now, order=order)
    street.sweep(now)
    street.sweep(now + 90 * SECOND)
    street.sweep(now + 90 * SECOND)
    assert street.order("state, attention, due_at", order) == ("requested", "nobody_accepted", now + 150 * SECOND)
    assert street.order("attention_detail", order)[0] == {
        "turned_away": {"asked": 2},
        "nearest_miss": {"worker": "near", "missing": "asked", "travel_minutes": 1},
    }
    street.sweep(now + 150 * SECOND)
    assert street.offers(order=order) == [(near.id, "declined"), (far.id, "expired"), (near.id, "open")]
    assert street.order("attention", order) == ("nobody_accepted",)
    assert street.accept(near, now + 151 * SECOND, order=order) is None
    assert street.order("attention, attention_at", order) == (None, None)


def test_a_newcomer_is_asked_before_a_round_begins_again(street: Workforce, now: datetime) -> None:
    near = street.add_worker("near")
    order = street.offered(near)
    street.decline(near, now, order=order)
    newcomer = street.add_worker("newcomer", 9000)
    street.sweep(now)
    assert street.offers(order=order) == [(near.id, "declined"), (newcomer.id, "open")]


def test_who_is_unwell_is_left_in_peace_for_the_day_and_asked_on_the_next(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one", shift=(-HOUR, 60 * HOUR))
    order = street.offered(worker, begins=50 * HOUR)
    street.decline(worker, now, "unwell", order=order)
    street.sweep(now)
    assert street.order("attention, due_at", order) == ("nobody_eligible", now + 5 * MINUTE)
    street.sweep(now + 5 * MINUTE)
    assert street.offers(order=order) == [(worker.id, "declined")]
    tomorrow = now + timedelta(days=1)
    street.sweep(tomorrow)
    street.sweep(tomorrow + MINUTE)
    assert street.offers(order=order) == [(worker.id, "declined"), (worker.id, "open")]


def test_nobody_eligible_tells_a_person_once_and_looks_again(street: Workforce, now: datetime) -> None:
    suspended = street.add_provider("停业", "suspended")
    street.add_worker("suspended", provider=suspended)
    street.add_worker("unskilled", skills=("first_aid",))
    expired = street.add_worker("expired", skills=("first_aid",))
    street.certify(expired.id, "meal_delivery", date(2020, 1, 1), now.date() - timedelta(days=3))
    elsewhere = street.add_provider("别处", area=_other_street(street))
    street.add_worker("elsewhere", provider=elsewhere)
    street.add_worker("asleep", 300, shift=None)
    order = street.request()
    street.sweep(now)
    assert street.order("state, attention, attention_at, due_at", order) == (
        "requested", "nobody_eligible", now, now + 5 * MINUTE,
    )  # fmt: skip
    assert street.order("attention_detail", order)[0] == {
        "turned_away": {"provider": 1, "skill": 2, "area": 1, "shift": 1},
        "nearest_miss": {"worker": "suspended", "missing": "provider", "travel_minutes": 1},
    }
    street.sweep(now + 5 * MINUTE)
    assert street.events() == ["order.requested", "order.attention", "task.created"]
    street.add_worker("unskilled too", skills=())
    street.sweep(now + 10 * MINUTE)
    assert street.events() == ["order.requested", "order.attention", "task.created", "order.attention"]
    assert street.order("attention_at", order) == (now,)
    worker = street.add_worker("able")
    street.sweep(now + 15 * MINUTE)
    assert street.order("state, attention", order) == ("offered", None)
    assert street.offers(order=order) == [(worker.id, "open")]


def _other_street(street: Workforce) -> str:
    street.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    return "500109002"


def test_workers_of_a_neighbouring_district_are_not_even_counted(street: Workforce, now: datetime) -> None:
    street.conn.execute("INSERT INTO org_unit VALUES ('500112', NULL, 'district', '渝北区', '500112/')")
    street.add_worker("foreign", provider=street.add_provider("渝北", area="500112"))
    order = street.request()
    street.sweep(now)
    assert street.order("attention_detail", order)[0] == {"turned_away": {}, "nearest_miss": None}


def test_a_provider_of_the_whole_district_serves_every_street(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("anywhere", provider=street.add_provider("全区", area="500109"))
    street.offered(worker)


def test_whoever_is_on_the_way_to_an_alarm_is_not_asked(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("responder")
    device = one(
        street.conn,
        "INSERT INTO device (id, kind, secret_hash, registered_at, changed_at) VALUES ('B', 'button', %s, %s, %s)"
        " RETURNING key",
        bytes(32), now, now,
    )  # fmt: skip
    street.conn.execute(
        "INSERT INTO alarm (kind, severity, state, elder_id, device_key, is_test, occurred_at, raised_at,"
        " last_signal_at, due_at, due_reason, response_state, responder_id)"
        " VALUES ('sos', 'emergency', 'dispatched', %s, %s, false, %s, %s, %s, %s, 'realarm', 'found', %s)",
        (street.elder, device, now, now, now, now, worker.id),
    )
    order = street.request()
    street.sweep(now)
    assert street.order("attention_detail->'turned_away'", order) == ({"busy": 1},)


def test_after_staff_search_again_everybody_may_be_asked(street: Workforce, now: datetime) -> None:
    near, far = street.add_worker("near"), street.add_worker("far", 3000)
    order = street.offered(near)
    street.decline(near, now, order=order)
    with transaction(street.conn) as tx:
        search_again(tx, now + SECOND, order, street.operator)
    street.sweep(now + SECOND)
    assert street.offers(order=order) == [(near.id, "declined"), (near.id, "open")]
    assert far.id not in dict(street.offers(order=order))


def test_a_policy_that_somebody_deleted_holds_up_no_order(street: Workforce, now: datetime) -> None:
    street.conn.execute("DELETE FROM order_policy")
    street.conn.execute("DELETE FROM ranking_policy")
    worker = street.add_worker("one")
    order = street.accepted(worker)
    assert street.order("accept_due_at", order) == (now + timedelta(seconds=600),)


def test_after_its_window_an_order_asks_for_certificates_of_the_day_on_which_somebody_can_come(
    street: Workforce, now: datetime
) -> None:
    expired = street.add_worker("expired", skills=(), shift=(-HOUR, 60 * HOUR))
    street.certify(expired.id, "meal_delivery", date(2020, 1, 1), now.date())
    trained = street.add_worker("trained", 3000, skills=(), shift=(-HOUR, 60 * HOUR))
    street.certify(trained.id, "meal_delivery", (now + timedelta(days=2)).date(), None)
    order = street.request(begins=MINUTE, lasts=HOUR)
    later = now + timedelta(days=2)
    street.sweep(later)
    assert street.offers(order=order) == []
    assert street.order("attention, due_at", order) == ("late", later + 5 * MINUTE)
    with transaction(street.conn) as tx:
        search_again(tx, later, order, street.operator)
    street.sweep(later)
    assert street.offers(order=order) == [(trained.id, "open")]


def test_an_order_whose_window_has_passed_is_still_for_whoever_can_be_there_within_the_hour(
    street: Workforce, now: datetime
) -> None:
    worker = street.add_worker("one")
    order = street.request(lasts=30 * MINUTE, begins=MINUTE)
    street.sweep(now + 2 * HOUR)
    assert street.offers(order=order) == [(worker.id, "open")]
    assert street.order("attention", order) == ("late",)
    assert street.accept(worker, now + 2 * HOUR, order=order) is None
    street.sweep(now + 2 * HOUR)
    assert street.order("attention, due_at", order) == ("late", now + 2 * HOUR + 15 * MINUTE)


def test_an_order_that_is_hours_late_is_left_to_a_person_and_said_once(street: Workforce, now: datetime) -> None:
    street.add_worker("one")
    order = street.request(lasts=30 * MINUTE, begins=MINUTE)
    for minutes in (160, 165, 170):
        street.sweep(now + minutes * MINUTE)
    assert street.offers(order=order) == []
    assert street.timeline(order) == ["requested", "attention"]
    assert street.order("attention, due_reason", order) == ("late", "assign")


def test_a_late_order_that_nobody_can_take_says_so_once_with_the_counts(street: Workforce, now: datetime) -> None:
    street.add_worker("off", shift=None)
    order = street.request(lasts=30 * MINUTE, begins=MINUTE)
    for minutes in (40, 45, 50):
        street.sweep(now + minutes * MINUTE)
    assert street.order("attention, attention_detail -> 'turned_away'", order) == ("late", {"shift": 1})
    assert street.timeline(order) == ["requested", "attention"]
