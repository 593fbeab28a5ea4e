"""Invariant 9: every read of health or location data is recorded, and "who saw this elder?" is one query."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from schemas.database import connect
from schemas.states import AlarmKind
from tests.integration.cast import Cast, raise_for
from tests.integration.cast_at_work import send_to
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually


def who_saw(conn: Connection, elder_id: int) -> list[tuple[int, str]]:
    """Accounts and how each saw the elder, in order: the one query."""
    found = conn.execute(
        "SELECT account_id, action FROM access_log WHERE elder_ids @> ARRAY[%s::integer] ORDER BY id", (elder_id,)
    )
    return [(account_id, action) for account_id, action in found]


def shown_cards(conn: Connection, member_id: int) -> list[Any]:
    """What an account was shown over the feed after its board."""
    found = conn.execute(
        "SELECT alarm_id, elder_ids, detail FROM access_log WHERE action = 'cards.shown' AND account_id = %s"
        " ORDER BY id",
        (member_id,),
    )
    return found.fetchall()


def test_who_saw_an_elder_is_one_query(client: TestClient, cast: Cast, conn: Connection) -> None:
    gui, alarm = cast.elders["gui"], cast.alarms["sos_of_gui"]
    requests: tuple[tuple[str, str, str, str, Any], ...] = (
        ("operator", "alarms.listed", "GET", "/api/alarms", None),
        ("street_operator", "elders.searched", "GET", "/api/elders?q=李", None),
        ("family_of_gui", "elder.read", "GET", f"/api/elders/{gui}", None),
        ("supervisor", "vitals.read", "GET", f"/api/elders/{gui}/vitals", None),
        ("supervisor", "vitals.read", "GET", f"/api/elders/{gui}/trend?days=90", None),
        ("operator", "alarm.read", "GET", f"/api/alarms/{alarm}", None),
        ("operator", "alarm.acknowledged", "POST", f"/api/alarms/{alarm}/acknowledge", {}),
        ("supervisor", "alarm.noted", "POST", f"/api/alarms/{alarm}/notes", {"text": "x"}),
        ("operator", "alarm.resolved", "POST", f"/api/alarms/{alarm}/resolve", {"outcome": "device_fault"}),
        ("operator", "elder.state_changed", "PUT", f"/api/elders/{gui}/state", {"state": "home"}),
        ("administrator", "dead_letters.read", "GET", "/api/dead-letters", None),
    )
    for member, _, method, path, body in requests:
        assert client.request(method, path, json=body, headers=cast.cookie(member)).status_code == 200
    for member in ("other_street_operator", "outsider", "family_of_chen"):
        client.get("/api/alarms", headers=cast.cookie(member))
        client.get(f"/api/elders/{gui}", headers=cast.cookie(member))
    assert who_saw(conn, gui) == [(cast.accounts[member], action) for member, action, *_ in requests]


def test_every_look_at_orders_homes_people_and_families_is_recorded(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    """Each row: whose look, the action, the request, the elders shown and the order or alarm it was about."""
    visit, chens = cast.orders["visit_of_gui"], cast.orders["bath_of_chen"]
    order, spot = f"/api/orders/{visit}", {"lat": 29.8301, "lon": 106.4402, "accuracy_m": 20}
    sos = cast.alarms["sos_of_gui"]
    wish = {"elder_id": cast.elders["gui"], "item": "meal", "window_from": (clock.now + timedelta(hours=5)).isoformat()}
    everywhere = "/api/map/elders?west=-180&south=-90&east=180&north=90"
    looks: tuple[tuple[str, str, str, str, Any, set[str], int | None, int | None], ...] = (
        ("operator", "orders.listed", "GET", "/api/orders", None, {"gui", "chen"}, None, None),
        ("family_of_gui", "orders.listed", "GET", "/api/orders", None, {"gui"}, None, None),
        ("street_operator", "order.read", "GET", order, None, {"gui"}, visit, None),
        ("family_of_gui", "order.read", "GET", order, None, {"gui"}, visit, None),
        ("worker_of_gui", "order.read", "GET", order, None, {"gui"}, visit, None),
        ("operator", "map.read", "GET", everywhere, None, {"gui", "zhang"}, None, None),
        ("operator", "people.located", "GET", "/api/people", None, set(), None, None),
        ("worker_of_gui", "work.read", "GET", "/api/work", None, {"gui"}, None, None),
        ("family_of_chen", "family.read", "GET", "/api/family", None, {"chen"}, None, None),
        ("worker_of_gui", "order.departed", "POST", f"{order}/depart", {}, {"gui"}, visit, None),
        ("worker_of_gui", "order.checked_in", "POST", f"{order}/check-in", spot, {"gui"}, visit, None),
        ("worker_of_gui", "order.begun", "POST", f"{order}/begin", {}, {"gui"}, visit, None),
        (
            "worker_of_gui",
            "order.completed",
            "POST",
            f"{order}/complete",
            {**spot, "reason": "提前结束"},
            {"gui"},
            visit,
            None,
        ),
        ("family_of_gui", "order.confirmed", "POST", f"{order}/confirm", {}, {"gui"}, visit, None),
        ("operator", "order.searched", "POST", f"/api/orders/{chens}/search", {}, {"chen"}, chens, None),
        ("operator", "order.cancelled", "POST", f"/api/orders/{chens}/cancel", {"reason": "x"}, {"chen"}, chens, None),
        ("operator", "order.requested", "POST", "/api/orders", wish, {"gui"}, chens + 3, None),
        ("operator", "alarm.acknowledged", "POST", f"/api/alarms/{sos}/acknowledge", {}, {"gui", "zhang"}, None, sos),
        ("operator", "alarm.dispatched", "POST", f"/api/alarms/{sos}/dispatch", {}, {"gui", "zhang"}, None, sos),
    )
    put_order(conn, cast, clock.now, "bath_of_chen", "requested")
    for member, _, method, path, body, *_ in looks:
        answer = client.request(method, path, json=body, headers=cast.cookie(member))
        assert answer.status_code in (200, 201), (path, answer.text)
    found = conn.execute("SELECT account_id, action, elder_ids, order_id, alarm_id FROM access_log ORDER BY id")
    assert found.fetchall() == [
        (cast.accounts[member], action, sorted(cast.elders[name] for name in seen), order_id, alarm_id)
        for member, action, _, _, _, seen, order_id, alarm_id in looks
    ]


def test_a_look_at_people_says_whose_positions_were_shown(client: TestClient, cast: Cast, conn: Connection) -> None:
    conn.execute("DELETE FROM worker_position WHERE worker_id = %s", (cast.workers["asked_worker"],))
    client.get("/api/people", headers=cast.cookie("operator"))
    client.get("/api/people", headers=cast.cookie("outsider"))
    found = conn.execute("SELECT detail FROM access_log ORDER BY id").fetchall()
    assert [detail["worker_ids"] for (detail,) in found] == [
        [cast.workers["worker_of_gui"]],
        [cast.workers["outside_worker"]],
    ]


def test_a_responder_who_arrives_is_recorded_with_whom_the_card_showed(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    alarm = cast.alarms["sos_of_gui"]
    send_to(conn, cast, clock.now, "worker_of_gui", alarm)
    client.post(f"/api/alarms/{alarm}/arrive", json={}, headers=cast.cookie("worker_of_gui"))
    found = conn.execute("SELECT account_id, action, alarm_id, elder_ids FROM access_log").fetchall()
    shown = [cast.elders["gui"], cast.elders["zhang"]]
    assert found == [(cast.accounts["worker_of_gui"], "alarm.arrived", alarm, shown)]


def test_what_is_refused_shows_nothing_and_records_nothing(client: TestClient, cast: Cast, conn: Connection) -> None:
    visit = cast.orders["visit_of_gui"]
    for member in ("outsider", "family_of_chen", "asked_worker", "outside_worker", "administrator"):
        client.get(f"/api/orders/{visit}", headers=cast.cookie(member))
        for step in ("depart", "check-in", "begin", "complete", "fail", "cancel", "confirm"):
            body = {"reason": "unsafe", "lat": 29.8301, "lon": 106.4402, "accuracy_m": 1}
            answer = client.post(f"/api/orders/{visit}/{step}", json=body, headers=cast.cookie(member))
            assert answer.status_code in (403, 404)
    assert one(conn, "SELECT count(*) FROM access_log") == 0


@pytest.mark.parametrize(("member", "seen"), [("operator", ["gui", "zhang"]), ("family_of_gui", ["gui"])])
def test_a_list_records_whom_its_cards_show_and_nobody_else(
    member: str, seen: list[str], client: TestClient, cast: Cast, conn: Connection
) -> None:
    client.get(f"/api/alarms/{cast.alarms['leak_at_home']}", headers=cast.cookie(member))
    assert [name for name in cast.elders if who_saw(conn, cast.elders[name])] == seen


def test_a_refused_command_shows_nothing_and_records_nothing(client: TestClient, cast: Cast, conn: Connection) -> None:
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/resolve"
    client.post(path, json={"outcome": "false_alarm", "cause": "unknown"}, headers=cast.cookie("operator"))
    assert one(conn, "SELECT count(*) FROM access_log") == 0


def test_commands_record_the_alarm_and_the_elder(client: TestClient, cast: Cast, conn: Connection) -> None:
    alarm_id = cast.alarms["leak_at_home"]
    client.post(f"/api/alarms/{alarm_id}/acknowledge", json={}, headers=cast.cookie("operator"))
    found = conn.execute("SELECT action, elder_id, alarm_id, elder_ids FROM access_log").fetchall()
    assert found == [("alarm.acknowledged", None, alarm_id, [cast.elders["gui"], cast.elders["zhang"]])]


@pytest.fixture
def screen(served: Served) -> Iterator[RemoteScreen]:
    """An operator's screen that shows its board."""
    with RemoteScreen(served.port, served.cast.cookie("operator")) as opened:
        opened.take()
        yield opened


