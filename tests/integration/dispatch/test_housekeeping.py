"""Partitions of the coming days are there, even when their readings came first, and go when their time is over."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from dispatch.partitions import ensure_partitions, partitions_of
from dispatch.scheduled import housekeep
from dispatch.storage import keep_storage
from schemas.database import connect, transaction
from tests.integration.district import Connection, one

DAY = datetime(2031, 3, 20, tzinfo=UTC)


def _add_reading(conn: Connection, at: datetime, seq: int) -> None:
    conn.execute("INSERT INTO reading (at, device_key, boot, seq, hr) VALUES (%s, 1, 'b1', %s, 7200)", (at, seq))


def _where(conn: Connection) -> list[tuple[str, int]]:
    return conn.execute("SELECT tableoid::regclass::text, seq FROM reading ORDER BY seq").fetchall()


def test_readings_that_came_before_their_partition_move_into_it(conn: Connection) -> None:
    far = DAY + timedelta(days=400)
    before = one(conn, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass")
    for seq, at in enumerate((DAY + timedelta(hours=3), DAY + timedelta(days=1), far)):
        _add_reading(conn, at, seq)
    for _ in range(2):
        with transaction(conn) as tx:
            assert housekeep(tx, DAY + timedelta(hours=5))
    _add_reading(conn, DAY, 3)
    assert _where(conn) == [
        ("reading_20310320", 0), ("reading_20310321", 1), ("reading_default", 2), ("reading_20310320", 3),
    ]  # fmt: skip
    by_device = "EXPLAIN SELECT FROM reading WHERE device_key = 1 AND at >= '2031-03-20Z' AND at < '2031-03-21Z'"
    conn.execute("SET enable_seqscan = off")
    assert "Index" in str(conn.execute(by_device).fetchall())
    assert one(conn, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass") == before + 4


def test_hours_have_a_partition_this_month_and_the_next(conn: Connection) -> None:
    with transaction(conn) as tx:
        ensure_partitions(tx, datetime(2031, 12, 5, tzinfo=UTC))
    with transaction(conn) as tx:
        made = partitions_of(tx, "vitals_hour")
    assert {"vitals_hour_203112", "vitals_hour_203201"} <= set(made)
    assert made["vitals_hour_203112"].until == made["vitals_hour_203201"].since


def test_another_width_is_taken_up_without_a_gap(conn: Connection) -> None:
    with transaction(conn) as tx:
        ensure_partitions(tx, DAY)
    conn.execute("UPDATE storage_policy SET chunk_width = '6 hours'")
    with transaction(conn) as tx:
        ensure_partitions(tx, DAY + timedelta(days=2, hours=3))
    with transaction(conn) as tx:
        spans = [span for span in partitions_of(tx, "reading").values() if span.since >= DAY]
    assert all(before.until == after.since for before, after in pairwise(spans))
    assert {span.until - span.since for span in spans} == {timedelta(days=1), timedelta(hours=6)}
    assert spans[-1].until >= DAY + timedelta(days=5, hours=3)


def test_a_width_that_does_not_divide_the_day_is_refused(conn: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE storage_policy SET chunk_width = '5 hours'")
    with pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE storage_policy SET keep_readings = '20 days'")


def test_partitions_wait_for_no_long_query(database_url: str, conn: Connection, now: datetime) -> None:
    later = now + timedelta(days=400)
    with connect(database_url, "report") as report, report.transaction():
        report.execute("SELECT count(*) FROM reading_default")
        with pytest.raises(psycopg.errors.LockNotAvailable), transaction(conn) as tx:
            ensure_partitions(tx, later)


def test_expired_readings_go_and_their_hours_and_days_stay(storage_conn: Connection) -> None:
    conn = storage_conn
    with transaction(conn) as tx:
        ensure_partitions(tx, DAY)
    for seq, days in enumerate((0, 1, 2)):
        _add_reading(conn, DAY + timedelta(days=days, hours=1), seq)
    _add_reading(conn, DAY - timedelta(days=9), 9)
    assert keep_storage(conn, DAY + timedelta(days=61, hours=12))
    assert conn.execute("SELECT seq FROM vitals ORDER BY seq").fetchall() == [(1,), (2,)]
    assert one(conn, "SELECT count(*) FROM vitals_hourly") == 4
    assert one(conn, "SELECT count(*) FROM vitals_daily") == 4
    keep_storage(conn, DAY + timedelta(days=430))
    assert (one(conn, "SELECT count(*) FROM vitals"), one(conn, "SELECT count(*) FROM vitals_daily")) == (0, 4)
    keep_storage(conn, DAY + timedelta(days=365 * 5 + 30))
    assert (one(conn, "SELECT count(*) FROM vitals_hourly"), one(conn, "SELECT count(*) FROM vitals_daily")) == (0, 0)


def test_one_process_keeps_the_storage_at_a_time(database_url: str, conn: Connection, now: datetime) -> None:
    with connect(database_url, "other") as other:
        other.execute("SELECT pg_advisory_lock(7221103)")
        assert not keep_storage(conn, now)
        other.execute("SELECT pg_advisory_unlock(7221103)")
    assert keep_storage(conn, now)
