"""A worker without a network is held not to have come, and her phone says later that she was there."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch import replies, tasks
from dispatch.orders import confirm
from dispatch.positions import Spot
from dispatch.service.follow_ups import follow
from dispatch.service.phone_steps import PhoneStep, reconcile
from dispatch.service_level import cases
from dispatch.service_level.breaches import sweep_visit_promises
from dispatch.service_level.figures import kept
from schemas.database import Transaction, transaction
from schemas.states import TaskOutcome
from tests.integration.dispatch.progress import AT_HOME
from tests.integration.dispatch.races import overtaken
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one

FAR_OFF = replace(AT_HOME, lat=AT_HOME.lat + 0.1)


class Street(Workforce):
    """A street where a meal costs 80 yuan, of which the provider gets 60, and 甲 has one to bring within an hour."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        super().__init__(conn, now)
        conn.execute(
            "UPDATE catalogue_item SET price_fen = 8000, provider_fen = 6000, fee = 'paid' WHERE code = 'meal'"
        )
        self.worker = self.add_worker("甲")
        self.visit = self.accepted(self.worker, item="meal", begins=HOUR)
        closes = self.order("window_to", self.visit)[0]
        assert isinstance(closes, datetime)
        self.closes = closes
        self.given_up_at = self.closes + 21 * MINUTE
        self.heard_at = self.closes + 40 * MINUTE

    def give_up(self) -> None:
        """Time passes, and nothing is heard of 甲."""
        with transaction(self.conn) as tx:
            sweep_visit_promises(tx, self.closes + MINUTE)
        self.sweep(self.closes)
        self.sweep(self.given_up_at)
        assert self.standing() == [("provider", 3000)]
        assert self.order("state, worker_id, attention", self.visit) == ("requested", None, "no_show")

    def standing(self) -> list[tuple[Any, ...]]:
        """Whose fault it is by the cases that stand, and what it costs."""
        return self.conn.execute(
            "SELECT blame, penalty_fen FROM no_show AS one"
            " WHERE NOT EXISTS (SELECT FROM no_show AS later WHERE later.replaces = one.id) ORDER BY id"
        ).fetchall()

    def provider_owes(self) -> int:
        """What the provider's account comes to."""
        return one(
            self.conn,
            "SELECT COALESCE(sum(amount_fen), 0) FROM ledger_line JOIN ledger_account AS account"
            " ON account.id = account_id WHERE account.kind = 'provider'",
        )

    def reviews(self, kind: str = "no_show_review") -> list[tuple[Any, ...]]:
        """How the tasks of a kind ended."""
        return self.conn.execute("SELECT outcome FROM task WHERE kind = %s ORDER BY id", (kind,)).fetchall()

    def taken_by(self, other: Worker) -> None:
        """Somebody else takes the visit."""
        self.sweep(self.given_up_at + MINUTE)
        assert self.accept(other, self.given_up_at + 2 * MINUTE, order=self.visit) is None

    def report(self, *steps: PhoneStep, at: datetime | None = None) -> list[object]:
        """甲's phone has a network again; how it is answered."""
        with transaction(self.conn) as tx:
            return [answer.refusal for answer in reconcile(tx, at or self.heard_at, self.worker.account, steps)]

    def departs(self, before_end: timedelta = 20 * MINUTE) -> PhoneStep:
        """A step taken so long before the window's end."""
        return PhoneStep("departs-1", self.visit, "depart", self.closes - before_end)

    def checks_in(self, before_end: timedelta = 10 * MINUTE, spot: Spot = AT_HOME) -> PhoneStep:
        """A step taken so long before the window's end."""
        return PhoneStep("checks-in-1", self.visit, "check_in", self.closes - before_end, spot=spot)

    def decide(self, outcome: TaskOutcome) -> None:
        """The supervisor says whether 甲 is believed."""
        task = one(self.conn, "SELECT id FROM task WHERE kind = 'no_show_review' AND done_at IS NULL")
        with transaction(self.conn) as tx:
            tasks.complete(tx, self.heard_at + HOUR, task, self.supervisor, outcome, None)
            follow(tx, self.heard_at + HOUR, task, self.supervisor, outcome)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Street:
    return Street(conn, now)


