"""One's own ways of being reached: proved by a code, seen by nobody else, put in order."""

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.reach_cases import summoned
from tests.integration.district import Connection


@pytest.fixture(autouse=True)
def ready(conn: Connection) -> None:
    """Every transport is configured."""
    conn.execute("UPDATE transport SET ready = true")
    conn.execute("UPDATE transport SET public_key = 'BPk' WHERE name = 'web_push'")


def _add(client: TestClient, headers: dict[str, str], transport: str = "sms", number: str = "139 0000 0001") -> Any:
    return client.post("/api/reach", json={"transport": transport, "address": number}, headers=headers)


def _code(conn: Connection) -> str:
    found = conn.execute("SELECT detail->>'code' FROM notification WHERE subject = 'code' ORDER BY id DESC").fetchone()
    assert found is not None
    return str(found[0])


def _ways(conn: Connection, account: int) -> list[str]:
    found = conn.execute("SELECT transport FROM way WHERE account_id = %s ORDER BY rank", (account,)).fetchall()
    return [row[0] for row in found]


def test_a_number_is_used_once_its_code_was_typed(client: TestClient, cast: Cast, conn: Connection) -> None:
    headers = cast.cookie("operator")
    added = _add(client, headers)
    assert added.status_code == 201
    [way] = added.json()["ways"]
    assert (way["address"], way["verified"]) == ("+8613900000001", False)
    assert _ways(conn, cast.accounts["operator"]) == ["screen"]
    path = f"/api/reach/{way['id']}/verify"
    wrong = client.post(path, json={"code": f"{(int(_code(conn)) + 1) % 10**6:06}"}, headers=headers)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "wrong_code")
    right = client.post(path, json={"code": _code(conn)}, headers=headers)
    assert right.json()["ways"][0]["verified"] is True
    assert _ways(conn, cast.accounts["operator"]) == ["screen", "sms"]


def test_a_code_is_not_guessed_in_more_than_five(client: TestClient, cast: Cast, conn: Connection) -> None:
    headers = cast.cookie("operator")
    [way] = _add(client, headers).json()["ways"]
    wrong = f"{(int(_code(conn)) + 1) % 10**6:06}"
    path = f"/api/reach/{way['id']}/verify"
    for _ in range(5):
        assert client.post(path, json={"code": wrong}, headers=headers).status_code == 422
    assert client.post(path, json={"code": _code(conn)}, headers=headers).json()["error"]["code"] == "code_expired"


def test_a_code_is_good_for_ten_minutes_and_sent_once_a_minute(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    headers = cast.cookie("operator")
    [way] = _add(client, headers).json()["ways"]
    again = client.post(f"/api/reach/{way['id']}/code", json={}, headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (429, "code_just_sent")
    clock.move(minutes=10)
    late = client.post(f"/api/reach/{way['id']}/verify", json={"code": _code(conn)}, headers=headers)
    assert late.json()["error"]["code"] == "code_expired"
    assert client.post(f"/api/reach/{way['id']}/code", json={}, headers=headers).status_code == 204


def test_what_cannot_be_sent_cannot_be_added(client: TestClient, cast: Cast, conn: Connection) -> None:
    conn.execute("UPDATE transport SET ready = false WHERE name = 'sms'")
    assert _add(client, cast.cookie("operator")).json()["error"]["code"] == "transport_away"
    assert client.get("/api/reach", headers=cast.cookie("operator")).json()["ways"] == []


@pytest.mark.parametrize("number", ["12345", "abc", "110", "+", "139 0000 000"])
def test_what_is_no_number_is_refused(client: TestClient, cast: Cast, number: str) -> None:
    assert _add(client, cast.cookie("operator"), "voice", number).status_code == 422


def test_a_browser_counts_at_once_and_shows_only_its_service(client: TestClient, cast: Cast, conn: Connection) -> None:
    headers = cast.cookie("family_of_gui")
    keys = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}
    subscription = {"endpoint": "https://push.example/secret-address", "keys": keys}
    added = client.post("/api/reach", json={"transport": "web_push", "subscription": subscription}, headers=headers)
    assert added.status_code == 201, added.text
    assert added.json()["ways"][0]["address"] == "push.example"
    assert "secret-address" not in added.text
    assert _ways(conn, cast.accounts["family_of_gui"]) == ["screen", "web_push"]


def test_a_browser_of_our_own_network_is_refused(client: TestClient, cast: Cast) -> None:
    keys = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}
    subscription = {"endpoint": "http://127.0.0.1:5432/", "keys": keys}
    answer = client.post(
        "/api/reach", json={"transport": "web_push", "subscription": subscription}, headers=cast.cookie("operator")
    )
    assert answer.json()["error"]["code"] == "bad_url"


