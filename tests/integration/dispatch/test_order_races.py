"""Several people act on the same order, or on the same worker, at the same moment: one wins, nobody is lied to."""

import multiprocessing
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from dispatch import replies
from dispatch.order_deadlines import sweep_orders
from dispatch.orders import cancel, reassign
from dispatch.service.visits import depart
from schemas.database import Transaction, connect, transaction
from tests.integration.dispatch.callout import Callout
from tests.integration.dispatch.races import Act, at_once, overtaken
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually

SECOND = timedelta(seconds=1)
ROUNDS = 8
"""How often a race is run whose winner is left to chance."""


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def _take(now: datetime, offer: int, account: int, tx: Transaction) -> object:
    return replies.accept(tx, now, offer, account)


def _accept(street: Workforce, worker: Worker, order: int, now: datetime) -> Act:
    offer = street.open_offer(worker, order=order)
    return partial(_take, now, offer, worker.account)


def _decline(street: Workforce, worker: Worker, order: int, now: datetime) -> Act:
    offer = street.open_offer(worker, order=order)
    return lambda tx: replies.decline(tx, now, offer, worker.account, "busy")


def _sound(street: Workforce) -> bool:
    """Whether the tables agree: one winner an order at most, and a deadline for every order that is open."""
    wrong = one(
        street.conn,
        "SELECT count(*) FROM service_order WHERE (ended_at IS NULL AND due_at IS NULL)"
        " OR (state = 'offered') <> EXISTS (SELECT FROM offer WHERE order_id = service_order.id AND state = 'open')"
        " OR (worker_id IS NOT NULL AND (SELECT count(*) FROM offer WHERE order_id = service_order.id"
        " AND state = 'accepted' AND worker_id = service_order.worker_id) <> 1)",
    )
    return wrong == 0


def test_of_two_workers_who_accept_at_once_one_wins_and_the_other_is_told(
    street: Workforce, database_url: str, now: datetime
) -> None:
    workers = street.add_worker("one"), street.add_worker("two", 500)
    for _ in range(ROUNDS):
        order = street.offered(*workers, item="escort")
        answers = at_once(database_url, *(_accept(street, worker, order, now) for worker in workers))
        assert sorted(map(str, answers)) == ["None", "taken_by_another"]
        winner = workers[answers.index(None)]
        states = dict(street.offers(order=order))
        assert states.pop(winner.id) == "accepted"
        assert list(states.values()) == ["lost"]
        assert street.order("state, worker_id, due_at", order) == ("accepted", winner.id, now + 2 * HOUR)
        assert street.timeline(order).count("accepted") == 1
        assert _sound(street)
        with transaction(street.conn) as tx:
            cancel(tx, now, order, street.operator, "下一轮")
    assert street.events().count("offer.lost") == ROUNDS


def test_the_second_yes_waits_for_the_first(street: Workforce, database_url: str, now: datetime) -> None:
    fast, slow = street.add_worker("fast"), street.add_worker("slow", 500)
    order = street.offered(fast, slow, item="escort")
    acts = _accept(street, fast, order, now), _accept(street, slow, order, now)
    assert overtaken(database_url, street.conn, *acts) == (None, "taken_by_another")
    assert street.offers(order=order) == [(fast.id, "accepted"), (slow.id, "lost")]


def test_the_same_yes_from_two_phones_counts_once(street: Workforce, database_url: str, now: datetime) -> None:
    worker = street.add_worker("one")
    for number in range(ROUNDS):
        order = street.offered(worker, begins=number * HOUR)
        accept = _accept(street, worker, order, now)
        assert sorted(map(str, at_once(database_url, accept, accept))) == ["None", "already_accepted"]
        assert street.timeline(order).count("accepted") == 1


def test_yes_and_no_from_two_phones_leave_one_answer(street: Workforce, database_url: str, now: datetime) -> None:
    worker = street.add_worker("one")
    for number in range(ROUNDS):
        order = street.offered(worker, begins=number * HOUR)
        yes, no = _accept(street, worker, order, now), _decline(street, worker, order, now)
        answers = at_once(database_url, yes, no)
        assert answers in ([None, "already_accepted"], ["already_declined", None])
        assert street.order("state", order) == ("accepted" if answers[0] is None else "requested",)
        assert _sound(street)
        with transaction(street.conn) as tx:
            cancel(tx, now, order, street.operator, "下一轮")


