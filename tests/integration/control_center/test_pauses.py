"""Pausing an alarm's clocks: for whom, why, and what screens are told of it."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from dispatch.reviews import sweep_promises
from schemas.database import transaction
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.control_center.test_feed_scope import newest_event
from tests.integration.district import Connection


@pytest.fixture
def alarm(client: TestClient, cast: Cast) -> str:
    """The path of an alarm that the operator has taken."""
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}"
    assert client.post(f"{path}/acknowledge", json={}, headers=cast.cookie("operator")).status_code == 200
    return path


def _sla(client: TestClient, alarm: str, headers: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(alarm, headers=headers).json()["card"]["sla"]
    return found


def test_clocks_stand_still_and_go_on_later_by_the_pause(
    client: TestClient, cast: Cast, alarm: str, clock: MovableClock
) -> None:
    operator = cast.cookie("operator")
    before = _sla(client, alarm, operator)
    clock.move(seconds=100)
    said = {"reason": "ambulance_under_way", "minutes": 30, "note": "急救车在路上"}
    assert client.post(f"{alarm}/pause", json=said, headers=operator).status_code == 200
    clock.move(minutes=20)
    paused = _sla(client, alarm, operator)
    assert paused["paused"]["reason"] == "ambulance_under_way"
    assert not any(paused[name]["breached"] for name in ("dispatch", "accept", "on_scene"))
    client.post(f"{alarm}/resume", json={}, headers=operator)
    after = _sla(client, alarm, operator)
    assert after["paused"] is None and after["answer"] == before["answer"]
    assert all(after[name]["due_at"] > before[name]["due_at"] for name in ("dispatch", "accept", "on_scene", "resolve"))
    timeline = client.get(alarm, headers=operator).json()["timeline"]
    told = [(entry["kind"], entry["actor"]["name"], entry["note"]) for entry in timeline[-2:]]
    assert told == [("paused", "Name of operator", "急救车在路上"), ("resumed", "Name of operator", None)]
    assert timeline[-1]["detail"] == {"reason": "ambulance_under_way", "paused_seconds": 1200}


def test_relatives_see_that_clocks_stand_still_and_not_why(client: TestClient, cast: Cast, alarm: str) -> None:
    client.post(f"{alarm}/pause", json={"reason": "no_access"}, headers=cast.cookie("operator"))
    family = client.get(alarm, headers=cast.cookie("family_of_gui"))
    assert family.json()["card"]["sla"]["paused"]["reason"] is None
    assert "no_access" not in family.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reason": "lunch"}, 422, "unknown_reason"),
        ({"reason": "waiting_for_family"}, 422, "not_in_emergency"),
        ({"reason": "no_access", "minutes": 61}, 422, "pause_too_long"),
        ({"reason": "no_access", "minutes": 0}, 422, "invalid"),
        ({"reason": "no_access", "minutes": True}, 422, "invalid"),
        ({"reason": "no access"}, 422, "invalid"),
        ({"reason": "no_access", "note": "\x00"}, 422, "invalid"),
        ({}, 422, "invalid"),
    ],
)
def test_a_pause_that_is_not_allowed_says_why(
    body: dict[str, Any], status: int, code: str, client: TestClient, cast: Cast, alarm: str
) -> None:
    answer = client.post(f"{alarm}/pause", json=body, headers=cast.cookie("operator"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert _sla(client, alarm, cast.cookie("operator"))["paused"] is None


def test_the_allowed_reasons_are_rows(client: TestClient, cast: Cast, conn: Connection, now: object) -> None:
    conn.execute("INSERT INTO pause_reason VALUES ('flood', '洪水', 'Flood', 600, true)")
    conn.execute("UPDATE pause_reason SET retired_at = %s WHERE code = 'no_access'", (now,))
    reasons = client.get("/api/pause-reasons", headers=cast.cookie("operator")).json()["reasons"]
    known = {reason["code"]: reason for reason in reasons}
    assert "no_access" not in known
    assert known["flood"] == {
        "code": "flood", "name_zh": "洪水", "name_en": "Flood", "most_minutes": 600, "in_emergency": True,
    }  # fmt: skip


def test_screens_are_told_of_breaches_and_pauses(served: Served, conn: Connection) -> None:
    cast, clock = served.cast, served.clock
    with RemoteScreen(served.port, cast.cookie("operator")) as screen:
        screen.take()
        clock.move(seconds=61)
        with transaction(conn) as tx:
            assert sweep_promises(tx, clock.now) > 0
        screen.until_event(newest_event(conn))
        card = screen.boards["alarm"][cast.alarms["sos_of_gui"]]
        assert card["sla"]["answer"]["breached"] is True
