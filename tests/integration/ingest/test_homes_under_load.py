"""Many hubs at once: what a batch of theirs costs in statements, whatever their number."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingest.memory import Memory
from ingest.telemetry_writer import write_telemetry
from schemas.database import Transaction, transaction
from tests.integration.district import Connection, add_device, add_household, assign, one
from tests.integration.ingest.messages import telemetry

MINUTE = timedelta(minutes=1)


def _hubs(conn: Connection, now: datetime, number: int) -> list[str]:
    ids = [f"H-{index:05}" for index in range(number)]
    for device_id in ids:
        assign(conn, add_device(conn, device_id, "hub", now), now, household=add_household(conn))
    return ids


def _statements(
    conn: Connection, memory: Memory, now: datetime, hubs: list[str], monkeypatch: pytest.MonkeyPatch, seq: int
) -> int:
    """How many statements a batch of one message a hub takes."""
    counted = 0
    run, ask = Transaction.execute, Transaction.rows

    def execute(tx: Transaction, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> int:
        nonlocal counted
        counted += 1
        return run(tx, query, params)

    def rows(tx: Transaction, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        nonlocal counted
        counted += 1
        return ask(tx, query, params)

    batch = [telemetry(hub, seq, now, motion=seq, bed=False, door=False, water=10.0 + seq) for hub in hubs]
    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "execute", execute)
        patch.setattr(Transaction, "rows", rows)
        with transaction(conn) as tx:
            written = write_telemetry(tx, now, batch, memory)
    memory.keep(*written)
    return counted


def test_a_batch_of_many_hubs_takes_as_many_statements_as_one_of_few(
    conn: Connection, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubs, memory = _hubs(conn, now, 60), Memory()
    _statements(conn, memory, now, hubs, monkeypatch, 0)
    few = _statements(conn, memory, now + MINUTE, hubs[:2], monkeypatch, 1)
    many = _statements(conn, memory, now + 2 * MINUTE, hubs, monkeypatch, 2)
    assert many == few
    assert one(conn, "SELECT count(*) FROM home_watch WHERE moved_at IS NOT NULL") == 60
    assert one(conn, "SELECT count(*) FROM water_meter WHERE m3 = 12") == 60


def test_vitals_alone_ask_nothing_about_homes(conn: Connection, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    [hub] = _hubs(conn, now, 1)
    memory = Memory()
    _statements(conn, memory, now, [hub], monkeypatch, 0)

    def refused(*_: object) -> None:
        raise AssertionError("a message without home fields asked for something")

    monkeypatch.setattr("ingest.home_rules.hear", refused)
    monkeypatch.setattr("ingest.home_rules.follow", refused)
    with transaction(conn) as tx:
        write_telemetry(tx, now, [telemetry(hub, 1, now, hr=72, lat=29.8, lon=106.4)], memory)
    assert one(conn, "SELECT count(*) FROM reading") == 2