@pytest.mark.parametrize("by_chance", [True, False])
def test_a_worker_who_accepts_two_overlapping_orders_from_two_phones_gets_one(
    street: Workforce, database_url: str, now: datetime, by_chance: bool
) -> None:
    worker = street.add_worker("one")
    orders = [
        street.offered(worker, item="bath", lasts=10 * MINUTE, elder=street.add_neighbour(north)) for north in (0, 300)
    ]
    first, second = (_accept(street, worker, order, now) for order in orders)
    race = at_once(database_url, first, second) if by_chance else overtaken(database_url, street.conn, first, second)
    answers = list(race)
    assert sorted(map(str, answers)) == ["None", "overlaps"]
    won, lost = orders[answers.index(None)], orders[answers.index("overlaps")]
    assert street.order("worker_id", won) == (worker.id,)
    assert street.order("state, due_at, due_reason", lost) == ("requested", now, "assign")
    assert street.offers(order=lost) == [(worker.id, "declined")]
    assert _sound(street)


@pytest.mark.parametrize(("first", "told"), [("alarm", (None, "overlaps")), ("order", (None, None))])
def test_whoever_takes_an_alarm_gets_no_visit_and_an_alarm_outranks_a_visit(
    conn: Connection, database_url: str, now: datetime, first: str, told: tuple[object, object]
) -> None:
    callout = Callout(conn, now)
    worker = callout.add_worker("one")
    alarm, order = callout.searched(now), callout.request()
    with transaction(conn) as tx:
        sweep_orders(tx, now)
    acts: dict[str, Act] = {}
    for name, about in (("alarm", {"alarm": alarm}), ("order", {"order": order})):
        acts[name] = partial(_take, now, callout.open_offer(worker, **about), worker.account)
    assert overtaken(database_url, conn, acts.pop(first), *acts.values()) == told
    assert callout.alarm("responder_id", alarm) == (worker.id,)
    assert callout.order("worker_id", order) == (worker.id if first == "order" else None,)


def test_two_orders_assigned_at_once_to_the_same_worker_do_not_both_become_hers(
    street: Workforce, database_url: str, now: datetime
) -> None:
    worker = street.add_worker("one")
    orders = [street.request("bath", lasts=10 * MINUTE, elder=street.add_neighbour(north)) for north in (0, 300)]
    sweeps = at_once(database_url, *[lambda tx: sweep_orders(tx, now, 1)] * 2)
    assert sweeps == [1, 1]
    assert [street.offers(order=order) for order in orders] == [[(worker.id, "open")]] * 2
    answers = at_once(database_url, *(_accept(street, worker, order, now) for order in orders))
    assert sorted(map(str, answers)) == ["None", "overlaps"]


@pytest.mark.parametrize("first", ["accept", "expiry"])
def test_accepting_while_the_offer_expires_is_one_or_the_other(
    street: Workforce, database_url: str, now: datetime, first: str
) -> None:
    worker = street.add_worker("one")
    order = street.offered(worker)
    accept = _accept(street, worker, order, now + 89 * SECOND)
    expire: Act = lambda tx: sweep_orders(tx, now + 90 * SECOND)  # noqa: E731
    if first == "expiry":
        assert overtaken(database_url, street.conn, expire, accept) == (1, "offer_expired")
        assert street.order("state, due_reason", order) == ("requested", "assign")
        assert street.offers(order=order) == [(worker.id, "expired")]
    else:
        # The engine passes over an order that somebody holds, and finds nothing to do when it comes again.
        with connect(database_url, "first") as conn:
            with transaction(conn) as tx:
                assert accept(tx) is None
                assert street.sweep(now + 90 * SECOND) == 0
            assert street.sweep(now + 90 * SECOND) == 0
        assert street.order("state, worker_id", order) == ("accepted", worker.id)
    assert _sound(street)


