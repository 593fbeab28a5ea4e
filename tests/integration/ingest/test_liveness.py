"""Since when ingest listens without a gap: silence before that says nothing about a device."""

from datetime import datetime, timedelta

from ingest.liveness import GAP, note_listening
from schemas.database import transaction
from tests.integration.district import Connection

SECOND = timedelta(seconds=1)


def _note(conn: Connection, at: datetime, *shards: int) -> None:
    with transaction(conn) as tx:
        note_listening(tx, at, "telemetry", shards)


def _listening(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("SELECT shard, since, until FROM shard_listening ORDER BY shard").fetchall()


def test_listening_goes_on_from_second_to_second(storage_conn: Connection, now: datetime) -> None:
    for seconds in range(5):
        _note(storage_conn, now + seconds * SECOND, 0, 3)
    assert _listening(storage_conn) == [(0, now, now + 4 * SECOND), (3, now, now + 4 * SECOND)]


def test_a_shard_that_moves_to_another_process_is_listened_to_all_the_time(conn: Connection, now: datetime) -> None:
    _note(conn, now, 0)
    _note(conn, now + GAP, 0)
    assert _listening(conn) == [(0, now, now + GAP)]


def test_after_a_gap_listening_begins_anew(conn: Connection, now: datetime) -> None:
    _note(conn, now, 0, 1)
    later = now + GAP + SECOND
    _note(conn, later, 1)
    assert _listening(conn) == [(0, now, now), (1, later, later)]


def test_a_process_whose_clock_is_behind_does_not_undo_what_another_said(conn: Connection, now: datetime) -> None:
    _note(conn, now, 0)
    _note(conn, now - 3 * SECOND, 0)
    assert _listening(conn) == [(0, now, now)]


def test_a_process_without_shards_says_nothing(conn: Connection, now: datetime) -> None:
    _note(conn, now)
    assert _listening(conn) == []
