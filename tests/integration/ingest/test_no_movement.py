"""A home that does not move: from what its hub sends to the alarm, on every storage."""

from datetime import datetime, timedelta

import pytest

from dispatch.home_sweep import sweep_homes
from schemas.database import connect, transaction
from schemas.district_time import today
from tests.integration.district import Connection, add_elder, one
from tests.integration.ingest.homes import MINUTE, HomeOfOne, noon

HOUR = timedelta(hours=1)


def _still_afternoon(conn: Connection, now: datetime, state: str = "home") -> tuple[HomeOfOne, datetime]:
    """Somebody moved at noon and not since; three hours of watching."""
    home, at = HomeOfOne.made(conn, now, state=state), noon(now)
    home.says(at, motion=4)
    home.watches(at + 10 * MINUTE, at + 3 * HOUR)
    return home, at


def test_a_home_that_is_still_for_longer_than_usual_raises_one_alarm(storage_conn: Connection, now: datetime) -> None:
    home, at = _still_afternoon(storage_conn, now)
    home.looked_after(at + 2 * HOUR - MINUTE)
    assert home.alarms() == []
    home.looked_after(at + 3 * HOUR)
    home.looked_after(at + 3 * HOUR + 30 * MINUTE)
    assert home.alarms() == [("no_movement", "still")]
    row = storage_conn.execute("SELECT severity, elder_id, details->>'limit_minutes' FROM alarm").fetchone()
    assert row == ("urgent", home.person.elder_id, "120")


def test_movement_moves_the_deadline_and_is_told_to_whoever_answers(storage_conn: Connection, now: datetime) -> None:
    home, at = _still_afternoon(storage_conn, now)
    home.looked_after(at + 3 * HOUR)
    home.says(at + 3 * HOUR, motion=1)
    home.says(at + 3 * HOUR + 10 * MINUTE, motion=1)
    assert home.timeline() == ["raised", "moved_again"]
    home.looked_after(at + 4 * HOUR)
    assert one(storage_conn, "SELECT count(*) FROM alarm WHERE ended_at IS NULL") == 1
    assert home.timeline() == ["raised", "moved_again"]


def test_a_home_whose_hub_is_silent_raises_nothing_and_begins_anew(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now)
    home.says(at, motion=4)
    home.looked_after(at + 4 * HOUR)
    home.says(at + 5 * HOUR, motion=0)
    home.looked_after(at + 5 * HOUR)
    assert home.alarms() == []
    home.watches(at + 5 * HOUR, at + 8 * HOUR)
    home.looked_after(at + 8 * HOUR)
    assert home.alarms() == [("no_movement", "still")]


@pytest.mark.parametrize(("state", "alarms"), [("hospital", 0), ("travelling", 0), ("deceased", 0), ("test", 1)])
def test_nobody_is_missed_who_is_known_to_be_away(conn: Connection, now: datetime, state: str, alarms: int) -> None:
    home, at = _still_afternoon(conn, now, state)
    home.looked_after(at + 3 * HOUR)
    assert len(home.alarms()) == alarms
    assert one(conn, "SELECT count(*) FROM alarm WHERE NOT is_test") == 0


def test_who_comes_back_from_hospital_is_missed_again(conn: Connection, now: datetime) -> None:
    home, at = _still_afternoon(conn, now, "hospital")
    home.looked_after(at + 3 * HOUR)
    conn.execute("UPDATE elder SET state = 'home'")
    home.watches(at + 3 * HOUR, at + 3 * HOUR + 20 * MINUTE)
    assert home.alarms() == []
    home.looked_after(at + 3 * HOUR + 16 * MINUTE)
    assert home.alarms() == [("no_movement", "still")]


def test_an_alarm_about_a_couple_is_about_their_home(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now)
    add_elder(conn, home.person.household_id, now, "hospital")
    home.says(at, motion=4)
    home.watches(at + 10 * MINUTE, at + 3 * HOUR)
    home.looked_after(at + 3 * HOUR)
    assert conn.execute("SELECT elder_id, household_id FROM alarm").fetchall() == [(None, home.person.household_id)]


def test_after_the_door_the_home_may_be_empty(conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now)
    home.says(at, motion=4, door=False)
    home.says(at + 10 * MINUTE, motion=1, door=True)
    home.watches(at + 20 * MINUTE, at + 4 * HOUR, door=False)
    home.looked_after(at + 4 * HOUR)
    assert home.alarms() == []
    home.says(at + 4 * HOUR, motion=1, door=False)
    home.watches(at + 4 * HOUR + 10 * MINUTE, at + 7 * HOUR, door=False)
    home.looked_after(at + 7 * HOUR)
    assert home.alarms() == [("no_movement", "still")]


