"""Orders, offers and responders over the feed: who is told what, and when it leaves a screen."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.cast import raise_for
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.hands import Hands
from tests.integration.control_center.screen import Frame, RemoteScreen
from tests.integration.control_center.test_access_log import shown_cards
from tests.integration.control_center.test_feed_scope import newest_event
from tests.integration.district import Connection
from tests.integration.waiting import eventually

ORDERS = {
    "operator": {"visit_of_gui", "bath_of_chen"},
    "supervisor": {"visit_of_gui", "bath_of_chen"},
    "street_operator": {"visit_of_gui"},
    "other_street_operator": {"bath_of_chen"},
    "family_of_gui": {"visit_of_gui"},
    "family_of_chen": {"bath_of_chen"},
    "outsider": {"visit_of_deng"},
    "worker_of_gui": {"visit_of_gui"},
    "outside_worker": {"visit_of_deng"},
    "asked_worker": set[str](),
    "worker": set[str](),
    "newcomer": set[str](),
    "expired": set[str](),
}


@pytest.fixture
def hands(served: Served, conn: Connection) -> Hands:
    """Everybody's hands."""
    return Hands(conn, served.cast, served.clock)


def screen_of(served: Served, member: str) -> RemoteScreen:
    """A screen that shows its board."""
    screen = RemoteScreen(served.port, served.cast.cookie(member))
    screen.take()
    return screen


@pytest.fixture
def operator(served: Served) -> Iterator[RemoteScreen]:
    """An operator's screen."""
    with screen_of(served, "operator") as screen:
        yield screen


@pytest.fixture
def phone(served: Served) -> Iterator[RemoteScreen]:
    """The phone of the worker who is asked."""
    with screen_of(served, "asked_worker") as screen:
        yield screen


def changes(screen: RemoteScreen, conn: Connection) -> list[Frame]:
    """The frames that change a screen from now up to the last event."""
    screen.frames.clear()
    screen.until_event(newest_event(conn))
    return [frame for frame in screen.frames if frame["type"] in ("card", "remove")]


def told(screen: RemoteScreen, conn: Connection) -> list[Any]:
    """What a screen is told up to the last event: type, subject, event or reason."""
    return [
        (frame["type"], frame["subject"], frame.get("event") or frame.get("reason")) for frame in changes(screen, conn)
    ]


def leaves(screen: RemoteScreen, subject: str) -> Frame:
    """The frame that takes a card off."""
    return screen.until(lambda frame: frame["type"] == "remove" and frame["subject"] == subject)


@pytest.mark.parametrize("member", ORDERS)
def test_each_member_starts_with_its_own_orders(member: str, served: Served) -> None:
    cast = served.cast
    with screen_of(served, member) as screen:
        assert set(screen.orders) == {cast.orders[name] for name in ORDERS[member]}
        assert set(screen.offers) == ({cast.offers["to_asked_worker"]} if member == "asked_worker" else set())
        if "worker" in member:
            assert screen.board == {}


def test_an_offer_becomes_a_visit_that_is_taken_away_again(
    hands: Hands, operator: RemoteScreen, phone: RemoteScreen, conn: Connection
) -> None:
    order = hands.offered("gui")
    assert told(phone, conn) == [("card", "offer", "made")]
    offer = phone.offers[hands.offer("asked_worker", order=order)]
    assert (offer["order"]["id"], offer["state"]) == (order, "open")
    assert "李桂芳" not in str(phone.frames)
    assert told(operator, conn) == [("card", "order", "requested"), ("card", "order", "offered")]
    assert operator.orders[order]["offers_open"] == 1

    hands.accept("asked_worker", offer["id"])
    answered, accepted = changes(phone, conn)
    assert (answered["type"], answered["subject_id"], answered["reason"]) == ("remove", offer["id"], "ended")
    assert answered["card"]["state"] == "accepted"
    assert (accepted["type"], accepted["subject"], accepted["event"]) == ("card", "order", "accepted")
    card = phone.orders[order]
    assert (card["elder"]["name"], card["elder"]["phone"], card["note"]) == ("李桂芳", "13900000000", "敲门要响")
    assert card["home"] == {"lat": 29.8301, "lon": 106.4402}
    assert (card["requested_by"], card["elder"]["tags"]) == (None, [])
    assert offer["id"] not in phone.offers

    hands.reassign(order)
    gone = leaves(phone, "order")
    assert (gone["subject_id"], gone["reason"], gone["card"]) == (order, "out_of_scope", None)
    operator.until_event(newest_event(conn))
    assert (operator.orders[order]["state"], operator.orders[order]["worker"]) == ("requested", None)


