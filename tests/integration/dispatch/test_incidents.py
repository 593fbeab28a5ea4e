"""Alarms of one person at one time are one incident; homes of one building and dark streets are groups."""

import threading
from datetime import datetime, timedelta

import pytest

from dispatch.alarms import Signal, raise_alarm
from dispatch.groups import sweep_groups
from dispatch.recovery import end_by_itself
from schemas.database import connect, transaction
from schemas.states import AlarmKind
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection, add_device, add_household, one

MINUTE = timedelta(minutes=1)


def incident_of(conn: Connection, alarm_id: int | None) -> int:
    """The incident of an alarm."""
    return one(conn, "SELECT incident_id FROM alarm WHERE id = %s", alarm_id)


def test_what_happens_to_one_person_at_one_time_is_one_incident(desk: Desk, now: datetime) -> None:
    press, fall = desk.raised(now), desk.raise_(now + SECOND, "fall")
    vitals = desk.raise_(now + MINUTE, "vitals", "urgent")
    assert len({incident_of(desk.conn, alarm_id) for alarm_id in (press, fall, vitals)}) == 1


def test_a_press_within_half_an_hour_of_the_end_joins_and_a_later_one_does_not(desk: Desk, now: datetime) -> None:
    first = desk.raised(now)
    desk.acknowledge(now, first)
    desk.resolve(now + 10 * MINUTE, first)
    second = desk.raised(now + 39 * MINUTE)
    assert second != first
    assert incident_of(desk.conn, second) == incident_of(desk.conn, first)
    desk.acknowledge(now + 39 * MINUTE, second)
    desk.resolve(now + 40 * MINUTE, second)
    third = desk.raised(now + 71 * MINUTE)
    assert incident_of(desk.conn, third) != incident_of(desk.conn, first)


def test_a_test_and_a_technical_alarm_are_incidents_of_their_own(desk: Desk, now: datetime) -> None:
    press, test = desk.raised(now), desk.raise_(now, elder_state="test")
    technical = desk.raise_(now, "battery_low", "technical")
    assert len({incident_of(desk.conn, alarm_id) for alarm_id in (press, test, technical)}) == 3