def test_the_order_is_the_persons_own(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    headers = cast.cookie("operator")
    for transport in ("sms", "voice"):
        _add(client, headers, transport)
    conn.execute("UPDATE reach SET verified_at = %s", (now,))
    first, second = (way["id"] for way in client.get("/api/reach", headers=headers).json()["ways"])
    answer = client.put("/api/reach/order", json={"ids": [second, first]}, headers=headers)
    assert [way["id"] for way in answer.json()["ways"]] == [second, first]
    assert _ways(conn, cast.accounts["operator"]) == ["screen", "voice", "sms"]
    assert client.put("/api/reach/order", json={"ids": [first]}, headers=headers).status_code == 404


def test_nobody_has_more_than_eight_ways(client: TestClient, cast: Cast) -> None:
    headers = cast.cookie("operator")
    for number in range(8):
        assert _add(client, headers, "sms", f"1390000000{number}").status_code == 201
    assert _add(client, headers, "sms", "13900000009").json()["error"]["code"] == "too_many_ways"


def test_supervisors_see_who_can_be_reached_and_no_numbers(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    _add(client, cast.cookie("street_operator"), "sms")
    conn.execute("UPDATE reach SET verified_at = %s", (now,))
    answer = client.get("/api/reachable", headers=cast.cookie("supervisor"))
    people = {person["person"]["id"]: person for person in answer.json()["people"]}
    street = people[cast.accounts["street_operator"]]
    assert (street["ways"], street["working"], street["at_screen"]) == (["sms"], 1, False)
    assert people[cast.accounts["operator"]]["working"] == 0
    assert cast.accounts["outsider"] not in people
    assert "13900000001" not in answer.text


def test_lights_tell_what_is_off_good_and_failing(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    conn.execute("UPDATE transport SET ready = false WHERE name = 'email'")
    conn.execute("UPDATE transport SET last_failure_at = %s, last_error = 'timed_out' WHERE name = 'voice'", (now,))
    answer = client.get("/api/transports", headers=cast.cookie("supervisor")).json()["transports"]
    lights = {transport["name"]: transport["light"] for transport in answer}
    assert (lights["email"], lights["voice"], lights["sms"]) == ("off", "failing", "good")


def test_who_was_called_is_listed_with_names(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    summoned(conn, cast, now)
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/notifications"
    [told] = client.get(path, headers=cast.cookie("supervisor")).json()["notifications"]
    assert (told["person"]["name"], told["transport"], told["state"]) == ("Name of operator", "voice", "sent")


def test_nobody_has_strangers_rung_up_by_adding_and_taking_out(client: TestClient, cast: Cast) -> None:
    headers = cast.cookie("family_of_gui")
    for number in range(10):
        [way] = _add(client, headers, "voice", f"1390000000{number}").json()["ways"]
        assert client.delete(f"/api/reach/{way['id']}", headers=headers).status_code == 204
    refused = _add(client, headers, "voice", "13900000011")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "code_just_sent")
    assert client.get("/api/reach", headers=headers).json()["ways"] == []


def test_reading_who_was_called_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/notifications"
    assert client.get(path, headers=cast.cookie("supervisor")).status_code == 200
    logged = conn.execute("SELECT account_id, action, elder_ids FROM access_log ORDER BY id DESC LIMIT 1").fetchone()
    assert logged == (cast.accounts["supervisor"], "alarm.read", [cast.elders["gui"]])


def test_a_changed_figure_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    figures = {"timeout_seconds": 9, "word_seconds": None, "patience_seconds": 30, "concurrency": 4, "attempts": 2}
    answer = client.put("/api/transports/sms", json=figures, headers=cast.cookie("administrator"))
    [sms] = [transport for transport in answer.json()["transports"] if transport["name"] == "sms"]
    assert {name: sms[name] for name in figures} == figures
    logged = conn.execute("SELECT account_id, action, detail FROM access_log ORDER BY id DESC LIMIT 1").fetchone()
    assert logged == (cast.accounts["administrator"], "transport.changed", {"name": "sms", **figures})
