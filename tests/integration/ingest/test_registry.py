"""What ingest remembers of devices is never older than what was committed before it looks."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ingest.devices import KnownDevice, Registry
from schemas.database import connect, transaction
from tests.integration.district import Connection, Person, add_device, add_elder, add_household, add_person, assign
from tests.integration.waiting import eventually

Change = Callable[[Connection, Person, datetime], object]


def _look(conn: Connection, registry: Registry, device: str) -> KnownDevice | None:
    with transaction(conn) as tx:
        return registry.find(tx, {device}).get(device)


def _revoke(conn: Connection, person: Person, now: datetime) -> None:
    conn.execute("UPDATE device SET revoked_at = %s WHERE key = %s", (now, person.wearable_key))


def _end(conn: Connection, person: Person, now: datetime) -> None:
    conn.execute("UPDATE device_assignment SET valid_to = %s WHERE device_key = %s", (now, person.wearable_key))


def _delete(conn: Connection, person: Person, _: datetime) -> None:
    conn.execute("DELETE FROM device_assignment WHERE device_key = %s", (person.wearable_key,))


def _hand_on(conn: Connection, person: Person, now: datetime) -> None:
    _delete(conn, person, now)
    assign(conn, person.wearable_key, now, household=add_household(conn))


def _to_hospital(conn: Connection, person: Person, _: datetime) -> None:
    conn.execute("UPDATE elder SET state = 'hospital' WHERE id = %s", (person.elder_id,))


def _other_scale(conn: Connection, person: Person, _: datetime) -> None:
    conn.execute("UPDATE elder SET oxygen_scale = 2 WHERE id = %s", (person.elder_id,))


def _move(conn: Connection, person: Person, _: datetime) -> None:
    conn.execute("UPDATE elder SET household_id = %s WHERE id = %s", (add_household(conn), person.elder_id))


WEARER_CHANGES = [_revoke, _end, _delete, _hand_on, _to_hospital, _other_scale, _move]


@pytest.mark.parametrize("change", WEARER_CHANGES)
def test_a_change_of_device_or_wearer_is_seen_at_the_next_look(
    storage_conn: Connection, now: datetime, change: Change
) -> None:
    person, registry = add_person(storage_conn, 1, now), Registry()
    # Whatever else runs on the server may have it read once more.
    eventually(lambda: _look(storage_conn, registry, person.wearable) is _look(storage_conn, registry, person.wearable))
    before = _look(storage_conn, registry, person.wearable)
    change(storage_conn, person, now)
    after = _look(storage_conn, registry, person.wearable)
    assert after is not None
    assert after != before
    assert after == _look(storage_conn, Registry(), person.wearable)


@pytest.mark.parametrize(
    "change",
    [
        lambda conn, person, now: add_elder(conn, person.household_id, now),
        lambda conn, person, _: conn.execute("DELETE FROM elder WHERE id = %s", (add_lodger(conn, person),)),
        lambda conn, person, now: _move(conn, person, now),
    ],
)
def test_who_comes_and_goes_is_seen_by_the_devices_of_the_home(
    storage_conn: Connection, now: datetime, change: Change
) -> None:
    person, registry = add_person(storage_conn, 1, now), Registry()
    _look(storage_conn, registry, person.button)
    change(storage_conn, person, now)
    assert _look(storage_conn, registry, person.button) == _look(storage_conn, Registry(), person.button)


def add_lodger(conn: Connection, person: Person) -> int:
    """Somebody else who lives there for a moment."""
    return add_elder(conn, person.household_id, datetime.now().astimezone(), state="test")


def test_a_change_that_is_committed_long_after_it_was_made_is_seen(
    database_url: str, conn: Connection, now: datetime
) -> None:
    person, registry = add_person(conn, 1, now), Registry()
    with connect(database_url, "slow") as slow:
        with slow.transaction():
            slow.execute("UPDATE device SET revoked_at = %s WHERE key = %s", (now, person.wearable_key))
            for number in range(2, 5):
                add_person(conn, number, now)
                known = _look(conn, registry, person.wearable)
                assert known is not None
                assert not known.revoked
        known = _look(conn, registry, person.wearable)
    assert known is not None
    assert known.revoked


def test_a_stranger_who_is_registered_later_is_known_then(storage_conn: Connection, now: datetime) -> None:
    registry = Registry()
    assert _look(storage_conn, registry, "W-9") is None
    add_device(storage_conn, "W-9", "wearable", now - timedelta(days=1))
    assert _look(storage_conn, registry, "W-9") is not None
