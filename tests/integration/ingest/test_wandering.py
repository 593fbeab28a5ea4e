"""Elders who wander: leaving the fence, the door at night, and what is too old to ring."""

from datetime import datetime, timedelta
from math import cos, radians

import pytest

from ingest.geofence import METRES_A_DEGREE
from tests.integration.district import Connection, add_elder, add_operator, one
from tests.integration.ingest.homes import MINUTE, HomeOfOne, noon

HOUR = timedelta(hours=1)
LAT, LON = 29.83, 106.44


def _fenced(conn: Connection, now: datetime, state: str = "home") -> HomeOfOne:
    home = HomeOfOne.made(conn, now, state=state)
    conn.execute(
        "INSERT INTO geofence (elder_id, lat, lon, radius_m, valid_from) VALUES (%s, %s, %s, 500, %s)",
        (home.person.elder_id, LAT, LON, now - timedelta(days=2)),
    )
    return home


def _is_at(home: HomeOfOne, at: datetime, east_m: float, received: datetime | None = None) -> None:
    lon = LON + east_m / (METRES_A_DEGREE * cos(radians(LAT)))
    home.wears(received or at, at, hr=72, lat=LAT, lon=lon)


def test_two_positions_outside_ring_once_and_the_return_is_told(storage_conn: Connection, now: datetime) -> None:
    home, at = _fenced(storage_conn, now), noon(now)
    for step, east in enumerate((20, 700, 800, 900, 950)):
        _is_at(home, at + step * 5 * MINUTE, east)
    assert home.alarms() == [("wandering", "left_fence")]
    row = storage_conn.execute("SELECT severity, elder_id, details FROM alarm").fetchone()
    assert row is not None
    assert row[:2] == ("urgent", home.person.elder_id)
    assert row[2]["distance_m"] == pytest.approx(800, abs=2)
    _is_at(home, at + 30 * MINUTE, 100)
    _is_at(home, at + 35 * MINUTE, 90)
    assert home.timeline() == ["raised", "returned"]


def test_the_state_survives_a_restart(storage_conn: Connection, now: datetime) -> None:
    home, at = _fenced(storage_conn, now), noon(now)
    _is_at(home, at, 700)
    restarted = HomeOfOne(storage_conn, home.person, home.hub)
    restarted._seq = home._seq
    _is_at(restarted, at + 5 * MINUTE, 700)
    assert home.alarms() == [("wandering", "left_fence")]


def test_positions_kept_while_offline_ring_nothing(storage_conn: Connection, now: datetime) -> None:
    home, at = _fenced(storage_conn, now), noon(now)
    for step in range(4):
        _is_at(home, at + step * 5 * MINUTE, 2000, received=at + 2 * HOUR)
    assert home.alarms() == []
    assert one(storage_conn, "SELECT count(*) FROM reading") == 4
    storage_conn.execute("UPDATE sensor_policy SET max_age_minutes = 180 WHERE kind = 'wandering'")
    for step in range(4, 6):
        _is_at(home, at + step * 5 * MINUTE, 2000, received=at + 2 * HOUR + MINUTE)
    assert home.alarms() == [("wandering", "left_fence")]


@pytest.mark.parametrize("state", ["hospital", "travelling", "deceased"])
def test_nobody_leaves_a_fence_from_elsewhere(conn: Connection, now: datetime, state: str) -> None:
    home, at = _fenced(conn, now, state), noon(now)
    for step in range(3):
        _is_at(home, at + step * 5 * MINUTE, 9000)
    assert home.alarms() == []


def test_only_whose_fence_it_is_rings_by_it(conn: Connection, now: datetime) -> None:
    _fenced(conn, now)
    neighbour, at = HomeOfOne.made(conn, now, 2), noon(now)
    for step in range(3):
        _is_at(neighbour, at + step * 5 * MINUTE, 9000)
    assert neighbour.alarms() == []


