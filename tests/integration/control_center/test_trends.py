"""An elder's trend: hours and days with lowest, mean and highest, and whose they are."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from control_center.trends import Band, trend
from dispatch.aggregates import sum_up
from schemas.district_time import day_start
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, Person, add_device, add_person, assign, one

NOON = datetime.now(UTC).replace(hour=4, minute=20, second=0, microsecond=0)


def _add(conn: Connection, key: int, at: datetime, hr: float) -> None:
    conn.execute(
        "INSERT INTO reading (at, device_key, boot, seq, hr) VALUES (%s, %s, 'b', 0, %s)", (at, key, round(hr * 100))
    )


@pytest.fixture(params=["as read", "summed up"])
def summed(request: pytest.FixtureRequest) -> bool:
    """Whether hours and days are summed up before they are asked for."""
    return bool(request.param == "summed up")


@pytest.fixture
def people(storage_conn: Connection) -> list[Person]:
    """Two elders, who have worn their own wearables for 100 days."""
    people = [add_person(storage_conn, number, NOON) for number in (1, 2)]
    storage_conn.execute("UPDATE device_assignment SET valid_from = %s", (NOON - timedelta(days=100),))
    return people


def test_a_trend_by_the_hour_has_lowest_mean_and_highest(
    storage_conn: Connection, people: list[Person], summed: bool
) -> None:
    hour = NOON.replace(minute=0) - timedelta(days=3)
    for minutes, hr in ((0, 60), (20, 70.5), (59, 91), (60, 80)):
        _add(storage_conn, people[0].wearable_key, hour + timedelta(minutes=minutes), hr)
        _add(storage_conn, people[1].wearable_key, hour + timedelta(minutes=minutes), 200)
    if summed:
        sum_up(storage_conn, NOON)
    told = trend(storage_conn, NOON, people[0].elder_id, 30)
    assert told.step == "hour"
    assert (told.at, told.samples, told.spo2) == ([hour, hour + timedelta(hours=1)], [3, 1], None)
    assert told.hr == Band(low=[60.0, 80.0], mean=[73.8, 80.0], high=[91.0, 80.0])


@pytest.mark.parametrize("days", [30, 60])
def test_a_device_that_changes_hands_within_an_hour_tells_each_their_own(
    storage_conn: Connection, people: list[Person], summed: bool, days: int
) -> None:
    key, handed_on = people[0].wearable_key, NOON - timedelta(days=2)
    storage_conn.execute("UPDATE device_assignment SET valid_to = %s WHERE device_key = %s", (handed_on, key))
    storage_conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, valid_from) VALUES (%s, %s, %s)",
        (key, people[1].elder_id, handed_on),
    )
    for minutes, hr in ((-300, 50), (-19, 60), (-1, 62), (0, 90), (10, 92), (300, 99)):
        _add(storage_conn, key, handed_on + timedelta(minutes=minutes), hr)
    if summed:
        sum_up(storage_conn, NOON)
    first, second = (trend(storage_conn, NOON, person.elder_id, days) for person in people)
    assert first.hr is not None and second.hr is not None
    assert (sum(first.samples), sum(second.samples)) == (3, 3)
    assert (min(map(float, filter(None, first.hr.low))), max(map(float, filter(None, first.hr.high)))) == (50.0, 62.0)
    assert (min(map(float, filter(None, second.hr.low))), max(map(float, filter(None, second.hr.high)))) == (90.0, 99.0)


def test_two_devices_of_one_elder_are_one_trend(storage_conn: Connection, people: list[Person], summed: bool) -> None:
    spare = add_device(storage_conn, "W-spare", "wearable", NOON)
    assign(storage_conn, spare, NOON, elder=people[0].elder_id)
    hour = NOON.replace(minute=0) - timedelta(hours=5)
    for key, hr in ((people[0].wearable_key, 60), (people[0].wearable_key, 61), (spare, 80)):
        _add(storage_conn, key, hour + timedelta(minutes=hr - 50), hr)
    if summed:
        sum_up(storage_conn, NOON)
    told = trend(storage_conn, NOON, people[0].elder_id, 1)
    assert (told.samples, told.hr) == ([3], Band(low=[60.0], mean=[67.0], high=[80.0]))


def test_a_long_trend_goes_by_the_days_of_the_district(
    storage_conn: Connection, people: list[Person], summed: bool
) -> None:
    midnight = day_start(NOON - timedelta(days=40))
    for minutes, hr in ((-1, 50), (0, 60), (24 * 60 - 1, 70), (24 * 60, 80)):
        _add(storage_conn, people[0].wearable_key, midnight + timedelta(minutes=minutes), hr)
    if summed:
        sum_up(storage_conn, NOON)
    told = trend(storage_conn, NOON, people[0].elder_id, 90)
    assert told.step == "day"
    assert [at - midnight for at in told.at] == [timedelta(days=-1), timedelta(0), timedelta(days=1)]
    assert told.hr and told.hr.mean == [50.0, 65.0, 80.0]


def test_the_trend_is_for_whoever_may_see_the_elder_and_recorded(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    path = f"/api/elders/{cast.elders['gui']}/trend"
    answer = client.get(path, headers=cast.cookie("family_of_gui"))
    assert answer.status_code == 200 and answer.json()["hr"]["mean"][-1] in (72.0, 76.0, 80.0)
    assert client.get(path, headers=cast.cookie("family_of_chen")).status_code == 404
    assert one(conn, "SELECT count(*) FROM access_log WHERE action = 'vitals.read'") == 1
