"""Two people act on the same alarm at the same moment: one waits for the other, and both are told the truth."""

from collections.abc import Callable
from datetime import datetime
from threading import Thread

import pytest

from dispatch import replies, responders
from dispatch.answering import resolve
from dispatch.escalation import sweep_deadlines
from dispatch.refusals import Refused
from schemas.database import Transaction, connect, transaction
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.workforce import Worker
from tests.integration.district import Connection
from tests.integration.waiting import eventually

Act = Callable[[Transaction], object]
WAITING = "SELECT FROM pg_stat_activity WHERE application_name = 'anban-second' AND wait_event_type = 'Lock'"


class Race:
    """Two connections; the second acts while the first one's transaction is open."""

    def __init__(self, url: str, callout: Callout) -> None:
        self._url = url
        self.callout = callout

    def run(self, first: Act, second: Act) -> tuple[object, object]:
        """What each got; `second` begins before `first` commits and waits for it."""
        answers: list[object] = []
        with connect(self._url, "first") as one, connect(self._url, "second") as other:
            thread = Thread(target=lambda: answers.append(_answer(other, second)))
            with transaction(one) as tx:
                won = first(tx)
                thread.start()
                eventually(lambda: self.callout.conn.execute(WAITING).fetchall(), what="the second to wait")
            thread.join(10)
        assert len(answers) == 1
        return won, answers[0]


