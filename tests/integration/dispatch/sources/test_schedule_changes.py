"""A schedule that is changed keeps what staff said about its days, and goes on standing still."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, time
from functools import partial

import pytest

from dispatch.sources import care_plans, schedules
from dispatch.sources.recurrence import DAY
from dispatch.sources.schedule_rows import DayChange, Terms
from schemas.database import Transaction, connect
from schemas.district_time import today
from schemas.statements import statement
from tests.integration.dispatch.races import WAITING, told
from tests.integration.dispatch.sources.test_schedules import MONDAY, NINE, Kitchen, moment
from tests.integration.district import Connection
from tests.integration.waiting import eventually

HOLD_PLAN = statement("SELECT id FROM care_plan WHERE id = %(id)s::bigint FOR UPDATE")


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


def test_a_plan_is_ended_while_one_of_its_schedules_is_changed_and_nobody_is_stuck(
    kitchen: Kitchen, database_url: str
) -> None:
    operator = kitchen.street.operator
    needs = (care_plans.Need("meal", 7, time(11, 30)),)
    new = care_plans.NewPlan("吃饭", MONDAY, None, "李红", MONDAY, 30, needs)
    plan = kitchen.command(lambda tx: care_plans.make(tx, NINE, operator, kitchen.street.elder, new))
    [schedule] = kitchen.conn.execute("SELECT id FROM order_schedule").fetchone() or (0,)
    terms = kitchen.terms(note="少盐")
    change = partial(_change, kitchen, schedule, terms)
    late: list[Future[object]] = []

    def end(tx: Transaction) -> None:
        tx.rows(HOLD_PLAN, {"id": plan})
        late.append(pool.submit(told, other, change))
        eventually(lambda: kitchen.conn.execute(WAITING).fetchone() == (1,), what="the change to wait for the plan")
        care_plans.end(tx, NINE, plan, operator, "住院", orders_too=False)

    with connect(database_url, "first") as one, connect(database_url, "second") as other, ThreadPoolExecutor(1) as pool:
        assert told(one, end) is None
        assert late[0].result(10) == "schedule_ended"
    assert kitchen.conn.execute("SELECT count(*) FROM order_schedule WHERE ended_at IS NULL").fetchone() == (0,)


def _change(kitchen: Kitchen, schedule: int, terms: Terms, tx: Transaction) -> int:
    return schedules.change(tx, NINE, schedule, kitchen.street.operator, terms, "换", orders_too=False)
