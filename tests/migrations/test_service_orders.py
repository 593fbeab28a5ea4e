"""What came with service orders goes down with rows in its tables, and up again: no order is lost."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dispatch.money import charging
from dispatch.order_rows import locked_order
from dispatch.orders import cancel
from dispatch.service_level import complaints
from dispatch.service_level.complaints import Decision
from launcher.migrations import migrate
from schemas.database import connect, transaction
from tests.conftest import Storage
from tests.integration.dispatch.money.books import NOW, Books
from tests.integration.dispatch.workforce import HOUR
from tests.integration.district import Connection
from tests.schema_versions import take_down_to

BEFORE = 22
"""The last migration before anything of service orders."""


@pytest.fixture
def url(storage: Storage) -> Iterator[str]:
    """A fresh migrated database on each storage."""
    made = storage.new_database()
    yield made
    storage.drop(made)


def _values(conn: Connection, table: str, column: str) -> list[str]:
    """Every value that a column's check allows now."""
    found = conn.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s",
        (table, f"{table}_{column}_check"),
    ).fetchone()
    assert found is not None, (table, column)
    return re.findall(r"'([a-z_]+)'::text", found[0])


def test_every_kind_of_order_and_task_survives_going_down_and_up(url: str) -> None:
    with connect(url, "test") as conn:
        books = Books(conn)
        conn.execute(
            "INSERT INTO service_profile (elder_id, weight_kg, changed_at) VALUES (%s, 90, %s)", (books.elder, NOW)
        )
        pair = books.request("bath")
        for attention in _values(conn, "service_order", "attention"):
            order = books.request("meal")
            conn.execute(
                "UPDATE service_order SET attention = %s, attention_at = %s WHERE id = %s", (attention, NOW, order)
            )
        for reason in set(_values(conn, "service_order", "due_reason")) - {"confirm", "settle"}:
            order = books.request("meal")
            conn.execute("UPDATE service_order SET due_reason = %s WHERE id = %s", (reason, order))
        for kind in _values(conn, "task", "kind"):
            conn.execute(
                "INSERT INTO task (kind, about, org_code, due_at, created_at, elder_id)"
                " VALUES (%s, 'x', '500109', %s, %s, %s)",
                (kind, NOW, NOW, books.elder),
            )
        for state in _values(conn, "provider", "state"):
            books.add_provider(f"家政{state}", state)  # type: ignore[arg-type]
        late = books.request("meal", HOUR)
        conn.execute(
            "UPDATE service_order SET state = 'accepted', worker_id = %s, accepted_at = %s WHERE id = %s",
            (books.worker.id, NOW, late),
        )
        with transaction(conn) as tx:
            cancel(tx, NOW, late, books.operator, "不去了", for_elder=True)
        done = books.confirmed("meal")
        with transaction(conn) as tx:
            complaint = complaints.complain(tx, NOW, done, books.relative, "rude", "凶", "family")
            decision = Decision("upheld", "对不起", refund_fen=100, penalty_fen=50, rework_from=NOW + 2 * HOUR)
            complaints.decide(tx, NOW, complaint, books.supervisor, decision)
        with transaction(conn) as tx:
            locked_order(tx, done)
            charging.void(tx, NOW, done, books.supervisor)
        conn.execute(
            "INSERT INTO day_plan (org_code, day, state, reason, asked_at, seconds, at_once) VALUES"
            " ('500109', %s, 'applied', 'nightly', %s, 60, true)",
            (NOW.date(), NOW),
        )
        conn.execute(
            "INSERT INTO day_plan_visit (plan_id, order_id, reason) SELECT id, %s, 'full' FROM day_plan", (pair,)
        )
        conn.execute("UPDATE service_order SET plan_id = (SELECT id FROM day_plan) WHERE id = %s", (pair,))
        for when in (timedelta(), HOUR):
            conn.execute(
                "INSERT INTO worker_leave (worker_id, kind, starts_at, ends_at, reported_at) VALUES"
                " (%s, 'sick', %s, %s, %s)",
                (books.worker.id, NOW + when, NOW + when + HOUR / 2, NOW),
            )
        known = [row[0] for row in conn.execute("SELECT id FROM service_order ORDER BY id")]
        take_down_to(url, BEFORE)
        assert [row[0] for row in conn.execute("SELECT id FROM service_order ORDER BY id")] == known
        undated = "SELECT count(*) FROM service_order WHERE ended_at IS NULL AND due_at IS NULL"
        assert conn.execute(undated).fetchone() == (0,)
        migrate(url)
        assert [row[0] for row in conn.execute("SELECT id FROM service_order ORDER BY id")] == known
        assert conn.execute(undated).fetchone() == (0,)
