"""What is remembered of stored messages survives restarts, takes its turns with snapshots, and never says too much."""

import random
from datetime import datetime, timedelta

import pytest

from ingest.journal import KEEP, SNAPSHOT_EVERY
from ingest.memory import Memory
from ingest.received import Received
from ingest.telemetry_writer import write_telemetry
from launcher.migrations import migrate
from schemas.database import connect, transaction
from schemas.topics import shard_of
from tests.conftest import Storage
from tests.integration.district import Connection, add_device, add_person, one
from tests.integration.ingest.messages import telemetry
from tests.schema_versions import take_down_to


def _write(conn: Connection, now: datetime, memory: Memory, *messages: Received) -> None:
    with transaction(conn) as tx:
        written = write_telemetry(tx, now, list(messages), memory)
    memory.keep(*written)


def _save(conn: Connection, now: datetime, memory: Memory) -> None:
    while due := memory.journal.due(now):
        with transaction(conn) as tx:
            memory.journal.save(tx, now, due)


def _count(conn: Connection, table: str) -> int:
    return one(conn, f"SELECT count(*) FROM {table}")  # noqa: S608


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_redelivered_and_whoever_takes_over_each_message_is_stored_once(
    conn: Connection, now: datetime, seed: int
) -> None:
    chance = random.Random(seed)
    wearables = [add_person(conn, number, now).wearable for number in range(1, 7)]
    messages = [
        telemetry(wearable, seq, now, boot) for wearable in wearables for boot in ("b1", "b2") for seq in range(60)
    ]
    deliveries = messages + chance.sample(messages, 300)
    chance.shuffle(deliveries)
    memory, at = Memory(), now
    while deliveries:
        size = chance.randint(1, 25)
        batch, deliveries = deliveries[:size], deliveries[size:]
        at += timedelta(seconds=chance.randint(1, 40))
        _write(conn, at, memory, *batch)
        if chance.random() < 0.3:
            _save(conn, at, memory)
        if chance.random() < 0.2:
            memory = Memory()
    assert _count(conn, "vitals") == one(conn, "SELECT count(DISTINCT (device_key, boot, seq)) FROM vitals") == 720


def test_a_failed_transaction_is_not_remembered(conn: Connection, now: datetime) -> None:
    person, memory = add_person(conn, 1, now), Memory()
    _write(conn, now, memory, telemetry(person.wearable, 1, now))
    with pytest.raises(InterruptedError), transaction(conn) as tx:
        write_telemetry(tx, now, [telemetry(person.wearable, 2, now)], memory)
        raise InterruptedError
    _write(conn, now, memory, telemetry(person.wearable, 2, now), telemetry(person.wearable, 2, now))
    assert _count(conn, "vitals") == 2


def test_the_journal_is_forgotten_only_when_every_shard_in_it_is_saved(conn: Connection, now: datetime) -> None:
    near, far = _of_two_shards(conn, now)
    both, one_of_them = Memory(), Memory()
    _write(conn, now, both, telemetry(near, 1, now), telemetry(far, 1, now))
    _write(conn, now, one_of_them, telemetry(near, 2, now))
    later = now + SNAPSHOT_EVERY
    _save(conn, later, one_of_them)
    assert _count(conn, "ingest_journal") == 1
    _write(conn, later, Memory(), telemetry(near, 1, now), telemetry(near, 2, now), telemetry(far, 1, now))
    assert _count(conn, "vitals") == 3
    both = Memory()
    _write(conn, later, both, telemetry(near, 3, now), telemetry(far, 3, now))
    _save(conn, later + SNAPSHOT_EVERY, both)
    assert _count(conn, "ingest_journal") == 0
    assert _count(conn, "ingest_snapshot") == 2


def _of_two_shards(conn: Connection, now: datetime) -> tuple[str, str]:
    add_device(conn, "W-1", "wearable", now)
    other = next(f"W-{number}" for number in range(2, 99) if shard_of(f"W-{number}") != shard_of("W-1"))
    add_device(conn, other, "wearable", now)
    return "W-1", other


def test_boots_that_nothing_can_come_from_any_more_are_forgotten(conn: Connection, now: datetime) -> None:
    person, memory = add_person(conn, 1, now), Memory()
    _write(conn, now, memory, telemetry(person.wearable, 1, now, "old"))
    much_later = now + KEEP + timedelta(days=2)
    _write(conn, much_later, memory, telemetry(person.wearable, 1, much_later, "new"))
    _save(conn, much_later, memory)
    assert conn.execute("SELECT boots FROM ingest_snapshot").fetchall() == [(["new"],)]


def test_what_version_0_1_remembered_is_still_known(storage: Storage, now: datetime) -> None:
    url = storage.new_database()
    with connect(url, "test") as conn:
        take_down_to(url, 14)
        key = add_device(conn, "W-1", "wearable", now)
        # Of the boot k3f9 1041, 1040 and 1030 are stored: bits 0, 1 and 11, the lowest first.
        conn.execute(
            "INSERT INTO device_watermark VALUES (%s, 'k3f9', 1041, %s, %s)",
            (key, (0b1000_0000_0011).to_bytes(2, "little"), now),
        )
        migrate(url)
        memory = Memory()
        _write(conn, now, memory, *(telemetry("W-1", seq, now, "k3f9") for seq in range(1029, 1043)))
        stored = [row[0] for row in conn.execute("SELECT seq FROM vitals ORDER BY seq")]
    storage.drop(url)
    assert stored == [seq for seq in range(1029, 1043) if seq not in (1030, 1040, 1041)]