def test_of_two_workers_who_accept_one_wins_and_the_other_is_told(
    hands: Hands, served: Served, phone: RemoteScreen, operator: RemoteScreen, conn: Connection
) -> None:
    hands.ask_at_once(2)
    order = hands.offered("zhang", minutes=240)
    first, second = (hands.offer(worker, order=order) for worker in ("worker_of_gui", "asked_worker"))
    with screen_of(served, "worker_of_gui") as winner:
        assert first in winner.offers
        phone.until_event(newest_event(conn))
        assert hands.accept("worker_of_gui", first) is None
        winner.until_event(newest_event(conn))
        assert (order in winner.orders, first in winner.offers) == (True, False)
        gone = leaves(phone, "offer")
        assert (gone["subject_id"], gone["reason"], gone["card"]["state"]) == (second, "ended", "withdrawn")
        assert hands.accept("asked_worker", second) == "taken_by_another"
        assert leaves(phone, "offer")["card"]["state"] == "lost"
        assert order not in phone.orders
        assert "张德明" not in str(phone.frames)
    operator.until_event(newest_event(conn))
    assert operator.orders[order]["worker"]["id"] == served.cast.workers["worker_of_gui"]


def test_a_declined_and_an_expired_offer_leave_the_phone_with_the_reason(
    hands: Hands, served: Served, phone: RemoteScreen
) -> None:
    offer = served.cast.offers["to_asked_worker"]
    hands.decline("asked_worker", offer)
    gone = leaves(phone, "offer")
    assert (gone["subject_id"], gone["card"]["state"]) == (offer, "declined")
    hands.ask_at_once(2)
    order = hands.offered("gui")
    late = hands.offer("asked_worker", order=order)
    served.clock.move(seconds=91)
    hands.look()
    gone = leaves(phone, "offer")
    assert (gone["subject_id"], gone["card"]["state"]) == (late, "expired")


def test_a_relative_follows_her_own_elders_visit_and_no_others(hands: Hands, served: Served, conn: Connection) -> None:
    with screen_of(served, "family_of_gui") as screen:
        order = hands.offered("gui")
        others = hands.offered("zhang"), hands.offered("chen")
        offer = hands.offer("asked_worker", order=order)
        hands.accept("asked_worker", offer)
        assert told(screen, conn) == [("card", "order", step) for step in ("requested", "offered", "accepted")]
        assert not {*others} & set(screen.orders)
        card = screen.orders[order]
        assert (card["worker"]["name"], card["worker"]["phone"]) == ("Name of asked_worker", None)
        assert [card[hidden] for hidden in ("home", "note", "requested_by", "attention", "offers_made")] == [
            None,
            None,
            None,
            None,
            0,
        ]


def test_an_operator_of_another_street_hears_nothing_of_an_order(
    hands: Hands, served: Served, conn: Connection
) -> None:
    with screen_of(served, "other_street_operator") as other, screen_of(served, "outsider") as outsider:
        order = hands.offered("gui")
        hands.accept("asked_worker", hands.offer("asked_worker", order=order))
        hands.cancel(order)
        assert told(other, conn) == told(outsider, conn) == []


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_the_end_of_an_order_takes_it_off_every_screen_with_its_last_card(
    end: str, hands: Hands, served: Served, phone: RemoteScreen, operator: RemoteScreen, conn: Connection
) -> None:
    order = hands.offered("gui", minutes=20)
    hands.accept("asked_worker", hands.offer("asked_worker", order=order))
    for screen in (phone, operator):
        told(screen, conn)
        assert order in screen.orders
    with screen_of(served, "family_of_gui") as family:
        if end == "cancelled":
            hands.cancel(order)
        else:
            hands.depart("asked_worker", order)
            hands.check_in("asked_worker", order)
            hands.begin("asked_worker", order)
            hands.complete("asked_worker", order) if end == "completed" else hands.fail("asked_worker", order)
        for screen in (phone, operator, family):
            gone = leaves(screen, "order")
            assert (gone["subject_id"], gone["reason"], gone["card"]["state"]) == (order, "ended", end)
            assert order not in screen.orders
            if screen is phone:
                assert [gone["card"]["home"], gone["card"]["note"], gone["card"]["elder"]["phone"]] == [None] * 3
        if end == "completed":
            hands.confirm(order)
            for screen in (operator, family):
                after = leaves(screen, "order")
                assert (after["subject_id"], after["reason"], after["card"]["state"]) == (order, "ended", "confirmed")
            served.clock.move(seconds=1)
            other = hands.order("gui")
            assert operator.until(lambda frame: frame["type"] in ("card", "remove"))["card"]["id"] == other


