"""A worker's own page, her answers to offers, and the people on the map."""

from datetime import datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.cast_at_work import add_offer, add_order, send_to
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.order_states import put_order
from tests.integration.district import Connection, one


def answered(client: TestClient, cast: Cast, member: str, offer: int, how: str = "accept") -> tuple[int, Any]:
    """The status and the body that a member gets for an answer to an offer."""
    body = {} if how == "accept" else {"reason": "busy"}
    answer = client.post(f"/api/offers/{offer}/{how}", json=body, headers=cast.cookie(member))
    return answer.status_code, answer.json()


def offer_state(conn: Connection, offer: int) -> str:
    """What is written down of an offer."""
    found = conn.execute("SELECT state FROM offer WHERE id = %s", (offer,)).fetchone()
    assert found is not None
    return str(found[0])


def test_the_page_says_who_she_is_when_she_works_and_what_is_done_today(
    client: TestClient, cast: Cast, now: datetime
) -> None:
    page = client.get("/api/work", headers=cast.cookie("worker_of_gui")).json()
    [done] = page.pop("done_today")
    assert page == {
        "worker": {
            "id": cast.workers["worker_of_gui"],
            "name": "Name of worker_of_gui",
            "provider": "安心家政",
            "phone": "13700000000",
        },
        "travel": "scooter",
        "provider_admitted": True,
        "skills": ["bathing", "first_aid", "meal_delivery"],
        "shift": {
            "starts_at": (now - timedelta(hours=4)).isoformat().replace("+00:00", "Z"),
            "ends_at": (now + timedelta(hours=8)).isoformat().replace("+00:00", "Z"),
        },
        "on_shift": True,
        "server_time": now.isoformat().replace("+00:00", "Z"),
    }
    assert (done["id"], done["elder"]["name"]) == (cast.orders["done_for_gui"], "李桂芳")
    assert (done["home"], done["note"], done["elder"]["phone"], done["elder"]["tags"]) == (None, None, None, [])


