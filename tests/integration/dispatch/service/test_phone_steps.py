"""A phone without a network keeps its steps and reports them later: each once, in order, and none is ever lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.orders import cancel, reassign
from dispatch.refusals import Refused
from dispatch.service.phone_steps import PhoneStep, Received, clock_refusal, reconcile
from dispatch.service.policy import ProofPolicy
from schemas.database import connect, transaction
from tests.integration.dispatch.progress import AT_HOME, order_in
from tests.integration.dispatch.service.proofs import picture, send_photo
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def whole_visit(order: int, begins: datetime) -> list[PhoneStep]:
    """From setting out to the end, twenty minutes, as a phone kept it."""

    def step(number: int, kind: Any, minutes: float, **more: Any) -> PhoneStep:
        return PhoneStep(f"{order}-{number}", order, kind, begins + minutes * MINUTE, **more)

    return [
        step(1, "depart", 0),
        step(2, "check_in", 10, spot=AT_HOME),
        step(3, "begin", 11),
        step(4, "tick", 20, tick="handed_over"),
        step(5, "tick", 21, tick="still_hot"),
        step(6, "complete", 30, spot=AT_HOME, photos=("ab" * 32,)),
    ]


def report(street: Workforce, worker: Worker, at: datetime, steps: list[PhoneStep]) -> list[Received]:
    with transaction(street.conn) as tx:
        return reconcile(tx, at, worker.account, steps)


def told(answers: list[Received]) -> list[tuple[object, bool]]:
    return [(answer.refusal, answer.repeated) for answer in answers]


def test_a_visit_without_a_network_is_reconciled_by_the_servers_time(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "accepted")
    steps, heard = whole_visit(order, now + HOUR), now + 3 * HOUR
    with pytest.raises(Refused, match="wrong_step"):
        send_photo(street, worker, order, heard, picture(1), now + 80 * MINUTE)
    assert told(report(street, worker, heard, steps[:3])) == [(None, False)] * 3
    send_photo(street, worker, order, heard, picture(1), now + 80 * MINUTE)
    assert told(report(street, worker, heard, steps)) == [(None, True)] * 3 + [(None, False)] * 3
    assert street.order("state, completed_at, checked_in_at, flags", order) == (
        "completed", heard, heard, ["offline"],
    )  # fmt: skip
    [times] = street.order("phone_times", order)
    assert times == {
        "departed": (now + HOUR).isoformat(),
        "checked_in": (now + HOUR + 10 * MINUTE).isoformat(),
        "begun": (now + HOUR + 11 * MINUTE).isoformat(),
        "completed": (now + HOUR + 30 * MINUTE).isoformat(),
    }
    details = street.conn.execute("SELECT detail FROM order_event WHERE detail ? 'offline' ORDER BY id").fetchall()
    assert len(details) == 4


def test_the_same_report_again_changes_nothing(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "accepted")
    steps = whole_visit(order, now + HOUR)[:3]
    report(street, worker, now + 2 * HOUR, steps)
    before = street.order("service_order::text", order), street.timeline(order), street.events()
    answers = report(street, worker, now + 3 * HOUR, steps)
    assert told(answers) == [(None, True)] * 3
    assert {answer.received_at for answer in answers} == {now + 2 * HOUR}
    assert (street.order("service_order::text", order), street.timeline(order), street.events()) == before


@pytest.mark.parametrize("away", ["cancelled", "given to another"])
def test_what_met_an_order_that_was_taken_away_is_told_and_kept(street: Workforce, now: datetime, away: str) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "accepted")
    with transaction(street.conn) as tx:
        if away == "cancelled":
            cancel(tx, now + HOUR, order, street.operator, "家属取消")
        else:
            reassign(tx, now + HOUR, order, street.operator, "换人")
    state = street.order("state", order)
    answers = report(street, worker, now + 2 * HOUR, whole_visit(order, now + HOUR))
    expected = {"order_cancelled"} if away == "cancelled" else {"not_found"}
    assert {answer.refusal for answer in answers} == expected
    assert street.order("state", order) == state
    assert one(street.conn, "SELECT count(*) FROM visit_step WHERE refusal IS NOT NULL") == 6
    assert street.timeline(order).count("step_refused") == 6
    kept = street.conn.execute("SELECT body FROM visit_step WHERE step = 'complete'").fetchone()
    assert kept is not None
    assert kept[0]["photos"] == ["ab" * 32]


def test_a_strangers_order_is_not_even_there(street: Workforce, now: datetime) -> None:
    worker, other = street.add_worker("one"), street.add_worker("two", 500)
    order = order_in(street, worker, "accepted")
    steps = [*whole_visit(order, now + HOUR)[:1], PhoneStep("none", 999_999, "depart", now + HOUR)]
    assert told(report(street, other, now + HOUR, steps)) == [("not_found", False)] * 2
    assert "step_refused" not in street.timeline(order)
    for account in (street.operator, street.relative):
        with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
            reconcile(tx, now, account, steps)


def test_a_refused_step_takes_only_itself_back(street: Workforce, now: datetime) -> None:
    first = street.add_worker("one")
    order = order_in(street, first, "accepted")
    steps = whole_visit(order, now + HOUR)
    far = replace(steps[1], client_id="far", spot=replace(AT_HOME, lat=AT_HOME.lat + 1))
    answers = report(street, first, now + 2 * HOUR, [steps[0], far, steps[1]])
    assert told(answers) == [(None, False), ("too_far", False), (None, False)]
    assert street.order("state", order) == ("checked_in",)


def test_a_clock_that_cannot_be_right_is_not_believed(now: datetime) -> None:
    policy = ProofPolicy()
    second = timedelta(seconds=1)
    assert clock_refusal(now - policy.offline, now, policy) is None
    assert clock_refusal(now - policy.offline - second, now, policy) == "too_long_ago"
    assert clock_refusal(now + policy.ahead, now, policy) is None
    assert clock_refusal(now + policy.ahead + second, now, policy) == "clock_ahead"


def test_a_step_that_is_heard_of_at_once_is_no_offline_step(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "accepted")
    report(street, worker, now + HOUR + MINUTE, whole_visit(order, now + HOUR)[:1])
    assert street.order("phone_times", order) == ({},)


def test_two_batches_that_meet_are_taken_once(street: Workforce, now: datetime, database_url: str) -> None:
    worker = street.add_worker("one")
    orders = [order_in(street, worker, "accepted")]
    steps = [step for order in orders for step in whole_visit(order, now + HOUR)[:3]]
    results: list[list[Received]] = []
    start = threading.Barrier(4)

    def send(batch: list[PhoneStep]) -> Callable[[], None]:
        def run() -> None:
            with connect(database_url, "test") as conn:
                start.wait()
                with transaction(conn) as tx:
                    results.append(reconcile(tx, now + 2 * HOUR, worker.account, batch))

        return run

    threads = [threading.Thread(target=send(steps)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert sorted(answer.repeated for batch in results for answer in batch) == [False] * 3 + [True] * 9
    assert street.timeline(orders[0])[-3:] == ["departed", "checked_in", "begun"]
