"""A provider's month: drafted when it is over, approved by a second person, paid; the same however it is computed."""

import random
import threading
from datetime import date, datetime, timedelta
from functools import partial

import pytest

from dispatch.money import charging, settlements
from dispatch.money.agreement import differences
from dispatch.money.charging import Moved
from dispatch.order_rows import locked_order
from dispatch.refusals import Refused
from dispatch.service_level import cases, complaints, pay_rules
from dispatch.service_level.complaints import Decision
from schemas.database import connect, row, transaction
from schemas.statements import statement
from tests.integration.dispatch.money.books import AFTER, NOVEMBER, NOW, Books
from tests.integration.district import Connection, by_hand

DAY = timedelta(days=1)
SETTLEMENT = statement("SELECT * FROM settlement WHERE id = %(id)s::bigint")


@pytest.fixture
def books(conn: Connection) -> Books:
    """The street and its ledger."""
    return Books(conn)


def test_a_month_is_drafted_approved_by_another_and_paid(books: Books) -> None:
    books.tag("low_income")
    bath, meal = books.confirmed("bath"), books.confirmed("meal")
    books.confirmed("meal", at=AFTER)
    settlement = books.draft()
    assert books.order("state", bath) == ("confirmed",)
    found = books.approve(settlement)
    assert found == settlements.Totals(2, 13_200, 9_200, 4_000, 12_900, 0, 12_900)
    for order in (bath, meal):
        assert books.order("state, due_at, due_reason", order) == ("settled", None, None)
        assert books.timeline(order)[-1] == "settled"
    assert books.events().count("order.settled") == 2
    with transaction(books.conn) as tx:
        settlements.pay(tx, AFTER, books.supervisor, settlement, "BANK-1")
    stored = row(books.conn, SETTLEMENT, {"id": settlement})
    assert stored is not None
    assert (stored["state"], stored["due_fen"], stored["payment_reference"]) == ("paid", 12_900, "BANK-1")
    assert (books.balance("provider"), books.balance("cash")) == (-1_500, -12_900)


def test_a_month_cannot_be_drafted_before_its_books_are_closed_nor_twice_nor_empty(books: Books) -> None:
    books.confirmed()
    for early in (NOW, datetime.fromisoformat("2026-12-01T00:59:59+08:00")):
        with pytest.raises(Refused, match="books_open"):
            books.draft(early)
    books.draft(datetime.fromisoformat("2026-12-01T01:00:00+08:00"))
    with pytest.raises(Refused, match="already_drafted"):
        books.draft()
    with pytest.raises(Refused, match="not_found"), transaction(books.conn) as tx:
        settlements.draft(tx, AFTER, books.supervisor, "500109", books.provider, date(2026, 10, 1))


def test_whoever_drafted_it_does_not_approve_it_and_nothing_is_paid_before(books: Books) -> None:
    order = books.confirmed()
    settlement = books.draft()
    with pytest.raises(Refused, match="same_person"), transaction(books.conn) as tx:
        settlements.approve(tx, AFTER, books.supervisor, settlement)
    with pytest.raises(Refused, match="wrong_step"), transaction(books.conn) as tx:
        settlements.pay(tx, AFTER, books.supervisor, settlement, "BANK-1")
    assert books.order("state", order) == ("confirmed",)
    books.approve(settlement)
    with pytest.raises(Refused, match="wrong_step"):
        books.approve(settlement)
    with transaction(books.conn) as tx:
        settlements.pay(tx, AFTER, books.supervisor, settlement, "BANK-1")
    with pytest.raises(Refused, match="wrong_step"), transaction(books.conn) as tx:
        settlements.pay(tx, AFTER, books.supervisor, settlement, "BANK-2")
    assert books.balance("cash") == -1_500


def test_a_correction_counts_in_its_month_until_that_is_approved_and_in_the_current_one_after(books: Books) -> None:
    order = books.confirmed("bath")
    settlement = books.draft()

    def adjust(key: str) -> None:
        with transaction(books.conn) as tx:
            moved = Moved(elder_fen=-1_000, provider_fen=-950)
            row = locked_order(tx, order)
            charging.adjust(tx, AFTER, row, moved, key=key, actor_id=books.supervisor, note="少做了一项")

    adjust("first")
    assert books.approve(settlement) == settlements.Totals(1, 12_000, 0, 12_000, 11_400, -950, 10_450)
    adjust("second")
    assert books.entries("kind, month") == [
        ("charge", NOVEMBER),
        ("adjustment", NOVEMBER),
        ("adjustment", date(2026, 12, 1)),
    ]
    with transaction(books.conn) as tx:
        assert [line.kind for line in settlements.lines_of(tx, settlement)] == ["charge", "adjustment"]


