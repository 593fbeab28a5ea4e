"""What the devices of a load test tell: readings that are in the database, and those that never come there."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import TupleRow

from load_tests.journeys.devices import PATIENCE_SECONDS, Witness
from tests.integration.district import add_device


def _store(conn: psycopg.Connection[TupleRow], key: int, at: datetime) -> None:
    conn.execute(
        "INSERT INTO reading (at, device_key, received_at, boot, seq) VALUES (%s, %s, %s, 'b', 1)", (at, key, at)
    )


def test_reading_is_told_once_it_can_be_seen(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    keys = [add_device(conn, device_id, "wearable", now) for device_id in ("W-00001", "W-00002")]
    witness = Witness(conn, keys, one_in=1)
    sent = now.timestamp() - 1 + 0.123_456
    as_said = datetime.fromtimestamp(int(sent * 1000) / 1000, UTC)
    witness.await_reading(0, 0, sent)
    witness.await_reading(1, 1, sent)
    assert witness.look() == []
    _store(conn, keys[0], as_said)
    _store(conn, keys[1], as_said + timedelta(milliseconds=1))
    (waited,) = witness.look()
    assert waited >= 1
    assert witness.look() == []
    assert witness.given_up(sent + PATIENCE_SECONDS - 1) == 0
    assert witness.given_up(sent + PATIENCE_SECONDS + 1) == 1
    assert witness.given_up(sent + PATIENCE_SECONDS + 2) == 0


def test_which_readings_are_looked_for_does_not_depend_on_how_many_are_awaited(
    conn: psycopg.Connection[TupleRow], now: datetime
) -> None:
    witness = Witness(conn, [1], one_in=3)
    for number in range(30_000):
        witness.await_reading(number, 0, now.timestamp())
    assert witness.look() == []
    assert witness.given_up(now.timestamp() + PATIENCE_SECONDS + 1) == 10_000
