"""Visits that do not take place: who is to blame, what it costs whom, and how a supervisor sees it otherwise."""

from datetime import datetime

import pytest

from dispatch import orders, tasks
from dispatch.refusals import Refused
from dispatch.service import visits
from dispatch.service_level import cases, complaints, pay_rules
from dispatch.service_level.complaints import Decision
from dispatch.service_level.pay_rules import PayRule
from schemas.database import transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection


class Paid(Workforce):
    """A street where a bath costs 80 yuan, of which the provider gets 60."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        super().__init__(conn, now)
        conn.execute(
            "UPDATE catalogue_item SET price_fen = 8000, provider_fen = 6000, fee = 'paid' WHERE code = 'bath'"
        )

    def cases(self) -> list[tuple[object, ...]]:
        return self.conn.execute(
            "SELECT reason, blame, elder_fen, provider_fen, penalty_fen FROM no_show ORDER BY id"
        ).fetchall()

    def visit(self, worker: Worker) -> int:
        return self.accepted(worker, item="bath", begins=HOUR)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Paid:
    return Paid(conn, now)


def booked(street: Paid, account: str) -> int:
    found = street.conn.execute(
        "SELECT COALESCE(sum(amount_fen), 0) FROM ledger_line JOIN ledger_account AS account ON account.id = account_id"
        " WHERE account.kind = %s",
        (account,),
    ).fetchone()
    assert found is not None
    return int(found[0])


def test_a_worker_who_never_set_out_is_replaced_and_her_provider_charged(street: Paid) -> None:
    worker = street.add_worker("甲")
    order = street.visit(worker)
    over = street.now + 3 * HOUR
    street.sweep(over)
    assert street.order("attention", order) == ("late",)
    street.sweep(over + 30 * MINUTE)
    assert street.cases() == [("worker_no_show", "provider", 0, 0, 3000)]
    assert street.order("state, worker_id", order) == ("requested", None)
    assert booked(street, "provider") == 3000


def test_whoever_takes_a_visit_when_its_window_has_passed_has_as_long_to_set_out_as_anybody(street: Paid) -> None:
    order = street.visit(street.add_worker("甲"))
    over = street.now + 3 * HOUR + 30 * MINUTE
    street.sweep(over - 30 * MINUTE)
    street.sweep(over)
    other = street.add_worker("乙", 100)
    street.sweep(over + MINUTE)
    taken = over + 2 * MINUTE
    assert street.accept(other, taken, order=order) is None
    for later in (MINUTE, 17 * MINUTE):
        street.sweep(taken + later)
        assert street.order("state, worker_id, attention", order) == ("accepted", other.id, "late")
    assert len(street.cases()) == 1
    street.sweep(taken + 40 * MINUTE)
    assert street.order("state, worker_id", order) == ("requested", None)
    assert [reason for reason, *_ in street.cases()] == ["worker_no_show"] * 2


def test_whoever_is_on_the_way_is_only_late(street: Paid) -> None:
    worker = street.add_worker("甲")
    order = street.visit(worker)
    with transaction(street.conn) as tx:
        visits.depart(tx, street.now + HOUR, order, worker.account)
    street.sweep(street.now + 3 * HOUR)
    street.sweep(street.now + 4 * HOUR)
    assert street.cases() == []
    assert street.order("state, attention", order) == ("en_route", "late")


def test_nobody_is_blamed_who_does_not_go_to_an_elder_in_hospital(street: Paid) -> None:
    order = street.visit(street.add_worker("甲"))
    street.elder_becomes("hospital", street.now)
    street.sweep(street.now + 4 * HOUR)
    assert street.cases() == []
    assert street.order("state, attention", order) == ("accepted", "elder_away")


def test_an_elder_who_is_not_there_pays_for_the_way(street: Paid) -> None:
    worker = street.add_worker("甲")
    order = street.visit(worker)
    with transaction(street.conn) as tx:
        visits.depart(tx, street.now + HOUR, order, worker.account)
        visits.fail(tx, street.now + 2 * HOUR, order, worker.account, "elder_absent", None)
    assert street.cases() == [("elder_absent", "elder", 4000, 3000, 0)]
    assert (booked(street, "elder"), booked(street, "provider")) == (4000, -3000)


def test_calling_off_in_good_time_costs_nothing_and_late_it_does(street: Paid) -> None:
    early = street.accepted(street.add_worker("甲"), item="bath", begins=5 * HOUR)
    late = street.accepted(street.add_worker("乙", 100), item="bath", begins=HOUR, elder=street.add_neighbour(90))
    with transaction(street.conn) as tx:
        orders.cancel(tx, street.now, early, street.operator, "旅行", for_elder=True)
        orders.cancel(tx, street.now, late, street.operator, "不需要了", for_elder=True)
    assert street.cases() == [("late_cancel", "elder", 2400, 1800, 0)]


def test_what_staff_cancel_costs_the_elder_nothing(street: Paid) -> None:
    order = street.accepted(street.add_worker("甲"), item="bath", begins=HOUR)
    with transaction(street.conn) as tx:
        orders.cancel(tx, street.now, order, street.operator, "重复")
    assert street.cases() == []


def test_a_supervisor_who_sees_it_otherwise_has_it_charged_anew(street: Paid) -> None:
    worker = street.add_worker("甲")
    order = street.visit(worker)
    with transaction(street.conn) as tx:
        visits.depart(tx, street.now + HOUR, order, worker.account)
        visits.fail(tx, street.now + 2 * HOUR, order, worker.account, "elder_absent", None)
    [case] = street.conn.execute("SELECT id FROM no_show").fetchone() or ()
    with transaction(street.conn) as tx:
        cases.reassess(tx, street.now + 3 * HOUR, case, street.supervisor, "unsafe", "nobody", "门禁坏了")
    assert street.cases()[-1] == ("unsafe", "nobody", 0, 3000, 0)
    assert (booked(street, "elder"), booked(street, "provider")) == (0, -3000)
    with transaction(street.conn) as tx, pytest.raises(Refused) as refused:
        cases.reassess(tx, street.now + 3 * HOUR, case, street.supervisor, "unsafe", "nobody", "再来一次")
    assert refused.value.code == "not_found"
    assert street.conn.execute("SELECT sum(amount_fen) FROM ledger_line").fetchone() == (0,)


def test_a_new_rule_holds_for_cases_from_then_on(street: Paid) -> None:
    with transaction(street.conn) as tx:
        rule = PayRule(0, "elder_absent", "nobody", 0, 100)
        pay_rules.set_rule(tx, street.now, street.supervisor, rule)
        with pytest.raises(Refused):
            pay_rules.set_rule(tx, street.now, street.supervisor, rule)
        assert pay_rules.rule_for(tx, "elder_absent").provider_percent == 100


def complaint(street: Paid, order: int, at: datetime) -> int:
    with transaction(street.conn) as tx:
        return complaints.complain(tx, at, order, street.relative, "poor_work", "没洗干净", "family")


def done(street: Paid) -> int:
    worker = street.add_worker("甲")
    order = street.visit(worker)
    street.conn.execute(
        "UPDATE service_order SET state = 'completed', ended_at = %s, completed_at = %s, checked_in_at = %s,"
        " due_at = %s, due_reason = 'confirm' WHERE id = %s",
        (*[street.now + 2 * HOUR] * 4, order),
    )
    return order


def test_a_complaint_is_decided_once_by_somebody_else_with_what_follows(street: Paid) -> None:
    order = done(street)
    at = street.now + 3 * HOUR
    made = complaint(street, order, at)
    task = street.conn.execute("SELECT kind, order_id, done_at FROM task WHERE kind = 'complaint'").fetchone()
    assert task == ("complaint", order, None)
    begins = at + 24 * HOUR
    decision = Decision("upheld", "免费重做", refund_fen=2000, penalty_fen=1000, rework_from=begins)
    with transaction(street.conn) as tx:
        complaints.decide(tx, at, made, street.supervisor, decision)
    rework = street.conn.execute(
        "SELECT source, source_ref, price_fen, provider_fen FROM service_order WHERE source = 'rework'"
    ).fetchone()
    assert rework == ("rework", order, 0, 6000)
    assert (booked(street, "elder"), booked(street, "provider")) == (-2000, 1000)
    assert street.conn.execute("SELECT outcome FROM task WHERE kind = 'complaint'").fetchone() == ("upheld",)
    with transaction(street.conn) as tx, pytest.raises(Refused) as refused:
        complaints.decide(tx, at, made, street.supervisor, Decision("dismissed", "不成立"))
    assert refused.value.code == "already_answered"


def test_a_complaint_is_not_ended_by_ending_its_task(street: Paid) -> None:
    complaint(street, done(street), street.now + 3 * HOUR)
    [task] = street.conn.execute("SELECT id FROM task WHERE kind = 'complaint'").fetchone() or ()
    with transaction(street.conn) as tx, pytest.raises(Refused) as refused:
        tasks.complete(tx, street.now + 4 * HOUR, task, street.supervisor, "upheld", None)
    assert refused.value.code == "wrong_outcome"


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (Decision("dismissed", "不成立", refund_fen=1), "wrong_outcome"),
        (Decision("upheld", "成立", refund_fen=8001), "too_much"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(street: Paid, decision: Decision, why: str) -> None:
    made = complaint(street, done(street), street.now + 3 * HOUR)
    with transaction(street.conn) as tx, pytest.raises(Refused) as refused:
        complaints.decide(tx, street.now + 3 * HOUR, made, street.supervisor, decision)
    assert refused.value.code == why


def test_whoever_took_a_complaint_down_does_not_decide_it(street: Paid) -> None:
    order, at = done(street), street.now + 3 * HOUR
    with transaction(street.conn) as tx:
        made = complaints.complain(tx, at, order, street.supervisor, "late", "等了一小时", "elder")
        with pytest.raises(Refused) as refused:
            complaints.decide(tx, at, made, street.supervisor, Decision("dismissed", "不成立"))
    assert refused.value.code == "second_person_needed"


def test_complaints_are_taken_for_some_weeks(street: Paid) -> None:
    order = done(street)
    with pytest.raises(Refused) as refused:
        complaint(street, order, street.now + 40 * 24 * HOUR)
    assert refused.value.code == "too_late"
    nobody_yet = street.request("bath", 5 * HOUR)
    with pytest.raises(Refused) as refused:
        complaint(street, nobody_yet, street.now)
    assert refused.value.code == "wrong_step"
