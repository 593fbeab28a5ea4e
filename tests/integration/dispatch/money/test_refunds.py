"""Refunds, voided visits, cases seen otherwise: nobody gets back more than was paid or pays at another's rate."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from dispatch.money import charging
from dispatch.money.charging import Moved
from dispatch.order_rows import locked_order
from dispatch.orders import cancel, elder_state_changed
from dispatch.refusals import Refused
from dispatch.service_level import cases, complaints, pay_rules
from dispatch.service_level.complaints import Decision
from dispatch.service_level.pay_rules import PayRule
from schemas.database import Transaction, connect, transaction
from schemas.statements import statement
from tests.integration.dispatch.money.books import NOW, Books
from tests.integration.dispatch.races import overtaken, told
from tests.integration.dispatch.workforce import HOUR
from tests.integration.district import Connection
from tests.integration.waiting import eventually

LEAVE = statement("UPDATE elder SET state = 'hospital' WHERE id = %(id)s::integer")


@pytest.fixture
def books(conn: Connection) -> Books:
    """The street and its ledger."""
    return Books(conn)


def _complain(books: Books, order: int, at: datetime = NOW) -> int:
    with transaction(books.conn) as tx:
        return complaints.complain(tx, at, order, books.relative, "not_come", "没有人来", "family")


def _decide(books: Books, complaint: int, at: datetime = NOW, **what: object) -> None:
    with transaction(books.conn) as tx:
        complaints.decide(tx, at, complaint, books.supervisor, Decision("upheld", "确实", **what))  # type: ignore[arg-type]


def test_nothing_is_refunded_of_a_visit_that_cost_nothing_because_it_was_called_off(books: Books) -> None:
    order = books.request("bath")
    books.conn.execute(
        "UPDATE service_order SET state = 'accepted', worker_id = %s, accepted_at = %s WHERE id = %s",
        (books.worker.id, NOW, order),
    )
    with transaction(books.conn) as tx:
        cancel(tx, NOW, order, books.operator, "没人来")
    complaint = _complain(books, order)
    with pytest.raises(Refused, match="too_much"):
        _decide(books, complaint, refund_fen=1)
    _decide(books, complaint, penalty_fen=500)
    assert (books.balance("elder"), books.balance("provider")) == (0, 500)


def test_what_was_corrected_already_is_not_refunded_again(books: Books) -> None:
    order = books.confirmed("bath")
    with transaction(books.conn) as tx:
        row = locked_order(tx, order)
        charging.adjust(tx, NOW, row, Moved(elder_fen=-10_000), key="a", actor_id=books.supervisor, note="少做")
    complaint = _complain(books, order)
    with pytest.raises(Refused, match="too_much"):
        _decide(books, complaint, refund_fen=2_001)
    _decide(books, complaint, refund_fen=2_000)
    assert books.balance("elder") == 0


def test_a_visit_that_is_still_to_be_confirmed_can_be_refunded_up_to_its_price(books: Books) -> None:
    order = books.done("bath")
    complaint = _complain(books, order)
    with pytest.raises(Refused, match="too_much"):
        _decide(books, complaint, refund_fen=12_001)
    _decide(books, complaint, refund_fen=12_000)
    books.confirm(order)
    assert books.balance("elder") == 0


def test_a_visit_that_nobody_ever_took_is_neither_refunded_nor_charged_to_a_provider(books: Books) -> None:
    order = books.request("meal")
    late = NOW + timedelta(days=1)
    complaint = _complain(books, order, late)
    with pytest.raises(Refused, match="too_much"):
        _decide(books, complaint, late, refund_fen=100)
    with pytest.raises(Refused, match="wrong_outcome"):
        _decide(books, complaint, late, penalty_fen=100)
    _decide(books, complaint, late)
    assert books.entries() == []


def test_a_rework_is_ordered_while_the_elder_leaves_for_hospital_and_nobody_is_stuck(
    books: Books, database_url: str
) -> None:
    order = books.request("meal")
    books.conn.execute(
        "UPDATE service_order SET state = 'accepted', worker_id = %s, accepted_at = %s WHERE id = %s",
        (books.worker.id, NOW, order),
    )
    complaint = _complain(books, order)
    decision = Decision("upheld", "重做", rework_from=NOW + HOUR)

    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'anban-second' AND wait_event_type = 'Lock'"
    )

    def leave(tx: Transaction) -> None:
        tx.execute(LEAVE, {"id": books.elder})
        late.append(
            pool.submit(told, other, lambda tx: complaints.decide(tx, NOW, complaint, books.supervisor, decision))
        )
        eventually(lambda: books.conn.execute(waiting).fetchone() == (1,), what="the decision to wait for the elder")
        elder_state_changed(tx, NOW, books.elder, "hospital")

    late: list[Future[object]] = []
    with connect(database_url, "first") as one, connect(database_url, "second") as other, ThreadPoolExecutor(1) as pool:
        assert told(one, leave) is None
        assert late[0].result(10) == "elder_away"


def test_a_visit_that_never_took_place_leaves_nothing_of_its_refunds_and_corrections(books: Books) -> None:
    books.tag("low_income")
    order = books.confirmed("bath")
    with transaction(books.conn) as tx:
        row = locked_order(tx, order)
        moved = Moved(elder_fen=-600, subsidy_fen=-400, provider_fen=100)
        charging.adjust(tx, NOW, row, moved, key="a", actor_id=books.supervisor, note="少做")
    _decide(books, _complain(books, order), refund_fen=1_000, penalty_fen=700)
    with transaction(books.conn) as tx:
        locked_order(tx, order)
        charging.void(tx, NOW, order, books.supervisor)
    assert (books.balance("elder"), books.balance("subsidy"), books.balance("provider")) == (0, 0, 700)
    with transaction(books.conn) as tx:
        assert charging.void(tx, NOW, order, books.supervisor) is None
    assert (books.balance("elder"), books.balance("subsidy"), books.balance("provider")) == (0, 0, 700)


def test_a_case_seen_otherwise_is_charged_at_the_rate_of_the_provider_it_is_about(books: Books) -> None:
    dear = books.add_provider("贵的家政")
    books.conn.execute(
        "INSERT INTO provider_service (provider_id, item_code, provider_fen, valid_from)"
        " VALUES (%s, 'bath', 20000, %s)",
        (dear, NOW - HOUR),
    )
    order = books.request("bath")
    books.conn.execute(
        "UPDATE service_order SET state = 'accepted', worker_id = %s, accepted_at = %s WHERE id = %s",
        (books.worker.id, NOW, order),
    )
    with transaction(books.conn) as tx:
        case = cases.keep(tx, NOW, locked_order(tx, order), pay_rules.rule_for(tx, "worker_no_show"), evidence={})
    second = books.add_worker("dear", provider=dear)
    books.conn.execute(
        "UPDATE service_order SET worker_id = %s, provider_fen = 20000 WHERE id = %s", (second.id, order)
    )
    with transaction(books.conn) as tx:
        cases.reassess(tx, NOW, case, books.supervisor, "worker_no_show", "provider", "确实没有来")
    assert books.conn.execute("SELECT penalty_fen FROM no_show ORDER BY id").fetchall() == [(5_700,), (5_700,)]
    assert books.balance("provider") == 5_700


def test_two_who_set_a_pay_rule_at_once_come_one_after_the_other(books: Books, database_url: str) -> None:
    def rule(percent: int) -> PayRule:
        return PayRule(0, "late_cancel", "elder", percent, percent)

    made = overtaken(
        database_url,
        books.conn,
        lambda tx: pay_rules.set_rule(tx, NOW, books.supervisor, rule(40)),
        lambda tx: pay_rules.set_rule(tx, NOW, books.other_supervisor, rule(45)),
    )
    assert all(isinstance(one, int) for one in made)
    standing = "SELECT elder_percent FROM pay_rule WHERE reason = 'late_cancel' AND valid_to IS NULL"
    assert books.conn.execute(standing).fetchall() == [(45,)]
