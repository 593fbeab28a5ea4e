"""A street that goes dark is one alarm, however its devices fall silent; when it is light again it ends by itself."""

from datetime import datetime, timedelta

import pytest

from dispatch.answering import acknowledge, resolve
from schemas.database import transaction
from tests.integration.dispatch.watched import MINUTE, OTHER_STREET, SECOND, STREET, Watched
from tests.integration.district import Connection, add_operator

HOMES = 40


@pytest.fixture
def watched(storage_conn: Connection, now: datetime) -> Watched:
    """Streets on each storage."""
    return Watched(storage_conn, now)


def _beat_until_the_cut(watched: Watched, keys: list[int], cut: datetime, every: timedelta) -> None:
    """The devices speak in turn, the last of them just before the cut."""
    for index, key in enumerate(keys):
        watched.hear(cut - every * (index + 1) / len(keys), key)


def _rounds(watched: Watched, since: datetime, until: datetime) -> None:
    """A round every ten seconds, as the engine makes them."""
    while since <= until:
        watched.round(since)
        since += 10 * SECOND


def _dark(watched: Watched, now: datetime) -> list[int]:
    """All hubs of the street fall silent at once, and the rounds go on until all are lost."""
    hubs = [watched.home(number) for number in range(HOMES)]
    _beat_until_the_cut(watched, hubs, now, MINUTE)
    watched.round(now)
    _rounds(watched, now + 110 * SECOND, now + 200 * SECOND)
    return hubs


def test_a_street_in_which_all_fall_silent_is_one_alarm_from_the_first_lost_device_on(
    watched: Watched, now: datetime
) -> None:
    hubs = _dark(watched, now)
    [alarm] = watched.alarms("kind, severity, state, org_code, device_key, elder_id, household_id, subject")
    assert alarm == ("street_dark", "urgent", "raised", STREET, None, None, None, f"org:{STREET}")
    [(details, occurred_at)] = watched.alarms("details, occurred_at")
    assert isinstance(details, dict)
    assert (details["devices_lost"], details["devices_watched"]) == (HOMES, HOMES)
    assert occurred_at == now - MINUTE
    joined = watched.conn.execute(
        "SELECT count(*) FROM device_supervision WHERE dark_alarm_id IS NOT NULL AND NOT online AND untold = '{}'"
    ).fetchone()
    assert joined == (len(hubs),)


def test_a_street_that_is_light_again_ends_its_alarm_and_the_stragglers_are_told_of_singly(
    watched: Watched, now: datetime
) -> None:
    hubs = _dark(watched, now)
    back = now + 10 * MINUTE
    watched.hear(back, *hubs[5:])
    watched.round(back)
    assert watched.open_kinds() == ["street_dark"]
    watched.hear(back + 20 * SECOND, *hubs[2:])
    watched.round(back + 21 * SECOND)
    assert watched.alarms("kind, state, outcome") == [("street_dark", "cancelled", "recovered")]
    [detail] = watched.conn.execute(
        "SELECT detail->>'devices_lost', detail->>'devices_still_lost' FROM alarm_event WHERE kind = 'cancelled'"
    ).fetchall()
    assert detail == (str(HOMES), "2")
    watched.hear(back + 3 * MINUTE, *hubs[1:])
    watched.round(back + 3 * MINUTE)
    watched.round(back + 3 * MINUTE + 22 * SECOND)
    assert watched.alarms("kind, device_key")[1:] == [("device_offline", hubs[0])]


def test_wearables_that_are_lost_later_in_a_dark_street_join_its_alarm(watched: Watched, now: datetime) -> None:
    wearables = [watched.home(100 + number, "wearable") for number in range(3)]
    _beat_until_the_cut(watched, wearables, now, 5 * MINUTE)
    _dark(watched, now)
    watched.round(now + 16 * MINUTE)
    assert watched.open_kinds() == ["street_dark"]
    assert watched.known(wearables[0], "online, dark_alarm_id IS NOT NULL") == (False, True)


