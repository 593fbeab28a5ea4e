"""An incident tells everything that happened to one person at one time, to those who may know."""

from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from dispatch.groups import sweep_groups
from dispatch.recovery import end_by_itself
from schemas.database import transaction
from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.lifecycle_cases import incident_of
from tests.integration.district import Connection, add_device, one


def take_a_seat(client: TestClient, conn: Connection, cast: Cast, member: str, name: str = "一号席") -> int:
    """A member sits down at a desk of the district."""
    seat = one(conn, "INSERT INTO seat (org_code, name) VALUES ('500109', %s) RETURNING id", name)
    answer = client.put("/api/session/seat", json={"seat_id": seat}, headers=cast.cookie(member))
    assert answer.json()["seat"] == {"id": seat, "name": name, "org": {"code": "500109", "name": "北碚区"}}
    return seat


def pressed(conn: Connection, cast: Cast, now: datetime, alarm: int, payload: bytes) -> None:
    """The message with which a device called, as ingest keeps it."""
    conn.execute(
        "INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload, alarm_id)"
        " VALUES (%s, 'b', 7, 'sos', %s, %s, 'care/v1/1/W-gui/event', %s, %s)",
        (cast.devices["W-gui"], now, now, payload, alarm),
    )


def test_an_incident_has_its_alarms_its_raw_messages_and_who_did_what_from_where(
    client: TestClient, conn: Connection, cast: Cast, clock: MovableClock
) -> None:
    press, fall = cast.alarms["sos_of_gui"], cast.alarms["possible_fall_of_gui"]
    pressed(conn, cast, clock.now, press, b'{"kind":"sos","seq":7}\xff')
    take_a_seat(client, conn, cast, "operator")
    operator = cast.cookie("operator")
    client.post(f"/api/alarms/{press}/acknowledge", json={}, headers=operator)
    client.post(f"/api/alarms/{press}/notes", json={"text": "在通话"}, headers=cast.cookie("supervisor"))
    incident = incident_of(conn, press)
    found = client.get(f"/api/incidents/{incident}", headers=operator).json()
    assert [card["id"] for card in found["incident"]["alarms"]] == [press, fall]
    assert found["incident"]["ended_at"] is None
    assert [(entry["alarm_id"], entry["kind"]) for entry in found["timeline"]] == [
        (press, "raised"),
        (fall, "raised"),
        (press, "acknowledged"),
        (press, "noted"),
    ]
    taken, noted = found["timeline"][2:]
    assert (taken["actor"]["name"], taken["seat"]) == ("Name of operator", "一号席")
    assert (noted["actor"]["name"], noted["seat"], noted["note"]) == ("Name of supervisor", None, "在通话")
    assert [(one_["device"], one_["kind"], one_["raw"]) for one_ in found["signals"]] == [
        ("W-gui", "sos", '{"kind":"sos","seq":7}\ufffd')
    ]
    assert found["related"] == []


