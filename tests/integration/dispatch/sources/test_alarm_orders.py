"""A day with little water becomes a visit, once, unless the alarm is over or put aside by then."""

from datetime import datetime, timedelta

import pytest

from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge, resolve
from dispatch.home_alarms import raise_home_alarm
from dispatch.shelving import shelve
from dispatch.sources.alarm_orders import sweep_alarm_orders
from schemas.database import transaction
from schemas.states import KIND_SEVERITY, AlarmKind
from tests.integration.dispatch.workforce import MINUTE, Workforce
from tests.integration.district import Connection, add_device

WAIT = 30 * MINUTE


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def little_water(street: Workforce, now: datetime, kind: AlarmKind = "water_low") -> int:
    """The home's meter has hardly moved."""
    hub = add_device(street.conn, f"H-{kind}-{now.timestamp():.0f}", "hub", now)
    home = {"id": street.household, "device_key": hub}
    with transaction(street.conn) as tx:
        alarm = raise_home_alarm(tx, now, kind, home, now, {"reason": "little_water"})
    assert alarm is not None
    return alarm


def sweep(street: Workforce, now: datetime) -> int:
    """One look of the engine."""
    with transaction(street.conn) as tx:
        return sweep_alarm_orders(tx, now, 100)


def visits(street: Workforce) -> list[tuple[object, ...]]:
    """Every order, by its number."""
    return street.conn.execute(
        "SELECT item_code, source, source_ref, elder_id, requested_by, window_to - window_from FROM service_order"
        " ORDER BY id"
    ).fetchall()


def told(street: Workforce, alarm: int) -> list[dict[str, object]]:
    """What the alarm's timeline says about orders."""
    rows = street.conn.execute(
        "SELECT detail FROM alarm_event WHERE alarm_id = %s AND kind = 'ordered' ORDER BY id", (alarm,)
    )
    return [row[0] for row in rows]


def test_an_alarm_that_nobody_ended_brings_somebody_to_the_door(storage_conn: Connection, now: datetime) -> None:
    street = Workforce(storage_conn, now)
    alarm = little_water(street, now)
    assert sweep(street, now + WAIT - MINUTE) == 0
    assert sweep(street, now + WAIT) == 1
    assert visits(street) == [("wellbeing_check", "alarm", alarm, street.elder, None, timedelta(hours=1))]
    [said] = told(street, alarm)
    assert (said["item"], street.events()[-1]) == ("wellbeing_check", "alarm.ordered")
    assert sweep(street, now + 2 * WAIT) == 0


def test_an_alarm_in_hand_is_no_reason_to_stay_away(street: Workforce, now: datetime) -> None:
    alarm = little_water(street, now)
    with transaction(street.conn) as tx:
        acknowledge(tx, now + MINUTE, alarm, street.operator)
    sweep(street, now + WAIT)
    assert len(visits(street)) == 1


def test_whoever_answered_the_telephone_and_is_well_is_not_visited(street: Workforce, now: datetime) -> None:
    alarm = little_water(street, now)
    with transaction(street.conn) as tx:
        acknowledge(tx, now + MINUTE, alarm, street.operator)
        resolve(tx, now + MINUTE, alarm, street.operator, "helped_by_phone", None)
    assert sweep(street, now + WAIT) == 1
    assert visits(street) == []


def test_an_alarm_put_aside_waits_until_it_rings_again(street: Workforce, now: datetime) -> None:
    alarm = little_water(street, now)
    with transaction(street.conn) as tx:
        acknowledge(tx, now + MINUTE, alarm, street.operator)
        shelve(tx, now + MINUTE, alarm, street.operator, "works_in_building", now + 3 * WAIT, None)
    assert (sweep(street, now + WAIT), visits(street)) == (1, [])
    assert sweep(street, now + 3 * WAIT) == 0
    with transaction(street.conn) as tx:
        acknowledge(tx, now + 3 * WAIT, alarm, street.operator)
        resolve(tx, now + 3 * WAIT, alarm, street.operator, "helped_by_phone", None)
    assert (sweep(street, now + 4 * WAIT), visits(street)) == (1, [])


def test_there_is_no_second_visit_while_one_stands(street: Workforce, now: datetime) -> None:
    order = street.request("wellbeing_check")
    alarm = little_water(street, now)
    sweep(street, now + WAIT)
    assert len(visits(street)) == 1
    assert told(street, alarm) == [{"order_id": order, "item": "wellbeing_check", "joined": True}]


def test_what_cannot_be_ordered_is_said_on_the_alarm(street: Workforce, now: datetime) -> None:
    alarm = little_water(street, now)
    street.conn.execute("UPDATE catalogue_item SET valid_to = %s WHERE code = 'wellbeing_check'", (now,))
    sweep(street, now + WAIT)
    assert told(street, alarm) == [{"item": "wellbeing_check", "refusal": "unknown_item"}]


def test_only_kinds_with_a_policy_bring_visits_and_tests_never(street: Workforce, now: datetime) -> None:
    little_water(street, now, "no_movement")
    tester = street.add_neighbour(state="test")
    hub = add_device(street.conn, "H-test", "hub", now)
    with transaction(street.conn) as tx:
        raise_alarm(
            tx, now, Signal("water_low", KIND_SEVERITY["water_low"], hub, now, elder_id=tester, elder_state="test")
        )
    assert sweep(street, now + 2 * WAIT) == 0
    street.conn.execute("INSERT INTO alarm_order_policy VALUES ('leak', 'home_repair', 0, 60)")
    little_water(street, now, "leak")
    assert sweep(street, now) == 1
    assert [visit[0] for visit in visits(street)] == ["home_repair"]


def test_a_visit_of_another_day_is_none_that_an_alarm_could_wait_for(street: Workforce, now: datetime) -> None:
    next_week = street.request("wellbeing_check", timedelta(days=6))
    alarm = little_water(street, now)
    sweep(street, now + WAIT)
    assert len(visits(street)) == 2
    assert told(street, alarm)[0]["order_id"] != next_week
