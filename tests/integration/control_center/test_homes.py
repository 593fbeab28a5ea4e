"""What staff see of a home's sensors, and what they set for it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, add_device, one

MINUTE = timedelta(minutes=1)


def _home(client: TestClient, cast: Cast, elder: str = "gui", member: str = "operator") -> dict[str, Any]:
    answer = client.get(f"/api/elders/{cast.elders[elder]}/home", headers=cast.cookie(member))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _put(client: TestClient, cast: Cast, what: str, body: object, elder: str = "gui") -> Any:
    path = f"/api/elders/{cast.elders[elder]}/{what}"
    return client.put(path, headers=cast.cookie("operator"), json=body)


def _watched(conn: Connection, cast: Cast, now: datetime) -> int:
    """A hub in the home of 李桂芳 and 张德明 with a motion sensor, a door and a water meter; returns its key."""
    key, household = add_device(conn, "H-tiansheng", "hub", now), cast.households["tiansheng"]
    conn.execute(
        "INSERT INTO device_assignment (device_key, household_id, valid_from) VALUES (%s, %s, %s)",
        (key, household, now - timedelta(days=30)),
    )
    conn.execute(
        "INSERT INTO home_watch (household_id, device_key, heard_at, watched_since, moved_at, due_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (household, key, now - MINUTE, now - timedelta(days=9), now - 40 * MINUTE, now + 60 * MINUTE),
    )
    conn.execute(
        "INSERT INTO home_sensor VALUES (%s, '', %s, NULL, '{\"door\": false}'), (%s, '0xa4c1', %s, 80, '{}')",
        (key, now - MINUTE, key, now - 5 * MINUTE),
    )
    conn.execute(
        "INSERT INTO water_meter (device_key, sensor, household_id, at, m3, due_at) VALUES (%s, '', %s, %s, 12.5, %s)",
        (key, household, now, now),
    )
    for hours, shown in ((25, 12.1), (13, 12.3), (1, 12.45)):
        at = now - timedelta(hours=hours)
        conn.execute("INSERT INTO water_mark VALUES (%s, '', %s, %s, %s)", (key, at, at, shown))
    return key


def test_a_home_without_sensors_has_an_empty_card(client: TestClient, cast: Cast) -> None:
    card = _home(client, cast)
    assert card["movement"] is None
    assert (card["water"], card["sensors"], card["geofence"], card["past_geofences"]) == ([], [], None, [])


def test_the_card_shows_movement_water_and_sensors(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    _watched(conn, cast, now)
    card = _home(client, cast)
    assert (card["movement"]["limit_minutes"], card["movement"]["days_known"]) == (120, 0)
    assert len(card["movement"]["limits"]) == 24
    [meter] = card["water"]
    assert (meter["shown_m3"], meter["used_m3"], meter["used_in_a_day_m3"], meter["hours"]) == (12.5, 0.2, 0.4, 12)
    assert [(sensor["sensor"], sensor["battery"], sensor["states"]) for sensor in card["sensors"]] == [
        ("", None, {"door": False}),
        ("0xa4c1", 80.0, {}),
    ]


def test_a_fence_is_drawn_around_the_home_and_its_history_stays(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    card = _put(client, cast, "geofence", {"radius_m": 500}).json()
    assert card["geofence"]["centre"] == {"lat": 29.8301, "lon": 106.4402}
    assert card["geofence"]["set_by"]["id"] == cast.accounts["operator"]
    clock.move(minutes=5)
    card = _put(client, cast, "geofence", {"radius_m": 800, "centre": {"lat": 29.84, "lon": 106.45}}).json()
    assert (card["geofence"]["radius_m"], card["geofence"]["centre"]["lat"]) == (800, 29.84)
    [past] = card["past_geofences"]
    assert (past["radius_m"], past["ended_by"]["id"]) == (500, cast.accounts["operator"])
    path = f"/api/elders/{cast.elders['gui']}/geofence"
    for _ in range(2):
        ended = client.delete(path, headers=cast.cookie("operator")).json()
        assert (ended["geofence"], len(ended["past_geofences"])) == (None, 2)


def test_a_fence_needs_a_middle_where_the_home_is_not_on_the_map(client: TestClient, cast: Cast) -> None:
    answer = _put(client, cast, "geofence", {"radius_m": 500}, "chen")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "home_not_on_map")
    assert _put(client, cast, "geofence", {"radius_m": 500, "centre": {"lat": 29.8, "lon": 106.4}}, "chen").is_success


def test_a_limit_of_the_homes_own_holds_at_once(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    _watched(conn, cast, now)
    card = _put(client, cast, "movement-limit", {"least_minutes": 300}).json()
    assert (card["movement"]["limit_minutes"], card["movement"]["least_minutes"]) == (300, 300)
    assert one(conn, "SELECT count(*) FROM home_watch WHERE due_at = %s", now) == 1
    ended = client.delete(f"/api/elders/{cast.elders['gui']}/movement-limit", headers=cast.cookie("operator")).json()
    assert (ended["movement"]["limit_minutes"], ended["movement"]["least_minutes"]) == (120, None)
    [past] = ended["past_limits"]
    assert (past["minutes"], past["set_by"]["id"]) == (300, cast.accounts["operator"])


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("geofence", {}),
        ("geofence", {"radius_m": 49}),
        ("geofence", {"radius_m": 50001}),
        ("geofence", {"radius_m": "500"}),
        ("geofence", {"radius_m": None}),
        ("geofence", {"radius_m": 500, "centre": {"lat": 29.8}}),
        ("geofence", {"radius_m": 500, "centre": {"lat": 91, "lon": 0}}),
        ("geofence", {"radius_m": 500, "centre": [29.8, 106.4]}),
        ("movement-limit", {}),
        ("movement-limit", {"least_minutes": 14}),
        ("movement-limit", {"least_minutes": 1441}),
        ("movement-limit", {"least_minutes": 90.5}),
        ("movement-limit", {"least_minutes": True}),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    client: TestClient, cast: Cast, conn: Connection, what: str, body: object
) -> None:
    answer = _put(client, cast, what, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] == "invalid"
    assert one(conn, "SELECT (SELECT count(*) FROM geofence) + (SELECT count(*) FROM movement_limit)") == 0


def test_every_look_and_change_is_recorded_about_everybody_who_lives_there(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    _home(client, cast)
    _put(client, cast, "geofence", {"radius_m": 500})
    _put(client, cast, "movement-limit", {"least_minutes": 90})
    rows = conn.execute("SELECT action, elder_id, elder_ids FROM access_log ORDER BY id DESC LIMIT 3").fetchall()
    both = sorted([cast.elders["gui"], cast.elders["zhang"]])
    assert rows[::-1] == [
        (action, cast.elders["gui"], both) for action in ("home.read", "geofence.changed", "movement_limit.changed")
    ]


def test_an_outsider_learns_nothing_and_changes_nothing(client: TestClient, cast: Cast, conn: Connection) -> None:
    path = f"/api/elders/{cast.elders['gui']}"
    headers = cast.cookie("outsider")
    assert client.get(f"{path}/home", headers=headers).status_code == 404
    assert client.put(f"{path}/geofence", headers=headers, json={"radius_m": 500}).status_code == 404
    assert client.delete(f"{path}/movement-limit", headers=headers).status_code == 404
    assert one(conn, "SELECT count(*) FROM geofence") == 0
