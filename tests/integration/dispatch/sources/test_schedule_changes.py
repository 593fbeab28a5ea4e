"""A schedule that is changed keeps what staff said about its days, and goes on standing still."""

from datetime import datetime, time

import pytest

from dispatch.sources import schedules
from dispatch.sources.recurrence import DAY
from dispatch.sources.schedule_rows import DayChange
from schemas.district_time import today
from tests.integration.dispatch.sources.test_schedules import MONDAY, NINE, Kitchen, moment
from tests.integration.district import Connection


@pytest.fixture
def kitchen(conn: Connection) -> Kitchen:
    """The usual street."""
    return Kitchen(conn)


def _treat(kitchen: Kitchen, schedule: int, days_on: int, instead: DayChange) -> None:
    kitchen.command(
        lambda tx: schedules.treat_day(
            tx, NINE, schedule, kitchen.street.operator, MONDAY + days_on * DAY, instead, "看女儿", orders_too=True
        )
    )


def _later(kitchen: Kitchen, schedule: int, *, orders_too: bool) -> int:
    kitchen.command(
        lambda tx: schedules.change(
            tx, NINE, schedule, kitchen.street.operator, kitchen.terms(note="少盐"), "换", orders_too=orders_too
        )
    )
    [made] = kitchen.conn.execute("SELECT max(id) FROM order_schedule").fetchone() or (0,)
    return int(made)


def _days(kitchen: Kitchen) -> list[int]:
    return [(today(begins) - MONDAY).days for _, begins in kitchen.visits()]


@pytest.mark.parametrize("orders_too", [False, True])
def test_days_that_were_left_out_stay_left_out_when_the_schedule_is_changed(kitchen: Kitchen, orders_too: bool) -> None:
    schedule = kitchen.make()
    kitchen.sweep(NINE)
    _treat(kitchen, schedule, 1, DayChange(None, None))
    _treat(kitchen, schedule, 4, DayChange(None, None))
    _later(kitchen, schedule, orders_too=orders_too)
    for number in range(5):
        kitchen.sweep(moment(MONDAY + number * DAY, 9))
    assert _days(kitchen) == [0, 2, 3, 5, 6]


def test_a_day_that_was_moved_stays_moved_when_the_schedule_is_changed(kitchen: Kitchen) -> None:
    schedule = kitchen.make(weekdays=frozenset({4}))
    _treat(kitchen, schedule, 3, DayChange(MONDAY + 4 * DAY, time(9)))
    kitchen.command(
        lambda tx: schedules.change(
            tx, NINE, schedule, kitchen.street.operator, kitchen.terms(weekdays=frozenset({4})), "换", orders_too=True
        )
    )
    for number in range(4):
        kitchen.sweep(moment(MONDAY + number * DAY, 9))
    assert kitchen.visits() == [("schedule", datetime.combine(MONDAY + 4 * DAY, time(9), NINE.tzinfo))]


def test_a_schedule_that_stands_still_does_not_begin_again_because_it_is_changed(kitchen: Kitchen) -> None:
    schedule, operator = kitchen.make(), kitchen.street.operator
    kitchen.command(lambda tx: schedules.pause(tx, NINE, schedule, operator, "女儿来住"))
    new = _later(kitchen, schedule, orders_too=True)
    kitchen.sweep(NINE)
    assert kitchen.visits() == []
    paused = kitchen.conn.execute("SELECT paused_by, pause_reason FROM order_schedule WHERE id = %s", (new,))
    assert paused.fetchone() == (operator, "女儿来住")
    kitchen.command(lambda tx: schedules.resume(tx, NINE, new, operator))
    kitchen.sweep(NINE)
    assert _days(kitchen) == [0, 1, 2]