def test_what_was_told_singly_joins_the_street_when_it_turns_out_dark(watched: Watched, now: datetime) -> None:
    hubs = [watched.home(number) for number in range(HOMES)]
    watched.hear(now, *hubs)
    watched.round(now)
    for minute in range(1, 8):
        silent = 2 * minute - 1
        at = now + minute * MINUTE
        watched.hear(at, *hubs[silent:])
        watched.round(at)
    singles = [alarm for alarm in watched.alarms("kind, state") if alarm[0] == "device_offline"]
    assert 5 <= len(singles) <= 9
    assert all(alarm == ("device_offline", "raised") for alarm in singles)
    _rounds(watched, now + 8 * MINUTE, now + 11 * MINUTE)
    assert watched.open_kinds() == ["street_dark"]
    ended = {alarm for alarm in watched.alarms("kind, state, outcome") if alarm[0] == "device_offline"}
    assert ended == {("device_offline", "cancelled", "joined")}
    grouped = "SELECT count(*), count(DISTINCT group_id) FROM incident WHERE group_id IS NOT NULL"
    assert watched.conn.execute(grouped).fetchone() == (len(watched.alarms("id")), 1)
    assert watched.conn.execute("SELECT kind, org_code FROM incident_group").fetchall() == [("dark_street", STREET)]
    watched.hear(now + 12 * MINUTE, *hubs)
    watched.round(now + 12 * MINUTE)
    assert watched.open_kinds() == []


def test_a_few_lost_devices_and_those_of_another_street_are_no_dark_street(watched: Watched, now: datetime) -> None:
    hubs = [watched.home(number) for number in range(HOMES)]
    elsewhere = [watched.home(100 + number, street=OTHER_STREET) for number in range(9)]
    watched.hear(now, *hubs, *elsewhere)
    watched.round(now)
    watched.hear(now + 175 * SECOND, *hubs[9:])
    watched.round(now + 181 * SECOND)
    assert set(watched.open_kinds()) == {"device_offline"}
    assert len(watched.open_kinds()) == 18


def test_those_long_lost_do_not_darken_a_street(watched: Watched, now: datetime) -> None:
    hubs = [watched.home(number) for number in range(HOMES)]
    watched.hear(now, *hubs)
    watched.round(now)
    watched.conn.execute("UPDATE dark_street_policy SET dark_share = 1")
    for hours in range(5):
        watched.hear(now + timedelta(hours=hours, minutes=2), *hubs[20:])
        watched.round(now + timedelta(hours=hours, minutes=2, seconds=2))
    watched.conn.execute("UPDATE dark_street_policy SET dark_share = 0.3")
    watched.round(now + timedelta(hours=4, minutes=4))
    watched.hear(now + timedelta(hours=4, minutes=5), *hubs[21:])
    watched.round(now + timedelta(hours=4, minutes=6))
    assert set(watched.open_kinds()) == {"device_offline"}
    assert len(watched.open_kinds()) == 21


def test_a_street_whose_alarm_a_person_ended_falls_quiet_and_its_devices_come_back_unsaid(
    watched: Watched, now: datetime
) -> None:
    operator = add_operator(watched.conn, "operator1", now)
    hubs = _dark(watched, now)
    [(alarm,)] = watched.alarms("id")
    at = now + 5 * MINUTE
    with transaction(watched.conn) as tx:
        acknowledge(tx, at, int(str(alarm)), operator)
    with transaction(watched.conn) as tx:
        resolve(tx, at, int(str(alarm)), operator, "device_fault", "电力抢修")
    watched.round(at + MINUTE)
    watched.hear(at + 2 * MINUTE, *hubs)
    watched.round(at + 2 * MINUTE)
    assert watched.alarms("kind, state, outcome") == [("street_dark", "resolved", "device_fault")]
    left = watched.conn.execute(
        "SELECT count(*) FROM device_supervision WHERE dark_alarm_id IS NOT NULL OR NOT online OR untold <> '{}'"
    ).fetchone()
    assert left == (0,)


def test_a_station_s_homes_belong_to_the_street_above_it(watched: Watched, now: datetime) -> None:
    watched.conn.execute(
        "INSERT INTO org_unit VALUES ('st-7', %s, 'station', '站', '500109/500109001/st-7/')", (STREET,)
    )
    hubs = [watched.home(number, street=STREET if number % 2 else "st-7") for number in range(12)]
    watched.hear(now, *hubs)
    watched.round(now)
    watched.round(now + 181 * SECOND)
    assert watched.alarms("kind, org_code") == [("street_dark", STREET)]


def test_without_a_policy_every_device_is_told_of_and_an_open_street_is_let_go(watched: Watched, now: datetime) -> None:
    hubs = _dark(watched, now)
    watched.conn.execute("DELETE FROM dark_street_policy")
    watched.round(now + 5 * MINUTE)
    watched.round(now + 9 * MINUTE)
    assert len(watched.open_kinds()) == len(hubs)
    assert set(watched.open_kinds()) == {"device_offline"}