def test_an_elder_who_goes_away_changes_her_orders_on_every_screen(
    hands: Hands, served: Served, operator: RemoteScreen, conn: Connection
) -> None:
    order = served.cast.orders["visit_of_gui"]
    with screen_of(served, "worker_of_gui") as visiting, screen_of(served, "family_of_gui") as family:
        hands.move("gui", "hospital")
        for screen in (visiting, family):
            assert ("card", "order", "elder_changed") in told(screen, conn)
            assert (screen.orders[order]["elder"]["state"], screen.orders[order]["attention"]) == ("hospital", None)
            assert "attention" not in {frame.get("event") for frame in screen.frames}
    assert ("card", "order", "attention") in told(operator, conn)
    assert operator.orders[order]["attention"]["kind"] == "elder_away"


def test_a_responder_sees_the_alarm_from_her_acceptance_to_its_end(
    hands: Hands, served: Served, phone: RemoteScreen, operator: RemoteScreen, conn: Connection
) -> None:
    alarm = served.cast.alarms["sos_of_gui"]
    hands.answer(alarm)
    hands.send_to(alarm)
    offer = hands.offer("asked_worker", alarm=alarm)
    with screen_of(served, "worker_of_gui") as other, screen_of(served, "family_of_gui") as family:
        assert told(phone, conn) == [("card", "offer", "made")]
        assert phone.offers[offer]["alarm"] == {"id": alarm, "kind": "sos", "severity": "emergency"}
        assert "李桂芳" not in str(phone.frames)
        hands.accept("asked_worker", offer)
        assert leaves(other, "offer")["card"]["state"] == "withdrawn"
        assert told(phone, conn) == [("remove", "offer", "ended"), ("card", "alarm", "dispatched")]
        card = phone.board[alarm]
        assert (card["elder"]["name"], card["home"], card["news2"]) == (
            "李桂芳",
            {"lat": 29.8301, "lon": 106.4402},
            None,
        )
        assert alarm not in other.board
        family.until_event(newest_event(conn))
        assert family.board[alarm]["response"]["responder"]["name"] == "Name of asked_worker"
        hands.arrive("asked_worker", alarm)
        hands.resolve(alarm)
        gone = leaves(phone, "alarm")
        assert (gone["subject_id"], gone["reason"], gone["card"]["state"]) == (alarm, "ended", "resolved")
        assert (gone["card"]["home"], gone["card"]["elder"]["phone"]) == (None, None)
        assert alarm not in phone.board


