"""Homes that use too little water: Shanghai's rule on what meters really show, on every storage."""

from datetime import datetime, timedelta

import pytest

from dispatch.water_sweep import VISIT
from tests.integration.district import Connection, add_device, assign, one
from tests.integration.ingest.homes import MINUTE, HomeOfOne, noon

HOUR = timedelta(hours=1)
LITRE = 0.001


def _metered(home: HomeOfOne, since: datetime, hours: float, start: float = 345.6, hourly: float = 0.0) -> float:
    """The meter is read every ten minutes; returns what it shows at the end."""
    shown, steps = start, round(hours * 6)
    for step in range(steps + 1):
        shown = round(start + hourly * step / 6, 6)
        home.says(since + step * 10 * MINUTE, water=shown)
    return shown


def test_less_than_ten_litres_in_twelve_hours_calls_for_a_visit(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now) - 12 * HOUR
    shown = _metered(home, at, 6, hourly=0.8 * LITRE)
    home.looked_after(at + 6 * HOUR)
    assert home.alarms() == []
    _metered(home, at + 6 * HOUR, 6, start=shown, hourly=0.8 * LITRE)
    home.looked_after(at + 12 * HOUR)
    home.looked_after(at + 12 * HOUR + MINUTE)
    assert home.alarms() == [("water_low", "little_water")]
    row = storage_conn.execute("SELECT severity, elder_id, details FROM alarm").fetchone()
    assert row is not None
    severity, elder_id, details = row
    assert (severity, elder_id) == ("advisory", home.person.elder_id)
    assert details["used_m3"] == pytest.approx(0.0096)
    assert one(storage_conn, "SELECT count(*) FROM catalogue_item WHERE code = %s", details["order_item"]) == 1
    assert details["order_item"] == VISIT


def test_exactly_ten_litres_are_enough(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now) - 12 * HOUR
    home.says(at, water=12.30)
    for step in range(1, 73):
        home.says(at + step * 10 * MINUTE, water=12.31)
    home.looked_after(at + 12 * HOUR)
    assert home.alarms() == []
    home.says(at + 12 * HOUR + 30 * MINUTE, water=12.31)
    home.looked_after(at + 12 * HOUR + 30 * MINUTE)
    assert home.alarms() == [("water_low", "little_water")]


def test_a_meter_that_is_not_read_says_nothing(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now) - 18 * HOUR
    _metered(home, at, 3)
    home.looked_after(at + 14 * HOUR)
    assert home.alarms() == []
    home.says(at + 15 * HOUR, water=345.6)
    home.looked_after(at + 15 * HOUR)
    assert home.alarms() == [("water_low", "little_water")]


def test_water_used_again_and_then_not_rings_again(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now) - 40 * HOUR
    _metered(home, at, 12)
    home.looked_after(at + 12 * HOUR)
    conn.execute("UPDATE alarm SET state = 'cancelled', ended_at = now(), due_at = NULL, due_reason = NULL")
    shown = _metered(home, at + 12 * HOUR + 10 * MINUTE, 2, hourly=30 * LITRE)
    home.looked_after(at + 15 * HOUR)
    assert len(home.alarms()) == 1
    _metered(home, at + 14 * HOUR + 20 * MINUTE, 13, start=shown)
    home.looked_after(at + 27 * HOUR)
    assert home.alarms() == [("water_low", "little_water")] * 2


def test_a_new_meter_and_a_new_home_begin_anew(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now) - 24 * HOUR
    _metered(home, at, 6)
    _metered(home, at + 6 * HOUR + 10 * MINUTE, 6, start=0.0)
    home.looked_after(at + 12 * HOUR + 10 * MINUTE)
    assert home.alarms() == []
    other = HomeOfOne.made(storage_conn, now, 2)
    moved = at + 12 * HOUR + 15 * MINUTE
    key = one(storage_conn, "SELECT key FROM device WHERE id = %s", home.hub)
    storage_conn.execute("UPDATE device_assignment SET valid_to = %s WHERE device_key = %s", (moved, key))
    assign(storage_conn, key, moved + timedelta(days=1), household=other.person.household_id)
    _metered(home, at + 12 * HOUR + 20 * MINUTE, 2, start=0.0)
    home.looked_after(at + 14 * HOUR + 20 * MINUTE)
    assert home.alarms() == []
    assert one(storage_conn, "SELECT household_id FROM water_meter") == other.person.household_id


@pytest.mark.parametrize("state", ["hospital", "travelling", "deceased"])
def test_nobody_away_is_expected_to_use_water(conn: Connection, now: datetime, state: str) -> None:
    home, at = HomeOfOne.made(conn, now, state=state), noon(now) - 12 * HOUR
    _metered(home, at, 12)
    home.looked_after(at + 12 * HOUR)
    assert home.alarms() == []


def test_figures_kept_while_offline_count_for_their_own_time(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now) - 13 * HOUR
    home.says(at, water=100.0)
    kept = [{"at": at + step * 10 * MINUTE, "water": 100.0} for step in range(1, 60)]
    kept += [{"at": at + step * 10 * MINUTE, "water": 100.02} for step in range(60, 73)]
    home.sends_kept(at + 12 * HOUR + MINUTE, kept)
    home.looked_after(at + 12 * HOUR + 2 * MINUTE)
    assert home.alarms() == []
    assert one(storage_conn, "SELECT count(*) FROM water_mark") == 49


def test_a_vendors_meter_is_read_beside_the_hubs_own(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now) - 12 * HOUR
    for step in range(73):
        moment = at + step * 10 * MINUTE
        home.says(moment, sensor="0xa4c1", said={"water_consumed": "7.25", "battery": "80.00"})
        home.says(moment, water=50 + step * LITRE)
    home.looked_after(at + 12 * HOUR)
    assert home.alarms() == [("water_low", "little_water")]
    assert conn.execute("SELECT sensor FROM water_meter WHERE signalled_at IS NOT NULL").fetchall() == [("0xa4c1",)]


def test_a_meter_of_nobody_is_kept_and_rings_for_nobody(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now) - 12 * HOUR
    add_device(conn, "H-spare", "hub", now)
    spare = HomeOfOne(conn, home.person, "H-spare", home.memory)
    _metered(spare, at, 12)
    spare.looked_after(at + 12 * HOUR)
    assert home.alarms() == []
    assert one(conn, "SELECT count(*) FROM reading") == 73