def test_the_page_follows_the_day_the_shifts_and_the_provider(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    headers = cast.cookie("worker_of_gui")
    clock.move(hours=9)
    conn.execute("UPDATE provider SET state = 'suspended'")
    later = client.get("/api/work", headers=headers).json()
    assert (later["shift"], later["on_shift"], later["provider_admitted"]) == (None, False, False)
    conn.execute("UPDATE session SET expires_at = expires_at + interval '3 days'")
    conn.execute(
        "INSERT INTO worker_shift (worker_id, starts_at, ends_at) VALUES (%s, %s, %s)",
        (cast.workers["worker_of_gui"], clock.now + timedelta(days=1), clock.now + timedelta(days=1, hours=8)),
    )
    clock.move(hours=12)
    next_day = client.get("/api/work", headers=headers).json()
    assert next_day["done_today"] == []
    assert next_day["shift"] is not None and next_day["on_shift"] is False


def test_a_position_is_newest_wins_and_shown_on_the_map(client: TestClient, cast: Cast, clock: MovableClock) -> None:
    clock.move(minutes=1)
    body = {"lat": 29.8, "lon": 106, "accuracy_m": 0}
    answer = client.post("/api/work/position", json=body, headers=cast.cookie("worker_of_gui"))
    assert (answer.status_code, answer.content) == (204, b"")
    people = client.get("/api/people", headers=cast.cookie("operator")).json()["people"]
    [person] = (person for person in people if person["id"] == cast.workers["worker_of_gui"])
    assert person == {
        "id": cast.workers["worker_of_gui"],
        "name": "Name of worker_of_gui",
        "provider": "安心家政",
        "kind": "station",
        "state": "free",
        "travel": "scooter",
        "lat": 29.8,
        "lon": 106.0,
        "position_at": clock.now.isoformat().replace("+00:00", "Z"),
        "order_id": None,
        "alarm_id": None,
    }


def test_whoever_accepts_second_is_told_so_and_it_is_written_down(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    order = cast.orders["bath_of_chen"]
    second = add_offer(conn, cast, now, "worker_of_gui", order=order)
    assert answered(client, cast, "asked_worker", cast.offers["to_asked_worker"])[0] == 200
    assert offer_state(conn, second) == "withdrawn"
    status, refusal = answered(client, cast, "worker_of_gui", second)
    assert (status, refusal["error"]["code"]) == (409, "taken_by_another")
    assert refusal["error"]["message"] == "已被其他服务人员接走"
    assert offer_state(conn, second) == "lost"
    assert one(conn, "SELECT worker_id FROM service_order WHERE id = %s", order) == cast.workers["asked_worker"]


def test_late_and_repeated_answers_are_told_why_they_do_not_count(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    offer = cast.offers["to_asked_worker"]
    clock.move(seconds=90)
    status, refusal = answered(client, cast, "asked_worker", offer)
    assert (status, refusal["error"]["code"]) == (409, "offer_expired")
    assert offer_state(conn, offer) == "expired"
    put_order(conn, cast, clock.now, "bath_of_chen", "offered")
    fresh = add_offer(conn, cast, clock.now, "asked_worker", order=cast.orders["bath_of_chen"])
    assert answered(client, cast, "asked_worker", fresh)[0] == 200
    for _ in range(2):
        assert answered(client, cast, "asked_worker", fresh)[1]["error"]["code"] == "already_accepted"
    assert answered(client, cast, "asked_worker", fresh, "decline")[1]["error"]["code"] == "already_accepted"
    other = add_order(conn, cast, clock.now, "gui", state="offered", due=(1.5, "offer"), begins=400)
    declined = add_offer(conn, cast, clock.now, "asked_worker", order=other)
    assert answered(client, cast, "asked_worker", declined, "decline")[0] == 200
    assert answered(client, cast, "asked_worker", declined)[1]["error"]["code"] == "already_declined"


def test_an_answer_after_cancellation_is_told_so(client: TestClient, cast: Cast, conn: Connection) -> None:
    order = cast.orders["bath_of_chen"]
    client.post(f"/api/orders/{order}/cancel", json={"reason": "改期"}, headers=cast.cookie("operator"))
    status, refusal = answered(client, cast, "asked_worker", cast.offers["to_asked_worker"])
    assert (status, refusal["error"]["code"], refusal["error"]["message"]) == (409, "order_cancelled", "订单已取消")
    assert one(conn, "SELECT count(*) FROM service_order WHERE id = %s AND worker_id IS NULL", order) == 1


def test_nobody_answers_for_another(client: TestClient, cast: Cast, conn: Connection) -> None:
    offer = cast.offers["to_asked_worker"]
    for member in ("worker_of_gui", "outside_worker", "worker"):
        for how in ("accept", "decline"):
            assert answered(client, cast, member, offer, how)[0] == 404
    assert offer_state(conn, offer) == "open"


def test_a_responder_is_sent_accepts_and_arrives(client: TestClient, cast: Cast, conn: Connection) -> None:
    alarm = f"/api/alarms/{cast.alarms['sos_of_gui']}"
    operator = cast.cookie("operator")
    early = client.post(f"{alarm}/dispatch", json={}, headers=operator)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "not_yet_acknowledged")
    client.post(f"{alarm}/acknowledge", json={}, headers=operator)
    sent = client.post(f"{alarm}/dispatch", json={}, headers=operator).json()["card"]
    assert (sent["response"]["state"], sent["response"]["offers_open"]) == ("searching", 2)
    again = client.post(f"{alarm}/dispatch", json={}, headers=operator)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "responder_on_the_way")
    offer = one(
        conn,
        "SELECT id FROM offer WHERE alarm_id = %s AND worker_id = %s",
        cast.alarms["sos_of_gui"],
        cast.workers["asked_worker"],
    )
    status, taken = answered(client, cast, "asked_worker", offer)
    assert (status, taken["offer"]["state"], taken["offer"]["alarm"]["kind"]) == (200, "accepted", "sos")
    there = client.post(f"{alarm}/arrive", json={}, headers=cast.cookie("asked_worker")).json()["card"]
    assert (there["state"], there["response"]["responder"]["name"]) == ("on_scene", "Name of asked_worker")
    twice = client.post(f"{alarm}/arrive", json={}, headers=cast.cookie("asked_worker"))
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "wrong_step")
    detail = client.get(alarm, headers=operator).json()
    assert {offer["state"] for offer in detail["offers"]} == {"accepted", "withdrawn"}


def test_only_the_responder_arrives(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    send_to(conn, cast, now, "worker_of_gui", cast.alarms["sos_of_gui"])
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/arrive"
    assert client.post(path, json={}, headers=cast.cookie("asked_worker")).status_code == 404
    assert one(conn, "SELECT count(*) FROM alarm WHERE on_scene_at IS NOT NULL") == 0
