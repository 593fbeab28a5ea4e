"""Recurring orders: each day once, some days ahead, around holidays and absences, and changed without surprises."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

import pytest

from dispatch.refusals import Refused
from dispatch.sources import schedules, scheduling
from dispatch.sources.recurrence import DAY, OnHolidays, Rule
from dispatch.sources.schedule_rows import DayChange, Terms
from dispatch.sources.windows import at
from schemas.database import Transaction, transaction
from schemas.district_time import today
from tests.integration.dispatch.workforce import Workforce
from tests.integration.district import Connection, add_operator

MONDAY = date(2026, 11, 23)
NOON = time(11, 30)
Answer = TypeVar("Answer")
EVERY_DAY = frozenset(range(1, 8))


def moment(day: date, hour: int = 9) -> datetime:
    """An hour of the district's day."""
    return at(day, time(hour))


NINE = moment(MONDAY)


class Kitchen:
    """A street on a Monday morning, with the engine's look at schedules."""

    def __init__(self, conn: Connection, began: date = MONDAY) -> None:
        self.street = Workforce(conn, moment(began))
        self.conn = conn

    def command(self, act: Callable[[Transaction], Answer]) -> Answer:
        """Something in a transaction of its own."""
        with transaction(self.conn) as tx:
            return act(tx)

    def terms(
        self,
        *,
        weekdays: frozenset[int] = EVERY_DAY,
        first: date = MONDAY,
        last: date | None = None,
        on_holidays: OnHolidays = "keep",
        **more: Any,
    ) -> Terms:
        """A meal at half past eleven on these days."""
        return Terms(more.pop("item", "meal"), Rule(weekdays, 1, first, last, on_holidays), NOON, **more)

    def make(self, now: datetime = NINE, **about: Any) -> int:
        """A schedule of the elder, made by the operator."""
        about = {"weekdays": EVERY_DAY, **about}
        return self.command(
            lambda tx: schedules.make(tx, now, self.street.operator, self.street.elder, self.terms(**about))
        )

    def sweep(self, now: datetime) -> int:
        """One look of the engine."""
        return self.command(lambda tx: scheduling.sweep_schedules(tx, now, 100))

    def days(self, schedule: int) -> list[tuple[date, str]]:
        """What became of a schedule's days."""
        rows = self.conn.execute(
            "SELECT day, outcome FROM schedule_day WHERE schedule_id = %s ORDER BY day", (schedule,)
        )
        return [(row[0], row[1]) for row in rows]

    def visits(self, state: str = "requested") -> list[tuple[str, datetime]]:
        """Source and beginning of every order in a state."""
        rows = self.conn.execute(
            "SELECT source, window_from FROM service_order WHERE state = %s ORDER BY window_from", (state,)
        )
        return [(row[0], row[1]) for row in rows]


@pytest.fixture
def kitchen(conn: Connection) -> Kitchen:
    """The usual street."""
    return Kitchen(conn)


def test_each_day_is_ordered_once_and_as_far_ahead_as_the_policy_says(storage_conn: Connection) -> None:
    kitchen = Kitchen(storage_conn)
    schedule = kitchen.make()
    assert kitchen.sweep(moment(MONDAY)) == 1
    ahead = [MONDAY, MONDAY + DAY, MONDAY + 2 * DAY]
    assert kitchen.visits() == [("schedule", at(day, NOON)) for day in ahead]
    assert kitchen.sweep(moment(MONDAY, 23)) == 0
    kitchen.conn.execute("UPDATE order_schedule SET due_at = %s", (moment(MONDAY),))
    kitchen.sweep(moment(MONDAY, 10))
    assert len(kitchen.visits()) == 3
    assert kitchen.sweep(moment(MONDAY + DAY, 2)) == 1
    assert kitchen.days(schedule) == [(day, "ordered") for day in [*ahead, MONDAY + 3 * DAY]]


def test_an_order_of_a_schedule_says_so_and_that_nobody_asked(kitchen: Kitchen) -> None:
    schedule = kitchen.make(note="少盐", window_minutes=45, skills=("dialect",))
    kitchen.sweep(moment(MONDAY))
    [order, *_] = kitchen.conn.execute(
        "SELECT source_ref, requested_by, note, skills, window_to - window_from FROM service_order ORDER BY id"
    ).fetchall()
    assert order == (schedule, None, "少盐", ["dialect", "meal_delivery"], timedelta(minutes=45))


def test_a_day_whose_time_is_past_when_it_is_made_is_not_its_own(kitchen: Kitchen) -> None:
    kitchen.make(moment(MONDAY, 12))
    kitchen.sweep(moment(MONDAY, 12))
    assert [begins for _, begins in kitchen.visits()] == [at(MONDAY + number * DAY, NOON) for number in (1, 2)]