def test_a_responder_is_told_how_to_get_in_while_she_is_on_the_alarm(
    hands: Hands, served: Served, phone: RemoteScreen, conn: Connection
) -> None:
    cast, alarm = served.cast, served.cast.alarms["sos_of_gui"]
    set_entry = "UPDATE household SET door_note = %s, key_holder = %s FROM elder WHERE household_id = household.id"
    conn.execute(f"{set_entry} AND elder.id = %s", ("密码锁 1357#", "王姐", cast.elders["gui"]))
    with screen_of(served, "family_of_gui") as family, screen_of(served, "operator") as operator:
        assert operator.board[alarm]["entry"] is None
        hands.answer(alarm)
        hands.send_to(alarm)
        phone.until(lambda frame: frame["type"] == "card" and frame["subject"] == "offer")
        assert "1357" not in str(phone.frames) and shown_cards(conn, cast.accounts["asked_worker"]) == []
        hands.accept("asked_worker", hands.offer("asked_worker", alarm=alarm))
        phone.until(lambda frame: frame["type"] == "card" and frame["subject"] == "alarm")
        on_file = {"phone": None, "door_note": "密码锁 1357#", "key_holder": "王姐", "key_holder_phone": None}
        assert phone.board[alarm]["entry"] == on_file
        recorded = eventually(lambda: shown_cards(conn, cast.accounts["asked_worker"]))
        shown = [cast.elders["gui"], cast.elders["zhang"]]
        assert recorded == [(alarm, shown, {"alarm_ids": [alarm]})]
        conn.execute(f"{set_entry} AND elder.id = %s", ("密码锁 2468#", "王姐", cast.elders["gui"]))
        hands.move("gui", "home")
        phone.until(lambda frame: "2468" in str(frame))
        hands.resolve(alarm)
        gone = leaves(phone, "alarm")
        assert (gone["card"]["state"], gone["card"]["entry"]) == ("resolved", None)
        leaves(family, "alarm")
        assert "#" not in str(family.frames)


def test_an_alarm_that_gets_worse_says_so_on_the_phones_it_is_offered_to(
    hands: Hands, served: Served, phone: RemoteScreen, conn: Connection
) -> None:
    alarm = served.cast.alarms["vitals_of_chen"]
    hands.answer(alarm)
    hands.send_to(alarm)
    offer = hands.offer("asked_worker", alarm=alarm)
    phone.until_event(newest_event(conn))
    assert phone.offers[offer]["alarm"]["severity"] == "urgent"
    raise_for(conn, served.cast, served.clock.now, "vitals", "emergency", "W-chen", elder="chen", household="chaoyang")
    changed = phone.until(lambda frame: frame["type"] == "card")
    assert (changed["subject"], changed["event"], changed["card"]["id"]) == ("offer", "alarm_worsened", offer)
    assert changed["card"]["alarm"]["severity"] == "emergency"


def test_a_worker_whose_account_is_disabled_in_the_middle_of_a_visit_is_cut_off(
    served: Served, conn: Connection
) -> None:
    with screen_of(served, "worker_of_gui") as screen:
        assert screen.orders
        conn.execute(
            "UPDATE account SET disabled_at = %s WHERE id = %s",
            (served.clock.now, served.cast.accounts["worker_of_gui"]),
        )
        assert screen.close_code() == 4401
    with RemoteScreen(served.port, served.cast.cookie("worker_of_gui")) as again:
        assert again.close_code() == 4401


def test_a_workers_phone_always_starts_from_a_snapshot(hands: Hands, served: Served, conn: Connection) -> None:
    order = served.cast.orders["visit_of_gui"]
    screen = screen_of(served, "worker_of_gui")
    screen.close()
    hands.reassign(order)
    with screen.again() as again:
        assert (again.take()["type"], again.orders, again.last_id) == ("snapshot", {}, newest_event(conn))


def test_whom_a_worker_is_shown_is_recorded(
    hands: Hands, served: Served, phone: RemoteScreen, conn: Connection
) -> None:
    cast = served.cast
    asked, gui = cast.accounts["asked_worker"], cast.elders["gui"]
    order = hands.offered("gui")
    phone.until(lambda frame: frame["type"] == "card")
    assert shown_cards(conn, asked) == []
    hands.accept("asked_worker", hands.offer("asked_worker", order=order))
    eventually(lambda: len(shown_cards(conn, asked)) == 1)
    assert shown_cards(conn, asked) == [(None, [gui], {"order_ids": [order]})]
    recorded = "SELECT order_id FROM access_log WHERE action = 'cards.shown' AND account_id = %s"
    assert conn.execute(recorded, (asked,)).fetchall() == [(order,)]
    with screen_of(served, "worker_of_gui"):
        boards = "SELECT elder_ids, detail FROM access_log WHERE action = 'board.shown' AND account_id = %s"
        shown = conn.execute(boards, (cast.accounts["worker_of_gui"],)).fetchall()
    assert shown == [([gui], {"order_ids": [cast.orders["visit_of_gui"]]})]
