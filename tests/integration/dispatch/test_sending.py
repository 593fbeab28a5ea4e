"""The outbox as it runs beside an engine: what is queued is sent at once, and nothing after an acknowledgement."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from dispatch.answering import acknowledge
from dispatch.notifications import Person, summon
from dispatch.sending import Outbox
from dispatch.transports.provider import Provider as Adapter
from dispatch.transports.provider import ProviderTransport
from schemas.clock import utc_now
from schemas.database import connect, transaction
from schemas.process import StopSignal
from tests.integration.dispatch.called import add_reach
from tests.integration.dispatch.desk import Desk
from tests.integration.dispatch.provider import standing_in
from tests.integration.dispatch.silent import Silent
from tests.integration.district import Connection, add_operator, add_person
from tests.integration.waiting import eventually


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


@contextmanager
def running(outbox: Outbox) -> Iterator[Outbox]:
    """An outbox with its threads, until the block ends."""
    stop = StopSignal()
    outbox.start(stop)
    try:
        yield outbox
    finally:
        stop.set()
        assert outbox.join(20)


def test_what_is_queued_is_sent_within_a_moment_and_recorded(desk: Desk, database_url: str) -> None:
    add_reach(desk.conn, utc_now(), desk.operator, "sms", "+8613900000001", 1)
    with standing_in() as provider:
        transport = ProviderTransport("sms", Adapter(provider.url, provider.secret))
        with running(Outbox(database_url, {"sms": transport}, utc_now)) as outbox:
            eventually(lambda: _is_ready(desk.conn))
            now = utc_now()
            alarm_id = desk.raised(now)
            with transaction(desk.conn) as tx:
                assert summon(tx, now, alarm_id, 1, [Person(account_id=desk.operator)]) == 1
            outbox.wake()
            eventually(lambda: provider.requests)
            eventually(lambda: _states(desk.conn) == ["sent"])


def test_the_database_may_go_away_and_come_back(desk: Desk, database_url: str) -> None:
    add_reach(desk.conn, utc_now(), desk.operator, "sms", "+8613900000001", 1)
    sms = Silent("sms")
    with running(Outbox(database_url, {"sms": sms}, utc_now)) as outbox:
        eventually(lambda: _is_ready(desk.conn))
        desk.conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'anban-dispatch-outbox' AND datname = current_database()"
        )
        alarm_id = desk.raised(utc_now())
        with transaction(desk.conn) as tx:
            summon(tx, utc_now(), alarm_id, 1, [Person(account_id=desk.operator)])
        outbox.wake()
        eventually(lambda: _states(desk.conn) == ["sent"])
    assert len(sms.messages) == 1


def test_saying_what_is_ready_and_calling_people_do_not_wait_for_each_other(
    desk: Desk, database_url: str, now: datetime
) -> None:
    """Both end in the middle of a deadlock otherwise: an engine says so every 20 seconds."""
    add_reach(desk.conn, now, desk.operator, "sms", "+8613900000001", 1)
    outbox = Outbox(database_url, {"sms": Silent("sms")}, lambda: now)
    outbox.say_ready(desk.conn)
    alarm_id = desk.raised(now)
    with connect(database_url, "other", patience_seconds=3) as other, transaction(desk.conn) as tx:
        assert summon(tx, now, alarm_id, 1, [Person(account_id=desk.operator)]) == 1
        Outbox(database_url, {"sms": Silent("sms")}, lambda: now).say_ready(other)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_claimed_after_an_acknowledgement_was_committed(desk: Desk, database_url: str, seed: int) -> None:
    """Two outboxes claim while the alarms are acknowledged one after the other; what an alarm's notifications had been
    through when the acknowledgement's commit returned is all they ever go through."""
    randomness, began = random.Random(seed), datetime.now(UTC)
    accounts = [add_operator(desk.conn, f"called{number}", began) for number in range(6)]
    for number, account in enumerate(accounts):
        add_reach(desk.conn, began, account, "sms", f"+861390000000{number}", 1)
    desk.conn.execute("UPDATE transport SET ready = true, concurrency = 2 WHERE name = 'sms'")
    alarms = []
    for number in range(30):
        person = add_person(desk.conn, 100 + number, began)
        desk.person = person
        alarms.append(desk.raised(began))
    at_acknowledgement: dict[int, list[tuple[int, int]]] = {}

    def take(alarm_ids: list[int]) -> None:
        with connect(database_url, "test") as conn:
            for alarm_id in alarm_ids:
                with transaction(conn) as tx:
                    acknowledge(tx, utc_now(), alarm_id, desk.operator)
                at_acknowledgement[alarm_id] = _attempts(conn, alarm_id)

    for alarm_id in alarms:
        with transaction(desk.conn) as tx:
            summon(tx, began, alarm_id, 1, [Person(account_id=account) for account in accounts])
    shuffled = randomness.sample(alarms, len(alarms))
    takers = [threading.Thread(target=take, args=(shuffled[start::2],)) for start in range(2)]
    outboxes = [Outbox(database_url, {"sms": Silent("sms")}, utc_now) for _ in range(2)]
    with running(outboxes[0]), running(outboxes[1]):
        eventually(lambda: "sent" in _states(desk.conn))
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join(60)
        eventually(lambda: not _waiting(desk.conn))
    assert len(at_acknowledgement) == len(alarms)
    for alarm_id, attempts in at_acknowledgement.items():
        assert _attempts(desk.conn, alarm_id) == attempts
    made = {count for attempts in at_acknowledgement.values() for _, count in attempts}
    assert made == {0, 1}


def _is_ready(conn: Connection) -> bool:
    return conn.execute("SELECT ready FROM transport WHERE name = 'sms'").fetchone() == (True,)


def _states(conn: Connection) -> list[str]:
    return [row[0] for row in conn.execute("SELECT state FROM notification ORDER BY id")]


def _attempts(conn: Connection, alarm_id: int) -> list[tuple[int, int]]:
    query = "SELECT id, attempts FROM notification WHERE alarm_id = %s AND purpose = 'summon' ORDER BY id"
    return list(conn.execute(query, (alarm_id,)).fetchall())


def _waiting(conn: Connection) -> int:
    found = conn.execute("SELECT count(*) FROM notification WHERE state IN ('queued', 'sending')").fetchone()
    assert found is not None
    return int(found[0])