@pytest.mark.parametrize("meanwhile", ["requested", "offered"])
def test_who_was_there_without_a_network_has_her_visit_again_and_is_not_charged(street: Street, meanwhile: str) -> None:
    street.give_up()
    if meanwhile == "offered":
        street.add_worker("乙", 100)
        street.sweep(street.given_up_at + MINUTE)
    assert street.order("state", street.visit) == (meanwhile,)

    assert street.report(street.departs(), street.checks_in()) == [None, None]

    assert street.order("state, worker_id, attention", street.visit) == ("checked_in", street.worker.id, None)
    assert [state for _, state in street.offers(order=street.visit)][1:] == ["withdrawn"] * (meanwhile == "offered")
    assert street.standing() == [("nobody", 0)]
    assert street.provider_owes() == 0
    assert street.reviews() == []
    told = one(street.conn, "SELECT count(*) FROM order_event WHERE kind = 'accepted' AND detail ? 'offline'")
    assert told == 1
    assert one(street.conn, "SELECT sum(amount_fen) FROM ledger_line") == 0


def test_the_visit_goes_on_to_its_end_and_is_paid_like_any_other(street: Street) -> None:
    street.give_up()
    begins = PhoneStep("begins-1", street.visit, "begin", street.closes - 9 * MINUTE)
    ends = PhoneStep("ends-1", street.visit, "complete", street.closes + 20 * MINUTE, spot=AT_HOME, reason="没有拍照")
    assert street.report(street.departs(), street.checks_in(), begins, ends) == [None] * 4
    with transaction(street.conn) as tx:
        confirm(tx, street.heard_at + HOUR, street.visit, street.relative)
    assert street.provider_owes() == -6000


def test_her_arrival_was_in_time_by_her_phone_though_a_breach_was_told_of(street: Street) -> None:
    street.give_up()
    assert street.order("breaches", street.visit) == (["arrive"],)
    street.report(street.departs(), street.checks_in())
    assert street.order("breaches", street.visit) == ([],)
    assert street.reviews("breach_review") == [("not_needed",)]
    with transaction(street.conn) as tx:
        assert sweep_visit_promises(tx, street.heard_at + HOUR) == 1
        found = kept(tx, street.heard_at, street.now, street.now + 24 * HOUR, ["500109001"], "unit")
    assert "arrive" not in street.order("breaches", street.visit)[0]  # type: ignore[operator]
    assert [(one.decided, one.broken) for one in found if one.promise == "arrive"] == [(1, 0)]


def test_a_breach_stands_when_she_came_after_her_window_by_her_own_phone(street: Street) -> None:
    street.give_up()
    assert street.report(street.departs(), street.checks_in(-10 * MINUTE)) == [None, None]
    assert street.standing() == [("nobody", 0)]
    assert street.order("breaches", street.visit) == (["arrive"],)
    assert street.reviews("breach_review") == [(None,)]


def test_who_reports_when_somebody_else_has_it_is_refused_and_a_supervisor_asked_once(street: Street) -> None:
    street.give_up()
    other = street.add_worker("乙", 100)
    street.taken_by(other)
    steps = [street.departs(), street.checks_in()]
    assert street.report(*steps) == ["not_found", "not_found"]
    assert street.report(*steps) == ["not_found", "not_found"]
    assert street.report(replace(steps[1], client_id="checks-in-2")) == ["not_found"]
    assert street.order("state, worker_id", street.visit) == ("accepted", other.id)
    assert street.timeline(street.visit).count("step_refused") == 3
    assert street.standing() == [("provider", 3000)]
    assert street.reviews() == [(None,)]
    detail = street.conn.execute("SELECT detail FROM task WHERE kind = 'no_show_review'").fetchone()
    assert detail is not None
    assert (detail[0]["worker"], detail[0]["offline"]) == ("甲", True)
    assert datetime.fromisoformat(detail[0]["arrived_at"]) == steps[1].captured_at

    street.decide("upheld")
    assert street.standing() == [("nobody", 0)]
    assert street.provider_owes() == 0
    assert street.order("state, worker_id", street.visit) == ("accepted", other.id)