def test_an_incident_is_over_when_its_last_alarm_is(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    operator = cast.cookie("operator")
    ended = incident_of(conn, cast.alarms["ended"])
    assert incident_of(conn, cast.alarms["vitals_of_chen"]) == ended
    assert client.get("/api/incidents?view=ended", headers=operator).json()["incidents"] == []
    with transaction(conn) as tx:
        end_by_itself(tx, clock.now, cast.alarms["vitals_of_chen"])
    assert ended not in [one_["id"] for one_ in client.get("/api/incidents", headers=operator).json()["incidents"]]
    [over] = client.get("/api/incidents?view=ended", headers=operator).json()["incidents"]
    assert (over["id"], over["ended_at"] is None) == (ended, False)


@pytest.mark.parametrize(
    ("member", "alarms"),
    [
        ("street_operator", {"sos_of_gui", "possible_fall_of_gui", "leak_at_home"}),
        ("other_street_operator", {"vitals_of_chen", "ended"}),
        ("outsider", {"sos_of_deng", "spare_button"}),
        ("newcomer", set()),
    ],
)
def test_incidents_are_listed_to_those_who_see_their_alarms(
    client: TestClient, cast: Cast, conn: Connection, member: str, alarms: set[str]
) -> None:
    listed = client.get("/api/incidents?limit=100", headers=cast.cookie(member)).json()["incidents"]
    assert {card["id"] for one_ in listed for card in one_["alarms"]} == {cast.alarms[name] for name in alarms}
    logged = conn.execute("SELECT action, elder_ids FROM access_log").fetchall()
    assert logged[0][0] == "incidents.listed"
    assert (cast.elders["gui"] in logged[0][1]) == (member == "street_operator")


def test_smoke_next_door_is_shown_on_the_card_and_as_related(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    conn.execute("UPDATE lifecycle_policy SET group_homes = 2")
    for number in (1, 2):
        home = f"flat{number}"
        add = "INSERT INTO household (org_code, address) VALUES ('500109001', %s) RETURNING id"
        cast.households[home] = one(conn, add, f"天生路9号2栋{number}01")
        cast.devices[f"H-{number}"] = add_device(conn, f"H-{number}", "hub", clock.now)
    alarms = [
        raise_for(conn, cast, clock.now, "smoke", "emergency", f"H-{number}", household=f"flat{number}")
        for number in (1, 2)
    ]
    with transaction(conn) as tx:
        sweep_groups(tx, clock.now)
    operator = cast.cookie("operator")
    first, second = (client.get(f"/api/alarms/{alarm}", headers=operator).json()["card"] for alarm in alarms)
    assert first["group"] == second["group"]
    assert first["group"] | {"id": 0} == {"id": 0, "kind": "building", "place": "天生路9号2栋", "incidents": 2}
    found = client.get(f"/api/incidents/{first['incident_id']}", headers=operator).json()
    assert [one_["id"] for one_ in found["related"]] == [second["incident_id"]]
    assert client.get(f"/api/incidents/{first['incident_id']}", headers=cast.cookie("outsider")).status_code == 404


def test_a_family_is_told_neither_of_claims_nor_of_neighbours_nor_of_seats(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    alarm = cast.alarms["sos_of_gui"]
    take_a_seat(client, conn, cast, "operator")
    client.post(f"/api/alarms/{alarm}/claim", json={}, headers=cast.cookie("operator"))
    staff, family = (
        client.get(f"/api/alarms/{alarm}", headers=cast.cookie(member)).json()
        for member in ("supervisor", "family_of_gui")
    )
    assert staff["card"]["claim"]["seat"] == "一号席"
    assert staff["timeline"][-1]["kind"] == "claimed"
    told = family["card"]
    assert (told["claim"], told["group"], told["shelved"], told["incident_id"]) == (None, None, None, None)
    assert [entry["kind"] for entry in family["timeline"]] == ["raised"]
    assert {entry["seat"] for entry in family["timeline"]} == {None}


def test_a_claim_and_a_shelving_are_on_the_card_and_say_why_they_are_refused(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    leak, operator, supervisor = cast.alarms["leak_at_home"], cast.cookie("operator"), cast.cookie("supervisor")
    claimed = client.post(f"/api/alarms/{leak}/claim", json={}, headers=operator).json()["card"]["claim"]
    assert claimed["by"]["name"] == "Name of operator"
    refused = client.post(f"/api/alarms/{leak}/claim", json={}, headers=supervisor)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "claimed_by_another")
    until = clock.now + timedelta(hours=3)
    body = {"reason": "engineer_coming", "until": until.isoformat(), "note": "管道工三点到"}
    card = client.post(f"/api/alarms/{leak}/shelve", json=body, headers=supervisor).json()["card"]
    assert (card["state"], card["claim"], card["shelved"]["reason"]) == ("shelved", None, "engineer_coming")
    assert card["next_due"]["reason"] == "unshelve"
    for bad, code in ((until.replace(year=2020), "in_the_past"), (until + timedelta(days=2), "too_far_ahead")):
        answer = client.post(f"/api/alarms/{leak}/shelve", json=body | {"until": bad.isoformat()}, headers=operator)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    sos = client.post(f"/api/alarms/{cast.alarms['sos_of_gui']}/shelve", json=body, headers=operator)
    assert (sos.status_code, sos.json()["error"]["code"]) == (403, "emergency_not_shelved")
    logged = conn.execute("SELECT action FROM access_log WHERE alarm_id = %s ORDER BY id", (leak,)).fetchall()
    assert logged == [("alarm.claimed",), ("alarm.shelved",)]
