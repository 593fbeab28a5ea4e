"""What is usual for an elder is learnt from the readings of the last 14 days, once a day."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.baselines import learn_baselines
from schemas.database import transaction
from tests.integration.district import Connection, add_device, add_person, assign, one

HOUR = timedelta(hours=1)


def _measure(conn: Connection, key: int, first: datetime, last: datetime, low: int, high: int) -> None:
    """A heart rate every ten minutes that swings between two values each hour, and a few temperatures."""
    conn.execute(
        "INSERT INTO reading (at, device_key, boot, seq, hr, temp)"
        " SELECT at, %(key)s, 'b', 0, CASE WHEN extract(minute FROM at) < 30 THEN %(low)s ELSE %(high)s END * 100,"
        " CASE WHEN extract(hour FROM at) = 8 THEN 3650 END"
        " FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '10 minutes') AS at",
        {"key": key, "first": first, "last": last, "low": low, "high": high},
    )


def _learn(conn: Connection, now: datetime, limit: int = 100) -> int:
    with transaction(conn) as tx:
        return learn_baselines(tx, now, limit)


def _known(conn: Connection, elder_id: int) -> Any:
    return conn.execute(
        "SELECT hr_low, hr_high, temp_low, spo2_low, learned_at, changed_at FROM vitals_baseline WHERE elder_id = %s",
        (elder_id,),
    ).fetchone()


@pytest.fixture
def start(now: datetime) -> datetime:
    """The full hour before now."""
    return now.replace(minute=0, second=0)


def test_an_elders_own_limits_are_learnt_from_fourteen_days(storage_conn: Connection, start: datetime) -> None:
    person = add_person(storage_conn, 1, start)
    storage_conn.execute("UPDATE device_assignment SET valid_from = %s", (start - timedelta(days=90),))
    _measure(storage_conn, person.wearable_key, start - timedelta(days=20), start - timedelta(days=15), 120, 150)
    _measure(storage_conn, person.wearable_key, start - timedelta(days=13), start - HOUR, 60, 80)
    # A few artefacts, in fewer than one of twenty hours.
    for hours in (30, 60, 90):
        _measure(storage_conn, person.wearable_key, start - hours * HOUR, start - hours * HOUR, 250, 250)
    assert _learn(storage_conn, start) == 1
    assert _known(storage_conn, person.elder_id) == (35, 105, None, None, start, start)


def test_it_is_learnt_again_after_a_day_and_only_a_change_counts_as_one(
    storage_conn: Connection, start: datetime
) -> None:
    person = add_person(storage_conn, 1, start)
    storage_conn.execute("UPDATE device_assignment SET valid_from = %s", (start - timedelta(days=90),))
    _measure(storage_conn, person.wearable_key, start - timedelta(days=10), start - HOUR, 60, 80)
    assert (_learn(storage_conn, start), _learn(storage_conn, start), _learn(storage_conn, start + HOUR)) == (1, 0, 0)
    tomorrow = start + timedelta(days=1)
    assert _learn(storage_conn, tomorrow) == 1
    assert _known(storage_conn, person.elder_id)[4:] == (tomorrow, start)
    far = start + timedelta(days=20)
    assert _learn(storage_conn, far) == 1
    assert _known(storage_conn, person.elder_id) == (None, None, None, None, far, far)


def test_only_what_the_elder_wore_counts(storage_conn: Connection, start: datetime) -> None:
    person = add_person(storage_conn, 1, start)
    handed_on = start - timedelta(days=5)
    storage_conn.execute(
        "UPDATE device_assignment SET valid_from = %s, valid_to = %s WHERE device_key = %s",
        (start - timedelta(days=90), handed_on, person.wearable_key),
    )
    second = add_device(storage_conn, "W-2", "wearable", start)
    assign(storage_conn, second, handed_on + timedelta(days=1), elder=person.elder_id)
    _measure(storage_conn, person.wearable_key, start - timedelta(days=13), handed_on - timedelta(minutes=1), 60, 80)
    _measure(storage_conn, person.wearable_key, handed_on, start, 150, 180)
    _measure(storage_conn, second, handed_on, start, 62, 78)
    assert _learn(storage_conn, start) == 1
    assert _known(storage_conn, person.elder_id)[:2] == (35, 105)


def test_whose_turn_it_is(storage_conn: Connection, start: datetime) -> None:
    """A few at a time, whoever was learnt longest ago first; a household's button is nobody's in particular."""
    people = [add_person(storage_conn, number, start) for number in range(1, 6)]
    assert [_learn(storage_conn, start + minute * timedelta(minutes=1), 2) for minute in range(4)] == [2, 2, 1, 0]
    first = storage_conn.execute("SELECT elder_id FROM vitals_baseline WHERE learned_at = %s", (start,)).fetchall()
    tomorrow = start + timedelta(days=1)
    assert _learn(storage_conn, tomorrow, 2) == 2
    again = storage_conn.execute("SELECT elder_id FROM vitals_baseline WHERE learned_at = %s", (tomorrow,)).fetchall()
    assert sorted(again) == sorted(first)
    assert one(storage_conn, "SELECT count(*) FROM vitals_baseline") == len(people)