def test_who_left_the_bed_at_night_and_did_not_return_is_missed_soon(storage_conn: Connection, now: datetime) -> None:
    home, at = HomeOfOne.made(storage_conn, now), noon(now) + 14 * HOUR - timedelta(days=1)
    home.says(at - 4 * HOUR, motion=1, bed=True)
    home.watches(at - 4 * HOUR + 10 * MINUTE, at, bed=True)
    home.looked_after(at - MINUTE)
    home.watches(at, at + 50 * MINUTE, bed=False)
    home.looked_after(at + 44 * MINUTE)
    assert home.alarms() == []
    home.looked_after(at + 49 * MINUTE)
    assert home.alarms() == [("no_movement", "left_bed")]


def test_a_home_learns_its_own_days(storage_conn: Connection, now: datetime) -> None:
    """Somebody who naps every afternoon is not called about it once a week is known."""
    home, at = HomeOfOne.made(storage_conn, now), noon(now)
    home.says(at, motion=1)
    home.watches(at + 10 * MINUTE, at + 110 * MINUTE)
    home.says(at + 110 * MINUTE, motion=1)
    [(day, longest)] = storage_conn.execute("SELECT day, longest FROM home_day").fetchall()
    assert day == today(at)
    assert (longest[11], longest[12], longest[13], longest[14]) == (0, 60, 110, 0)
    for ago in range(1, 9):
        storage_conn.execute(
            "INSERT INTO home_day VALUES (%s, %s, %s)",
            (home.person.household_id, today(at - timedelta(days=ago)), [0] * 12 + [200] * 8 + [0] * 4),
        )
    home.watches(at + 2 * HOUR, at + 5 * HOUR)
    home.looked_after(at + 5 * HOUR)
    assert home.alarms() == []
    home.watches(at + 5 * HOUR, at + 7 * HOUR + 10 * MINUTE)
    home.looked_after(at + 7 * HOUR)
    assert home.alarms() == [("no_movement", "still")]


def test_a_backfill_teaches_and_raises_nothing_about_the_past(storage_conn: Connection, now: datetime) -> None:
    """The hub was offline and kept its samples: four still hours long ago, and movement since."""
    home, at = HomeOfOne.made(storage_conn, now), noon(now)
    kept = [{"at": at, "motion": 2}]
    kept += [{"at": at + step * 10 * MINUTE, "motion": 0} for step in range(1, 24)]
    kept += [{"at": at + 4 * HOUR, "motion": 2}]
    home.sends_kept(at + 4 * HOUR + MINUTE, kept)
    home.looked_after(at + 4 * HOUR + 2 * MINUTE)
    assert home.alarms() == []
    assert one(storage_conn, "SELECT longest[16] FROM home_day") == 240
    assert one(storage_conn, "SELECT count(*) FROM reading") == 25


def test_sensors_that_repeat_their_last_word_do_not_hide_a_still_home(conn: Connection, now: datetime) -> None:
    """A motion sensor's occupancy is republished with every battery report: that is no movement."""
    home, at = HomeOfOne.made(conn, now), noon(now)
    home.says(at, motion=0, sensor="", said=None)
    home.says(at, sensor="0x00158d0001e50d78", said={"occupancy": True, "battery": 100})
    for step in range(1, 18):
        home.says(at + step * 10 * MINUTE, motion=0)
        home.says(at + step * 10 * MINUTE, sensor="0x00158d0001e50d78", said={"occupancy": True, "battery": 99})
    home.looked_after(at + 170 * MINUTE)
    assert home.alarms() == [("no_movement", "still")]
    assert one(conn, "SELECT battery FROM home_sensor WHERE sensor <> ''") == 99


def test_two_processes_look_at_each_home_once(conn: Connection, now: datetime, database_url: str) -> None:
    home, at = _still_afternoon(conn, now)
    with connect(database_url, "test") as other, transaction(conn) as tx, transaction(other) as other_tx:
        assert sweep_homes(tx, at + 3 * HOUR, 10) == 1
        assert sweep_homes(other_tx, at + 3 * HOUR, 10) == 0
    assert home.alarms() == [("no_movement", "still")]


def test_a_battery_is_remembered_although_the_next_word_of_the_same_batch_has_none(
    conn: Connection, now: datetime
) -> None:
    home, at = HomeOfOne.made(conn, now), noon(now)
    home.sends_kept(
        at + 2 * MINUTE,
        [
            {"at": at, "sensor": "0xa4c1", "said": {"occupancy": True, "battery": 80}},
            {"at": at + MINUTE, "sensor": "0xa4c1", "said": {"occupancy": False}},
        ],
    )
    assert one(conn, "SELECT battery FROM home_sensor WHERE sensor = '0xa4c1'") == 80
