"""Partitions of the coming months are there, even when their readings came first."""

from datetime import datetime, timedelta

import psycopg
import pytest

from dispatch.scheduled import ensure_partitions, housekeep
from schemas.database import connect, transaction
from tests.integration.district import Connection, one


def _add_reading(conn: Connection, at: datetime, seq: int) -> None:
    conn.execute(
        "INSERT INTO reading (at, device_key, received_at, boot, seq, sample, hr, quality, extra) "
        "VALUES (%s, 1, %s, 'b1', %s, 0, 72, 0, '{}')",
        (at, at, seq),
    )


def _where(conn: Connection) -> list[tuple[str, int]]:
    return conn.execute("SELECT tableoid::regclass::text, seq FROM reading ORDER BY seq").fetchall()


def test_readings_that_came_before_their_partition_move_into_it(conn: Connection, now: datetime) -> None:
    this_month = datetime(2031, 3, 20, tzinfo=now.tzinfo)
    far = this_month + timedelta(days=400)
    for seq, at in enumerate((this_month, datetime(2031, 4, 1, tzinfo=now.tzinfo), far)):
        _add_reading(conn, at, seq)
    for _ in range(2):
        with transaction(conn) as tx:
            assert housekeep(tx, this_month)
    _add_reading(conn, this_month, 3)
    assert _where(conn) == [
        ("reading_2031_03", 0), ("reading_2031_04", 1), ("reading_default", 2), ("reading_2031_03", 3),
    ]  # fmt: skip
    by_device = "EXPLAIN SELECT FROM reading WHERE device_key = 1 AND at >= '2031-03-02Z' AND at < '2031-03-03Z'"
    conn.execute("SET enable_seqscan = off")
    assert "Index" in str(conn.execute(by_device).fetchall())
    assert one(conn, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass") == 9


def test_partitions_wait_for_no_long_query(database_url: str, conn: Connection, now: datetime) -> None:
    later = now + timedelta(days=400)
    with connect(database_url, "report") as report, report.transaction():
        report.execute("SELECT count(*) FROM reading_default")
        with pytest.raises(psycopg.errors.LockNotAvailable), transaction(conn) as tx:
            ensure_partitions(tx, later)
