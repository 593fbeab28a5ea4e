"""A device that falls silent is told of once, as its kind allows, and comes back by itself."""

from datetime import datetime, timedelta

import pytest

from dispatch.answering import acknowledge, resolve
from schemas.database import transaction
from schemas.topics import shard_of
from tests.integration.dispatch.watched import MINUTE, SECOND, Watched
from tests.integration.district import Connection, add_device, add_operator, assign


@pytest.fixture
def watched(storage_conn: Connection, now: datetime) -> Watched:
    """Streets on each storage."""
    return Watched(storage_conn, now)


@pytest.mark.parametrize(("kind", "lost"), [("hub", 180), ("wearable", 900), ("button", 2700)])
def test_each_kind_is_lost_after_its_own_time(watched: Watched, now: datetime, kind: str, lost: int) -> None:
    key = watched.home(1, kind)
    watched.hear(now, key)
    watched.round(now)
    watched.round(now + lost * SECOND)
    assert watched.known(key) == (True,)
    watched.round(now + (lost + 1) * SECOND)
    assert watched.known(key, "online, since, version") == (False, now, 3)
    [alarm] = watched.alarms("kind, severity, state, device_key, elder_id, occurred_at, subject")
    elder = watched.elder[key] if kind == "wearable" else None
    assert alarm == ("device_offline", "technical", "raised", key, elder, now, f"device:{key}")


