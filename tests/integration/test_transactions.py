"""The one way to change anything: what a refusal leaves of it, and what it costs the next."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import TupleRow

from schemas.database import Transaction, row, rows, transaction
from schemas.events import Event
from schemas.statements import statement

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
WRITE = statement("INSERT INTO org_unit (code, kind, name, path) VALUES (%(code)s::text, 'district', 'D', 'refused/')")
COUNT = statement("SELECT count(*) AS found FROM org_unit WHERE code = 'refused'")
PREPARED = statement(
    "SELECT count(*) AS found FROM pg_prepared_statements WHERE statement LIKE '%%org_unit WHERE code%%'"
)
WRITE_MANY = statement("""
    INSERT INTO org_unit (code, kind, name, path)
    SELECT code, 'district', name, code || '/' FROM unnest(%(code)s::text[], %(name)s::text[]) AS unit (code, name)
""")
CODES = statement("SELECT code FROM org_unit ORDER BY code")
EVENTS = statement("SELECT kind FROM event ORDER BY id")


class Refusal(Exception):
    """What a rule raises."""


def _write_and_refuse(tx: Transaction) -> None:
    tx.execute(WRITE, {"code": "refused"})
    tx.emit(Event("alarm.noted", NOW))
    raise Refusal


def _found(conn: psycopg.Connection[TupleRow], query: psycopg.sql.SQL) -> int:
    found = row(conn, query)
    assert found is not None
    return int(found["found"])


def test_a_refusal_leaves_nothing_and_the_connection_goes_on(conn: psycopg.Connection[TupleRow]) -> None:
    with pytest.raises(Refusal), transaction(conn) as tx:
        _write_and_refuse(tx)

    assert _found(conn, COUNT) == 0
    with transaction(conn) as tx:
        tx.emit(Event("alarm.noted", NOW))
    assert [event["kind"] for event in rows(conn, EVENTS)] == ["alarm.noted"]


def test_a_refusal_does_not_make_the_server_plan_everything_anew(conn: psycopg.Connection[TupleRow]) -> None:
    for _ in range(10):
        _found(conn, COUNT)
    assert _found(conn, PREPARED) == 1

    with pytest.raises(Refusal), transaction(conn) as tx:
        _write_and_refuse(tx)

    assert _found(conn, PREPARED) == 1


def test_a_statement_that_fails_ends_its_transaction_and_nothing_more(conn: psycopg.Connection[TupleRow]) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation), transaction(conn) as tx:
        tx.execute(WRITE, {"code": "refused"})
        tx.execute(WRITE, {"code": "refused"})

    assert _found(conn, COUNT) == 0


def test_a_transaction_inside_another_is_a_part_of_it(conn: psycopg.Connection[TupleRow]) -> None:
    with conn.transaction(force_rollback=True):
        with transaction(conn) as tx:
            tx.execute(WRITE, {"code": "refused"})
        assert _found(conn, COUNT) == 1

    assert _found(conn, COUNT) == 0


def test_a_lost_connection_is_told_and_not_hidden_by_the_rollback(conn: psycopg.Connection[TupleRow]) -> None:
    with pytest.raises(psycopg.OperationalError), transaction(conn) as tx:
        conn.pgconn.finish()
        tx.execute(WRITE, {"code": "refused"})


def test_what_was_gathered_is_written_at_the_end_in_one_statement(conn: psycopg.Connection[TupleRow]) -> None:
    with transaction(conn) as tx:
        for code in ("a", "b"):
            tx.gather(WRITE_MANY, {"code": code, "name": code.upper()})
        assert tx.rows(CODES) == []

    assert [unit["code"] for unit in rows(conn, CODES)] == ["a", "b"]


def test_what_was_gathered_in_a_savepoint_is_taken_back_with_it(conn: psycopg.Connection[TupleRow]) -> None:
    with transaction(conn) as tx:
        tx.gather(WRITE_MANY, {"code": "before", "name": "B"})
        with tx.savepoint():
            tx.gather(WRITE_MANY, {"code": "inside", "name": "I"})
        with pytest.raises(Refusal), tx.savepoint():
            tx.gather(WRITE_MANY, {"code": "refused", "name": "R"})
            raise Refusal
        with pytest.raises(psycopg.errors.UniqueViolation), tx.savepoint():
            tx.gather(WRITE_MANY, {"code": "inside", "name": "twice"})

    assert [unit["code"] for unit in rows(conn, CODES)] == ["before", "inside"]
