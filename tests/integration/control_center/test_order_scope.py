"""Who is shown which orders, homes and people, and what is left out for families and workers."""

from datetime import datetime
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.cast_at_work import add_offer, add_order, send_to
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.order_states import put_order
from tests.integration.district import Connection

EVERYWHERE: Final = "/api/map/elders?west=-180&south=-90&east=180&north=90"
OPEN_ORDERS: Final[dict[str, set[str]]] = {
    "operator": {"visit_of_gui", "bath_of_chen"},
    "supervisor": {"visit_of_gui", "bath_of_chen"},
    "street_operator": {"visit_of_gui"},
    "other_street_operator": {"bath_of_chen"},
    "outsider": {"visit_of_deng"},
    "expired": set(),
    "newcomer": set(),
    "family_of_gui": {"visit_of_gui"},
    "family_of_chen": {"bath_of_chen"},
}
SEES_GUI: Final = {"operator", "supervisor", "street_operator", "family_of_gui"}
PEOPLE: Final[dict[str, set[str]]] = {
    "operator": {"worker_of_gui", "asked_worker"},
    "street_operator": {"worker_of_gui", "asked_worker"},
    "other_street_operator": {"worker_of_gui", "asked_worker"},
    "outsider": {"outside_worker"},
    "expired": set(),
    "newcomer": set(),
}
HOMES: Final[dict[str, set[str]]] = {
    "operator": {"gui", "zhang"},
    "street_operator": {"gui", "zhang"},
    "other_street_operator": set(),
    "outsider": {"deng"},
    "expired": set(),
    "newcomer": set(),
}
SECRETS: Final = ("a private word", "13700000000", "Name of operator", "asked_worker")


def read(client: TestClient, cast: Cast, member: str, path: str) -> Any:
    """What a member is answered."""
    answer = client.get(path, headers=cast.cookie(member))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("member", OPEN_ORDERS)
def test_lists_of_orders_hold_exactly_what_a_member_may_see(member: str, client: TestClient, cast: Cast) -> None:
    shown = read(client, cast, member, "/api/orders")["orders"]
    assert {card["id"] for card in shown} == {cast.orders[name] for name in OPEN_ORDERS[member]}
    ended = read(client, cast, member, "/api/orders?view=ended")["orders"]
    assert {card["id"] for card in ended} == ({cast.orders["done_for_gui"]} if member in SEES_GUI else set())
    counted = read(client, cast, member, "/api/overview")["orders"]
    assert counted["open"] == len(OPEN_ORDERS[member])


@pytest.mark.parametrize("member", OPEN_ORDERS)
def test_single_orders_and_those_of_an_elder_follow_the_same_scope(member: str, client: TestClient, cast: Cast) -> None:
    for name, order_id in cast.orders.items():
        seen = name in OPEN_ORDERS[member] or (name == "done_for_gui" and member in SEES_GUI)
        answer = client.get(f"/api/orders/{order_id}", headers=cast.cookie(member))
        assert answer.status_code == (200 if seen else 404), name
    of_gui = read(client, cast, member, f"/api/orders?elder_id={cast.elders['gui']}")["orders"]
    assert [card["id"] for card in of_gui] == ([cast.orders["visit_of_gui"]] if member in SEES_GUI else [])


@pytest.mark.parametrize("member", PEOPLE)
def test_people_and_homes_on_the_map_are_those_of_the_callers_area(member: str, client: TestClient, cast: Cast) -> None:
    people = read(client, cast, member, "/api/people")["people"]
    homes = read(client, cast, member, EVERYWHERE)
    assert {person["id"] for person in people} == {cast.workers[name] for name in PEOPLE[member]}
    assert {home["id"] for home in homes["elders"]} == {cast.elders[name] for name in HOMES[member]}
    assert homes["truncated"] is False