def test_a_tracker_without_a_position_is_nowhere(conn: Connection, now: datetime) -> None:
    home, at = _fenced(conn, now), noon(now)
    for step in range(3):
        home.wears(at + step * MINUTE, at + step * MINUTE, lat=0, lon=0)
    assert home.alarms() == []
    assert one(conn, "SELECT count(*) FROM geofence_watch") == 0


def test_a_fence_that_ended_rings_no_more_and_a_new_one_within_seconds(conn: Connection, now: datetime) -> None:
    home, at = _fenced(conn, now), noon(now)
    _is_at(home, at, 700)
    operator = add_operator(conn, "wang", now)
    conn.execute("UPDATE geofence SET valid_to = %s, ended_by = %s", (at, operator))
    _is_at(home, at + timedelta(seconds=2), 700)
    assert home.alarms() == []
    conn.execute(
        "INSERT INTO geofence (elder_id, lat, lon, radius_m, valid_from) VALUES (%s, %s, %s, 100, %s)",
        (home.person.elder_id, LAT, LON, at),
    )
    _is_at(home, at + 8 * timedelta(seconds=1), 300)
    _is_at(home, at + 9 * timedelta(seconds=1), 300)
    assert home.alarms() == [("wandering", "left_fence")]


def test_the_door_of_somebody_who_wanders_rings_at_night_and_not_by_day(conn: Connection, now: datetime) -> None:
    home, at = _fenced(conn, now), noon(now)
    home.says(at - 13 * HOUR, motion=0, door=False)
    home.says(at - 12 * HOUR, motion=1, door=True)
    home.says(at - 12 * HOUR + MINUTE, motion=1, door=True)
    assert home.alarms() == [("wandering", "door_at_night")]
    home.says(at - HOUR, motion=1, door=False)
    home.says(at, motion=1, door=True)
    assert one(conn, "SELECT signal_count FROM alarm") == 1


def test_a_night_door_of_a_home_without_a_fence_rings_nothing(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now) - 12 * HOUR
    home.says(at, motion=1, door=True)
    assert home.alarms() == []


def test_a_sensors_own_words_ring_at_once_and_old_ones_not(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now)
    leak = {"battery": "80.00", "voltage": 2900, "linkquality": 0, "water_leak": True}
    home.says(at, received=at + 7 * HOUR, sensor="0x286d", said=leak)
    assert home.alarms() == []
    home.says(at + 7 * HOUR, sensor="0x286d", said={**leak, "water_leak": False})
    home.says(at + 8 * HOUR, sensor="0x286d", said=leak)
    home.says(at + 8 * HOUR, sensor="0x286d", said=leak)
    home.says(at + 8 * HOUR, sensor="0xa4c1", said={"action": "emergency", "battery": 100})
    home.says(at + 8 * HOUR, sensor="0xa4c1", said={"action": "", "battery": 100})
    found = storage_conn.execute("SELECT kind, severity, signal_count, details FROM alarm ORDER BY id").fetchall()
    assert found == [
        ("leak", "urgent", 1, {"sensor": "0x286d"}),
        ("sos", "emergency", 1, {"sensor": "0xa4c1"}),
    ]


def test_words_that_cannot_be_read_are_stored_and_harm_nobody(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now)
    add_elder(storage_conn, home.person.household_id, now)
    for said in ({"motion": "many"}, {"said": [1, 2]}, {"water": -3, "door": "open"}, {"sensor": 7, "bed": None}):
        home.says(at, **said)
    home.says(at, sensor="x" * 65, said={"status": [[], {"code": 1}], "occupancy": {}, "battery": 10**30})
    assert one(storage_conn, "SELECT count(*) FROM reading") == 5
    assert one(storage_conn, "SELECT count(*) FROM dead_letter") == 0
    assert home.alarms() == []


def test_a_hub_cannot_fill_the_table_of_sensors(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now)
    for number in range(70):
        home.says(at + number * timedelta(seconds=1), sensor=f"s{number}", said={"occupancy": True})
    assert one(conn, "SELECT count(*) FROM home_sensor") == 64
