"""The register: search, card, vitals, state."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.test_alarms import iso
from tests.integration.district import Connection, one


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("桂", ["gui"]),
        ("朝阳路", ["chen"]),
        ("  李桂芳 ", ["gui"]),
        ("139", ["zhang", "gui", "chen"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("' OR true --", []),
        ("邓", []),
    ],
)
def test_search_finds_by_part_of_name_address_or_number(
    words: str, found: list[str], client: TestClient, cast: Cast
) -> None:
    answer = client.get("/api/elders", params={"q": words}, headers=cast.cookie("operator"))
    assert {elder["id"] for elder in answer.json()["elders"]} == {cast.elders[name] for name in found}


def test_the_card_of_an_elder(client: TestClient, cast: Cast, clock: MovableClock) -> None:
    now = clock.now
    card = client.get(f"/api/elders/{cast.elders['gui']}", headers=cast.cookie("operator")).json()
    seen = now - timedelta(seconds=5)
    assert card["contacts"] == [{"name": "李红", "relation": "daughter", "phone": "1", "priority": 1}]
    assert (card["conditions"], card["oxygen_scale"]) == (["copd"], 1)
    unheard = {"last_seen_at": None, "online": False, "since": None, "battery": None, "battery_low": False}
    unheard |= {"clock_off_seconds": None, "firmware": None, "firmware_since": None}
    assert card["devices"] == [
        unheard | {"id": "B-tiansheng", "kind": "button"},
        unheard
        | {"id": "W-gui", "kind": "wearable", "last_seen_at": iso(seen), "since": iso(seen), "online": True}
        | {"battery": 88.0},
    ]
    minute, forty = iso(now - timedelta(minutes=1)), iso(now - timedelta(minutes=40))
    assert card["latest"]["hr"] == {"value": 72.0, "at": minute}
    assert card["latest"]["temp"] == {"value": 36.5, "at": forty}
    assert card["latest"]["spo2"] is None
    assert card["latest"]["steps"]["value"] == 5210
    assert card["news2"]["values"] == {"hr": {"value": 72.0, "points": 0, "age_seconds": 60.0}}
    assert card["position"] == {"lat": 29.83, "lon": 106.44, "at": minute}
    assert card["open_alarm_ids"] == sorted(
        cast.alarms[name] for name in ("sos_of_gui", "possible_fall_of_gui", "leak_at_home")
    )


def test_staff_are_told_what_is_wrong_with_a_device_and_a_relative_only_what_she_can_help(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    key, day = cast.devices["W-gui"], clock.now - timedelta(days=1)
    conn.execute("UPDATE device_presence SET battery = 11, firmware = '1.4' WHERE device_key = %s", (key,))
    conn.execute("INSERT INTO device_clock VALUES (%s, -421, %s)", (key, day))
    conn.execute(
        "INSERT INTO device_supervision (device_key, shard, online, since, battery_low, clock_wrong, firmware,"
        " firmware_since) VALUES (%s, 0, true, %s, true, true, '1.4', %s)",
        (key, day, day),
    )
    shown = {}
    for member in ("operator", "family_of_gui"):
        card = client.get(f"/api/elders/{cast.elders['gui']}", headers=cast.cookie(member)).json()
        (shown[member],) = [device for device in card["devices"] if device["id"] == "W-gui"]
    told = shown["operator"]
    assert (told["online"], told["since"], told["battery_low"]) == (True, iso(day), True)
    assert (told["clock_off_seconds"], told["firmware"], told["firmware_since"]) == (-421.0, "1.4", iso(day))
    assert shown["family_of_gui"] == told | {"clock_off_seconds": None, "firmware": None, "firmware_since": None}


def test_a_device_handed_on_does_not_take_its_history_along(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    handed_on = clock.now - timedelta(minutes=20)
    key = cast.devices["W-gui"]
    conn.execute("UPDATE device_assignment SET valid_to = %s WHERE device_key = %s", (handed_on, key))
    conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, valid_from) VALUES (%s, %s, %s)",
        (key, cast.elders["zhang"], handed_on),
    )
    operator = cast.cookie("operator")
    old, new = (client.get(f"/api/elders/{cast.elders[name]}", headers=operator).json() for name in ("gui", "zhang"))
    assert (old["latest"]["hr"]["value"], new["latest"]["hr"]["value"]) == (80.0, 72.0)
    assert [device["id"] for device in new["devices"]] == ["B-tiansheng", "W-gui"]
    course = client.get(f"/api/elders/{cast.elders['zhang']}/vitals", headers=operator).json()["points"]
    assert [point["hr"] for point in course] == [72.0]


def test_vitals_are_a_course_without_invented_values(client: TestClient, cast: Cast) -> None:
    path, operator = f"/api/elders/{cast.elders['gui']}/vitals", cast.cookie("operator")
    day = client.get(path, headers=operator).json()["points"]
    assert [(point["hr"], point["temp"], point["spo2"]) for point in day] == [(80.0, 36.5, None), (72.0, None, None)]
    hour = client.get(f"{path}?hours=1", headers=operator).json()["points"]
    assert len(hour) == 2


def test_a_long_course_stays_below_500_points(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    conn.execute(
        "INSERT INTO reading (at, device_key, boot, seq, hr)"
        " SELECT %s::timestamptz - n * interval '10 seconds', %s, 'c', n, 7000 + n %% 5 * 100"
        " FROM generate_series(0, 8639) AS n",
        (clock.now, cast.devices["W-gui"]),
    )
    path = f"/api/elders/{cast.elders['gui']}/vitals"
    points = client.get(path, headers=cast.cookie("operator")).json()["points"]
    assert 400 < len(points) <= 500
    assert [point["at"] for point in points] == sorted(point["at"] for point in points)


def test_a_change_of_state_is_kept_shown_and_recorded(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    path, operator = f"/api/elders/{cast.elders['gui']}", cast.cookie("operator")
    answer = client.put(f"{path}/state", json={"state": "hospital", "note": "髋部骨折"}, headers=operator)
    assert (answer.status_code, answer.json()["state"]) == (200, "hospital")
    kept = conn.execute("SELECT state, state_note, state_since FROM elder WHERE id = %s", (cast.elders["gui"],))
    assert kept.fetchone() == ("hospital", "髋部骨折", clock.now)
    since = clock.now
    clock.move(hours=1)
    client.put(f"{path}/state", json={"state": "hospital"}, headers=operator)
    kept = conn.execute("SELECT state_note, state_since FROM elder WHERE id = %s", (cast.elders["gui"],))
    assert kept.fetchone() == (None, since)
    assert one(conn, "SELECT count(*) FROM access_log WHERE action = 'elder.state_changed'") == 2
    assert one(conn, "SELECT count(*) FROM event WHERE kind = 'elder.changed'") == 2


def test_every_read_of_health_data_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    elder = cast.elders["gui"]
    for path in (f"/api/elders/{elder}", f"/api/elders/{elder}", f"/api/elders/{elder}/vitals"):
        client.get(path, headers=cast.cookie("family_of_gui"))
        client.get(path, headers=cast.cookie("family_of_chen"))
    rows = conn.execute("SELECT account_id, action, elder_id FROM access_log ORDER BY id").fetchall()
    family = cast.accounts["family_of_gui"]
    assert rows == [(family, "elder.read", elder), (family, "elder.read", elder), (family, "vitals.read", elder)]
