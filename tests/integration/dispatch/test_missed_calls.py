"""Whom nobody answered is called back, unless somebody has spoken with her meanwhile."""

from datetime import datetime
from typing import Any

import pytest

from dispatch import calling
from dispatch.calling import Wish
from schemas.calls import CallWord
from schemas.database import transaction
from tests.integration.dispatch.desk import SECOND
from tests.integration.dispatch.test_calls import Exchange
from tests.integration.district import Connection

DAUGHTER = "13900000009"
STRANGER = "13911112222"


@pytest.fixture
def exchange(conn: Connection, now: datetime) -> Exchange:
    """An exchange that knows an elder, the telephone of her home and her daughter."""
    exchange = Exchange(conn, now)
    conn.execute("UPDATE household SET phone = '68252222'")
    conn.execute(
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority) VALUES (%s, '李红', 'daughter', %s, 1)",
        (exchange.desk.person.elder_id, DAUGHTER),
    )
    return exchange


def missed(exchange: Exchange, seconds: float, reference: str, **more: Any) -> str:
    """Somebody calls for a minute and nobody answers; what the task is about."""
    call_id = exchange.hear("ringing", seconds, reference, **more)
    exchange.hear("ended", seconds + 60, reference, **more)
    return f"call:{call_id}"


def tasks(exchange: Exchange) -> list[tuple[Any, ...]]:
    """What the tasks are about, and with what they ended."""
    return exchange.conn.execute("SELECT about, outcome, done_by FROM task ORDER BY id").fetchall()


def dialled(exchange: Exchange, number: str, seconds: float, word: CallWord) -> None:
    """The elder's file is used to call a number by hand, and so it goes."""
    wish = Wish(number, elder_id=exchange.desk.person.elder_id, by_hand=True)
    call_id = exchange.place(wish, seconds)
    with transaction(exchange.conn) as tx:
        calling.say(tx, exchange.now + (seconds + 5) * SECOND, call_id, exchange.desk.operator, word)


def test_who_calls_again_and_is_answered_need_not_be_called_back(exchange: Exchange) -> None:
    about = [missed(exchange, 0, "r1"), missed(exchange, 100, "r2")]
    assert tasks(exchange) == [(each, None, None) for each in about]
    exchange.hear("ringing", 200, "r3")
    assert tasks(exchange) == [(each, None, None) for each in about]
    exchange.hear("answered", 205, "r3")
    assert tasks(exchange) == [(each, "spoken", None) for each in about]
    assert exchange.desk.events().count("task.done") == 2
    exchange.hear("ended", 260, "r3")
    later = missed(exchange, 300, "r4")
    assert tasks(exchange)[-1] == (later, None, None)


@pytest.mark.parametrize(("number", "outcome"), [("13900000007", "spoken"), ("68252222", "spoken"), (DAUGHTER, None)])
def test_the_elder_is_called_back_on_any_of_her_telephones(
    exchange: Exchange, number: str, outcome: str | None
) -> None:
    about = missed(exchange, 0, "r1")
    dialled(exchange, number, 100, "ringing")
    assert tasks(exchange) == [(about, None, None)]
    dialled(exchange, number, 200, "answered")
    assert tasks(exchange) == [(about, outcome, None)]


def test_a_relative_or_stranger_is_spoken_with_on_the_same_telephone_only(exchange: Exchange) -> None:
    daughter = missed(exchange, 0, "r1", number=DAUGHTER)
    stranger = missed(exchange, 100, "r2", number=STRANGER)
    hidden = missed(exchange, 200, "r3", number=None)
    dialled(exchange, "13900000007", 300, "answered")
    exchange.hear("answered", 400, "r4", number=None)
    assert tasks(exchange) == [(each, None, None) for each in (daughter, stranger, hidden)]
    exchange.hear("answered", 500, "r5", number="+86 139 1111 2222")
    exchange.hear("answered", 600, "r6", number="139-0000-0009")
    assert tasks(exchange) == [(daughter, "spoken", None), (stranger, "spoken", None), (hidden, None, None)]


def test_an_answer_that_is_heard_of_late_ends_the_task_and_an_earlier_one_does_not(exchange: Exchange) -> None:
    about = missed(exchange, 100, "r1")
    dialled(exchange, "13900000007", 20, "answered")
    assert tasks(exchange) == [(about, None, None)]
    exchange.hear("answered", 130, "r1")
    assert tasks(exchange) == [(about, "spoken", None)]


def test_saying_who_a_talk_was_with_ends_the_task(exchange: Exchange) -> None:
    about = missed(exchange, 0, "r1")
    call_id = exchange.hear("answered", 100, "r2", number="68252222")
    assert call_id is not None
    exchange.conn.execute("UPDATE task SET done_at = NULL, outcome = NULL")
    exchange.conn.execute("UPDATE call SET elder_id = NULL, party = 'unknown' WHERE id = %s", (call_id,))
    with transaction(exchange.conn) as tx:
        operator, elder = exchange.desk.operator, exchange.desk.person.elder_id
        calling.identify(tx, exchange.now + 200 * SECOND, call_id, operator, elder)
    assert tasks(exchange) == [(about, "spoken", None)]