def test_a_worker_sees_an_order_from_its_acceptance_until_it_ends(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    path, headers = f"/api/orders/{cast.orders['visit_of_gui']}", cast.cookie("worker_of_gui")
    for state, status in (
        ("requested", 404),
        ("offered", 404),
        ("accepted", 200),
        ("en_route", 200),
        ("checked_in", 200),
        ("in_service", 200),
        ("completed", 404),
        ("confirmed", 404),
    ):
        put_order(conn, cast, now, "visit_of_gui", state, "worker_of_gui")
        assert client.get(path, headers=headers).status_code == status, state
    put_order(conn, cast, now, "visit_of_gui", "en_route", "asked_worker")
    assert client.get(path, headers=headers).status_code == 404


def test_a_family_is_shown_neither_offers_nor_attention_nor_words_of_the_staff(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    order = cast.orders["visit_of_gui"]
    add_offer(conn, cast, now, "asked_worker", order=order, state="declined")
    conn.execute("UPDATE service_order SET attention = 'late', attention_at = %s WHERE id = %s", (now, order))
    conn.execute(
        "INSERT INTO order_event (order_id, at, kind, note) VALUES (%s, %s, 'attention', 'late')", (order, now)
    )
    full = read(client, cast, "operator", f"/api/orders/{order}")
    assert full["card"]["attention"]["kind"] == "late"
    assert full["card"]["worker"]["phone"] == "13700000000"
    assert (full["card"]["offers_made"], len(full["offers"])) == (2, 2)
    assert {entry["kind"] for entry in full["timeline"]} >= {"requested", "offered", "attention"}

    answer = client.get(f"/api/orders/{order}", headers=cast.cookie("family_of_gui"))
    told = answer.json()
    assert not [secret for secret in SECRETS if secret in answer.text]
    assert told["offers"] == []
    assert [entry["kind"] for entry in told["timeline"]] == ["requested"]
    assert {told["card"][name] for name in ("attention", "home", "note", "requested_by", "next_due")} == {None}
    assert told["card"]["worker"]["name"] == "Name of worker_of_gui"
    assert (told["card"]["offers_open"], told["card"]["offers_made"]) == (0, 0)
    for path in ("/api/orders", "/api/orders?view=ended", "/api/family"):
        listed = client.get(path, headers=cast.cookie("family_of_gui"))
        assert not [secret for secret in SECRETS if secret in listed.text], path
    assert read(client, cast, "family_of_gui", "/api/overview")["orders"]["attention"] == 0
    assert read(client, cast, "operator", "/api/overview")["orders"]["attention"] == 1


def test_why_staff_cancelled_is_not_told_to_a_family_and_why_a_visit_failed_is(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    path = f"/api/orders/{cast.orders['visit_of_gui']}"
    client.post(f"{path}/cancel", json={"reason": "女儿不讲理"}, headers=cast.cookie("operator"))
    cancelled = client.get(path, headers=cast.cookie("family_of_gui"))
    assert cancelled.json()["card"]["state"] == "cancelled"
    assert "女儿不讲理" not in cancelled.text
    assert read(client, cast, "operator", path)["card"]["end_reason"] == "女儿不讲理"
    put_order(conn, cast, now, "visit_of_gui", "en_route", "worker_of_gui")
    client.post(f"{path}/fail", json={"reason": "elder_absent"}, headers=cast.cookie("worker_of_gui"))
    assert read(client, cast, "family_of_gui", path)["card"]["end_reason"] == "elder_absent"


def test_a_worker_is_shown_the_way_and_nothing_about_health_or_staff(client: TestClient, cast: Cast) -> None:
    order = cast.orders["visit_of_gui"]
    answer = client.get(f"/api/orders/{order}", headers=cast.cookie("worker_of_gui"))
    told = answer.json()
    assert told["card"]["home"] == {"lat": 29.8301, "lon": 106.4402}
    assert told["card"]["elder"]["phone"] == "13900000000"
    assert told["card"]["note"] == "a private word"
    assert told["card"]["elder"]["tags"] == []
    assert told["offers"] == []
    assert told["card"]["requested_by"] is None and told["card"]["offers_made"] == 0
    assert "Name of operator" not in answer.text and "copd" not in answer.text


def test_what_a_worker_has_done_says_neither_where_an_elder_lives_nor_how_she_is_now(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    put_order(conn, cast, now, "visit_of_gui", "in_service", "worker_of_gui")
    path, cookie = f"/api/orders/{cast.orders['visit_of_gui']}/complete", cast.cookie("worker_of_gui")
    ended = client.post(path, json={"reason": "提前结束"}, headers=cookie)
    conn.execute("UPDATE elder SET state = 'hospital' WHERE id = %s", (cast.elders["gui"],))
    for answer in (ended, client.get("/api/work", headers=cookie)):
        assert answer.status_code == 200 and "李桂芳" in answer.text
        for secret in ("天生路", "hospital", '"living_alone":true', "13900000000", "29.83"):
            assert secret not in answer.text


def test_a_responder_is_shown_the_way_and_nothing_about_health_or_staff(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    alarm = cast.alarms["vitals_of_chen"]
    send_to(conn, cast, now, "asked_worker", alarm)
    conn.execute("UPDATE alarm SET acknowledged_by = %s WHERE id = %s", (cast.accounts["operator"], alarm))
    answer = client.post(f"/api/alarms/{alarm}/arrive", json={}, headers=cast.cookie("asked_worker"))
    card = answer.json()["card"]
    met_at = now.isoformat().replace("+00:00", "Z")
    assert (card["state"], card["sla"]["on_scene"]["met_at"]) == ("on_scene", met_at)
    assert card["elder"]["name"] == "陈秀英" and card["elder"]["phone"] == "13900000000"
    assert card["news2"] is None and card["acknowledged_by"] is None
    assert card["device"] == {"id": "", "kind": ""} and card["elder"]["tags"] == []
    assert card["escalation"] == {"level": 0, "roles": []}
    assert "Name of operator" not in answer.text and "W-chen" not in answer.text


def test_a_family_is_told_who_comes_to_an_alarm_and_nothing_of_the_search(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    alarm = cast.alarms["sos_of_gui"]
    path = f"/api/alarms/{alarm}"
    add_offer(conn, cast, now, "asked_worker", alarm=alarm, state="declined")
    searching = read(client, cast, "family_of_gui", path)["card"]["response"]
    assert (searching["state"], searching["offers_made"]) == (None, 0)
    send_to(conn, cast, now, "worker_of_gui", alarm)
    told, full = (read(client, cast, member, path) for member in ("family_of_gui", "operator"))
    assert full["card"]["response"]["responder"]["phone"] == "13700000000"
    assert full["card"]["response"]["offers_made"] == 1
    assert [offer["worker"]["name"] for offer in full["offers"]] == ["Name of asked_worker"]
    assert full["card"]["home"] == {"lat": 29.8301, "lon": 106.4402}
    assert told["offers"] == [] and told["card"]["home"] is None
    assert told["card"]["response"]["responder"] == {
        "id": cast.workers["worker_of_gui"],
        "name": "Name of worker_of_gui",
        "provider": "安心家政",
        "phone": None,
    }
    assert told["card"]["response"]["offers_made"] == 0


def test_an_offer_names_neither_the_elder_nor_the_address_nor_the_exact_place(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    order = add_order(conn, cast, now, "gui", state="offered", due=(1.5, "offer"))
    offer = add_offer(conn, cast, now, "asked_worker", order=order)
    path = f"/api/offers/{offer}/decline"
    answer = client.post(path, json={"reason": "too_far"}, headers=cast.cookie("asked_worker"))
    assert answer.status_code == 200
    for secret in ("李桂芳", "天生路", "13900000000", "29.83", "106.44", "copd", "aged_80", "a private word", "1234"):
        assert secret not in answer.text
    told = answer.json()["offer"]
    assert told["org"] == {"code": "500109001", "name": "天生街道"}
    assert (told["distance_m"], told["travel_minutes"], told["state"]) == (1200, 12, "declined")
    assert told["order"]["item"]["code"] == "meal" and told["alarm"] is None


def test_where_somebody_works_for_another_streets_elder_is_not_on_the_map(
    client: TestClient, cast: Cast, conn: Connection, now: datetime, clock: MovableClock
) -> None:
    def person(member: str, worker: str) -> Any:
        people = read(client, cast, member, "/api/people")["people"]
        [found] = (person for person in people if person["id"] == cast.workers[worker])
        return found

    put_order(conn, cast, now, "visit_of_gui", "in_service", "worker_of_gui")
    near, far = person("street_operator", "worker_of_gui"), person("other_street_operator", "worker_of_gui")
    assert (near["state"], near["lat"], near["order_id"]) == ("on_visit", 29.829, cast.orders["visit_of_gui"])
    assert (far["state"], far["lat"], far["position_at"], far["order_id"]) == ("on_visit", None, None, None)
    send_to(conn, cast, now, "worker_of_gui", cast.alarms["sos_of_gui"])
    near, far = person("street_operator", "worker_of_gui"), person("other_street_operator", "worker_of_gui")
    assert (near["state"], near["alarm_id"]) == ("responding", cast.alarms["sos_of_gui"])
    assert (far["state"], far["lat"], far["alarm_id"]) == ("responding", None, None)
    assert person("operator", "asked_worker")["state"] == "offered"
    clock.move(minutes=14)
    assert person("operator", "asked_worker")["state"] == "free"
    clock.move(minutes=14)
    assert person("operator", "asked_worker")["lat"] is None
    conn.execute("UPDATE worker_position SET at = %s", (clock.now,))
    assert person("operator", "asked_worker")["lat"] == 29.829
    conn.execute("DELETE FROM worker_shift")
    assert (person("operator", "asked_worker")["state"], person("operator", "asked_worker")["lat"]) == (
        "off_shift",
        None,
    )


def test_the_door_that_somebody_just_came_out_of_is_not_on_another_streets_map(
    client: TestClient, cast: Cast, conn: Connection, now: datetime, clock: MovableClock
) -> None:
    def shown(member: str) -> list[Any]:
        people = read(client, cast, member, "/api/people")["people"]
        return [one["lat"] for one in people if one["id"] == cast.workers["worker_of_gui"]]

    worker, cookie = cast.workers["worker_of_gui"], cast.cookie("worker_of_gui")
    put_order(conn, cast, now, "visit_of_gui", "in_service", "worker_of_gui")
    conn.execute("UPDATE service_order SET checked_in_at = %s WHERE id = %s", (now, cast.orders["visit_of_gui"]))
    conn.execute("UPDATE worker_position SET at = %s WHERE worker_id = %s", (now, worker))
    path = f"/api/orders/{cast.orders['visit_of_gui']}/complete"
    assert client.post(path, json={"reason": "提前结束"}, headers=cookie).status_code == 200
    assert (shown("street_operator"), shown("other_street_operator")) == ([29.829], [None])
    clock.move(minutes=6)
    assert shown("other_street_operator") == [None], "the phone has said nothing since"
    conn.execute("UPDATE worker_position SET at = %s WHERE worker_id = %s", (clock.now, worker))
    assert shown("other_street_operator") == [29.829]

    send_to(conn, cast, clock.now, "worker_of_gui", cast.alarms["sos_of_gui"])
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/resolve"
    answer = client.post(path, json={"outcome": "helped_by_phone"}, headers=cast.cookie("operator"))
    assert answer.status_code == 200, answer.text
    assert (shown("street_operator"), shown("other_street_operator")) == ([29.829], [None])
    clock.move(minutes=6)
    conn.execute("UPDATE worker_position SET at = %s WHERE worker_id = %s", (clock.now, worker))
    assert shown("other_street_operator") == [29.829]


def test_the_map_says_when_there_is_more(client: TestClient, cast: Cast) -> None:
    assert len(read(client, cast, "operator", f"{EVERYWHERE}&limit=1")["elders"]) == 1
    assert read(client, cast, "operator", f"{EVERYWHERE}&limit=1")["truncated"] is True
    assert read(client, cast, "operator", f"{EVERYWHERE}&limit=2")["truncated"] is False
    assert read(client, cast, "operator", "/api/map/elders?west=0&south=0&east=1&north=1")["elders"] == []
