"""A call opens a card for who may see the elder, the provider's words are signed, 120 is told what is on file."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dispatch.answering import acknowledge
from dispatch.commands import acknowledge_command, settle
from dispatch.transports.signatures import new_secret, sign
from schemas.database import transaction
from schemas.settings import Settings
from tests.integration.control_center.applications import application
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.control_center.test_access_log import who_saw
from tests.integration.control_center.test_feed_scope import newest_event
from tests.integration.district import Connection, one
from tests.integration.members import Cast

SECRET = new_secret()
WORDS = "/api/callbacks/voice/calls"


@pytest.fixture
def app(database_url: str, cast: Cast, clock: MovableClock, dist: Path) -> FastAPI:
    """The application of an installation with a voice provider."""
    settings = Settings(database_url=database_url, voice_url="http://127.0.0.1:1", voice_secret=SECRET)
    return application(settings, clock, dist=dist)


class VoiceProvider:
    """Says words about calls, each under an id of its own, signed."""

    def __init__(self, client: TestClient, clock: MovableClock, conn: Connection) -> None:
        self.client = client
        self.clock = clock
        self.said = 0
        conn.execute("INSERT INTO phone_line (number, org_code, name) VALUES ('023-96001', '500109', '区热线')")
        conn.execute("INSERT INTO phone_line (number, org_code, name) VALUES ('023-96002', '500109002', '朝阳热线')")

    def say(self, event: str, reference: str, number: str | None, *, line: str = "02396001", **more: Any) -> int:
        body: dict[str, Any] = {"event": event, "direction": "inbound", "reference": reference, "to": line, **more}
        if number is not None:
            body["from"] = number
        self.said += 1
        return self.post(json.dumps(body).encode(), f"m{self.said}")

    def post(self, body: bytes, message_id: str, secret: str = SECRET) -> int:
        headers = {"Content-Type": "application/json", **sign(secret, message_id, self.clock.now, body)}
        return self.client.post(WORDS, content=body, headers=headers).status_code


@pytest.fixture
def provider(client: TestClient, clock: MovableClock, conn: Connection, cast: Cast) -> VoiceProvider:
    """A provider, and two elders with numbers of their own."""
    conn.execute("UPDATE elder SET phone = '13900000001' WHERE id = %s", (cast.elders["gui"],))
    conn.execute("UPDATE elder SET phone = '13900000002' WHERE id = %s", (cast.elders["chen"],))
    return VoiceProvider(client, clock, conn)


def test_a_known_number_opens_its_elders_card_for_those_who_may_see_her(
    provider: VoiceProvider, client: TestClient, cast: Cast, conn: Connection
) -> None:
    assert provider.say("ringing", "r1", "+86 139 0000 0001") == 204
    seen = {}
    for member in ("operator", "street_operator", "other_street_operator", "outsider", "newcomer"):
        found = client.get("/api/calls", headers=cast.cookie(member)).json()["calls"]
        seen[member] = [call["elder"]["id"] for call in found]
    gui = cast.elders["gui"]
    assert seen == {
        "operator": [gui],
        "street_operator": [gui],
        "other_street_operator": [],
        "outsider": [],
        "newcomer": [],
    }
    call_id = one(conn, "SELECT id FROM call")
    assert client.get(f"/api/calls/{call_id}", headers=cast.cookie("other_street_operator")).status_code == 404
    assert (cast.accounts["street_operator"], "calls.listed") in who_saw(conn, gui)


def test_an_unknown_number_is_shown_to_the_lines_staff_who_say_whom_it_is_about(
    provider: VoiceProvider, client: TestClient, cast: Cast, conn: Connection
) -> None:
    provider.say("ringing", "r1", None, line="02396002")
    call_id = one(conn, "SELECT id FROM call")
    for member, status in (("street_operator", 404), ("other_street_operator", 200), ("outsider", 404)):
        answer = client.get(f"/api/calls/{call_id}", headers=cast.cookie(member))
        assert answer.status_code == status, member
    hidden = client.put(
        f"/api/calls/{call_id}/elder",
        json={"elder_id": cast.elders["gui"]},
        headers=cast.cookie("other_street_operator"),
    )
    assert hidden.status_code == 404, "she is in another street"
    named = client.put(
        f"/api/calls/{call_id}/elder", json={"elder_id": cast.elders["gui"]}, headers=cast.cookie("operator")
    )
    assert named.json()["card"]["elder"]["name"] == "李桂芳"
    assert named.json()["card"]["alarm_id"] == cast.alarms["sos_of_gui"]
    assert client.get(f"/api/calls/{call_id}", headers=cast.cookie("other_street_operator")).status_code == 404


def test_a_word_is_believed_only_with_the_providers_signature_and_heard_once(
    provider: VoiceProvider, conn: Connection
) -> None:
    body = json.dumps({"event": "queued", "direction": "inbound", "reference": "r1", "from": "1", "to": "2"}).encode()
    assert provider.post(body, "m1", new_secret()) == 401
    assert provider.client.post(WORDS, content=body, headers={"Content-Type": "application/json"}).status_code == 401
    assert one(conn, "SELECT count(*) FROM call") == 0
    assert provider.post(body, "m1") == 204
    conn.execute("DELETE FROM call")
    assert provider.post(body, "m1") == 204
    assert one(conn, "SELECT count(*) FROM call") == 0, "the same message again"
    provider.clock.move(minutes=10)
    late = {"Content-Type": "application/json", **sign(SECRET, "m2", provider.clock.now - timedelta(minutes=6), body)}
    assert provider.client.post(WORDS, content=body, headers=late).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": "exploded", "direction": "inbound", "reference": "r"},
        {"event": "ringing", "direction": "inbound"},
        {"event": "ringing", "direction": "inbound", "reference": "r", "from": "1\x00"},
        {"event": "ringing", "direction": "inbound", "reference": "r", "at": 5},
        {"event": "ringing", "direction": "outbound", "id": "no-uuid"},
        [],
    ],
)
def test_a_word_that_makes_no_sense_is_refused_and_changes_nothing(
    body: Any, provider: VoiceProvider, conn: Connection
) -> None:
    assert provider.post(json.dumps(body).encode(), "m1") == 422
    assert one(conn, "SELECT count(*) FROM call") == 0


def test_a_word_about_a_call_that_nobody_asked_for_changes_nothing(provider: VoiceProvider, conn: Connection) -> None:
    body = {"event": "answered", "direction": "outbound", "id": "6f0c2c1e-8f25-4b36-9f4c-51d7a7a4e0aa"}
    assert provider.post(json.dumps(body).encode(), "m1") == 204
    assert one(conn, "SELECT count(*) FROM call") == 0


def test_a_call_comes_to_the_screens_that_may_see_it_and_leaves_when_it_ends(
    served: Served, clock: MovableClock, conn: Connection
) -> None:
    cast = served.cast
    with TestClient(served.app) as client:
        conn.execute("UPDATE elder SET phone = '13900000001' WHERE id = %s", (cast.elders["gui"],))
        provider = VoiceProvider(client, clock, conn)
        members = ("operator", "street_operator", "other_street_operator", "family_of_gui")
        screens = {member: RemoteScreen(served.port, cast.cookie(member)) for member in members}
        for screen in screens.values():
            screen.take()
        provider.say("ringing", "r1", "13900000001")
        _catch_up(screens, conn)
        seen = {
            member: [call["state"] for call in screen.boards["call"].values()] for member, screen in screens.items()
        }
        assert seen == {
            "operator": ["ringing"],
            "street_operator": ["ringing"],
            "other_street_operator": [],
            "family_of_gui": [],
        }
        provider.say("answered", "r1", "13900000001")
        provider.say("ended", "r1", "13900000001")
        _catch_up(screens, conn)
        assert not any(screen.boards["call"] for screen in screens.values())
        for screen in screens.values():
            screen.close()


def _catch_up(screens: dict[str, RemoteScreen], conn: Connection) -> None:
    last = newest_event(conn)
    for screen in screens.values():
        screen.until_event(last)


def test_what_a_device_answers_stands_on_the_alarms_timeline(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    alarm = f"/api/alarms/{cast.alarms['sos_of_gui']}"
    operator = cast.cookie("operator")
    told = client.post(f"{alarm}/commands", json={"kind": "locate"}, headers=operator)
    assert told.status_code == 201
    assert {device["id"] for device in told.json()["devices"]} == {"W-gui", "B-tiansheng"}
    [command] = told.json()["commands"]
    assert (command["state"], command["device"], command["by"]["id"]) == (
        "waiting",
        "W-gui",
        cast.accounts["operator"],
    )
    with transaction(conn) as tx:
        acknowledge_command(tx, clock.now, cast.devices["W-gui"], command["id"], "29.826100,106.431000")
        settle(tx, clock.now, 10)
    [command] = client.get(f"{alarm}/devices", headers=operator).json()["commands"]
    assert (command["state"], command["place"]) == ("answered", {"lat": 29.8261, "lon": 106.431})
    last = client.get(alarm, headers=operator).json()["timeline"][-1]
    assert (last["kind"], last["detail"]["lat"]) == ("command_answered", 29.8261)
    family = client.get(alarm, headers=cast.cookie("family_of_gui"))
    assert "29.8261" not in family.text


def test_120_is_told_what_the_register_knows_and_it_stays_on_record(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    gui, alarm = cast.elders["gui"], cast.alarms["sos_of_gui"]
    operator = cast.cookie("operator")
    notes = {"conditions": ["copd", "旧骨折"], "medicines": ["硝苯地平 30mg"], "allergies": ["青霉素"]}
    client.put(f"/api/elders/{gui}/medical", json=notes, headers=operator)
    entry = {"door_note": "密码锁 1357#", "key_holder": "王姐", "key_holder_phone": "13900000008", "phone": "68252222"}
    assert client.put(f"/api/elders/{gui}/entry", json=entry, headers=operator).json()["entry"] == entry
    with transaction(conn) as tx:
        acknowledge(tx, clock.now, alarm, cast.accounts["operator"])
    view = client.get(f"/api/alarms/{alarm}/handoff", headers=operator).json()
    person = view["summary"]["people"][0]
    assert (person["id"], person["medicines"], person["signs"]["hr"]["value"]) == (gui, ["硝苯地平 30mg"], 72.0)
    assert person["signs"]["hr"]["age_seconds"] == 60.0
    for words in (
        "天生路1号",
        "慢阻肺",
        "旧骨折",
        "硝苯地平 30mg",
        "青霉素",
        "密码锁 1357#",
        "王姐",
        "心率 72",
        "1 分钟",
        "李红",
    ):
        assert words in view["text"]["zh"], words
    for words in ("COPD", "Heart rate 72", "13900000008", "Lives alone"):
        assert words in view["text"]["en"], words
    made = client.post(f"/api/alarms/{alarm}/handoff", json={"reference": "120-77"}, headers=operator)
    assert made.status_code == 201
    client.put(f"/api/elders/{gui}/medical", json={**notes, "medicines": []}, headers=operator)
    again = client.get(f"/api/alarms/{alarm}/handoff", headers=operator).json()
    assert again["summary"]["people"][0]["medicines"] == []
    assert "not on file" in again["text"]["en"]
    [kept] = again["made"]
    assert (kept["reference"], kept["summary"]["people"][0]["medicines"]) == ("120-77", ["硝苯地平 30mg"])
    assert [entry["kind"] for entry in client.get(f"/api/alarms/{alarm}", headers=operator).json()["timeline"]][
        -1
    ] == "handed_off"
    assert (cast.accounts["operator"], "handoff.read") in who_saw(conn, cast.elders["zhang"])


def test_an_alarm_is_handed_over_only_by_who_has_it_in_hand(client: TestClient, cast: Cast) -> None:
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/handoff"
    refused = client.post(path, json={}, headers=cast.cookie("operator"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_yet_acknowledged")


def test_a_family_sees_medicine_and_never_how_to_get_in(client: TestClient, cast: Cast) -> None:
    gui = cast.elders["gui"]
    client.put(f"/api/elders/{gui}/entry", json={"door_note": "密码锁 1357#"}, headers=cast.cookie("operator"))
    seen = client.get(f"/api/elders/{gui}", headers=cast.cookie("family_of_gui"))
    assert seen.json()["entry"] is None
    assert "1357" not in seen.text


def test_a_number_belongs_to_one_unit_and_a_telephone_to_one_seat(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    supervisor = cast.cookie("supervisor")
    line = {"number": "023-9600 3", "org_code": "500109001", "name": "天生"}
    assert client.post("/api/phone-lines", json=line, headers=supervisor).status_code == 201
    again = client.post("/api/phone-lines", json={**line, "number": "(023) 96003"}, headers=supervisor)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "number_in_use")
    neighbours = client.post("/api/phone-lines", json={**line, "org_code": "500112"}, headers=supervisor)
    assert neighbours.status_code == 404
    first, second, others = (
        one(conn, "INSERT INTO seat (org_code, name) VALUES (%s, %s) RETURNING id", org, name)
        for org, name in (("500109", "一号"), ("500109", "二号"), ("500112", "一号"))
    )
    for seat, status in ((first, 200), (second, 409), (others, 404)):
        path, body = f"/api/seats/{seat}/telephone", {"extension": "8001"}
        assert client.put(path, json=body, headers=supervisor).status_code == status, seat