def test_a_settlement_whose_ledger_does_not_follow_from_the_orders_is_not_approved(books: Books) -> None:
    books.tag("low_income")
    books.confirmed("meal")
    wrong, missing = books.confirmed("bath"), books.done("meal")
    settlement = books.draft()
    with by_hand(books.conn):
        books.conn.execute(
            "UPDATE order_event SET detail = detail || '{\"provider_fen\": 9999}' WHERE kind = 'confirmed'"
            " AND order_id = %s",
            (wrong,),
        )
        books.conn.execute("INSERT INTO order_event (order_id, at, kind) VALUES (%s, %s, 'confirmed')", (missing, NOW))
    stored = row(books.conn, SETTLEMENT, {"id": settlement})
    assert stored is not None
    with transaction(books.conn) as tx:
        found = differences(tx, stored)
    assert [(one["order_id"], one["told_provider_fen"], one["booked_provider_fen"]) for one in found] == [
        (wrong, 9_999, 11_400),
        (missing, 1_500, None),
    ]
    with pytest.raises(Refused, match="books_differ"):
        books.approve(settlement)


def test_visits_whose_month_is_not_settled_in_time_become_one_task_until_it_is(books: Books) -> None:
    orders = [books.confirmed() for _ in range(7)]
    due = datetime.fromisoformat("2026-12-10T00:00:00+08:00")
    assert books.sweep(due - DAY) == 0
    books.sweep(due)
    assert {books.order("due_at", order)[0] for order in orders} == {due + DAY}
    books.sweep(due + DAY)
    tasks = "SELECT kind, about, org_code, outcome FROM task"
    name = f"500109:{books.provider}:2026-11"
    assert books.conn.execute(tasks).fetchall() == [("settlement", name, "500109", None)]
    books.approve(books.draft(due), due + DAY)
    assert books.conn.execute(tasks).fetchall() == [("settlement", name, "500109", "settled")]
    assert books.sweep(due + 5 * DAY) == 0


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_in_a_month_its_settlement_is_the_ledger_and_the_ledger_is_zero(
    books: Books, seed: int
) -> None:
    dice = random.Random(seed)
    books.tag(*dice.sample(["low_income", "aged_90", "disabled"], 2))
    orders, at = [], NOW - 15 * DAY
    for number in range(40):
        at += timedelta(hours=dice.randint(1, 12))
        match dice.choice(["visit", "visit", "no_show", "complaint", "adjust", "reverse"]):
            case "visit":
                orders.append(books.confirmed(dice.choice(["meal", "bath", "escort", "wellbeing_check"])))
            case "no_show":
                with transaction(books.conn) as tx:
                    rule = pay_rules.rule_for(tx, dice.choice(pay_rules.NO_SHOW_REASONS))
                    cases.keep(tx, at, locked_order(tx, books.done("meal")), rule, evidence={})
            case "complaint" if orders:
                _try(books, lambda tx, when=at: complaints.decide(
                    tx, when, complaints.complain(tx, when, dice.choice(orders), books.relative, "late", "x", "family"),
                    books.supervisor,
                    Decision("upheld", "x", refund_fen=dice.randint(0, 900), penalty_fen=dice.randint(0, 900)),
                ))  # fmt: skip
            case "adjust" if orders:
                _try(books, lambda tx, n=number, when=at: charging.adjust(
                    tx, when, locked_order(tx, dice.choice(orders)), Moved(elder_fen=dice.randint(-2_000, 2_000)),
                    key=f"a:{n}", actor_id=books.supervisor, note="x",
                ))  # fmt: skip
            case "reverse":
                _try(books, lambda tx, when=at: charging.reverse_entry(
                    tx, when, dice.choice(books.entries("id") or [(1,)])[0], books.supervisor, "x"
                ))  # fmt: skip
    found = books.approve(books.draft())
    kinds = ("elder", "subsidy", "provider", "district", "cash")
    assert sum(books.balance(kind) for kind in kinds) == 0
    assert found.due_fen == -books.balance("provider")
    assert books.conn.execute("SELECT count(*) FROM settlement_entry").fetchone() == (len(books.entries()),)
    assert {books.order("state", order) for order in orders} <= {("settled",)}


