"""The wearer can take back a fall; what another device or a later fall says stands."""

from datetime import datetime

import pytest

from dispatch.alarms import Signal, cancel_fall, raise_alarm
from schemas.database import Transaction, transaction
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection, add_device, add_household, one


class Home:
    """Two hubs in a couple's home, whose events are stored and linked as ingest does."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.start = now
        self.household = add_household(conn)
        self.hubs = [add_device(conn, f"H-{number}", "hub", now) for number in range(2)]

    def at(self, seconds: int) -> datetime:
        return self.start + seconds * SECOND

    def fall(self, at: int, hub: int = 0, *, received: int | None = None) -> int | None:
        now, fell_at = self.at(at if received is None else received), self.at(at)
        with transaction(self.conn) as tx:
            event_id = self._store(tx, now, "fall", fell_at, hub)
            alarm_id = raise_alarm(
                tx, now, Signal("fall", "emergency", self.hubs[hub], fell_at, household_id=self.household)
            )
            self._link(tx, event_id, alarm_id)
        return alarm_id

    def cancel(self, at: int, hub: int = 0, *, received: int | None = None) -> int | None:
        now = self.at(at if received is None else received)
        with transaction(self.conn) as tx:
            event_id = self._store(tx, now, "fall_cancelled", self.at(at), hub)
            alarm_id = cancel_fall(tx, now, self.hubs[hub], self.at(at))
            self._link(tx, event_id, alarm_id)
        return alarm_id

    def _store(self, tx: Transaction, now: datetime, kind: str, at: datetime, hub: int) -> int:
        return one(
            tx.conn,
            "INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload) "
            "SELECT %s, 'b1', count(*), %s, %s, %s, '', '' FROM device_event RETURNING id",
            self.hubs[hub],
            kind,
            at,
            now,
        )

    def _link(self, tx: Transaction, event_id: int, alarm_id: int | None) -> None:
        tx.conn.execute("UPDATE device_event SET alarm_id = %s WHERE id = %s", (alarm_id, event_id))

    def states(self) -> list[str]:
        return [row[0] for row in self.conn.execute("SELECT state FROM alarm ORDER BY id")]

    def timeline(self) -> list[tuple[str, object]]:
        return self.conn.execute("SELECT kind, detail FROM alarm_event ORDER BY id").fetchall()


BY_WEARER = {"by": "wearer"}
TAKEN_BACK = {"by": "wearer", "cancelled": True}


@pytest.fixture
def home(storage_conn: Connection, now: datetime) -> Home:
    """A home on each storage."""
    return Home(storage_conn, now)


def test_the_wearer_cancels_a_fall_and_its_repetition(home: Home) -> None:
    alarm_id = home.fall(0)
    assert home.fall(4) == alarm_id
    assert home.cancel(9) == alarm_id
    assert home.states() == ["cancelled"]
    assert home.timeline()[-1] == ("cancelled", BY_WEARER)


def test_a_late_cancellation_of_the_first_fall_leaves_the_second_standing(home: Home) -> None:
    alarm_id = home.fall(0)
    assert home.fall(20) == alarm_id
    assert home.cancel(10, received=21) == alarm_id
    assert home.states() == ["pending"]
    assert home.timeline()[-1] == ("signalled", TAKEN_BACK)
    assert home.cancel(25) == alarm_id
    assert home.states() == ["cancelled"]


def test_the_second_fall_stands_when_it_arrived_before_the_first(home: Home) -> None:
    alarm_id = home.fall(20)
    assert home.fall(0, received=21) == alarm_id
    assert home.cancel(10, received=22) == alarm_id
    assert home.states() == ["pending"]


def test_one_resident_cannot_cancel_the_others_fall(home: Home) -> None:
    alarm_id = home.fall(0, hub=0)
    assert home.fall(2, hub=1) == alarm_id
    assert home.cancel(9, hub=0) == alarm_id
    assert home.states() == ["pending"]
    assert home.cancel(12, hub=1) == alarm_id
    assert home.states() == ["cancelled"]


def test_a_device_without_a_fall_cancels_nothing(home: Home) -> None:
    home.fall(0, hub=0)
    assert home.cancel(5, hub=1) is None
    assert home.states() == ["pending"]


def test_a_cancellation_of_an_earlier_moment_cancels_nothing(home: Home) -> None:
    home.fall(10)
    assert home.cancel(5, received=11) is None
    assert home.states() == ["pending"]


def test_a_cancellation_after_the_confirmation_is_written_down_and_a_person_looks(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, "fall")
    assert alarm_id is not None
    desk.sweep(now + 30 * SECOND)
    with transaction(desk.conn) as tx:
        assert cancel_fall(tx, now + 31 * SECOND, desk.person.wearable_key, now + 29 * SECOND) == alarm_id
    assert desk.alarm("state, ended_at", alarm_id) == ("raised", None)
    assert desk.timeline(alarm_id) == ["raised", "confirmed", "signalled"]
    assert desk.events() == ["alarm.raised", "alarm.confirmed", "alarm.signalled"]
    desk.acknowledge(now + 32 * SECOND, alarm_id)
    desk.resolve(now + 33 * SECOND, alarm_id)
    with transaction(desk.conn) as tx:
        assert cancel_fall(tx, now + 34 * SECOND, desk.person.wearable_key, now + 34 * SECOND) is None


def test_every_alarm_that_a_cancellation_ends_says_so(desk: Desk, now: datetime) -> None:
    made = [desk.raise_(now, "fall", elder_state="test"), desk.raise_(now, "fall")]
    with transaction(desk.conn) as tx:
        assert cancel_fall(tx, now + SECOND, desk.person.wearable_key, now + SECOND) in made
    for alarm_id in made:
        assert alarm_id is not None
        assert desk.alarm("state", alarm_id) == ("cancelled",)
        assert desk.timeline(alarm_id) == ["raised", "cancelled"]
