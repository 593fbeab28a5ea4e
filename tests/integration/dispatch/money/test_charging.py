"""A confirmed visit is booked once, at what it was sold for; corrections are new entries; nothing is ever changed."""

import threading

import psycopg
import pytest

from dispatch.money import charging
from dispatch.money.charging import Moved
from dispatch.money.ledger import Account, Entry, post
from dispatch.order_rows import locked_order
from dispatch.orders import cancel, request_order
from dispatch.placing import Wish
from dispatch.refusals import Refused
from schemas.database import connect, transaction
from schemas.district_time import month_bounds
from tests.integration.dispatch.money.books import NOVEMBER, NOW, Books
from tests.integration.dispatch.workforce import HOUR
from tests.integration.district import Connection


@pytest.fixture
def books(conn: Connection) -> Books:
    """The street and its ledger."""
    return Books(conn)


def test_a_confirmed_visit_is_owed_by_elder_and_fund_and_owed_to_its_provider(books: Books) -> None:
    books.tag("low_income")
    order = books.confirmed("bath")
    assert books.order("price_fen, subsidy_fen, provider_fen, subsidy_category", order) == (
        12_000, 8_400, 11_400, "low_income",
    )  # fmt: skip
    assert books.entries("kind, key, month, order_id, elder_id, provider_id") == [
        ("charge", f"order:{order}", NOVEMBER, order, books.elder, books.provider)
    ]
    found = {kind: books.balance(kind) for kind in ("elder", "subsidy", "provider", "district", "cash")}
    assert found == {"elder": 3_600, "subsidy": 8_400, "provider": -11_400, "district": -600, "cash": 0}


def test_a_free_visit_costs_the_elder_nothing_and_the_district_pays_the_provider(books: Books) -> None:
    books.confirmed("wellbeing_check")
    assert (books.balance("elder"), books.balance("provider"), books.balance("district")) == (0, -2_000, 2_000)


def test_a_providers_own_rate_counts_where_it_has_one(books: Books) -> None:
    books.conn.execute(
        "INSERT INTO provider_service (provider_id, item_code, provider_fen, valid_from) VALUES (%s, 'meal', 1350, %s)",
        (books.provider, NOW - HOUR),
    )
    order = books.confirmed("meal")
    assert (books.balance("provider"), books.order("provider_fen", order)) == (-1_350, (1_350,))


def test_a_confirmed_visit_waits_for_the_settlement_of_its_month(books: Books) -> None:
    order = books.confirmed()
    [due_at, reason] = books.order("due_at AT TIME ZONE interval '8 hours', due_reason", order)
    assert (str(due_at), reason) == ("2026-12-10 00:00:00", "settle")


def test_a_test_visit_is_booked_nowhere_and_closes_by_itself(books: Books) -> None:
    books.conn.execute("UPDATE elder SET state = 'test' WHERE id = %s", (books.elder,))
    order = books.done()
    books.confirm_by_silence(order)
    assert books.entries() == []
    [due_at] = books.order("due_at", order)
    assert books.sweep(due_at) == 1  # type: ignore[arg-type]
    assert books.order("state, due_at", order) == ("settled", None)
    assert books.timeline(order)[-2:] == ["confirmed", "settled"]


def test_a_companions_visit_costs_the_elder_nothing_and_its_provider_gets_its_rate(books: Books) -> None:
    books.conn.execute(
        "INSERT INTO service_profile (elder_id, weight_kg, changed_at) VALUES (%s, 90, %s)", (books.elder, NOW)
    )
    lead = books.request("bath")
    second = books.add_worker("two")
    [companion] = books.conn.execute("SELECT id FROM service_order WHERE lead_id = %s", (lead,)).fetchone() or (0,)
    for order, worker in ((lead, books.worker), (companion, second)):
        books.finish(order, worker, NOW)
        books.confirm_by_silence(order)
    assert (books.balance("elder"), books.balance("provider")) == (12_000, -22_800)


def test_confirming_twice_at_once_books_once(books: Books, database_url: str) -> None:
    order = books.done()
    refused: list[str] = []

    def confirm() -> None:
        other = Books.__new__(Books)
        with connect(database_url, "test") as conn:
            other.conn, other.now, other.relative = conn, books.now, books.relative
            try:
                other.confirm(order)
            except Refused as refusal:
                refused.append(refusal.code)

    _at_once(*[confirm] * 4)
    assert (len(books.entries()), refused) == (1, ["order_ended"] * 3)


def test_charging_the_same_event_at_once_books_it_once(books: Books, database_url: str) -> None:
    order = books.done()

    def charge() -> None:
        with connect(database_url, "test") as conn, transaction(conn) as tx:
            entry = Entry("charge", f"order:{order}", "500109", NOVEMBER, {}, order_id=order)
            post(tx, NOW, entry)

    _at_once(*[charge] * 6)
    assert len(books.entries()) == 1


def test_orders_at_once_do_not_spend_a_months_sum_twice(books: Books, database_url: str) -> None:
    books.tag("low_income")

    def order() -> None:
        with connect(database_url, "test") as conn, transaction(conn) as tx:
            begins = NOW + HOUR
            request_order(tx, NOW, books.operator, Wish(books.elder, "bath", begins, begins + HOUR, (), None))

    _at_once(*[order] * 6)
    rows = books.conn.execute("SELECT subsidy_fen FROM service_order ORDER BY subsidy_fen DESC").fetchall()
    assert [row[0] for row in rows] == [8_400, 8_400, 8_400, 4_800, 0, 0]