def test_public_holidays_are_left_out_and_weekdays_go_on_after_them(conn: Connection) -> None:
    eve = date(2026, 9, 30)
    kitchen = Kitchen(conn, eve)
    schedule = kitchen.make(moment(eve), first=eve, on_holidays="skip", weekdays=frozenset(range(1, 6)))
    for number in range(9):
        kitchen.sweep(moment(eve + number * DAY))
    told = dict(kitchen.days(schedule))
    assert told[date(2026, 10, 1)] == told[date(2026, 10, 7)] == "holiday"
    assert told[eve] == told[date(2026, 10, 8)] == "ordered"


def test_nothing_is_ordered_while_she_is_in_hospital_and_it_goes_on_when_she_is_back(kitchen: Kitchen) -> None:
    schedule = kitchen.make(moment(MONDAY - DAY), first=MONDAY)
    kitchen.street.elder_becomes("hospital", moment(MONDAY - DAY))
    for number in range(2):
        kitchen.sweep(moment(MONDAY + number * DAY, 13))
    assert (kitchen.days(schedule), kitchen.visits()) == ([(MONDAY, "away"), (MONDAY + DAY, "away")], [])
    back = moment(MONDAY + 2 * DAY, 8)
    kitchen.street.elder_becomes("home", back)
    kitchen.command(lambda tx: scheduling.elder_state_changed(tx, back, kitchen.street.elder))
    assert kitchen.sweep(back) == 1
    assert [begins for _, begins in kitchen.visits()] == [at(MONDAY + number * DAY, NOON) for number in (2, 3, 4)]


def test_while_it_is_paused_days_pass_and_then_it_goes_on(kitchen: Kitchen) -> None:
    schedule, operator = kitchen.make(moment(MONDAY - DAY), first=MONDAY), kitchen.street.operator
    kitchen.command(lambda tx: schedules.pause(tx, moment(MONDAY - DAY), schedule, operator, "女儿来住"))
    with pytest.raises(Refused, match="schedule_paused"):
        kitchen.command(lambda tx: schedules.pause(tx, moment(MONDAY), schedule, operator, "again"))
    kitchen.sweep(moment(MONDAY, 13))
    resumed = moment(MONDAY + DAY)
    kitchen.command(lambda tx: schedules.resume(tx, resumed, schedule, operator))
    with pytest.raises(Refused, match="schedule_not_paused"):
        kitchen.command(lambda tx: schedules.resume(tx, resumed, schedule, operator))
    kitchen.sweep(resumed)
    assert kitchen.days(schedule)[:2] == [(MONDAY, "paused"), (MONDAY + DAY, "ordered")]


def test_ending_it_leaves_what_is_ordered_unless_asked(kitchen: Kitchen) -> None:
    one, other = kitchen.make(), kitchen.make()
    kitchen.sweep(moment(MONDAY))
    operator = kitchen.street.operator
    for schedule, orders_too in ((one, False), (other, True)):
        kitchen.command(
            lambda tx, schedule=schedule, orders_too=orders_too: schedules.end(  # type: ignore[misc]
                tx, moment(MONDAY), schedule, operator, "搬走", orders_too=orders_too
            )
        )
    assert (len(kitchen.visits()), len(kitchen.visits("cancelled"))) == (3, 3)
    with pytest.raises(Refused, match="schedule_ended"):
        kitchen.command(lambda tx: schedules.end(tx, moment(MONDAY), one, operator, "x", orders_too=False))
    assert kitchen.sweep(moment(MONDAY + 5 * DAY)) == 0


@pytest.mark.parametrize(("orders_too", "expected"), [(False, ["meal"] * 3), (True, ["bath"] * 3)])
def test_a_change_touches_what_is_ordered_only_when_asked(
    kitchen: Kitchen, orders_too: bool, expected: list[str]
) -> None:
    schedule = kitchen.make()
    kitchen.sweep(moment(MONDAY))
    terms = kitchen.terms(item="bath")
    kitchen.command(
        lambda tx: schedules.change(
            tx, moment(MONDAY), schedule, kitchen.street.operator, terms, "换", orders_too=orders_too
        )
    )
    kitchen.sweep(moment(MONDAY))
    kept = kitchen.conn.execute("SELECT item_code FROM service_order WHERE state = 'requested' ORDER BY window_from")
    assert [row[0] for row in kept] == expected
    kitchen.sweep(moment(MONDAY + DAY, 2))
    assert kitchen.conn.execute(
        "SELECT count(*), min(item_code) FROM service_order WHERE window_from = %s", (at(MONDAY + 3 * DAY, NOON),)
    ).fetchone() == (1, "bath")


