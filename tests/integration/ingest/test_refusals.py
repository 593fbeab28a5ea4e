"""Refusals in the database: counted by device and reason, told with a bound that strangers cannot pass."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ingest import refusals
from ingest.refusals import LIKELY_MISTAKE, SPELL, STRANGERS_TOLD, TELL_AGAIN, Refusals, Turned, write_refusals
from schemas.database import transaction
from tests.integration.district import Connection, add_device, add_person, one


def _write(conn: Connection, now: datetime, *turned: tuple[str, Turned], times: int = 1) -> int:
    counted = Refusals()
    for device_id, what in turned:
        for _ in range(times):
            counted.note(device_id, what, "care/v1/0/x/event" if what == "publish" else None)
    with transaction(conn) as tx:
        return write_refusals(tx, now, counted.take())


def _alarms(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT device.id, alarm.elder_id, alarm.signal_count, alarm.details ->> 'refused_reason' FROM alarm"
        " JOIN device ON device.key = alarm.device_key WHERE alarm.kind = 'device_refused' ORDER BY alarm.id"
    ).fetchall()


def test_a_misprovisioned_device_is_told_of_at_once_and_again_after_an_hour(
    storage_conn: Connection, now: datetime
) -> None:
    person = add_person(storage_conn, 1, now)
    assert _write(storage_conn, now, (person.wearable, "publish")) == 1
    assert _write(storage_conn, now + timedelta(minutes=1), (person.wearable, "publish"), times=50) == 0
    assert _write(storage_conn, now + TELL_AGAIN, (person.wearable, "publish")) == 1
    assert _alarms(storage_conn) == [(person.wearable, person.elder_id, 2, "publish")]
    assert one(storage_conn, "SELECT times FROM device_refusal") == 52


def test_two_devices_of_one_elder_are_two_alarms(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    _write(storage_conn, now, (person.wearable, "publish"), (person.button, "publish"))
    assert sorted(device for device, *_ in _alarms(storage_conn)) == sorted([person.wearable, person.button])


def test_a_mistyped_secret_is_no_alarm_and_one_that_goes_on_is(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    knock: tuple[str, Turned] = (person.wearable, "wrong_credential")
    assert _write(storage_conn, now, knock, times=LIKELY_MISTAKE - 1) == 0
    quiet = now + SPELL + timedelta(seconds=1)
    assert _write(storage_conn, quiet, knock, times=LIKELY_MISTAKE - 1) == 0
    assert _write(storage_conn, quiet + timedelta(seconds=5), knock) == 1
    storage_conn.execute("UPDATE device SET revoked_at = %s WHERE id = %s", (now, person.wearable))
    _write(storage_conn, quiet, knock)
    reasons = storage_conn.execute("SELECT reason, times FROM device_refusal ORDER BY reason").fetchall()
    assert reasons == [("revoked", 1), ("wrong_secret", 2 * LIKELY_MISTAKE - 1)]


def test_a_stolen_device_of_somebody_in_hospital_is_told_of_too(storage_conn: Connection, now: datetime) -> None:
    person = add_person(storage_conn, 1, now)
    storage_conn.execute("UPDATE elder SET state = 'hospital'")
    storage_conn.execute("UPDATE device SET revoked_at = %s", (now,))
    assert _write(storage_conn, now, (person.wearable, "wrong_credential"), times=LIKELY_MISTAKE) == 1
    assert len(_alarms(storage_conn)) == 1


def test_whoever_guesses_at_many_devices_cannot_flood_the_desk(storage_conn: Connection, now: datetime) -> None:
    names = [f"X-{number:03}" for number in range(STRANGERS_TOLD * 2)]
    for name in names:
        add_device(storage_conn, name, "wearable", now)
    turned: list[tuple[str, Turned]] = [(name, "wrong_credential") for name in names]
    assert _write(storage_conn, now, *turned, times=LIKELY_MISTAKE) == STRANGERS_TOLD
    assert _write(storage_conn, now + timedelta(minutes=1), *turned, times=LIKELY_MISTAKE) == 0
    assert _write(storage_conn, now + timedelta(minutes=2), (names[-1], "publish")) == 1, "the device itself still is"
    assert one(storage_conn, "SELECT sum(times) FROM device_refusal WHERE reason = 'wrong_secret'") == (
        2 * LIKELY_MISTAKE * len(names)
    )


def test_names_that_nobody_has_are_kept_for_a_look_and_bounded(
    storage_conn: Connection, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "UNKNOWN_KEPT", 3)
    for number in range(6):
        assert _write(storage_conn, now + timedelta(seconds=number), (f"U-{number}", "wrong_credential"), times=9) == 0
    kept = storage_conn.execute("SELECT device_id FROM device_refusal ORDER BY device_id").fetchall()
    assert [name for (name,) in kept] == ["U-3", "U-4", "U-5"]
    assert _alarms(storage_conn) == []
