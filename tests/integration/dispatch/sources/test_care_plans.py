"""Care plans: what was assessed becomes schedules, is reviewed in its time and ends together with them."""

from datetime import date, datetime, time, timedelta

import pytest

from dispatch.refusals import Refused
from dispatch.sources import care_plans, scheduling
from dispatch.sources.care_plans import Need, NewPlan, next_review
from dispatch.sources.recurrence import DAY
from dispatch.sources.windows import at
from schemas.database import transaction
from tests.integration.dispatch.workforce import Workforce
from tests.integration.district import Connection, add_operator

MONDAY = date(2026, 11, 23)
NOW = at(MONDAY, time(9))
ITEMS = (
    Need("meal", 5, time(11, 30), frozenset({1, 2, 3, 4, 5})),
    Need("bath", 2, time(14), note="怕水，慢一点"),
)


@pytest.fixture
def street(conn: Connection) -> Workforce:
    """The usual street on a Monday morning."""
    return Workforce(conn, NOW)


def make(
    street: Workforce, *, last: date | None = None, actor: int | None = None, items: tuple[Need, ...] = ITEMS
) -> int:
    """A plan for the elder, to be reviewed every thirty days."""
    plan = NewPlan("中度失能，独居", MONDAY, last, "李红（女儿）", MONDAY - DAY, 30, items)
    with transaction(street.conn) as tx:
        return care_plans.make(tx, NOW, actor or street.operator, street.elder, plan)


def sweep(street: Workforce, now: datetime) -> int:
    """One look of the engine at plans."""
    with transaction(street.conn) as tx:
        return care_plans.sweep_plans(tx, now, 100)


def order(street: Workforce, now: datetime) -> None:
    """One look of the engine at schedules."""
    with transaction(street.conn) as tx:
        scheduling.sweep_schedules(tx, now, 100)


def reviews(street: Workforce) -> list[tuple[object, ...]]:
    """Every review that was asked for."""
    return street.conn.execute("SELECT about, outcome FROM task WHERE kind = 'plan_review' ORDER BY id").fetchall()


def test_a_plan_makes_schedules_whose_orders_name_it(storage_conn: Connection) -> None:
    street = Workforce(storage_conn, NOW)
    plan = make(street)
    order(street, NOW)
    made = street.conn.execute(
        "SELECT item_code, source, source_ref, note, window_from FROM service_order ORDER BY window_from"
    ).fetchall()
    assert made == [
        ("meal", "care_plan", plan, None, at(MONDAY, time(11, 30))),
        ("bath", "care_plan", plan, "怕水，慢一点", at(MONDAY, time(14))),
        ("meal", "care_plan", plan, None, at(MONDAY + DAY, time(11, 30))),
        ("meal", "care_plan", plan, None, at(MONDAY + 2 * DAY, time(11, 30))),
    ]
    assert street.conn.execute("SELECT weekdays FROM order_schedule WHERE item_code = 'bath'").fetchone() == ([1, 4],)


def test_a_review_is_asked_for_when_it_is_due_and_its_word_ends_the_task(street: Workforce) -> None:
    plan = make(street)
    due = at(MONDAY + 30 * DAY, time(9))
    assert sweep(street, due - timedelta(seconds=1)) == 0
    assert (sweep(street, due), sweep(street, due)) == (1, 0)
    assert reviews(street) == [(f"plan:{plan}:{MONDAY + 30 * DAY}", None)]
    with transaction(street.conn) as tx:
        assert care_plans.review(tx, due + DAY, plan, street.operator, "仍然合适") == street.elder
    assert reviews(street) == [(f"plan:{plan}:{MONDAY + 30 * DAY}", "renewed")]
    assert street.conn.execute("SELECT due_at, review_note FROM care_plan").fetchone() == (
        at(MONDAY + 61 * DAY, time(9)),
        "仍然合适",
    )


def test_a_review_that_nobody_makes_is_asked_for_again(street: Workforce) -> None:
    make(street)
    for number in (30, 60):
        assert sweep(street, at(MONDAY + number * DAY, time(9))) == 1
    assert len(reviews(street)) == 2


@pytest.mark.parametrize(("orders_too", "cancelled"), [(False, 0), (True, 4)])
def test_a_plan_ends_with_its_schedules(street: Workforce, orders_too: bool, cancelled: int) -> None:
    plan = make(street)
    order(street, NOW)
    with transaction(street.conn) as tx:
        care_plans.end(tx, NOW, plan, street.operator, "住进养老院", orders_too=orders_too)
    assert street.conn.execute(
        "SELECT (SELECT count(*) FROM order_schedule WHERE ended_at IS NULL),"
        " (SELECT count(*) FROM service_order WHERE state = 'cancelled')"
    ).fetchone() == (0, cancelled)
    with pytest.raises(Refused, match="plan_ended"), transaction(street.conn) as tx:
        care_plans.review(tx, NOW, plan, street.operator, "x")


def test_a_plan_that_is_over_ends_by_itself(street: Workforce) -> None:
    make(street, last=MONDAY + 10 * DAY)
    over = at(MONDAY + 11 * DAY, time(9))
    assert sweep(street, over) == 1
    assert street.conn.execute("SELECT ended_at, ended_by, due_at FROM care_plan").fetchone() == (over, None, None)
    assert reviews(street) == []


def test_a_review_is_never_due_in_the_past() -> None:
    assert next_review(NOW, 30, MONDAY - DAY) == at(MONDAY + DAY, time(9))
    assert next_review(NOW, 30, MONDAY + 3 * DAY) == at(MONDAY + 4 * DAY, time(9))
    assert next_review(NOW, 30, None) == at(MONDAY + 30 * DAY, time(9))


def test_nothing_of_a_plan_is_kept_when_one_of_its_items_is_not_sold(street: Workforce) -> None:
    with pytest.raises(Refused, match="unknown_item"):
        make(street, items=(*ITEMS, Need("massage", 1, time(9))))
    assert street.conn.execute("SELECT count(*) FROM care_plan").fetchone() == (0,)


def test_only_staff_of_the_elders_organisation_have_a_say(street: Workforce) -> None:
    street.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    elsewhere = add_operator(street.conn, "elsewhere", NOW, "500109002")
    plan = make(street)
    for account in (elsewhere, street.relative):
        with pytest.raises(Refused, match="not_found"):
            make(street, actor=account)
        with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
            care_plans.end(tx, NOW, plan, account, "x", orders_too=False)
