"""Ordering by telephone and as a relative, through the routes: what is proposed, what it costs, what is noted."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.cast_at_work import add_order
from tests.integration.district import Connection


def _take_call(client: TestClient, cast: Cast, number: str) -> dict[str, Any]:
    answer = client.post("/api/calls", headers=cast.cookie("operator"), json={"number": number})
    assert answer.status_code == 201, answer.text
    card: dict[str, Any] = answer.json()["card"]
    return card


def _own_number(conn: Connection, cast: Cast, elder: str, number: str) -> None:
    conn.execute("UPDATE elder SET phone = %s WHERE id = %s", (number, cast.elders[elder]))


def _sheets(client: TestClient, cast: Cast, query: str, member: str = "operator") -> list[dict[str, Any]]:
    answer = client.get(f"/api/hotline?{query}", headers=cast.cookie(member))
    assert answer.status_code == 200, answer.text
    sheets: list[dict[str, Any]] = answer.json()["sheets"]
    return sheets


def test_a_call_shows_who_calls_what_she_usually_has_and_what_it_costs(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    _own_number(conn, cast, "gui", "13712345678")
    conn.execute("UPDATE household SET door_note = '密码 77' WHERE id = %s", (cast.households["tiansheng"],))
    for days in (3, 5):
        add_order(conn, cast, now - timedelta(days=days), "gui", "worker_of_gui", item="bath", state="settled",
                  due=None, ended_at=now, completed_at=now)  # fmt: skip
    call = _take_call(client, cast, "13712345678")
    [sheet] = _sheets(client, cast, f"call_id={call['id']}")
    assert (sheet["elder"]["id"], sheet["party"], sheet["entry"]["door_note"]) == (
        cast.elders["gui"],
        "elder",
        "密码 77",
    )
    assert sheet["last"][0]["item"] == "meal"
    first = sheet["items"][0]
    assert {item["code"]: item["times"] for item in sheet["items"][:2]} == {"bath": 2, "meal": 2}
    assert first["elder_fen"] == first["price_fen"] - first["subsidy_fen"]
    assert first["windows"]
    windows = [(window["begins"], window["ends"]) for window in first["windows"]]
    assert len(set(windows)) == len(windows)
    read = conn.execute("SELECT action, call_id, elder_ids FROM access_log ORDER BY id DESC LIMIT 1").fetchone()
    assert read == ("hotline.read", call["id"], [cast.elders["gui"]])


def test_an_order_by_telephone_is_noted_on_the_call_and_says_whose_it_was(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    call = _take_call(client, cast, "02300000000")
    assert call["elder"] is None
    wish = {
        "elder_id": cast.elders["gui"],
        "call_id": call["id"],
        "item": "meal",
        "window_from": (now + timedelta(hours=5)).isoformat(),
    }
    answer = client.post("/api/hotline/orders", headers=cast.cookie("operator"), json=wish)
    assert answer.status_code == 201, answer.text
    card = answer.json()["card"]
    assert card["source"] == "hotline"
    shown = client.get(f"/api/calls/{call['id']}", headers=cast.cookie("operator")).json()["card"]
    assert (shown["elder"]["id"], shown["outcome"], shown["order_ids"]) == (cast.elders["gui"], "ordered", [card["id"]])
    assert conn.execute("SELECT source_ref FROM service_order WHERE id = %s", (card["id"],)).fetchone() == (call["id"],)


@pytest.mark.parametrize("words", ["李桂", "天生路", "139 0000 0000", "3900"])
def test_whoever_calls_is_found_by_name_address_and_number(client: TestClient, cast: Cast, words: str) -> None:
    found = {sheet["elder"]["id"] for sheet in _sheets(client, cast, f"q={words}")}
    assert cast.elders["gui"] in found
    assert cast.elders["deng"] not in found


def test_nobody_is_told_of_elders_or_calls_out_of_scope(client: TestClient, cast: Cast, now: datetime) -> None:
    assert {sheet["elder"]["id"] for sheet in _sheets(client, cast, "q=13900000000", "outsider")} == {
        cast.elders["deng"]
    }
    call = _take_call(client, cast, "02300000000")
    outsider = cast.cookie("outsider")
    assert client.get(f"/api/hotline?call_id={call['id']}", headers=outsider).status_code == 404
    begins = (now + timedelta(hours=5)).isoformat()
    wish = {"elder_id": cast.elders["deng"], "call_id": call["id"], "item": "meal", "window_from": begins}
    assert client.post("/api/hotline/orders", headers=outsider, json=wish).status_code == 404


def _offer(client: TestClient, cast: Cast, elder: str = "gui") -> dict[str, Any]:
    answer = client.get(f"/api/family/elders/{cast.elders[elder]}/offer", headers=cast.cookie(f"family_of_{elder}"))
    assert answer.status_code == 200, answer.text
    offer: dict[str, Any] = answer.json()
    return offer


def test_a_relative_orders_what_is_proposed_and_calls_it_off(client: TestClient, cast: Cast) -> None:
    family = cast.cookie("family_of_gui")
    meal = next(item for item in _offer(client, cast)["items"] if item["code"] == "meal")
    window = meal["windows"][0]
    wish = {"item": "meal", "window_from": window["begins"], "window_to": window["ends"], "note": "少盐"}
    made = client.post(f"/api/family/elders/{cast.elders['gui']}/orders", headers=family, json=wish)
    assert made.status_code == 201, made.text
    card = made.json()["card"]
    assert (card["source"], card["requested_by"], card["note"]) == ("family", None, None)
    assert card["id"] in [order["id"] for order in _offer(client, cast)["orders"]]
    cancelled = client.post(f"/api/family/orders/{card['id']}/cancel", headers=family, json={})
    assert cancelled.json()["card"]["state"] == "cancelled"
    again = client.post(f"/api/family/orders/{card['id']}/cancel", headers=family, json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "order_cancelled")


def test_what_only_staff_arrange_is_not_a_relatives(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    family = cast.cookie("family_of_gui")
    assert "wellbeing_check" not in [item["code"] for item in _offer(client, cast)["items"]]
    begins = (now + timedelta(hours=5)).isoformat()
    refused = client.post(
        f"/api/family/elders/{cast.elders['gui']}/orders",
        headers=family,
        json={"item": "wellbeing_check", "window_from": begins},
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "not_for_families")
    order = client.post(
        "/api/orders",
        headers=cast.cookie("operator"),
        json={"elder_id": cast.elders["gui"], "item": "wellbeing_check", "window_from": begins},
    ).json()["card"]
    kept = client.post(f"/api/family/orders/{order['id']}/cancel", headers=family, json={})
    assert kept.json()["error"]["code"] == "not_for_families"


@pytest.mark.parametrize("state", ["en_route", "checked_in", "in_service"])
def test_a_visit_on_its_way_is_not_called_off_by_a_relative(
    client: TestClient, cast: Cast, conn: Connection, state: str
) -> None:
    conn.execute("UPDATE service_order SET state = %s WHERE id = %s", (state, cast.orders["visit_of_gui"]))
    refused = client.post(
        f"/api/family/orders/{cast.orders['visit_of_gui']}/cancel", headers=cast.cookie("family_of_gui"), json={}
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "wrong_step")


def test_nothing_is_proposed_while_she_is_away(client: TestClient, cast: Cast) -> None:
    client.put(f"/api/elders/{cast.elders['gui']}/state", headers=cast.cookie("operator"), json={"state": "hospital"})
    assert _offer(client, cast)["items"] == []


def test_a_schedule_is_shown_with_its_days_and_staffs_words_stay_with_the_staff(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    path = f"/api/elders/{cast.elders['gui']}/schedules"
    body = {
        "item": "meal", "weekdays": [1, 2, 3, 4, 5, 6, 7], "first_day": "2026-01-01", "from_time": "11:30",
        "on_holidays": "keep", "note": "a private word",
    }  # fmt: skip
    [card] = client.post(path, headers=cast.cookie("operator"), json=body).json()["schedules"]
    assert card["days"]
    assert {day["outcome"] for day in card["days"]} == {"planned"}
    [shown] = client.get(path, headers=cast.cookie("family_of_gui")).json()["schedules"]
    assert (shown["note"], shown["made_by"], shown["item"]) == (None, None, "meal")
    # While somebody is in hospital the engine looks at once when the state changes.
    conn.execute("UPDATE order_schedule SET due_at = due_at + interval '1 day'")
    client.put(f"/api/elders/{cast.elders['gui']}/state", headers=cast.cookie("operator"), json={"state": "hospital"})
    assert conn.execute(
        "SELECT count(*) FROM order_schedule WHERE due_at > made_at + interval '1 hour'"
    ).fetchone() == (0,)


@pytest.mark.parametrize(
    "changes",
    [
        {"weekdays": []},
        {"weekdays": [8]},
        {"every_weeks": 0},
        {"first_day": "2026-02-30"},
        {"last_day": "2025-12-31"},
        {"from_time": "25:00"},
        {"from_time": "11:30+08:00"},
        {"on_holidays": "dance"},
        {"window_minutes": 5},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(client: TestClient, cast: Cast, changes: dict[str, Any]) -> None:
    body = {"item": "meal", "weekdays": [1], "first_day": "2026-01-01", "from_time": "11:30", "on_holidays": "keep"}
    answer = client.post(
        f"/api/elders/{cast.elders['gui']}/schedules", headers=cast.cookie("operator"), json={**body, **changes}
    )
    assert answer.status_code == 422, answer.text