def _try(books: Books, act) -> None:  # type: ignore[no-untyped-def]
    try:
        with transaction(books.conn) as tx:
            act(tx)
    except Refused:
        pass


def test_a_correction_made_while_its_month_is_approved_is_in_that_settlement_or_in_the_next(
    books: Books, database_url: str
) -> None:
    orders = [books.confirmed("bath") for _ in range(6)]
    settlement = books.draft()

    def correct(order: int) -> None:
        with connect(database_url, "test") as conn, transaction(conn) as tx:
            moved = Moved(elder_fen=-100, provider_fen=-100)
            charging.adjust(
                tx, AFTER, locked_order(tx, order), moved, key=f"a:{order}", actor_id=books.supervisor, note="x"
            )

    def approve() -> None:
        with connect(database_url, "test") as conn, transaction(conn) as tx:
            settlements.approve(tx, AFTER, books.other_supervisor, settlement)

    acts = [*(partial(correct, order) for order in orders[:3]), approve, *(partial(correct, one) for one in orders[3:])]
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = row(books.conn, SETTLEMENT, {"id": settlement})
    assert stored is not None and stored["state"] == "approved"
    left_out = (
        "SELECT count(*) FROM ledger_entry WHERE month = %s AND id NOT IN (SELECT entry_id FROM settlement_entry)"
    )
    assert books.conn.execute(left_out, (NOVEMBER,)).fetchone() == (0,)
    corrected = [month for kind, month in books.entries("kind, month") if kind == "adjustment"]
    assert len(corrected) == 6
    assert stored["adjustment_fen"] == -100 * corrected.count(NOVEMBER)


def hold(books: Books, order: int, why: str | None) -> None:
    books.conn.execute("UPDATE service_order SET payment_held = %s WHERE id = %s", (why, order))


def test_a_visit_that_a_supervisor_looks_at_waits_for_a_later_settlement(books: Books) -> None:
    held, paid = books.confirmed("bath"), books.confirmed("meal")
    hold(books, held, "review")
    assert books.approve(books.draft()).due_fen == 1_500
    assert (books.order("state", held), books.order("state", paid)) == (("confirmed",), ("settled",))

    january = datetime.fromisoformat("2027-01-10T00:00:00+08:00")
    books.conn.execute("UPDATE service_order SET due_at = %s WHERE id = %s", (january, held))
    with pytest.raises(Refused, match="not_found"), transaction(books.conn) as tx:
        settlements.draft(tx, january, books.supervisor, "500109", books.provider, date(2026, 12, 1))
    hold(books, held, None)
    books.sweep(january)
    name = f"500109:{books.provider}:2026-12"
    assert books.conn.execute("SELECT about FROM task WHERE done_at IS NULL").fetchall() == [(name,)]
    with transaction(books.conn) as tx:
        december = settlements.draft(tx, january, books.supervisor, "500109", books.provider, date(2026, 12, 1))
    assert books.approve(december, january) == settlements.Totals(1, 12_000, 0, 12_000, 11_400, 0, 11_400)
    assert books.order("state", held) == ("settled",)
    assert books.conn.execute("SELECT about FROM task WHERE done_at IS NULL").fetchall() == []


def test_a_visit_that_never_took_place_costs_nobody_anything(books: Books) -> None:
    books.tag("low_income")
    booked, later = books.confirmed("bath"), books.done("bath")
    for order in (booked, later):
        hold(books, order, "fraud")
        with transaction(books.conn) as tx:
            made = charging.void(tx, NOW, order, books.supervisor)
        assert (made is not None) == (order == booked)
    with transaction(books.conn) as tx:
        assert charging.void(tx, NOW, booked, books.supervisor) is None
    books.confirm(later)
    assert books.entries("kind, order_id, note") == [
        ("charge", booked, None),
        ("reversal", booked, "fraud"),
        ("charge", later, None),
    ]
    assert {books.balance(kind) for kind in ("elder", "subsidy", "provider", "district")} == {0}
    assert books.approve(books.draft()).due_fen == 0
