"""Alarms about a unit of the organisation, and technical ones: who sees them, what their cards say, who may act."""

from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from dispatch.alarms import Signal, raise_alarm
from dispatch.recovery import end_by_itself
from schemas.database import transaction
from tests.integration.cast import MEMBERS, raise_for
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.hands import Hands
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.district import Connection
from tests.integration.members import DISTRICT, NEIGHBOUR, TIANSHENG, Cast

SEES_DISTRICT: Final = {"operator", "supervisor"}
SEES_STREET: Final = SEES_DISTRICT | {"street_operator"}


def _dark(conn: Connection, clock: MovableClock, org: str) -> int:
    details = {"silent_since": clock.now.isoformat(), "devices_lost": 37, "devices_watched": 50}
    with transaction(conn) as tx:
        alarm = raise_alarm(
            tx, clock.now, Signal("street_dark", "urgent", None, clock.now, details=details, org_code=org)
        )
    assert alarm is not None
    return alarm


def _readers(client: TestClient, cast: Cast, alarm: int) -> set[str]:
    """Who is shown an alarm; everybody else must be told that there is none."""
    answers = {member: client.get(f"/api/alarms/{alarm}", headers=cast.cookie(member)) for member in MEMBERS}
    assert {answer.status_code for answer in answers.values()} <= {200, 401, 403, 404}
    listed = {
        member
        for member in MEMBERS
        if alarm
        in {card["id"] for card in client.get("/api/alarms", headers=cast.cookie(member)).json().get("alarms", ())}
    }
    read = {member for member, answer in answers.items() if answer.status_code == 200}
    assert read == listed
    return read


@pytest.mark.parametrize(
    ("org", "readers"), [(TIANSHENG, SEES_STREET), (DISTRICT, SEES_DISTRICT), (NEIGHBOUR, {"outsider"})]
)
def test_an_alarm_about_a_unit_is_for_staff_whose_area_contains_it(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock, org: str, readers: set[str]
) -> None:
    assert _readers(client, cast, _dark(conn, clock, org)) == readers


def test_a_technical_alarm_disturbs_no_relative(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    alarm = raise_for(
        conn, cast, clock.now, "battery_low", "technical", "W-gui", elder="gui", household="tiansheng",
        details={"battery": 9.0},
    )  # fmt: skip
    assert _readers(client, cast, alarm) == SEES_STREET
    page = client.get("/api/family", headers=cast.cookie("family_of_gui")).json()
    shown = {card["id"] for elder in page["elders"] for card in elder["alarms"]}
    assert cast.alarms["sos_of_gui"] in shown
    assert alarm not in shown
    card = client.get(f"/api/alarms/{alarm}", headers=cast.cookie("operator")).json()["card"]
    assert card["finding"]["battery"] == 9.0
    assert (card["device"]["id"], card["elder"]["id"]) == ("W-gui", cast.elders["gui"])


def test_the_card_of_a_dark_street_names_the_street_and_nobody(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    alarm = _dark(conn, clock, TIANSHENG)
    card: dict[str, Any] = client.get(f"/api/alarms/{alarm}", headers=cast.cookie("operator")).json()["card"]
    assert (card["kind"], card["severity"]) == ("street_dark", "urgent")
    assert card["org"] == {"code": TIANSHENG, "name": "天生街道"}
    assert (card["elder"], card["residents"], card["address"]) == (None, [], "")
    assert card["device"] == {"id": "", "kind": ""}
    assert card["home"] == {"lat": 29.82, "lon": 106.43}
    assert (card["finding"]["devices_lost"], card["finding"]["devices_watched"]) == (37, 50)


def test_a_dark_street_is_answered_noted_and_resolved_like_any_alarm(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    alarm = _dark(conn, clock, TIANSHENG)
    mine = cast.cookie("street_operator")
    before = conn.execute("SELECT count(*) FROM command").fetchone()
    for step, body in (
        ("acknowledge", {}),
        ("notes", {"text": "电力公司已知"}),
        ("resolve", {"outcome": "device_fault", "note": None}),
    ):
        assert client.post(f"/api/alarms/{alarm}/{step}", json=body, headers=mine).status_code == 200
        assert client.post(f"/api/alarms/{alarm}/{step}", json=body, headers=cast.cookie("outsider")).status_code == 404
    assert conn.execute("SELECT count(*) FROM command").fetchone() == before


def test_somebody_can_be_sent_to_a_dark_street(cast: Cast, conn: Connection, clock: MovableClock) -> None:
    hands = Hands(conn, cast, clock)
    alarm = _dark(conn, clock, TIANSHENG)
    hands.answer(alarm)
    hands.send_to(alarm)
    found = conn.execute("SELECT response_state FROM alarm WHERE id = %s", (alarm,)).fetchone()
    offers = conn.execute("SELECT count(*) FROM offer WHERE alarm_id = %s", (alarm,)).fetchone()
    assert found == ("searching",)
    assert offers is not None
    assert offers[0] > 0
    with transaction(conn) as tx:
        assert end_by_itself(tx, clock.now, alarm)
        assert not end_by_itself(tx, clock.now, alarm)
    left = conn.execute("SELECT DISTINCT state FROM offer WHERE alarm_id = %s", (alarm,)).fetchall()
    ended = conn.execute(
        "SELECT state, outcome, response_state, due_reason FROM alarm WHERE id = %s", (alarm,)
    ).fetchone()
    assert left == [("withdrawn",)]
    assert ended == ("resolved", "recovered", None, "close")


def test_an_alarm_that_ends_by_itself_leaves_the_board(served: Served, conn: Connection) -> None:
    cast, clock = served.cast, served.clock
    with RemoteScreen(served.port, cast.cookie("street_operator")) as screen:
        screen.take()
        alarm = _dark(conn, clock, TIANSHENG)
        screen.until(lambda frame: frame["type"] == "card" and frame["card"]["id"] == alarm)
        with transaction(conn) as tx:
            assert end_by_itself(tx, clock.now, alarm)
        frame = screen.until(lambda frame: frame["type"] == "remove" and frame["subject_id"] == alarm)
        ended = frame["card"]
        assert (frame["reason"], ended["state"], ended["outcome"]) == ("ended", "cancelled", "recovered")
        assert alarm not in screen.board
