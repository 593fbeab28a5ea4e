"""Completed visits are looked at once: suspicious ones reach a supervisor with what shows it, and payment waits."""

from datetime import datetime, timedelta

import pytest

from dispatch import tasks
from dispatch.refusals import Refused
from dispatch.service import back_entries, ratings
from dispatch.service.completing import complete
from dispatch.service.follow_ups import follow
from dispatch.service.fraud import sweep_visits
from schemas.database import transaction
from schemas.states import TaskOutcome
from tests.integration.dispatch.progress import AT_HOME, order_in, visit_until
from tests.integration.dispatch.service.proofs import picture, send_photo, tick_all
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one

DAY = timedelta(days=1)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street, in which nobody calls back unless a test says so."""
    conn.execute("UPDATE proof_policy SET call_back_share = 0, call_back_share_watched = 0")
    conn.execute("UPDATE order_policy SET accept_seconds = 86400")
    return Workforce(conn, now)


def serve(street: Workforce, worker: Worker, seed: int, *, hours: int = 0) -> int:
    """A meal served with everything that it demands, so many hours later than the street's now."""
    order = street.accepted(worker, begins=HOUR + hours * HOUR)
    there = street.now + hours * HOUR + 40 * MINUTE
    visit_until(street, worker, order, "begin", there)
    tick_all(street, worker, order, there + MINUTE)
    send_photo(street, worker, order, there + MINUTE, picture(seed), there + MINUTE)
    with transaction(street.conn) as tx:
        complete(tx, there + 16 * MINUTE, order, worker.account, AT_HOME, None)
    return order


def look(street: Workforce, at: datetime) -> int:
    with transaction(street.conn) as tx:
        return sweep_visits(tx, at)


def findings(street: Workforce, order: int) -> list[str]:
    rows = street.conn.execute("SELECT pattern FROM fraud_finding WHERE order_id = %s ORDER BY 1", (order,))
    return [row[0] for row in rows]


def task_of(street: Workforce, kind: str) -> int:
    return one(street.conn, "SELECT max(id) FROM task WHERE kind = %s AND done_at IS NULL", kind)


def do(street: Workforce, task: int, actor: int, outcome: TaskOutcome, at: datetime) -> None:
    with transaction(street.conn) as tx:
        tasks.complete(tx, at, task, actor, outcome, "电话核实")
        follow(tx, at, task, actor, outcome)