def test_a_cancelled_visit_gives_its_subsidy_back_and_the_next_month_begins_anew(books: Books) -> None:
    books.tag("aged_80")
    first = [books.request("escort") for _ in range(5)]
    subsidy = [books.order("subsidy_fen", order)[0] for order in first]
    assert subsidy == [2_400, 2_400, 2_400, 2_400, 400]
    with transaction(books.conn) as tx:
        cancel(tx, NOW, first[0], books.operator, "改期")
    assert books.order("subsidy_fen", books.request("escort")) == (2_400,)
    _, december = month_bounds(NOW)
    assert books.order("subsidy_fen", books.request("escort", december - NOW)) == (2_400,)


def test_a_visit_that_did_not_take_place_is_paid_by_whom_the_rule_says_and_never_subsidised(books: Books) -> None:
    books.tag("special_support")
    order = books.done("bath")
    for _ in range(2):
        with transaction(books.conn) as tx:
            row = locked_order(tx, order)
            charging.charge_failed(
                tx, NOW, row, elder_fen=2_000, provider_fen=5_700, penalty_fen=0, key="no_show:1", blame="elder"
            )
    assert books.entries("kind, key, note") == [("no_show", "no_show:1", "elder")]
    assert (books.balance("elder"), books.balance("subsidy"), books.balance("provider")) == (2_000, 0, -5_700)
    with transaction(books.conn) as tx:
        assert charging.reverse(tx, NOW, "no_show:1", books.supervisor, "看错了") is not None
        assert charging.reverse(tx, NOW, "no_show:1", books.supervisor, "又看错了") is None
        assert charging.reverse(tx, NOW, "no_show:2", books.supervisor, "没有") is None
    assert books.balance("elder") == books.balance("provider") == books.balance("district") == 0


def test_an_upheld_complaint_refunds_the_elder_and_charges_the_provider(books: Books) -> None:
    order = books.confirmed("bath")
    with transaction(books.conn) as tx:
        row = locked_order(tx, order)
        charging.compensate(
            tx, NOW, row, refund_fen=6_000, penalty_fen=5_000, key="complaint:1", actor_id=books.supervisor
        )
    assert (books.balance("elder"), books.balance("provider"), books.balance("district")) == (6_000, -6_400, 400)


def test_a_correction_is_a_new_entry_that_names_the_old_one_and_undoes_it_once(books: Books) -> None:
    books.tag("low_income")
    books.confirmed("bath")
    [[entry]] = books.entries("id")
    with transaction(books.conn) as tx:
        made = charging.reverse_entry(tx, NOW, entry, books.supervisor, "重复下单")
    assert books.entries("id, kind, reverses, note, actor_id")[1:] == [
        (made, "reversal", entry, "重复下单", books.supervisor)
    ]
    assert all(books.balance(kind) == 0 for kind in ("elder", "subsidy", "provider", "district"))
    for again, code in ((entry, "already_reversed"), (made, "not_reversible"), (99, "not_found")):
        with pytest.raises(Refused, match=code), transaction(books.conn) as tx:
            charging.reverse_entry(tx, NOW, again, books.supervisor, "再来")


def test_an_adjustment_needs_a_charge_and_takes_no_more_back_than_was_paid(books: Books) -> None:
    def adjust(order: int, moved: Moved, key: str = "a") -> int:
        with transaction(books.conn) as tx:
            row = locked_order(tx, order)
            return charging.adjust(tx, NOW, row, moved, key=key, actor_id=books.supervisor, note="少做了一项")

    with pytest.raises(Refused, match="wrong_step"):
        adjust(books.done("bath"), Moved(elder_fen=-1))
    order = books.confirmed("bath")
    with pytest.raises(Refused, match="wrong_step"):
        adjust(order, Moved(subsidy_fen=1))
    with pytest.raises(Refused, match="too_much"):
        adjust(order, Moved(elder_fen=-12_001))
    adjust(order, Moved(elder_fen=-2_000, provider_fen=-1_900))
    with pytest.raises(Refused, match="already_answered"):
        adjust(order, Moved(elder_fen=-2_000))
    assert (books.balance("elder"), books.balance("provider")) == (10_000, -9_500)


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_line", "ledger_account"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET {}"])
def test_nothing_in_the_ledger_is_ever_changed_or_deleted(books: Books, table: str, change: str) -> None:
    books.confirmed()
    column = {"ledger_entry": "note = 'x'", "ledger_line": "amount_fen = 1", "ledger_account": "kind = 'cash'"}[table]
    with pytest.raises(psycopg.errors.RestrictViolation):
        books.conn.execute(change.format(table, column).encode())


def test_the_database_refuses_an_entry_that_does_not_balance_and_lines_that_come_later(books: Books) -> None:
    books.confirmed()
    [[entry]] = books.entries("id")
    with pytest.raises(psycopg.errors.CheckViolation), transaction(books.conn) as tx:
        other = Entry(
            "adjustment", "bad", "500109", NOVEMBER, {Account("cash", "500109"): 5, Account("district", "500109"): -5}
        )
        made = post(tx, NOW, other)
        tx.conn.execute("INSERT INTO ledger_line SELECT %s, id, 3 FROM ledger_account WHERE kind = 'elder'", (made,))
    for amounts in ((5,), (5, -5)):
        with pytest.raises(psycopg.errors.CheckViolation), transaction(books.conn) as tx:
            for number, amount in enumerate(amounts):
                [account] = tx.conn.execute(
                    "INSERT INTO ledger_account (kind, district_code, category) VALUES ('subsidy', '500109', %s)"
                    " RETURNING id",
                    (str(number),),
                ).fetchone() or (0,)
                tx.conn.execute("INSERT INTO ledger_line VALUES (%s, %s, %s)", (entry, account, amount))


def _at_once(*acts: object) -> None:
    threads = [threading.Thread(target=act) for act in acts]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