def test_a_card_is_recorded_once_for_each_screen_however_often_it_changes(
    screen: RemoteScreen, served: Served, conn: Connection
) -> None:
    cast, operator = served.cast, served.cast.accounts["operator"]
    alarm_id = raise_for(conn, cast, served.clock.now, "smoke", "emergency", "W-chen", elder="chen")
    eventually(lambda: len(shown_cards(conn, operator)) == 1)
    assert shown_cards(conn, operator) == [(alarm_id, [cast.elders["chen"]], {"alarm_ids": [alarm_id]})]
    for _ in range(3):
        raise_for(conn, cast, served.clock.now, "smoke", "emergency", "W-chen", elder="chen")
    with Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie("operator")) as client:
        client.post(f"/api/alarms/{cast.alarms['sos_of_gui']}/acknowledge", json={})
    other = raise_for(conn, cast, served.clock.now, "leak", "urgent", "B-tiansheng", household="chaoyang")
    eventually(lambda: len(shown_cards(conn, operator)) == 2)
    assert shown_cards(conn, operator)[1] == (other, [cast.elders["chen"]], {"alarm_ids": [other]})


def test_a_card_shown_just_before_the_screen_left_is_recorded(served: Served, conn: Connection) -> None:
    cast = served.cast
    with RemoteScreen(served.port, cast.cookie("supervisor")) as screen:
        screen.take()
        raise_for(conn, cast, served.clock.now, "smoke", "emergency", "W-chen", elder="chen")
        screen.until(lambda frame: frame["type"] == "card")
    eventually(lambda: len(shown_cards(conn, cast.accounts["supervisor"])) == 1)


def test_frames_do_not_wait_for_the_record_which_is_written_later(
    screen: RemoteScreen, served: Served, conn: Connection, database_url: str
) -> None:
    cast, operator = served.cast, served.cast.accounts["operator"]
    with connect(database_url, "test") as locker:
        with locker.transaction():
            locker.execute("LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE")
            kinds: tuple[AlarmKind, ...] = ("smoke", "leak")
            for kind in kinds:
                alarm_id = raise_for(conn, cast, served.clock.now, kind, "emergency", "W-chen", elder="chen")
                told = screen.until(lambda frame: frame["type"] == "card")
                assert told["card"]["id"] == alarm_id
        eventually(lambda: sum(len(detail["alarm_ids"]) for *_, detail in shown_cards(conn, operator)) == 2)
