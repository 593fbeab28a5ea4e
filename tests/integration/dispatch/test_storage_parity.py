"""Hours and days are the same on plain PostgreSQL, on TimescaleDB and on TimescaleDB with its licensed features."""

import json
import random
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.aggregates import kept_by_hand, sum_up
from dispatch.partitions import ensure_partitions
from dispatch.storage import drop_old, tell_timescaledb
from schemas.database import connect, transaction
from schemas.district_time import day_start
from schemas.vitals import VITALS
from tests.conftest import Storage
from tests.integration.district import Connection
from tests.wasm_timescaledb.server import migrated, wasm_timescaledb

NOON = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
Sample = dict[str, Any]


@pytest.fixture(scope="module", params=["postgresql", "timescaledb", "licensed"])
def server(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A migrated database on each kind of server."""
    if request.param == "licensed":
        with wasm_timescaledb() as url, migrated(url) as conn:
            yield conn
        return
    storage: Storage = request.getfixturevalue(request.param)
    url = storage.new_database()
    with connect(url, "test") as conn:
        yield conn
    storage.drop(url)


def _samples(seed: int, count: int, first: datetime, last: datetime) -> list[Sample]:
    """Readings of three devices, not every sign in each, some hours empty."""
    dice = random.Random(seed)
    seconds = int((last - first).total_seconds())
    made: list[Sample] = []
    for _ in range(count):
        at = first + timedelta(seconds=dice.randrange(seconds))
        if at.hour % 7 == 3:
            continue
        signs = {sign: dice.randrange(2500, 9900) for sign in VITALS if dice.random() < 0.7}
        steps = dice.randrange(9000) if dice.random() < 0.5 else None
        made.append({"at": at, "device_key": dice.randrange(1, 4), "steps": steps, **signs})
    return made


def _store(conn: Connection, samples: list[Sample], received_at: datetime | None = None) -> None:
    columns = ", ".join(f"(item ->> '{name}')::smallint" for name in VITALS)
    insert = (
        f"INSERT INTO reading (at, received_at, device_key, boot, seq, steps, {', '.join(VITALS)}) "  # noqa: S608
        "SELECT (item ->> 'at')::timestamptz, %s::timestamptz, (item ->> 'device_key')::integer, 'b', number, "
        f"(item ->> 'steps')::integer, {columns} "
        "FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS listed (item, number)"
    )
    # The WebAssembly server reads no message that does not come in one piece.
    for start in range(0, len(samples), 100):
        conn.execute(insert.encode(), (received_at, json.dumps(samples[start : start + 100], default=str)))


def _as_real(value: float) -> float:
    """The nearest value that four bytes hold, as the server tells it."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _expected(samples: list[Sample], begin: Any) -> dict[tuple[int, datetime], tuple[Any, ...]]:
    """What the views must say, computed here from the samples."""
    grouped: dict[tuple[int, datetime], list[Sample]] = {}
    for sample in samples:
        grouped.setdefault((sample["device_key"], begin(sample["at"])), []).append(sample)
    expected: dict[tuple[int, datetime], tuple[Any, ...]] = {}
    for key, group in grouped.items():
        told: list[Any] = [
            len(group),
            max((item["steps"] for item in group if item["steps"] is not None), default=None),
        ]
        for sign in VITALS:
            values = [item[sign] for item in group if sign in item]
            told += [
                _as_real(min(values) / 100), _as_real(max(values) / 100),
                _as_real(sum(values) / (100 * len(values))), len(values),
            ] if values else [None, None, None, 0]  # fmt: skip
        expected[key] = tuple(told)
    return expected


def _told(conn: Connection, view: str) -> dict[tuple[int, datetime], tuple[Any, ...]]:
    rows = conn.execute(f"SELECT * FROM {view}".encode()).fetchall()  # noqa: S608
    told = {
        (row[0], row[1]): tuple(_as_real(value) if isinstance(value, float) else value for value in row[2:])
        for row in rows
    }
    assert len(told) == len(rows)
    return told


def _assert_same(conn: Connection, samples: list[Sample]) -> None:
    assert _told(conn, "vitals_hourly") == _expected(samples, lambda at: at.replace(minute=0, second=0, microsecond=0))
    assert _told(conn, "vitals_daily") == _expected(samples, day_start)


def _refresh(conn: Connection, now: datetime) -> None:
    """Let happen what happens by the clock: our housekeeping, and the licensed server's own jobs."""
    with transaction(conn) as tx:
        by_hand = kept_by_hand(tx)
    # Not packing: the WebAssembly server cannot build an index beside another.
    for step in (sum_up, drop_old, tell_timescaledb):
        step(conn, now)
    if not by_hand:
        jobs = (
            "SELECT job_id FROM timescaledb_information.jobs "
            "WHERE proc_name = 'policy_refresh_continuous_aggregate' ORDER BY job_id"
        )
        for (job,) in conn.execute(jobs).fetchall():
            conn.execute(f"CALL run_job({int(job)})".encode())


def test_hours_and_days_are_the_same_before_and_after_they_are_summed_up(server: Connection) -> None:
    with transaction(server) as tx:
        ensure_partitions(tx, NOON)
    samples = _samples(20261122, 2000, NOON - timedelta(days=5), NOON)
    _store(server, samples)
    _assert_same(server, samples)
    _refresh(server, NOON)
    _assert_same(server, samples)

    late = _samples(4, 200, NOON - timedelta(days=30), NOON - timedelta(hours=2))
    _store(server, late, NOON + timedelta(minutes=1))
    fresh = _samples(5, 100, NOON, NOON + timedelta(hours=30))
    _store(server, fresh)
    _refresh(server, NOON + timedelta(hours=31))
    _assert_same(server, samples + late + fresh)

    stored = server.execute("SELECT count(*) FROM vitals_hour WHERE hour < %s", (NOON,)).fetchone()
    assert stored is not None and stored[0] > 100


def test_the_views_have_the_same_columns_everywhere(server: Connection, postgresql: Storage) -> None:
    query = (
        "SELECT attrelid::regclass::text, attname, atttypid::regtype::text FROM pg_attribute "
        "WHERE attrelid IN ('vitals'::regclass, 'vitals_hourly'::regclass, 'vitals_daily'::regclass)"
    )
    plain = postgresql.new_database()
    with connect(plain, "test") as conn:
        wanted = conn.execute(query).fetchall()
    postgresql.drop(plain)
    assert sorted(server.execute(query).fetchall()) == sorted(wanted)


def test_the_policies_follow_the_data(server: Connection) -> None:
    with transaction(server) as tx:
        if kept_by_hand(tx):
            pytest.skip("this server has no policies")
    jobs = (
        "SELECT proc_name, config ->> 'drop_after' FROM timescaledb_information.jobs WHERE hypertable_name = 'reading'"
    )
    tell_timescaledb(server, NOON)
    assert dict(server.execute(jobs).fetchall()) == {"policy_retention": "60 days", "policy_compression": None}
    server.execute("UPDATE storage_policy SET keep_readings = '90 days', chunk_width = '2 hours'")
    tell_timescaledb(server, NOON)
    tell_timescaledb(server, NOON)
    assert dict(server.execute(jobs).fetchall()) == {"policy_retention": "90 days", "policy_compression": None}
    width = "SELECT time_interval FROM timescaledb_information.dimensions WHERE hypertable_name = 'reading'"
    assert server.execute(width).fetchone() == (timedelta(hours=2),)


def test_compressed_readings_read_the_same(server: Connection) -> None:
    with transaction(server) as tx:
        if kept_by_hand(tx):
            pytest.skip("this server does not compress")
    everything = "SELECT * FROM vitals ORDER BY device_key, at, seq"
    before = server.execute(everything).fetchall()
    for (chunk,) in server.execute("SELECT chunk::text FROM show_chunks('reading') AS chunk").fetchall():
        server.execute("SELECT compress_chunk(%s::regclass)", (chunk,))
    assert server.execute(everything).fetchall() == before
    server.execute(
        "INSERT INTO reading (at, received_at, device_key, boot, seq, hr) VALUES (%s, %s, 1, 'late', 1, 7200)",
        (NOON - timedelta(days=3), NOON),
    )
    assert len(server.execute(everything).fetchall()) == len(before) + 1
