"""In sequence, to the best few, in the hall, by plan, by hand: one way at a time, and on when it came to nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch import hall, order_naming
from dispatch.order_rows import locked_order
from dispatch.orders import unassign
from dispatch.planned import assign_planned
from dispatch.refusals import Refused
from schemas.database import transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one

SECOND = timedelta(seconds=1)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def _mode(street: Workforce, mode: str, **more: Any) -> None:
    street.conn.execute("UPDATE order_policy SET mode = %s", (mode,))
    for name, value in more.items():
        street.conn.execute(f"UPDATE order_policy SET {name} = %s".encode(), (value,))  # noqa: S608


def _take(street: Workforce, worker: Worker, order: int, now: datetime) -> object:
    with transaction(street.conn) as tx:
        return hall.take(tx, now, order, worker.account)


def _hall(street: Workforce, worker: Worker, now: datetime) -> tuple[list[int], int]:
    with transaction(street.conn) as tx:
        found, left = hall.open_to(tx, now, worker.account)
    return [each.order["id"] for each in found], left


def _assign(street: Workforce, worker: Worker, order: int, now: datetime, *, agreed: bool = False) -> None:
    with transaction(street.conn) as tx:
        order_naming.name(tx, now, order, street.operator, worker.id, "她熟悉", agreed=agreed)


def test_in_sequence_one_is_asked_and_at_once_as_many_as_the_policy_says(street: Workforce, now: datetime) -> None:
    for number in range(4):
        street.add_worker(f"w{number}", 100 * number)
    street.conn.execute("UPDATE order_policy SET mode = 'sequence', offers_at_once = 3")
    first = street.request()
    street.sweep(now)
    assert len(street.offers(order=first)) == 1
    _mode(street, "best")
    second = street.request(begins=3 * HOUR)
    street.sweep(now)
    assert len(street.offers(order=second)) == 3


def test_what_an_order_itself_says_goes_before_its_assists_policy(street: Workforce, now: datetime) -> None:
    for number in range(3):
        street.add_worker(f"w{number}", 100 * number)
    order = street.request()
    street.conn.execute("UPDATE service_order SET mode = 'best' WHERE id = %s", (order,))
    street.sweep(now)
    assert len(street.offers(order=order)) == 2


def test_in_the_hall_the_first_of_those_who_could_be_asked_has_it(street: Workforce, now: datetime) -> None:
    _mode(street, "hall")
    quick, slow = street.add_worker("quick", 3000), street.add_worker("slow", 10)
    unskilled = street.add_worker("unskilled", skills=())
    order = street.request()
    street.sweep(now)
    assert street.order("state, hall_until, due_at", order) == ("offered", now + 10 * MINUTE, now + 10 * MINUTE)
    assert street.offers(order=order) == []
    assert _hall(street, slow, now) == ([order], 3)
    assert _hall(street, unskilled, now) == ([], 0)
    assert _take(street, unskilled, order, now) == "no_longer_eligible"
    assert _take(street, quick, order, now) is None
    assert _take(street, slow, order, now) == "taken_by_another"
    assert _take(street, quick, order, now) == "already_accepted"
    assert street.order("state, worker_id", order) == ("accepted", quick.id)
    assert street.offers(order=order) == [(quick.id, "accepted")]
    assert street.timeline(order) == ["requested", "in_hall", "offered", "accepted"]


def test_what_nobody_took_in_the_hall_is_offered_to_the_best(street: Workforce, now: datetime) -> None:
    _mode(street, "hall")
    worker = street.add_worker("one")
    order = street.request()
    street.sweep(now)
    late = now + 10 * MINUTE
    street.sweep(late)
    street.sweep(late)
    assert street.offers(order=order) == [(worker.id, "open")]
    assert _take(street, worker, order, late) == "not_in_hall"
    assert street.order("due_at", order) == (late + 90 * SECOND,)


def test_what_begins_before_the_hall_would_close_is_offered_at_once(street: Workforce, now: datetime) -> None:
    _mode(street, "hall", hall_seconds=7200)
    worker = street.add_worker("one")
    street.offered(worker)


def test_nobody_hoards_from_the_hall_nor_by_giving_back(street: Workforce, now: datetime) -> None:
    _mode(street, "hall", hall_most=2)
    worker = street.add_worker("one")
    orders = [street.request(begins=n * HOUR) for n in (1, 3, 5)]
    street.sweep(now)
    assert [_take(street, worker, order, now) for order in orders] == [None, None, "hall_limit"]
    with transaction(street.conn) as tx:
        unassign(tx, now, locked_order(tx, orders[0]), None, None)
    assert _take(street, worker, orders[2], now) == "hall_limit"
    tomorrow = now + timedelta(days=1)
    street.conn.execute("UPDATE service_order SET state = 'en_route' WHERE id = %s", (orders[1],))
    assert _hall(street, worker, tomorrow) == ([], 0)


def test_what_was_never_in_the_hall_is_not_found_there(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = street.offered(worker)
    with pytest.raises(Refused, match="not_found"):
        _take(street, worker, order, now)


def test_an_order_waits_for_the_plan_of_its_day_and_no_longer(street: Workforce, now: datetime) -> None:
    _mode(street, "plan")
    worker = street.add_worker("one", shift=(-HOUR, 100 * HOUR))
    order = street.request(begins=60 * HOUR)
    street.sweep(now)
    state, waits_until, reason = street.order("state, due_at, due_reason", order)
    assert (state, reason) == ("requested", "assign")
    assert isinstance(waits_until, datetime)
    assert now < waits_until < now + 60 * HOUR
    street.sweep(waits_until)
    assert street.offers(order=order) == [(worker.id, "open")]


def test_what_is_ordered_after_the_cut_off_is_offered_at_once(street: Workforce, now: datetime) -> None:
    _mode(street, "plan", plan_cutoff="00:00", plan_minutes=1)
    worker = street.add_worker("one")
    street.offered(worker)


def test_a_plan_gives_an_order_at_its_time_without_asking(street: Workforce, now: datetime) -> None:
    _mode(street, "plan")
    worker = street.add_worker("one", shift=(-HOUR, 100 * HOUR))
    order = street.request(begins=60 * HOUR)
    plan = _plan(street, now)
    with transaction(street.conn) as tx:
        assign_planned(tx, now, locked_order(tx, order), worker.id, now + 60 * HOUR + 5 * MINUTE, plan)
    assert street.order("state, worker_id, planned_at, plan_id", order) == (
        "accepted", worker.id, now + 60 * HOUR + 5 * MINUTE, plan,
    )  # fmt: skip
    assert one(street.conn, "SELECT count(*) FROM offer WHERE via = 'plan' AND state = 'accepted'") == 1
    unskilled = street.add_worker("unskilled", skills=(), shift=(-HOUR, 100 * HOUR))
    other = street.request(begins=63 * HOUR)
    with pytest.raises(Refused, match="no_longer_eligible"), transaction(street.conn) as tx:
        assign_planned(tx, now, locked_order(tx, other), unskilled.id, now + 63 * HOUR, plan)


def _plan(street: Workforce, now: datetime) -> int:
    return one(
        street.conn,
        "INSERT INTO day_plan (org_code, day, reason, asked_at, asked_by, seconds, state, at_once)"
        " VALUES ('500109', %s, 'by_hand', %s, %s, 1, 'applied', true) RETURNING id",
        (now + timedelta(days=2)).date(),
        now,
        street.operator,
    )


def test_staff_name_a_worker_whose_limits_can_be_set_aside(street: Workforce, now: datetime) -> None:
    asleep = street.add_worker("asleep", shift=None)
    order = street.request()
    _assign(street, asleep, order, now)
    assert street.offers(order=order) == [(asleep.id, "open")]
    assert street.conn.execute("SELECT waived, named_reason FROM offer").fetchone() == (["shift"], "她熟悉")
    assert street.accept(asleep, now, order=order) is None
    assert street.order("state, worker_id", order) == ("accepted", asleep.id)


def test_who_has_agreed_has_it_and_whoever_had_it_has_not(street: Workforce, now: datetime) -> None:
    first, second = street.add_worker("first"), street.add_worker("second", 4000)
    order = street.accepted(first)
    _assign(street, second, order, now, agreed=True)
    assert street.order("state, worker_id", order) == ("accepted", second.id)
    assert "unassigned" in street.timeline(order)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DELETE FROM worker_skill", "limit_stands"),
        ("UPDATE provider SET state = 'suspended'", "not_admitted"),
        ("UPDATE service_order SET worker_sex = 'male', sex_required = true", "limit_stands"),
        (
            "INSERT INTO exclusion (elder_id, worker_id, asked_by, reason, valid_from)"
            " SELECT elder.id, worker.id, 'elder', '不合', '2020-01-01Z' FROM elder, worker",
            "limit_stands",
        ),
    ],
)
def test_what_protects_the_elder_is_never_set_aside(street: Workforce, now: datetime, change: str, why: str) -> None:
    worker = street.add_worker("one")
    order = street.request()
    street.conn.execute(change.encode())
    with pytest.raises(Refused, match=why):
        _assign(street, worker, order, now, agreed=True)
    assert street.order("state", order) == ("requested",)


def test_nobody_is_named_for_two_places_at_once(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    street.accepted(worker, item="bath", lasts=10 * MINUTE)
    order = street.request(elder=street.add_neighbour(3000), begins=HOUR, lasts=10 * MINUTE)
    with pytest.raises(Refused, match="responder_busy"):
        _assign(street, worker, order, now, agreed=True)


def test_an_unfilled_order_becomes_a_task_once_and_is_no_task_when_it_is_taken(
    street: Workforce, now: datetime
) -> None:
    far_off = street.request(begins=30 * HOUR)
    order = street.request()
    street.sweep(now)
    street.sweep(now + 5 * MINUTE)
    tasks = "SELECT order_id, done_at IS NULL, outcome FROM task WHERE kind = 'unfilled_order'"
    assert street.conn.execute(tasks).fetchall() == [(order, True, None)]
    assert far_off
    worker = street.add_worker("one")
    street.sweep(now + 10 * MINUTE)
    street.accept(worker, now + 10 * MINUTE, order=order)
    assert street.conn.execute(tasks).fetchall() == [(order, False, "filled")]


def test_why_and_why_not_are_kept_with_each_search(street: Workforce, now: datetime) -> None:
    near, far = street.add_worker("near", 100), street.add_worker("far", 3000)
    street.add_worker("asleep", shift=None)
    order = street.offered(near)
    row = street.conn.execute(
        "SELECT mode, considered, eligible, turned_away, left_out, policy_id IS NOT NULL FROM responder_search"
        " WHERE order_id = %s", (order,),
    ).fetchone()  # fmt: skip
    assert row is not None
    mode, considered, eligible, turned_away, left_out, policy = row
    assert (mode, considered, eligible, turned_away, policy) == ("sequence", 3, 2, {"shift": 1}, True)
    assert {one["worker_id"]: one["missing"] for one in left_out if one["worker_id"] == far.id} == {far.id: []}
    reasons = street.conn.execute("SELECT reasons FROM offer").fetchone()
    assert reasons is not None
    assert sum(reasons[0]["parts"].values()) == pytest.approx(reasons[0]["cost"], abs=0.05)