def test_accepting_and_expiring_at_the_same_moment_again_and_again(
    street: Workforce, database_url: str, now: datetime
) -> None:
    worker = street.add_worker("one")
    for number in range(ROUNDS):
        order = street.offered(worker, begins=number * HOUR)
        accept = _accept(street, worker, order, now + 89 * SECOND)
        answers = at_once(database_url, accept, lambda tx: sweep_orders(tx, now + 90 * SECOND))
        assert answers in ([None, 0], ["offer_expired", 1])
        assert street.order("state", order) == ("accepted" if answers[0] is None else "requested",)
        assert _sound(street)
        with transaction(street.conn) as tx:
            cancel(tx, now, order, street.operator, "下一轮")


def _staff(street: Workforce, what: Callable[..., None], order: int, now: datetime) -> Act:
    return lambda tx: what(tx, now, order, street.operator, "改约")


def test_accepting_while_staff_cancel(street: Workforce, database_url: str, now: datetime) -> None:
    worker = street.add_worker("one")
    for first in ("accept", "cancel"):
        order = street.offered(worker)
        acts = {"accept": _accept(street, worker, order, now), "cancel": _staff(street, cancel, order, now)}
        told = overtaken(database_url, street.conn, acts.pop(first), *acts.values())
        assert told == ((None, None) if first == "accept" else (None, "order_cancelled"))
        assert street.order("state", order) == ("cancelled",)
        assert street.offers(order=order) == [(worker.id, "accepted" if first == "accept" else "withdrawn")]
        assert _sound(street)


def test_accepting_while_staff_reassign(street: Workforce, database_url: str, now: datetime) -> None:
    worker, other = street.add_worker("one"), street.add_worker("two", 500)
    order = street.offered(worker, other, item="escort")
    late = _accept(street, other, order, now)
    street.accept(worker, now, order=order)
    told = overtaken(database_url, street.conn, _staff(street, reassign, order, now), late)
    assert told == (None, "offer_withdrawn")
    assert street.order("state, worker_id", order) == ("requested", None)
    assert _sound(street)


def test_setting_out_while_staff_reassign(street: Workforce, database_url: str, now: datetime) -> None:
    worker = street.add_worker("one")
    order = street.accepted(worker)
    told = overtaken(
        database_url,
        street.conn,
        _staff(street, reassign, order, now),
        lambda tx: depart(tx, now, order, worker.account),
    )
    assert told == (None, "not_found")
    assert street.order("state, departed_at", order) == ("requested", None)


def _sweep_all(url: str, now: datetime, results: "multiprocessing.Queue[int]") -> None:
    """A process of its own: waits for the starting lock, then sweeps until nothing is due."""
    with connect(url, "sweeper") as conn:
        conn.execute("SELECT pg_advisory_lock_shared(77)")
        acted = 0
        while True:
            with transaction(conn) as tx:
                done = sweep_orders(tx, now, 3)
            acted += done
            if not done:
                break
        results.put(acted)


def test_two_processes_that_sweep_at_once_deal_with_every_order_once(
    street: Workforce, database_url: str, now: datetime
) -> None:
    for number in range(6):
        street.add_worker(f"w{number}", 100 * number)
    orders = [street.request("escort") for _ in range(40)]
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    street.conn.execute("SELECT pg_advisory_lock(77)")
    processes = [spawn.Process(target=_sweep_all, args=(database_url, now, results)) for _ in range(2)]
    for process in processes:
        process.start()
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'anban-sweeper' AND wait_event_type = 'Lock'"
    )
    eventually(lambda: street.conn.execute(waiting).fetchone() == (2,), what="both to wait for the start")
    street.conn.execute("SELECT pg_advisory_unlock(77)")
    acted = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sum(acted) == len(orders)
    assert [len(street.offers(order=order)) for order in orders] == [2] * len(orders)
    assert street.events().count("order.offered") == len(orders)
    assert _sound(street)
    with transaction(street.conn) as tx:
        assert _nothing_due(tx, now)


def _nothing_due(tx: Transaction, now: datetime) -> bool:
    return sweep_orders(tx, now) == 0