def test_a_single_day_is_left_out_or_moved(kitchen: Kitchen) -> None:
    schedule, operator = kitchen.make(weekdays=frozenset({4})), kitchen.street.operator
    thursday = MONDAY + 3 * DAY
    for day, change in (
        (thursday, DayChange(thursday + DAY, time(9))),
        (thursday + 7 * DAY, DayChange(None, None)),
    ):
        kitchen.command(
            lambda tx, day=day, change=change: schedules.treat_day(  # type: ignore[misc]
                tx, moment(MONDAY), schedule, operator, day, change, "看病", orders_too=False
            )
        )
    for number in range(12):
        kitchen.sweep(moment(MONDAY + number * DAY))
    assert kitchen.days(schedule) == [(thursday, "ordered"), (thursday + 7 * DAY, "exception")]
    assert kitchen.visits() == [("schedule", at(thursday + DAY, time(9)))]


def test_a_day_that_is_ordered_is_moved_only_together_with_its_order(kitchen: Kitchen) -> None:
    schedule, operator = kitchen.make(), kitchen.street.operator
    kitchen.sweep(moment(MONDAY))
    tuesday, later = MONDAY + DAY, DayChange(MONDAY + DAY, time(17))

    def move(orders_too: bool) -> int:
        return kitchen.command(
            lambda tx: schedules.treat_day(
                tx, moment(MONDAY), schedule, operator, tuesday, later, "看病", orders_too=orders_too
            )
        )

    with pytest.raises(Refused, match="already_ordered"):
        move(False)
    move(True)
    assert kitchen.visits("cancelled") == [("schedule", at(tuesday, NOON))]
    assert ("schedule", at(tuesday, time(17))) in kitchen.visits()
    kitchen.sweep(moment(tuesday, 2))
    assert [begins for _, begins in kitchen.visits() if today(begins) == tuesday] == [at(tuesday, time(17))]


def test_a_day_that_is_not_the_schedules_cannot_be_moved(kitchen: Kitchen) -> None:
    schedule, operator = kitchen.make(weekdays=frozenset({4})), kitchen.street.operator
    for day, change, code in (
        (MONDAY, DayChange(None, None), "not_scheduled"),
        (MONDAY + 3 * DAY, DayChange(MONDAY + 60 * DAY, None), "too_far_ahead"),
        (MONDAY + 3 * DAY, DayChange(MONDAY - DAY, None), "in_the_past"),
    ):
        with pytest.raises(Refused, match=code), transaction(kitchen.conn) as tx:
            schedules.treat_day(tx, moment(MONDAY), schedule, operator, day, change, "x", orders_too=False)


def test_what_cannot_be_ordered_any_more_is_told_to_somebody(kitchen: Kitchen) -> None:
    schedule = kitchen.make(last=MONDAY + DAY)
    kitchen.conn.execute("UPDATE catalogue_item SET valid_to = %s WHERE code = 'meal'", (moment(MONDAY),))
    kitchen.sweep(moment(MONDAY))
    assert kitchen.days(schedule) == [(MONDAY, "refused"), (MONDAY + DAY, "refused")]
    told = kitchen.conn.execute("SELECT kind, about, detail ->> 'refusal' FROM task ORDER BY id").fetchall()
    assert told[0] == ("unfilled_order", f"schedule:{schedule}:{MONDAY}", "unknown_item")
    assert len(told) == 2


def test_a_schedule_ends_by_itself_after_its_last_day(kitchen: Kitchen) -> None:
    kitchen.make(last=MONDAY + DAY)
    kitchen.sweep(moment(MONDAY))
    assert len(kitchen.visits()) == 2
    kitchen.sweep(moment(MONDAY + 2 * DAY))
    assert kitchen.conn.execute("SELECT ended_at, due_at FROM order_schedule").fetchone() == (
        moment(MONDAY + 2 * DAY),
        None,
    )


def test_only_staff_of_the_elders_organisation_have_a_say(kitchen: Kitchen) -> None:
    kitchen.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    elsewhere = add_operator(kitchen.conn, "elsewhere", moment(MONDAY), "500109002")
    schedule, elder = kitchen.make(), kitchen.street.elder
    for account in (elsewhere, kitchen.street.relative):
        with pytest.raises(Refused, match="not_found"), transaction(kitchen.conn) as tx:
            schedules.make(tx, moment(MONDAY), account, elder, kitchen.terms())
        with pytest.raises(Refused, match="not_found"), transaction(kitchen.conn) as tx:
            schedules.end(tx, moment(MONDAY), schedule, account, "x", orders_too=False)


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"item": "massage"}, "unknown_item"),
        ({"skills": ("flying",)}, "unknown_skill"),
        ({"first": MONDAY - 9 * DAY, "last": MONDAY - DAY}, "in_the_past"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(kitchen: Kitchen, about: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused, match=code):
        kitchen.make(**about)
    assert kitchen.conn.execute("SELECT count(*) FROM order_schedule").fetchone() == (0,)
