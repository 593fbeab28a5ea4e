"""The account of a benchmark against real rows: lost, doubled and never sent are each found."""

from datetime import datetime

import psycopg
import pytest
from psycopg.rows import TupleRow

from device_sim.device_keys import DeviceKeys
from device_sim.seeding import seed_district
from load_tests.account import count_stored, take_account
from load_tests.fleet.ledger import EVENT, TELEMETRY, FleetLedger
from load_tests.ingest_bench import watermark_cost
from load_tests.ingest_bench.bare_copy import measure as copy_again
from load_tests.ingest_bench.cast import TooFewDevices, read_cast
from load_tests.ingest_bench.stored import (
    NoCommitTimes,
    check_commit_times,
    measure_points,
    reading_bytes,
)
from tests.integration.district import add_device

Connection = psycopg.Connection[TupleRow]


def _read(conn: Connection, key: int, boot: str, seq: int, now: datetime) -> None:
    conn.execute(
        "INSERT INTO reading (at, device_key, boot, seq, hr, temp, steps) VALUES (%s, %s, %s, %s, 7200, 3650, 12)",
        (now, key, boot, seq),
    )


def _press(conn: Connection, key: int, boot: str, seq: int, now: datetime) -> None:
    conn.execute(
        "INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload) "
        "VALUES (%s, %s, %s, 'sos', %s, %s, 't', '')",
        (key, boot, seq, now, now),
    )


def _ledger(conn: Connection, now: datetime) -> tuple[FleetLedger, list[int]]:
    """Two devices with three readings and one event each, all acknowledged but the last reading of the second."""
    keys = [add_device(conn, "W-1", "wearable", now), add_device(conn, "W-2", "wearable", now)]
    ledger = FleetLedger(["W-1", "W-2"], boot="fleet1")
    for device in range(2):
        for seq in range(3):
            number = ledger.offer(device, seq, TELEMETRY, now.timestamp() - 1, now.timestamp())
            if (device, seq) != (1, 2):
                ledger.acknowledge(number, now.timestamp())
        ledger.acknowledge(ledger.offer(device, 0, EVENT, now.timestamp() - 1, now.timestamp()), now.timestamp())
    return ledger, keys


def test_a_whole_run_accounts_for_everything(storage_conn: Connection, now: datetime) -> None:
    if storage_conn.execute("SHOW track_commit_timestamp").fetchone() != ("on",):
        with pytest.raises(NoCommitTimes):
            check_commit_times(storage_conn)
        pytest.skip("this server does not tell when it committed")
    ledger, keys = _ledger(storage_conn, now)
    for key in keys:
        for seq in range(3):
            _read(storage_conn, key, "fleet1", seq, now)
        _press(storage_conn, key, "fleet1", 0, now)
    _read(storage_conn, keys[0], "another", 0, now)
    account = take_account(storage_conn, ledger, keys)
    assert (account.stored, account.lost, account.duplicated, account.unknown) == (8, [], 0, 0)
    assert count_stored(storage_conn, ledger) == 8
    assert measure_points(storage_conn, ledger) == (6, 18)
    assert reading_bytes(storage_conn) > 0


def test_lost_doubled_and_never_sent_are_each_found(conn: Connection, now: datetime) -> None:
    ledger, keys = _ledger(conn, now)
    check_commit_times(conn)
    for key, seq in ((keys[0], 0), (keys[0], 0), (keys[0], 2), (keys[1], 0), (keys[1], 1), (keys[1], 7)):
        _read(conn, key, "fleet1", seq, now)
    _press(conn, keys[1], "fleet1", 0, now)
    account = take_account(conn, ledger, keys)
    lost = [
        (ledger.entry(number).device, ledger.entry(number).lane, ledger.entry(number).seq) for number in account.lost
    ]
    assert lost == [("W-1", TELEMETRY, 1), ("W-1", EVENT, 0)]
    assert (account.stored, account.duplicated, account.unknown) == (5, 1, 1)
    assert all(abs(moment - datetime.now(now.tzinfo).timestamp()) < 60 for moment in account.committed if moment)


def test_the_same_rows_can_be_copied_again_from_memory(conn: Connection, now: datetime) -> None:
    key = add_device(conn, "W-1", "wearable", now)
    for seq in range(5):
        _read(conn, key, "fleet1", seq, now)
    assert copy_again(conn, "fleet1") > 0
    copies = conn.execute("SELECT seq, hr, steps FROM reading WHERE boot = 'yardstick' ORDER BY seq").fetchall()
    assert copies == [(seq, 7200, 12) for seq in range(5)]
    assert copy_again(conn, "nobody") == 0


def test_what_exactly_once_costs_is_measured_beside_the_same_rows_without(conn: Connection, now: datetime) -> None:
    key = add_device(conn, "W-1", "wearable", now)
    rows = 2 * watermark_cost.BATCH
    conn.cursor().executemany(
        "INSERT INTO reading (at, device_key, boot, seq, hr) VALUES (%s, %s, 'fleet1', %s, 7200)",
        [(now, key, seq) for seq in range(rows)],
    )
    assert watermark_cost.measure(conn, "fleet1") is not None
    found = conn.execute(
        "SELECT count(*), sum(cardinality(seqs)) FROM ingest_journal, "
        "(SELECT count(*) AS copies FROM reading WHERE boot = 'watermarks') AS reading WHERE copies = %s", (rows,)
    ).fetchone()  # fmt: skip
    assert found == (1, watermark_cost.BATCH), "one of two transactions journals"
    assert watermark_cost.measure(conn, "nobody") is None


def test_the_cast_is_wearables_that_measure_and_buttons_that_are_pressed(conn: Connection, now: datetime) -> None:
    keys = DeviceKeys(b"k" * 32)
    seed_district(conn, keys, 120, now)
    cast = read_cast(conn, keys, 150)
    assert len(cast.credentials) == len(cast.keys) == len(set(cast.keys)) == 150
    assert all(cast.credentials[index][0].startswith("W-") for index in cast.wearables)
    assert all(cast.credentials[index][0].startswith("B-") for index in cast.buttons)
    assert cast.credentials[0][1] == keys.secret(cast.credentials[0][0])
    assert 0 < len(cast.buttons) < 150 - len(cast.wearables), "the test elders' buttons are left alone"
    with pytest.raises(TooFewDevices, match="5000"):
        read_cast(conn, keys, 5000)
