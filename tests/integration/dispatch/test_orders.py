"""What staff and relatives do with an order, and what is refused."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from dispatch.orders import cancel, confirm, reassign, request_order, search_again
from dispatch.placing import Wish
from dispatch.refusals import Refused
from dispatch.service.visits import depart
from schemas.database import Transaction, transaction
from tests.integration.dispatch.progress import STATES, order_in
from tests.integration.dispatch.workforce import HOUR, MINUTE, Workforce
from tests.integration.district import Connection, add_operator

DAY = timedelta(days=1)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def test_an_order_keeps_what_it_was_sold_as(storage_conn: Connection, now: datetime) -> None:
    street = Workforce(storage_conn, now)
    order = street.request("bath", HOUR, skills=("lifting", "bathing"))
    assert street.order(
        "state, item_version, duration_minutes, skills, window_to, accept_due_at, due_at, due_reason, requested_by,"
        " is_test",
        order,
    ) == (
        "requested", 1, 60, ["bathing", "lifting"], now + 3 * HOUR, now + 600 * timedelta(seconds=1), now, "assign",
        street.operator, False,
    )  # fmt: skip
    assert (street.timeline(order), street.events()) == (["requested"], ["order.requested"])


def test_an_order_gets_the_version_that_is_sold_now(street: Workforce, now: datetime) -> None:
    street.conn.execute("UPDATE catalogue_item SET valid_to = %s WHERE code = 'meal'", (now,))
    with pytest.raises(Refused, match="unknown_item"):
        street.request()
    street.conn.execute(
        "INSERT INTO catalogue_item VALUES ('meal', 2, 'meal', '助餐', 'Meal', 20, '{meal_delivery}', 30, %s, NULL)",
        (now,),
    )
    order = street.request()
    assert street.order("item_version, duration_minutes, window_to", order) == (2, 20, now + 90 * MINUTE)


def test_an_order_for_a_test_elder_is_a_test(street: Workforce) -> None:
    assert street.order("is_test", street.request(elder=street.add_neighbour(state="test"))) == (True,)


@pytest.mark.parametrize(
    ("item", "begins", "lasts", "skills", "code"),
    [
        ("meal", -61 * timedelta(seconds=1), HOUR, (), "in_the_past"),
        ("meal", -DAY, HOUR, (), "in_the_past"),
        ("meal", 60 * DAY + MINUTE, HOUR, (), "too_far_ahead"),
        ("meal", HOUR, timedelta(microseconds=-1), (), "window_empty"),
        ("meal", HOUR, -HOUR, (), "window_empty"),
        ("meal", HOUR, DAY + timedelta(seconds=1), (), "window_too_long"),
        ("massage", HOUR, HOUR, (), "unknown_item"),
        ("meal", HOUR, HOUR, ("flying",), "unknown_skill"),
        ("meal", HOUR, HOUR, ("dialect", "'; DROP TABLE skill; --"), "unknown_skill"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    street: Workforce, item: str, begins: timedelta, lasts: timedelta, skills: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        street.request(item, begins, lasts, skills=skills)
    assert refused.value.code == code
    assert street.conn.execute(
        "SELECT (SELECT count(*) FROM service_order), (SELECT count(*) FROM event)"
    ).fetchone() == (0, 0)


def test_a_window_that_ends_where_it_begins_is_empty(street: Workforce, now: datetime) -> None:
    with pytest.raises(Refused, match="window_empty"), transaction(street.conn) as tx:
        request_order(tx, now, street.operator, Wish(street.elder, "meal", now + HOUR, now + HOUR, (), None))


def test_a_window_that_began_while_the_form_was_filled_in_is_forgiven(street: Workforce) -> None:
    street.request(begins=-timedelta(seconds=59))
    street.request(begins=60 * DAY, lasts=DAY)


@pytest.mark.parametrize("state", ["hospital", "travelling", "deceased"])
def test_nothing_is_ordered_for_somebody_who_is_away(street: Workforce, state: str) -> None:
    with pytest.raises(Refused, match="elder_away"):
        street.request(elder=street.add_neighbour(state=state))
    assert street.events() == []


def test_only_staff_of_the_elders_organisation_order_for_her(street: Workforce, now: datetime) -> None:
    street.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    elsewhere = add_operator(street.conn, "elsewhere", now, "500109002")
    worker = street.add_worker("one")
    for account in (elsewhere, street.relative, worker.account):
        with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
            request_order(tx, now, account, Wish(street.elder, "meal", now + HOUR, None, (), None))
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        request_order(tx, now, street.operator, Wish(10**6, "meal", now + HOUR, None, (), None))


@pytest.mark.parametrize("state", ["requested", "offered", "accepted", "en_route"])
def test_an_order_can_be_cancelled_until_the_worker_is_at_the_door(
    street: Workforce, now: datetime, state: str
) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, state)
    with transaction(street.conn) as tx:
        cancel(tx, now + HOUR, order, street.operator, "住院了")
    assert street.order("state, ended_at, end_reason, due_at, due_reason", order) == (
        "cancelled", now + HOUR, "住院了", None, None,
    )  # fmt: skip
    assert "open" not in dict(street.offers(order=order)).values()
    assert (street.timeline(order)[-1], street.events()[-1]) == ("cancelled", "order.cancelled")


_COMMANDS: dict[str, Callable[[Transaction, datetime, int, Workforce], None]] = {
    "cancel": lambda tx, now, order, street: cancel(tx, now, order, street.operator, "x"),
    "reassign": lambda tx, now, order, street: reassign(tx, now, order, street.operator, "x"),
    "search_again": lambda tx, now, order, street: search_again(tx, now, order, street.operator),
    "confirm": lambda tx, now, order, street: confirm(tx, now, order, street.relative),
}
_IN_TURN = {
    "cancel": {"requested", "offered", "accepted", "en_route", "checked_in", "in_service"},
    "reassign": {"accepted", "en_route"},
    "search_again": {"requested"},
    "confirm": {"completed"},
}


@pytest.mark.parametrize("state", STATES)
def test_a_command_out_of_turn_is_refused_and_changes_nothing(street: Workforce, now: datetime, state: str) -> None:
    order = order_in(street, street.add_worker("one"), state)
    ended = state in ("completed", "confirmed", "settled", "failed")
    code = "order_cancelled" if state == "cancelled" else "order_ended" if ended else "wrong_step"
    before = street.order("service_order::text", order), street.timeline(order), street.events()
    for command in (name for name, states in _IN_TURN.items() if state not in states):
        with pytest.raises(Refused) as refused, transaction(street.conn) as tx:
            _COMMANDS[command](tx, now, order, street)
        assert (command, refused.value.code) == (command, code)
    assert (street.order("service_order::text", order), street.timeline(order), street.events()) == before


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_nobody_commands_orders_outside_their_scope(street: Workforce, now: datetime, command: str) -> None:
    state = {"cancel": "accepted", "reassign": "accepted", "search_again": "requested", "confirm": "completed"}
    order = order_in(street, street.add_worker("one"), state[command])
    street.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    street.conn.execute("UPDATE membership SET org_code = '500109002' WHERE org_code IS NOT NULL")
    street.conn.execute("UPDATE membership SET valid_to = %s WHERE elder_id IS NOT NULL", (now,))
    before = street.order("service_order::text", order)
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        _COMMANDS[command](tx, now, order, street)
    assert street.order("service_order::text", order) == before


def test_each_role_has_its_own_commands(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "completed")
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        cancel(tx, now, order, street.relative, "x")
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        confirm(tx, now, order, worker.account)
    with transaction(street.conn) as tx:
        confirm(tx, now, order, street.operator)
    assert street.order("state, confirmed_by, due_reason", order) == ("confirmed", street.operator, "settle")
    assert street.timeline(order)[-1] == "confirmed"


@pytest.mark.parametrize("state", ["accepted", "en_route"])
def test_a_reassigned_order_goes_to_somebody_else_first(street: Workforce, now: datetime, state: str) -> None:
    first = street.add_worker("first")
    order = order_in(street, first, state)
    second = street.add_worker("second", 4000)
    later = now + 20 * MINUTE
    with transaction(street.conn) as tx:
        reassign(tx, later, order, street.operator, "车坏了")
    assert street.order("state, worker_id, accepted_at, departed_at, due_at, due_reason, accept_due_at", order) == (
        "requested", None, None, None, later, "assign", later + 10 * MINUTE,
    )  # fmt: skip
    told = street.conn.execute("SELECT note, detail->>'worker' FROM order_event WHERE kind = 'unassigned'").fetchone()
    assert told == ("车坏了", "first")
    street.sweep(later)
    assert street.offers(order=order) == [(first.id, "accepted"), (second.id, "open")]
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        depart(tx, later, order, first.account)