def test_an_honest_visit_is_looked_at_once_and_nothing_follows(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serve(street, worker, 1)
    assert look(street, now + HOUR) == 1
    assert look(street, now + HOUR) == 0
    assert findings(street, order) == []
    assert street.order("examine_at, payment_held", order) == (None, None)
    assert one(street.conn, "SELECT count(*) FROM task") == 0


def test_the_same_picture_twice_is_found_and_a_second_time_opens_one_review(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    first = serve(street, worker, 1)
    again = serve(street, worker, 1, hours=2)
    assert look(street, now + 4 * HOUR) == 2
    assert (findings(street, first), findings(street, again)) == ([], ["same_photo"])
    assert one(street.conn, "SELECT count(*) FROM task") == 0, "60 points are not yet too many"
    third = serve(street, worker, 1, hours=4)
    look(street, now + 6 * HOUR)
    assert one(street.conn, "SELECT count(*) FROM task WHERE kind = 'fraud_review'") == 1
    assert [street.order("payment_held", order) for order in (first, again, third)] == [
        (None,),
        ("review",),
        ("review",),
    ]
    fourth = serve(street, worker, 1, hours=6)
    look(street, now + 8 * HOUR)
    assert one(street.conn, "SELECT count(*) FROM task WHERE kind = 'fraud_review'") == 1, "it joins the open one"
    do(street, task_of(street, "fraud_review"), street.supervisor, "confirmed_fraud", now + 9 * HOUR)
    assert [street.order("payment_held", order) for order in (first, again, third, fourth)] == [
        (None,), ("fraud",), ("fraud",), ("fraud",),
    ]  # fmt: skip


def test_a_verdict_of_no_fraud_pays_and_forgets_what_was_found(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    orders = [serve(street, worker, 1, hours=2 * number) for number in range(3)]
    look(street, now + 6 * HOUR)
    do(street, task_of(street, "fraud_review"), street.supervisor, "no_fraud", now + 7 * HOUR)
    assert {street.order("payment_held", order) for order in orders} == {(None,)}
    serve(street, worker, 1, hours=8)
    look(street, now + 10 * HOUR)
    assert one(street.conn, "SELECT count(*) FROM task WHERE kind = 'fraud_review' AND done_at IS NULL") == 0


def test_a_picture_sent_on_to_a_colleague_is_known_again(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    serve(street, worker, 1)
    street.conn.execute("DELETE FROM worker_shift WHERE worker_id = %s", (worker.id,))
    other = street.add_worker("two", 500)
    order = serve(street, other, 1, hours=3)
    look(street, now + 5 * HOUR)
    assert findings(street, order) == ["same_photo"]


def test_whom_the_draw_takes_is_called_and_nobody_came_is_reviewed(street: Workforce, now: datetime) -> None:
    street.conn.execute("UPDATE proof_policy SET call_back_share = 1, call_back_share_watched = 1")
    worker = street.add_worker("one")
    order = serve(street, worker, 1)
    look(street, now + HOUR)
    do(street, task_of(street, "visit_call_back"), street.operator, "not_reached", now + 2 * HOUR)
    again = task_of(street, "visit_call_back")
    do(street, again, street.operator, "did_not_take_place", now + DAY)
    assert findings(street, order) == ["not_taken_place"]
    assert street.order("payment_held", order) == ("review",)
    with pytest.raises(Refused, match="supervisor_needed"):
        do(street, task_of(street, "fraud_review"), street.operator, "no_fraud", now + DAY)
    do(street, task_of(street, "fraud_review"), street.supervisor, "confirmed_fraud", now + DAY)
    assert street.order("payment_held", order) == ("fraud",)


def test_an_elder_who_is_never_reached_is_called_three_times(street: Workforce, now: datetime) -> None:
    street.conn.execute("UPDATE proof_policy SET call_back_share = 1, call_back_share_watched = 1")
    serve(street, street.add_worker("one"), 1)
    look(street, now + HOUR)
    for number in range(3):
        do(street, task_of(street, "visit_call_back"), street.operator, "not_reached", now + number * DAY)
    assert one(street.conn, "SELECT count(*) FROM task WHERE done_at IS NULL") == 0


def ask_entry(street: Workforce, order: int, actor: int, at: datetime) -> int:
    with transaction(street.conn) as tx:
        return back_entries.ask(tx, at, order, actor, "手机没电", at - 50 * MINUTE, at - 20 * MINUTE)


@pytest.mark.parametrize("state", ["accepted", "en_route", "in_service"])
def test_a_back_entry_is_completed_only_by_another_and_keeps_its_flag(
    street: Workforce, now: datetime, state: str
) -> None:
    order = order_in(street, street.add_worker("one"), state)
    account = one(street.conn, "SELECT account_id FROM worker")
    task = ask_entry(street, order, account, now + 2 * HOUR)
    with pytest.raises(Refused, match="back_entry_asked"):
        ask_entry(street, order, street.operator, now + 2 * HOUR)
    assert street.order("state", order) == (state,)
    do(street, task, street.supervisor, "approved", now + 3 * HOUR)
    assert street.order("state, flags, flag_reason, completed_at, due_reason", order) == (
        "completed", ["back_entry", "evidence_missing"], "手机没电", now + 3 * HOUR, "confirm",
    )  # fmt: skip


def test_who_asked_for_a_back_entry_does_not_approve_it(street: Workforce, now: datetime) -> None:
    order = order_in(street, street.add_worker("one"), "accepted")
    task = ask_entry(street, order, street.supervisor, now + 2 * HOUR)
    before = street.order("service_order::text", order), street.timeline(order)
    with pytest.raises(Refused, match="own_request"):
        do(street, task, street.supervisor, "approved", now + 3 * HOUR)
    assert (street.order("service_order::text", order), street.timeline(order)) == before
    assert one(street.conn, "SELECT count(*) FROM task WHERE done_at IS NULL") == 1


def test_a_rejected_back_entry_is_a_visit_that_failed(street: Workforce, now: datetime) -> None:
    order = order_in(street, street.add_worker("one"), "accepted")
    task = ask_entry(street, order, street.operator, now + 2 * HOUR)
    do(street, task, street.supervisor, "rejected", now + 3 * HOUR)
    assert street.order("state, end_reason, due_at", order) == ("failed", "not_proven", None)


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [
        (-4 * DAY, -4 * DAY + HOUR, "too_long_ago"),
        (-HOUR, MINUTE, "clock_ahead"),
        (-HOUR, -HOUR, "window_empty"),
    ],
)
def test_a_back_entry_tells_a_time_that_can_be(
    street: Workforce, now: datetime, begins: timedelta, ends: timedelta, code: str
) -> None:
    order = order_in(street, street.add_worker("one"), "accepted")
    at = now + 2 * HOUR
    with pytest.raises(Refused, match=code), transaction(street.conn) as tx:
        back_entries.ask(tx, at, order, street.operator, "忘了", at + begins, at + ends)
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        back_entries.ask(tx, at, order, street.relative, "忘了", at - HOUR, at)


def test_a_visit_is_rated_once_by_the_elders_side(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "in_service")

    def rate(actor: int, stars: int, at: datetime = now + 2 * HOUR) -> None:
        with transaction(street.conn) as tx:
            ratings.rate(tx, at, order, actor, stars, "很细心")

    with pytest.raises(Refused, match="wrong_step"):
        rate(street.relative, 5)
    with transaction(street.conn) as tx:
        complete(tx, now + HOUR, order, worker.account, AT_HOME, None, reason="提前")
    with pytest.raises(Refused, match="not_found"):
        rate(worker.account, 5)
    with pytest.raises(Refused, match="too_long_ago"):
        rate(street.relative, 5, now + 32 * DAY)
    rate(street.relative, 4)
    with pytest.raises(Refused, match="already_rated"):
        rate(street.operator, 1)
    row = street.conn.execute("SELECT worker_id, ratings, mean, weighed FROM worker_rating").fetchone()
    assert row is not None
    assert (row[0], row[1], float(row[2]), float(row[3])) == (worker.id, 1, 4.0, 4.45)
