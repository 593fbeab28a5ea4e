"""What the database itself says about telephone numbers and calls, and who is first when two hear the same word."""

import itertools
import threading
import time
from datetime import datetime, timedelta

import psycopg
import pytest

from dispatch import calls
from dispatch.callers import find_matches
from dispatch.calling import VOICE
from dispatch.calls import Word
from schemas.calls import CallState, CallTimes, CallWord
from schemas.database import connect, transaction
from tests.integration.district import Connection, add_household, add_streets, one

STATES: tuple[CallState, ...] = ("queued", "ringing", "answered", "ended", "missed", "failed")


def key_of(conn: Connection, number: str) -> str | None:
    found = conn.execute("SELECT phone_key(%s)", (number,)).fetchone()
    assert found is not None
    key: str | None = found[0]
    return key


@pytest.mark.parametrize(
    ("spellings", "key"),
    [
        (
            ("13900000000", "+86 139-0000-0000", "0086 13900000000", "86 139 0000 0000", "１３９００００００００"),
            "13900000000",
        ),
        (("023-68281234", "+862368281234", "0086-23-68281234", "(023) 6828 1234转8001", "02368281234#9"), "2368281234"),
        (("+49 30 123456", "004930123456"), "+4930123456"),
        (("120", " 120 "), "120"),
        (("", "转8001", "()", "+", "ab"), None),
        (("86123456",), "86123456"),
    ],
)
def test_however_a_number_is_written_it_has_one_key(
    storage_conn: Connection, spellings: tuple[str, ...], key: str | None
) -> None:
    assert {spelling: key_of(storage_conn, spelling) for spelling in spellings} == dict.fromkeys(spellings, key)


def test_the_table_and_the_code_agree_on_every_state(conn: Connection, now: datetime) -> None:
    add_streets(conn)
    for rang, answered, ended, failed in itertools.product((None, now), (None, now), (None, now), (False, True)):
        times = CallTimes(now, rang, answered, ended, failed)
        for state in STATES:
            due = None if ended else now
            row = (state, now, rang, answered, ended, failed, due, "ring" if due else None)
            accepted = state == times.state and (ended is not None or not failed)
            if accepted:
                _insert(conn, row)
            else:
                with pytest.raises(psycopg.errors.CheckViolation):
                    _insert(conn, row)


def _insert(conn: Connection, row: tuple[object, ...]) -> None:
    conn.execute(
        "INSERT INTO call (direction, number, org_code, party, provider, state, queued_at, rang_at, answered_at,"
        " ended_at, failed, due_at, due_reason)"
        " VALUES ('inbound', '1', '500109', 'unknown', 'hand', %s, %s, %s, %s, %s, %s, %s, %s)",
        row,
    )


def test_two_who_hear_of_a_call_at_once_make_one_row(database_url: str, conn: Connection, now: datetime) -> None:
    add_household(conn)
    words: tuple[CallWord, ...] = ("ringing", "answered", "ended")
    for turn in range(10):
        together = threading.Barrier(len(words))

        def hear(word: CallWord, reference: str = f"r{turn}", together: threading.Barrier = together) -> None:
            with connect(database_url, "test-race") as mine:
                together.wait()
                with transaction(mine) as tx:
                    calls.hear(tx, now, VOICE, Word(word, now, reference, inbound=True, number="1", line="2"))

        threads = [threading.Thread(target=hear, args=(word,)) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    found = conn.execute("SELECT state, count(*) FROM call GROUP BY state").fetchall()
    assert found == [("ended", 10)]
    told = conn.execute("SELECT count(*) FROM event WHERE kind = 'call.queued'").fetchone()
    assert told == (10,)


def test_whose_number_it_is_is_found_at_once_among_many(conn: Connection, now: datetime) -> None:
    home = add_household(conn)
    conn.execute(
        "INSERT INTO elder (household_id, name, gender, birth_date, phone, state, state_since)"
        " SELECT %s, 'x', 'female', '1940-01-01', '138' || lpad(number::text, 8, '0'), 'home', %s"
        " FROM generate_series(1, 30000) AS number",
        (home, now),
    )
    conn.execute("ANALYZE elder")
    wanted = one(conn, "SELECT id FROM elder WHERE phone = '13800012345'")
    with transaction(conn) as tx:
        find_matches(tx, "1")
        began = time.perf_counter()
        matches = find_matches(tx, "+86 138 0001 2345")
        took = timedelta(seconds=time.perf_counter() - began)
    assert [match.elder_id for match in matches] == [wanted]
    assert took < timedelta(seconds=0.25), "a look at every row takes longer"