def _answer(conn: Connection, act: Act) -> object:
    try:
        with transaction(conn) as tx:
            return act(tx)
    except Refused as refused:
        return refused.code


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Nobody is on shift yet."""
    return Callout(conn, now)


@pytest.fixture
def race(database_url: str, callout: Callout) -> Race:
    """A race for what the callout is about."""
    return Race(database_url, callout)


def _accept(callout: Callout, now: datetime, worker: Worker, alarm_id: int) -> Act:
    offer = callout.open_offer(worker, alarm=alarm_id)
    return lambda tx: replies.accept(tx, now, offer, worker.account)


def _resolve(callout: Callout, now: datetime, alarm_id: int) -> Act:
    return lambda tx: resolve(tx, now, alarm_id, callout.operator, "helped_by_phone", None)


def test_of_two_who_accept_at_once_one_goes(race: Race, callout: Callout, now: datetime) -> None:
    first, second = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.searched(now)
    answers = race.run(_accept(callout, now, first, alarm_id), _accept(callout, now, second, alarm_id))
    assert answers == (None, "taken_by_another")
    assert callout.offers(alarm=alarm_id) == [(first.id, "accepted"), (second.id, "lost")]
    assert callout.alarm("state, responder_id", alarm_id) == ("dispatched", first.id)


def test_one_worker_who_accepts_two_alarms_at_once_goes_to_one(race: Race, callout: Callout, now: datetime) -> None:
    worker, other = callout.add_worker("王", 100), callout.add_worker("陈", 9000)
    callout.conn.execute("UPDATE sla_policy SET offers_at_once = 1")
    sos, smoke = callout.searched(now), callout.searched(now, "smoke")
    answers = race.run(_accept(callout, now, worker, sos), _accept(callout, now, worker, smoke))
    assert answers == (None, "overlaps")
    assert callout.alarm("responder_id", sos) == (worker.id,)
    assert callout.offers(alarm=smoke) == [(worker.id, "declined"), (other.id, "open")]


def test_whoever_accepts_while_the_operator_resolves_learns_that_it_is_over(
    race: Race, callout: Callout, now: datetime
) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    assert race.run(_resolve(callout, now, alarm_id), _accept(callout, now, worker, alarm_id))[1] == "already_ended"
    assert callout.alarm("state, responder_id, accepted_at", alarm_id) == ("resolved", None, None)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "withdrawn")]


def test_an_operator_who_resolves_while_somebody_accepts_ends_it_with_the_responder_on_record(
    race: Race, callout: Callout, now: datetime
) -> None:
    worker, other = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.searched(now)
    race.run(_accept(callout, now, worker, alarm_id), _resolve(callout, now, alarm_id))
    assert callout.alarm("state, responder_id, response_state", alarm_id) == ("resolved", worker.id, "found")
    assert callout.offers(alarm=alarm_id) == [(worker.id, "accepted"), (other.id, "withdrawn")]


def test_whoever_accepts_while_the_alarm_rings_again_goes_and_it_rings_on(
    race: Race, callout: Callout, now: datetime
) -> None:
    callout.conn.execute("UPDATE sla_policy SET offer_seconds = 600")
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    stale = now + 300 * SECOND
    assert race.run(lambda tx: sweep_deadlines(tx, stale), _accept(callout, stale, worker, alarm_id)) == (1, None)
    assert callout.alarm("state, responder_id", alarm_id) == ("raised", worker.id)


def test_an_alarm_that_somebody_accepts_at_that_moment_does_not_ring_again(
    database_url: str, callout: Callout, now: datetime
) -> None:
    callout.conn.execute("UPDATE sla_policy SET offer_seconds = 600")
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    stale = now + 300 * SECOND
    with connect(database_url, "first") as one, transaction(one) as tx:
        _accept(callout, stale, worker, alarm_id)(tx)
        assert callout.sweep_alarms(stale) == 0
    assert callout.sweep_alarms(stale) == 0
    assert callout.alarm("state, responder_id", alarm_id) == ("dispatched", worker.id)


def test_whoever_accepts_while_the_alarm_gets_worse_goes_and_it_rings(
    race: Race, callout: Callout, now: datetime
) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now, "vitals", "urgent")

    def worsen(tx: Transaction) -> object:
        return callout.signal(tx, now, "vitals", "emergency")

    assert race.run(worsen, _accept(callout, now, worker, alarm_id)) == (alarm_id, None)
    assert callout.alarm("state, severity, responder_id", alarm_id) == ("raised", "emergency", worker.id)


def test_whoever_accepts_while_the_offer_runs_out_is_too_late(race: Race, callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    accept = _accept(callout, now + 29 * SECOND, worker, alarm_id)
    assert race.run(lambda tx: responders.sweep_searches(tx, now + 30 * SECOND), accept) == (1, "offer_expired")
    assert callout.alarm("response_state", alarm_id) == ("nobody",)


def test_the_sweep_passes_over_a_search_that_somebody_is_ending(
    database_url: str, callout: Callout, now: datetime
) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    with connect(database_url, "first") as one, transaction(one) as tx:
        _accept(callout, now + 29 * SECOND, worker, alarm_id)(tx)
        assert callout.sweep(now + 30 * SECOND) == 0
    assert callout.sweep(now + 30 * SECOND) == 0
    assert callout.offers(alarm=alarm_id) == [(worker.id, "accepted")]


def test_an_engine_killed_in_the_middle_of_a_round_neither_loses_nor_doubles_an_offer(
    database_url: str, callout: Callout, now: datetime
) -> None:
    workers = [callout.add_worker(name, metres) for name, metres in (("甲", 1), ("乙", 2), ("丙", 3), ("丁", 4))]
    alarm_id = callout.searched(now)
    due = now + 30 * SECOND
    engine = connect(database_url, "engine")
    engine.execute("BEGIN")
    assert responders.sweep_searches(Transaction(engine), due) == 1
    callout.conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='anban-engine'")
    engine.close()
    assert [state for _, state in callout.offers(alarm=alarm_id)] == ["open"] * 3
    eventually(lambda: callout.sweep(due) == 1, what="the row that the killed engine held")
    assert callout.offers(alarm=alarm_id) == [*((one.id, "expired") for one in workers[:3]), (workers[3].id, "open")]


def test_two_engines_begin_a_round_once(database_url: str, callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    with connect(database_url, "first") as one, transaction(one) as tx:
        assert responders.sweep_searches(tx, now + 30 * SECOND) == 1
        assert callout.sweep(now + 30 * SECOND) == 0
    assert callout.sweep(now + 30 * SECOND) == 0
    assert callout.offers(alarm=alarm_id) == [(worker.id, "expired")]
