"""Indexes of quiet chunks are packed once; whatever a killed rebuild leaves behind is cleared away."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.partitions import ensure_partitions
from dispatch.storage import pack_quiet
from schemas.database import transaction
from tests.integration.district import Connection, one

DAY = datetime(2031, 5, 10, tzinfo=UTC)
INDEX_BYTES = (
    "SELECT sum(pg_relation_size(indexrelid)) FROM pg_inherits JOIN pg_index ON indrelid = inhrelid "
    "WHERE inhparent = 'reading'::regclass AND indpred IS NULL"
)


BYTES_LIMIT = 110


@pytest.fixture
def filled(storage_conn: Connection) -> Connection:
    """Two days of 100 devices, interleaved."""
    with transaction(storage_conn) as tx:
        ensure_partitions(tx, DAY)
    storage_conn.execute(
        "INSERT INTO reading (at, device_key, boot, seq, hr) "
        "SELECT %s::timestamptz + tick * interval '6 minutes', (place * 37) %% 100, 'b', tick, 7200 "
        "FROM generate_series(0, 479) AS tick CROSS JOIN generate_series(0, 99) AS place ORDER BY tick, place",
        (DAY,),
    )
    return storage_conn


def test_a_chunk_is_packed_once_its_time_is_over(filled: Connection) -> None:
    before = one(filled, INDEX_BYTES)
    pack_quiet(filled, DAY + timedelta(hours=24, minutes=59))
    assert one(filled, "SELECT count(*) FROM packed_chunk") == 0
    pack_quiet(filled, DAY + timedelta(hours=25))
    packed = filled.execute("SELECT chunk, packed_at, bytes_before > bytes_after FROM packed_chunk").fetchall()
    assert [row[1:] for row in packed] == [(DAY + timedelta(hours=25), True)]
    assert one(filled, INDEX_BYTES) < before * 0.92
    pack_quiet(filled, DAY + timedelta(hours=26))
    assert filled.execute("SELECT chunk, packed_at, bytes_before > bytes_after FROM packed_chunk").fetchall() == packed
    pack_quiet(filled, DAY + timedelta(hours=49))
    assert one(filled, "SELECT count(*) FROM packed_chunk") == 2


def test_a_row_takes_at_most_110_bytes_with_its_indexes(storage_conn: Connection) -> None:
    """A full day of the fleet's mix: two values in ten only in one message of six, a boot of eight letters."""
    with transaction(storage_conn) as tx:
        ensure_partitions(tx, DAY)
    storage_conn.execute(
        "INSERT INTO reading (at, device_key, seq, steps, lat, lon, hr, spo2, rr, temp, battery, sbp, dbp, boot) "
        "SELECT %s::timestamptz + tick * interval '1 minute', place * 37 %% 100, tick, tick, "
        "CASE WHEN (tick + place) %% 6 = 0 THEN 298300000 END, CASE WHEN (tick + place) %% 6 = 0 THEN 1064400000 END, "
        "7200, 9700, 1600, 3650, 8800, CASE WHEN (tick + place) %% 6 = 3 THEN 12800 END, "
        "CASE WHEN (tick + place) %% 6 = 3 THEN 8200 END, 'a1b2c3d4' "
        "FROM generate_series(0, 1439) AS tick CROSS JOIN generate_series(0, 99) AS place ORDER BY tick, place",
        (DAY,),
    )
    pack_quiet(storage_conn, DAY + timedelta(days=2))
    chunk = "SELECT pg_total_relation_size(tableoid) FROM reading WHERE at >= %s AND at < %s LIMIT 1"
    day = (DAY, DAY + timedelta(days=1))
    rows = one(storage_conn, "SELECT count(*) FROM reading WHERE at >= %s AND at < %s", *day)
    assert one(storage_conn, chunk, *day) / rows <= BYTES_LIMIT


def test_a_packed_chunk_takes_late_readings_and_finds_everything(filled: Connection) -> None:
    pack_quiet(filled, DAY + timedelta(days=3))
    filled.execute(
        "INSERT INTO reading (at, received_at, device_key, boot, seq, hr) VALUES (%s, %s, 5, 'late', 1, 8000)",
        (DAY + timedelta(hours=3, seconds=1), DAY + timedelta(days=3)),
    )
    filled.execute("SET enable_seqscan = off")
    by_device = "SELECT count(*) FROM vitals WHERE device_key = 5 AND at >= %s AND at < %s"
    assert one(filled, by_device, DAY, DAY + timedelta(days=1)) == 241


def test_what_a_broken_rebuild_left_behind_goes(filled: Connection) -> None:
    (chunk, index), *_ = filled.execute(
        "SELECT indrelid::regclass::text, indexrelid::regclass::text FROM pg_inherits "
        "JOIN pg_index ON indrelid = inhrelid AND indpred IS NULL JOIN pg_class ON pg_class.oid = indexrelid "
        "JOIN pg_am ON pg_am.oid = relam AND amname = 'btree' "
        "WHERE inhparent = 'reading'::regclass ORDER BY 1"
    ).fetchall()
    left = f"{index.rpartition('.')[2]}_ccnew"
    filled.execute(f"CREATE INDEX {left} ON {chunk} (device_key)".encode())
    filled.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = (SELECT oid FROM pg_class WHERE relname = %s)",
        (left,),
    )
    pack_quiet(filled, DAY + timedelta(days=3))
    assert one(filled, "SELECT count(*) FROM pg_class WHERE relname = %s", left) == 0
    assert one(filled, "SELECT count(*) FROM packed_chunk WHERE bytes_after > 0") == 2