def test_kinds_that_come_at_once_find_one_incident(conn: Connection, database_url: str, now: datetime) -> None:
    """Each looks before the others have committed: the unique number makes all but one look again."""
    desk = Desk(conn, now)
    kinds: tuple[AlarmKind, ...] = ("sos", "fall", "vitals", "wandering")
    ready = threading.Barrier(len(kinds))

    def press(kind: AlarmKind) -> None:
        person = desk.person
        signal = Signal(kind, "urgent", person.wearable_key, now, person.elder_id, person.household_id)
        with connect(database_url, "test") as own, transaction(own) as tx:
            ready.wait(10)
            raise_alarm(tx, now, signal)

    threads = [threading.Thread(target=press, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert one(conn, "SELECT count(*) FROM alarm") == len(kinds)
    assert one(conn, "SELECT count(*) FROM incident") == 1
    assert one(conn, "SELECT count(DISTINCT incident_id) FROM alarm") == 1


class Block:
    """Homes of one building, each with a hub."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.homes: dict[str, tuple[int, int]] = {}

    def smoke(self, address: str, kind: AlarmKind = "smoke", *, minutes: float = 0) -> int:
        """An alarm at an address."""
        if address not in self.homes:
            household = add_household(self.conn)
            self.conn.execute("UPDATE household SET address = %s WHERE id = %s", (address, household))
            hub = add_device(self.conn, f"H-{len(self.homes)}", "hub", self.now)
            self.homes[address] = household, hub
        household, hub = self.homes[address]
        at = self.now + minutes * MINUTE
        with transaction(self.conn) as tx:
            alarm_id = raise_alarm(tx, at, Signal(kind, "emergency", hub, at, household_id=household))
        assert alarm_id is not None
        return alarm_id

    def look(self) -> int:
        """The engine's turn."""
        with transaction(self.conn) as tx:
            return sweep_groups(tx, self.now)

    def group_of(self, alarm_id: int) -> int | None:
        """The group of an alarm's incident."""
        found = self.conn.execute(
            "SELECT group_id FROM alarm JOIN incident ON incident.id = alarm.incident_id WHERE alarm.id = %s",
            (alarm_id,),
        ).fetchone()
        assert found is not None
        group: int | None = found[0]
        return group

    def events(self) -> list[str]:
        """All events in order."""
        return [kind for (kind,) in self.conn.execute("SELECT kind FROM event ORDER BY id")]


@pytest.fixture
def block(storage_conn: Connection, now: datetime) -> Block:
    """A block on each storage."""
    return Block(storage_conn, now)


def test_smoke_in_three_homes_of_one_block_is_one_group(block: Block) -> None:
    alarms = [block.smoke(f"天生路1号3栋{floor}01", minutes=floor) for floor in (1, 2)]
    elsewhere = block.smoke("天生路1号9栋101", minutes=2)
    assert block.look() == 3
    assert [block.group_of(alarm) for alarm in alarms] == [None, None]
    alarms.append(block.smoke("天生路1号3栋301", "gas", minutes=3))
    assert block.look() == 1
    group = {block.group_of(alarm) for alarm in alarms}
    assert len(group) == 1
    assert None not in group
    assert block.group_of(elsewhere) is None
    assert block.conn.execute("SELECT kind, place FROM incident_group").fetchall() == [("building", "天生路1号3栋")]
    assert block.events().count("alarm.grouped") == 3


def test_a_fourth_home_joins_and_every_card_of_the_group_is_told(block: Block) -> None:
    alarms = [block.smoke(f"天生路1号3栋{floor}01") for floor in (1, 2, 3)]
    block.look()
    with transaction(block.conn) as tx:
        end_by_itself(tx, block.now, alarms[0])
    told = block.events().count("alarm.grouped")
    fourth = block.smoke("天生路1号3栋401", "leak", minutes=10)
    block.look()
    assert block.group_of(fourth) == block.group_of(alarms[1])
    assert block.events().count("alarm.grouped") == told + 3
    grouped = "SELECT count(*) FROM alarm_event WHERE kind = 'grouped' AND alarm_id = %s"
    assert [one(block.conn, grouped, alarm) for alarm in (*alarms, fourth)] == [1, 1, 1, 1]


def test_what_is_a_quarter_of_an_hour_apart_is_no_group(block: Block) -> None:
    alarms = [block.smoke(f"天生路1号3栋{floor}01", minutes=16 * floor) for floor in (1, 2, 3)]
    block.look()
    assert [block.group_of(alarm) for alarm in alarms] == [None, None, None]


def test_a_home_that_smokes_twice_is_one_home_and_a_repeated_signal_is_not_looked_at_again(block: Block) -> None:
    block.smoke("天生路1号3栋101")
    block.smoke("天生路1号3栋101", "gas")
    block.smoke("天生路1号3栋201")
    assert block.look() == 3
    block.smoke("天生路1号3栋201")
    assert block.look() == 0
    assert one(block.conn, "SELECT count(*) FROM incident_group") == 0


def test_alarms_that_were_raised_at_once_and_could_not_see_each_other_are_grouped(block: Block) -> None:
    for floor in (1, 2, 3, 4):
        block.smoke(f"天生路1号3栋{floor}01")
    assert block.look() == 4
    assert one(block.conn, "SELECT count(*) FROM incident_group") == 1
    assert one(block.conn, "SELECT count(*) FROM incident WHERE group_id IS NOT NULL") == 4


def test_two_engines_do_not_group_at_once(conn: Connection, database_url: str, now: datetime) -> None:
    block = Block(conn, now)
    for floor in (1, 2, 3):
        block.smoke(f"天生路1号3栋{floor}01")
    with connect(database_url, "test") as other, transaction(other) as first:
        assert sweep_groups(first, block.now) == 3
        assert block.look() == 0
    assert block.look() == 0
    assert one(block.conn, "SELECT count(*) FROM incident_group") == 1
