"""Calls that staff ask for are handed to the provider once, whoever dies or hangs meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dispatch import calling, calls, dialling
from dispatch.call_deadlines import sweep_calls
from dispatch.calling import VOICE, Wish
from dispatch.calls import Word
from dispatch.dialling import LEASE, Dialling, dialling_of
from dispatch.transports.message import NotSent
from schemas.clock import utc_now
from schemas.database import transaction
from schemas.process import StopSignal
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.dispatch.provider import Provider, standing_in
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually

ELDERS_NUMBER = "13900000007"


class Telephone:
    """A desk with an extension, from which an elder is called."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.desk = Desk(conn, now)
        conn.execute("UPDATE transport SET ready = true WHERE name = 'voice'")
        conn.execute("UPDATE elder SET phone = %s", (ELDERS_NUMBER,))
        self.seat = one(
            conn, "INSERT INTO seat (org_code, name, extension) VALUES ('500109', '一', '8001') RETURNING id"
        )

    def place(self, now: datetime, number: str = ELDERS_NUMBER) -> int:
        wish = Wish(number, elder_id=self.desk.person.elder_id)
        with transaction(self.conn, self.seat) as tx:
            return calling.place(tx, now, self.desk.operator, wish)

    def claim(self, now: datetime) -> list[int]:
        with transaction(self.conn) as tx:
            return [call["id"] for call in dialling.claim(tx, now, 10)]

    def sweep(self, now: datetime) -> int:
        with transaction(self.conn) as tx:
            return sweep_calls(tx, now)

    def state(self, call_id: int) -> tuple[object, ...]:
        found = self.conn.execute("SELECT state, cause, reference, due_reason FROM call WHERE id = %s", (call_id,))
        row = found.fetchone()
        assert row is not None
        return tuple(row)


@pytest.fixture
def telephone(conn: Connection, now: datetime) -> Telephone:
    """A telephone on a desk."""
    return Telephone(conn, now)


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The voice provider's stand-in."""
    with standing_in() as made:
        yield made


def test_a_claimed_call_is_nobody_elses_until_its_lease_has_run_out(telephone: Telephone, now: datetime) -> None:
    call_id = telephone.place(now)
    assert telephone.claim(now) == [call_id]
    assert telephone.claim(now) == []
    assert telephone.sweep(now + LEASE - SECOND) == 0
    assert telephone.sweep(now + LEASE) == 1
    assert telephone.claim(now + LEASE) == [call_id]
    keys = telephone.conn.execute("SELECT count(DISTINCT key), max(attempts) FROM call").fetchall()
    assert keys == [(1, 2)]


def test_what_could_not_be_placed_in_time_is_said_to_have_failed(telephone: Telephone, now: datetime) -> None:
    call_id = telephone.place(now)
    assert telephone.claim(now + 20 * SECOND) == []
    assert telephone.sweep(now + 19 * SECOND) == 0
    assert telephone.sweep(now + 20 * SECOND) == 1
    assert telephone.state(call_id) == ("failed", "not_placed", None, None)


def test_a_lasting_refusal_ends_the_call_and_a_passing_one_is_tried_again(telephone: Telephone, now: datetime) -> None:
    first, second = telephone.place(now), telephone.place(now)
    telephone.claim(now)
    with transaction(telephone.conn) as tx:
        dialling.not_placed(tx, now, first, NotSent("http_422", lasting=True))
        dialling.not_placed(tx, now, second, NotSent("timed_out"))
    assert telephone.state(first)[:2] == ("failed", "http_422")
    assert telephone.claim(now + SECOND) == []
    assert telephone.claim(now + 2 * SECOND) == [second]


def test_what_the_provider_says_before_it_answers_stands(telephone: Telephone, now: datetime) -> None:
    call_id = telephone.place(now)
    telephone.claim(now)
    key = str(telephone.conn.execute("SELECT key FROM call").fetchall()[0][0])
    with transaction(telephone.conn) as tx:
        calls.hear(tx, now, VOICE, Word("ringing", now, reference="p-1", key=key))
    with transaction(telephone.conn) as tx:
        dialling.placed(tx, now, call_id, "p-2")
    assert telephone.state(call_id) == ("ringing", None, "p-1", "ring")


def _dialling(database_url: str, provider: Provider) -> Dialling:
    return dialling_of(database_url, provider.url, provider.secret, utc_now)


def test_the_provider_rings_the_seat_and_then_the_number(
    telephone: Telephone, database_url: str, provider: Provider
) -> None:
    stop = StopSignal()
    helpers = [_dialling(database_url, provider), _dialling(database_url, provider)]
    for helper in helpers:
        helper.start(stop)
    call_id = telephone.place(datetime.now(UTC))
    for helper in helpers:
        helper.wake()
    eventually(lambda: telephone.state(call_id)[2] == "ref-1")
    [request] = provider.requests
    assert (request.path, request.said["extension"], request.said["to"]) == ("/bridges", "8001", "+8613900000007")
    key = str(telephone.conn.execute("SELECT key FROM call").fetchall()[0][0])
    assert (request.said["id"], request.headers["idempotency-key"], provider.verify(request)) == (key, key, key)
    stop.set()


def test_a_provider_that_hangs_for_one_call_holds_up_no_other(
    telephone: Telephone, database_url: str, provider: Provider
) -> None:
    stop = StopSignal()
    provider.hanging.add("+8613900000009")
    helper = _dialling(database_url, provider)
    helper.start(stop)
    hung = telephone.place(datetime.now(UTC), "13900000009")
    other = telephone.place(datetime.now(UTC))
    helper.wake()
    eventually(lambda: telephone.state(other)[2] is not None)
    assert telephone.state(hung)[2] is None
    stop.set()
    provider.released.set()


def test_a_provider_that_refuses_for_good_ends_the_call_at_once(
    telephone: Telephone, database_url: str, provider: Provider
) -> None:
    stop = StopSignal()
    provider.statuses["/bridges"] = 422
    helper = _dialling(database_url, provider)
    helper.start(stop)
    call_id = telephone.place(datetime.now(UTC))
    helper.wake()
    eventually(lambda: telephone.state(call_id)[:2] == ("failed", "http_422"))
    assert len(provider.requests) == 1
    stop.set()


def test_without_a_provider_nothing_is_started(database_url: str, now: datetime) -> None:
    helper = dialling_of(database_url, None, None, lambda: now + timedelta())
    helper.start(StopSignal())
    helper.wake()
