"""A month computed again from no-shows and complaints: whatever was changed by hand is found."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dispatch.money.agreement import differences
from dispatch.order_rows import locked_order
from dispatch.refusals import Refused
from dispatch.service_level import cases, complaints, pay_rules
from dispatch.service_level.complaints import Decision
from schemas.database import transaction
from schemas.statements import statement
from tests.integration.dispatch.money.books import NOW, Books
from tests.integration.district import Connection, by_hand, one

SETTLEMENT = statement("SELECT * FROM settlement WHERE id = %(id)s::bigint")
Difference = tuple[str, int, int | None, int | None]


@pytest.fixture
def books(conn: Connection) -> Books:
    """The street and its ledger."""
    return Books(conn)


def no_show(books: Books) -> int:
    """An order whose worker never came, by the engine's rule; its id."""
    order = books.request("bath")
    books.conn.execute(
        "UPDATE service_order SET state = 'accepted', worker_id = %s, accepted_at = %s WHERE id = %s",
        (books.worker.id, NOW, order),
    )
    with transaction(books.conn) as tx:
        held = locked_order(tx, order)
        cases.keep(tx, NOW, held, pay_rules.rule_for(tx, "worker_no_show"), evidence={})
    return order


def refunded(books: Books) -> int:
    """An order about which somebody complained, and got money back; its id."""
    order = books.confirmed("bath")
    with transaction(books.conn) as tx:
        made = complaints.complain(tx, NOW, order, books.relative, "late", "等了一小时", "family")
        complaints.decide(
            tx, NOW, made, books.supervisor, Decision("upheld", "确实", refund_fen=2_000, penalty_fen=900)
        )
    return order


def found(books: Books, settlement: int) -> list[Difference]:
    with transaction(books.conn) as tx:
        head = tx.row(SETTLEMENT, {"id": settlement})
        assert head is not None
        return [
            (wrong["kind"], wrong["order_id"], wrong["told_provider_fen"], wrong["booked_provider_fen"])
            for wrong in differences(tx, head)
        ]


def unsettled(books: Books) -> list[tuple[int, str]]:
    """Whose entries wait for a settlement."""
    return books.conn.execute("SELECT provider_id, kind FROM unsettled_entry ORDER BY id").fetchall()


def test_no_shows_seen_otherwise_and_refunds_follow_from_their_rows(books: Books) -> None:
    order = no_show(books)
    refunded(books)
    case = one(books.conn, "SELECT id FROM no_show WHERE order_id = %s", order)
    with transaction(books.conn) as tx:
        cases.reassess(tx, NOW + timedelta(hours=1), case, books.supervisor, "unsafe", "nobody", "门禁坏了")
    settlement = books.draft()
    assert found(books, settlement) == []
    assert books.approve(settlement).due_fen == 11_400 - 900 + 5_700


@pytest.mark.parametrize(
    ("happened", "tampered", "kind", "told"),
    [
        (no_show, "UPDATE no_show SET penalty_fen = 1", "no_show", -1),
        (no_show, "DELETE FROM no_show", "no_show", None),
        (refunded, "UPDATE complaint SET penalty_fen = 2", "compensation", -2),
        (refunded, "UPDATE complaint SET refund_fen = 0, penalty_fen = 0", "compensation", None),
    ],
)
def test_a_decision_that_was_changed_afterwards_is_found(
    books: Books, happened: Callable[[Books], int], tampered: str, kind: str, told: int | None
) -> None:
    order = happened(books)
    settlement = books.draft()
    booked = {"no_show": -5_700, "compensation": -900}[kind]
    with by_hand(books.conn):
        books.conn.execute(tampered.encode())
    assert found(books, settlement) == [(kind, order, told, booked)]
    with pytest.raises(Refused, match="books_differ"):
        books.approve(settlement)


@pytest.mark.parametrize(("happened", "kind", "told"), [(no_show, "no_show", -5_700), (refunded, "compensation", -900)])
@pytest.mark.parametrize("gone", ["entry", "amount"])
def test_an_entry_that_was_taken_out_or_changed_is_found(
    books: Books, happened: Callable[[Books], int], kind: str, told: int, gone: str
) -> None:
    order = happened(books)
    books.confirmed("meal")
    settlement = books.draft()
    entry = one(books.conn, "SELECT id FROM ledger_entry WHERE kind = %s", kind)
    with by_hand(books.conn):
        if gone == "entry":
            books.conn.execute("DELETE FROM ledger_line WHERE entry_id = %s", (entry,))
            books.conn.execute("DELETE FROM ledger_entry WHERE id = %s", (entry,))
        else:
            books.conn.execute("UPDATE ledger_line SET amount_fen = amount_fen * 2 WHERE entry_id = %s", (entry,))
    assert found(books, settlement) == [(kind, order, told, None if gone == "entry" else 2 * told)]


def test_a_test_order_is_booked_and_told_nowhere(books: Books) -> None:
    order = no_show(books)
    with by_hand(books.conn):
        books.conn.execute("DELETE FROM ledger_line")
        books.conn.execute("DELETE FROM ledger_entry")
        books.conn.execute("UPDATE service_order SET is_test = true WHERE id = %s", (order,))
    books.confirmed("meal")
    assert found(books, books.draft()) == []


def test_a_visit_that_is_looked_at_holds_up_nothing_of_the_provider_whose_worker_did_not_come(books: Books) -> None:
    order = no_show(books)
    other = books.add_provider("嘉陵家政")
    visitor = books.add_worker("two", provider=other)
    books.finish(order, visitor, NOW)
    books.confirm(order)
    books.conn.execute("UPDATE service_order SET payment_held = 'review' WHERE id = %s", (order,))
    assert books.approve(books.draft()).due_fen == -5_700
    assert unsettled(books) == []
    books.conn.execute("UPDATE service_order SET payment_held = NULL WHERE id = %s", (order,))
    assert unsettled(books) == [(other, "charge")]