def test_a_lost_device_is_told_of_once_and_its_return_ends_the_alarm(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    watched.hear(now, key, battery=80)
    for seconds in (0, 181, 191, 600):
        watched.round(now + seconds * SECOND)
    assert watched.alarms() == [("device_offline", key, "raised", None)]
    watched.hear(now + 700 * SECOND, key)
    watched.round(now + 701 * SECOND)
    assert watched.alarms("kind, state, outcome, signal_count, due_at") == [
        ("device_offline", "cancelled", "recovered", 1, None)
    ]
    assert watched.known(key, "online, since, untold") == (True, now + 700 * SECOND, [])
    told = [row[0] for row in watched.conn.execute("SELECT kind FROM event ORDER BY id")]
    assert told == ["alarm.raised", "alarm.cancelled"]


def test_an_alarm_that_somebody_took_is_resolved_by_the_return_and_closed_like_any_other(
    watched: Watched, now: datetime
) -> None:
    key, operator = watched.home(1), add_operator(watched.conn, "operator1", now)
    watched.hear(now, key)
    watched.round(now)
    watched.round(now + 181 * SECOND)
    [(alarm,)] = watched.alarms("id")
    with transaction(watched.conn) as tx:
        acknowledge(tx, now + 190 * SECOND, int(str(alarm)), operator)
    assert watched.conn.execute("SELECT count(*) FROM command").fetchone() == (0,)
    watched.hear(now + 200 * SECOND, key)
    watched.round(now + 201 * SECOND)
    assert watched.alarms("state, outcome, due_reason, resolved_by") == [("resolved", "recovered", "close", None)]


def test_one_that_a_person_ended_is_not_told_of_again_until_it_was_back(watched: Watched, now: datetime) -> None:
    key, operator = watched.home(1), add_operator(watched.conn, "operator1", now)
    watched.hear(now, key)
    watched.round(now)
    watched.round(now + 181 * SECOND)
    [(alarm,)] = watched.alarms("id")
    for act in (
        lambda tx: acknowledge(tx, now + 190 * SECOND, alarm, operator),
        lambda tx: resolve(tx, now + 191 * SECOND, alarm, operator, "device_fault", None),
    ):
        with transaction(watched.conn) as tx:
            act(tx)
    watched.round(now + timedelta(hours=3))
    assert len(watched.alarms()) == 1
    watched.hear(now + timedelta(hours=4), key)
    watched.round(now + timedelta(hours=4))
    watched.round(now + timedelta(hours=4, minutes=4))
    assert [kind for kind, *_ in watched.alarms()] == ["device_offline", "device_offline"]


def test_after_a_pause_nobody_is_lost_before_a_full_period_of_listening(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    watched.hear(now, key)
    watched.round(now)
    back = now + timedelta(hours=2)
    watched.round(back - MINUTE, listening=False)
    assert watched.known(key) == (True,)
    watched.listen_from(back)
    watched.round(back + 180 * SECOND)
    assert watched.known(key) == (True,)
    watched.round(back + 181 * SECOND)
    assert watched.known(key) == (False,)


def test_while_nobody_listens_the_lost_stay_lost_and_the_others_online(watched: Watched, now: datetime) -> None:
    lost, other = watched.home(1), watched.home(2)
    watched.hear(now, lost, other)
    watched.round(now)
    watched.hear(now + 170 * SECOND, other)
    watched.round(now + 181 * SECOND)
    watched.round(now + timedelta(hours=1), listening=False)
    assert (watched.known(lost), watched.known(other)) == ((False,), (True,))
    assert watched.open_kinds() == ["device_offline"]


def test_while_ingest_is_known_to_be_behind_nobody_is_lost(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    watched.hear(now, key)
    watched.round(now)
    watched.conn.execute(
        "INSERT INTO alarm (kind, severity, state, org_code, is_test, occurred_at, raised_at, last_signal_at, due_at,"
        " due_reason) VALUES ('ingest_behind', 'urgent', 'raised', '500109', false, %(at)s, %(at)s, %(at)s, %(at)s,"
        " 'escalate')",
        {"at": now},
    )
    watched.round(now + 10 * MINUTE)
    assert watched.known(key) == (True,)


def test_two_devices_of_one_elder_are_told_of_and_come_back_apart(watched: Watched, now: datetime) -> None:
    first = watched.home(1, "wearable")
    second = add_device(watched.conn, "W-second", "wearable", now)
    assign(watched.conn, second, now, elder=watched.elder[first])
    watched.hear(now, first, second)
    watched.round(now)
    watched.round(now + 901 * SECOND)
    watched.hear(now + 950 * SECOND, first)
    watched.round(now + 951 * SECOND)
    assert watched.alarms() == [
        ("device_offline", first, "cancelled", "recovered"),
        ("device_offline", second, "raised", None),
    ]


@pytest.mark.parametrize("state", ["hospital", "deceased"])
def test_nobody_is_told_of_a_device_that_nobody_uses_until_its_elder_is_home(
    watched: Watched, now: datetime, state: str
) -> None:
    key = watched.home(1, "wearable", state=state)
    watched.hear(now, key)
    watched.round(now)
    watched.round(now + 16 * MINUTE)
    assert watched.known(key, "online, untold, dark_alarm_id") == (False, ["device_offline"], None)
    watched.conn.execute("UPDATE elder SET state = 'home'")
    watched.round(now + 17 * MINUTE)
    assert watched.alarms() == []
    watched.round(now + 27 * MINUTE)
    assert watched.alarms() == [("device_offline", key, "raised", None)]


def test_a_test_elders_device_raises_a_test_alarm(watched: Watched, now: datetime) -> None:
    watched.hear(now, watched.home(1, state="test"))
    watched.round(now)
    watched.round(now + 4 * MINUTE)
    assert watched.alarms("kind, is_test") == [("device_offline", True)]


def test_a_device_in_stock_and_one_never_heard_are_nobodys_alarm(watched: Watched, now: datetime) -> None:
    spare, never = add_device(watched.conn, "H-spare", "hub", now), watched.home(1)
    watched.hear(now, spare)
    watched.round(now)
    watched.round(now + timedelta(hours=2))
    assert watched.known(spare) == (False,)
    assert watched.conn.execute("SELECT FROM device_supervision WHERE device_key = %s", (never,)).fetchone() is None
    assert watched.alarms() == []


def test_a_revoked_device_concerns_nobody_any_more(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    watched.hear(now, key)
    watched.round(now)
    watched.round(now + 4 * MINUTE)
    watched.conn.execute("UPDATE device SET revoked_at = %s WHERE key = %s", (now, key))
    watched.round(now + 5 * MINUTE)
    watched.round(now + 6 * MINUTE)
    assert watched.alarms() == [("device_offline", key, "cancelled", "withdrawn")]
    assert watched.conn.execute("SELECT count(*) FROM device_supervision").fetchone() == (0,)


def test_a_low_battery_is_told_of_once_until_it_was_charged(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    at = now
    for battery in (40, 16, 15, 16, 14, 24, 9, 25, 16, 15):
        at += 10 * SECOND
        watched.hear(at, key, battery=battery)
        watched.round(at)
    assert watched.alarms("kind, state, outcome, details->>'battery'") == [
        ("battery_low", "cancelled", "recovered", "15.0"),
        ("battery_low", "raised", None, "15.0"),
    ]


def test_a_wrong_clock_is_told_of_and_ends_when_it_is_right(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    watched.hear(now, key)
    outcomes = []
    for off in (110, -121, -110, 70, 60):
        watched.conn.execute(
            "INSERT INTO device_clock VALUES (%s, %s, %s) ON CONFLICT (device_key) DO UPDATE"
            " SET off_seconds = EXCLUDED.off_seconds",
            (key, off, now),
        )
        watched.round(now)
        outcomes.append(watched.known(key, "clock_wrong")[0])
    assert outcomes == [False, True, True, True, False]
    assert watched.alarms("kind, state, outcome, details->>'clock_off_seconds'") == [
        ("clock_wrong", "cancelled", "recovered", "-121.0")
    ]


def test_the_firmware_is_noted_with_its_time(watched: Watched, now: datetime) -> None:
    key = watched.home(1)
    watched.hear(now, key)
    for minutes, firmware in ((0, None), (1, "1.4"), (2, "1.4"), (3, "1.5")):
        watched.conn.execute("UPDATE device_presence SET firmware = %s", (firmware,))
        watched.hear(now + minutes * MINUTE, key)
        watched.round(now + minutes * MINUTE)
    assert watched.known(key, "firmware, firmware_since, online, since") == ("1.5", now + 3 * MINUTE, True, now)
    assert watched.alarms() == []


def test_a_device_is_listened_to_on_the_shard_of_its_topic(watched: Watched, now: datetime) -> None:
    keys = [watched.home(number) for number in range(9)]
    watched.hear(now, *keys)
    watched.round(now)
    shards = {key: shard_of(f"hub-{number}") for number, key in enumerate(keys)}
    assert {key: watched.known(key, "shard")[0] for key in keys} == shards
    deaf = shards[keys[0]]
    watched.conn.execute("DELETE FROM shard_listening WHERE shard = %s", (deaf,))
    watched.round(now + 4 * MINUTE)
    assert {key for key in keys if watched.known(key) == (True,)} == {key for key in keys if shards[key] == deaf}


def test_a_device_that_cannot_be_told_of_holds_up_no_other(watched: Watched, now: datetime) -> None:
    first, second = watched.home(1), watched.home(2)
    watched.conn.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'"
    )
    watched.conn.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON alarm FOR EACH ROW WHEN (NEW.device_key = {first})"
        " EXECUTE FUNCTION refuse()".encode()
    )
    watched.hear(now, first, second)
    watched.round(now)
    watched.round(now + 4 * MINUTE)
    assert watched.alarms() == [("device_offline", second, "raised", None)]
    watched.conn.execute("DROP TRIGGER refuse ON alarm")
    watched.round(now + 15 * MINUTE)
    assert [device for _, device, _, _ in watched.alarms()] == [second, first]