@pytest.mark.parametrize("first", ["her phone", "the other"])
def test_of_her_phone_and_somebody_who_accepts_meanwhile_one_has_the_visit(
    street: Street, database_url: str, first: str
) -> None:
    street.give_up()
    other = street.add_worker("乙", 100)
    street.sweep(street.given_up_at + MINUTE)
    offer, steps = street.open_offer(other, order=street.visit), [street.departs(), street.checks_in()]

    def reports(tx: Transaction) -> object:
        return [answer.refusal for answer in reconcile(tx, street.heard_at, street.worker.account, steps)]

    def accepts(tx: Transaction) -> object:
        return replies.accept(tx, street.given_up_at + 2 * MINUTE, offer, other.account)

    acts = (reports, accepts) if first == "her phone" else (accepts, reports)
    told = overtaken(database_url, street.conn, *acts)
    if first == "her phone":
        assert told == ([None, None], "taken_by_another")
        assert street.order("state, worker_id", street.visit) == ("checked_in", street.worker.id)
        assert (street.standing(), street.reviews()) == ([("nobody", 0)], [])
    else:
        assert told == (None, ["not_found", "not_found"])
        assert street.order("state, worker_id", street.visit) == ("accepted", other.id)
        assert (street.standing(), street.reviews()) == ([("provider", 3000)], [(None,)])


def test_a_supervisor_who_does_not_believe_her_leaves_the_charge(street: Street) -> None:
    street.give_up()
    street.taken_by(street.add_worker("乙", 100))
    street.report(street.departs(), street.checks_in())
    street.decide("dismissed")
    assert street.standing() == [("provider", 3000)]
    assert street.provider_owes() == 3000


def test_a_case_that_is_reassessed_needs_no_further_look(street: Street) -> None:
    street.give_up()
    street.taken_by(street.add_worker("乙", 100))
    street.report(street.departs(), street.checks_in())
    case = one(street.conn, "SELECT id FROM no_show")
    with transaction(street.conn) as tx:
        cases.reassess(tx, street.heard_at, case, street.supervisor, "other", "nobody", "手机没有信号")
    assert street.reviews() == [("upheld",)]
    again = replace(street.checks_in(), client_id="checks-in-2")
    assert street.report(again) == ["not_found"]
    assert street.reviews() == [("upheld",)]


@pytest.mark.parametrize("proof", ["nothing", "far away"])
def test_who_does_not_prove_that_she_was_there_has_a_supervisor_decide(street: Street, proof: str) -> None:
    street.give_up()
    steps = [street.departs()] if proof == "nothing" else [street.departs(), street.checks_in(spot=FAR_OFF)]
    assert set(street.report(*steps)) == {"not_found"}
    assert street.order("state, worker_id", street.visit) == ("requested", None)
    assert street.standing() == [("provider", 3000)]
    assert street.reviews() == [(None,)]


def test_who_set_out_only_when_she_had_been_given_up_changes_nothing(street: Street) -> None:
    street.give_up()
    assert street.report(street.departs(-22 * MINUTE), street.checks_in(-30 * MINUTE)) == ["not_found", "not_found"]
    assert street.standing() == [("provider", 3000)]
    assert street.reviews() == []


def test_steps_older_than_is_believed_change_nothing(street: Street) -> None:
    street.give_up()
    assert street.report(street.departs(), street.checks_in(), at=street.closes + 30 * HOUR) == ["too_long_ago"] * 2
    assert street.standing() == [("provider", 3000)]
    assert street.reviews() == []
