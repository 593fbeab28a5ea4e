"""Alarms of earlier versions find their incidents, and what an earlier version cannot say becomes what it can."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.migrations import FOLDER, check_connection, migrate, with_explicit_tls
from schemas.database import connect
from tests.conftest import Storage
from tests.integration.dispatch.desk import Desk

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
BEFORE = 15


@pytest.fixture
def url(storage: Storage) -> Iterator[str]:
    """A fresh migrated database on each storage."""
    made = storage.new_database()
    yield made
    storage.drop(made)


@pytest.fixture
def go_back(url: str) -> Callable[[], None]:
    """Takes the database back to the version before incidents."""
    dbmate = [str(Path(sys.executable).with_name("dbmate")), "--migrations-dir", str(FOLDER), "--no-dump-schema"]
    environment = dict(os.environ) | {"DATABASE_URL": with_explicit_tls(url, check_connection(url))}
    newest = max(int(file.name[:4]) for file in FOLDER.glob("*.sql"))

    def down() -> None:
        for _ in range(newest - BEFORE):
            subprocess.run([*dbmate, "down"], env=environment, check=True, capture_output=True)

    return down


def test_earlier_alarms_of_a_subject_are_one_incident_until_half_an_hour_after_the_last_ended(
    url: str, go_back: Callable[[], None]
) -> None:
    with connect(url, "test") as conn:
        desk = Desk(conn, NOW)
        go_back()
        # Minutes after noon at which each was raised and ended: two that meet, one soon after, one much later and open.
        for kind, raised, ended in (("sos", 0, 50), ("fall", 10, 20), ("sos", 79, 90), ("sos", 121, None)):
            conn.execute(
                "INSERT INTO alarm (kind, severity, state, elder_id, device_key, is_test, occurred_at, raised_at,"
                " last_signal_at, ended_at, outcome, due_at, due_reason) VALUES (%s, 'emergency', %s, %s, %s, false,"
                " %s, %s, %s, %s, %s, %s, %s)",
                (
                    kind,
                    "raised" if ended is None else "closed",
                    desk.person.elder_id,
                    desk.person.wearable_key,
                    *[NOW + timedelta(minutes=raised)] * 3,
                    None if ended is None else NOW + timedelta(minutes=ended),
                    None if ended is None else "helped_by_phone",
                    None if ended is not None else NOW,
                    None if ended is not None else "escalate",
                ),
            )
        migrate(url)
        found = conn.execute(
            "SELECT incident.number, incident.subject, incident.opened_at FROM alarm"
            " JOIN incident ON incident.id = alarm.incident_id ORDER BY alarm.id"
        ).fetchall()
        subject = f"elder:{desk.person.elder_id}"
        late = NOW + timedelta(minutes=121)
        assert found == [(1, subject, NOW), (1, subject, NOW), (1, subject, NOW), (2, subject, late)]


def test_what_is_put_aside_rings_again_under_an_earlier_version(url: str, go_back: Callable[[], None]) -> None:
    with connect(url, "test") as conn:
        alarm_id = Desk(conn, NOW).raised(NOW)
        conn.execute(
            "UPDATE alarm SET state = 'shelved', shelved_reason = 'other', due_reason = 'unshelve' WHERE id = %s",
            (alarm_id,),
        )
        go_back()
        assert conn.execute("SELECT state, due_reason FROM alarm").fetchall() == [("raised", "escalate")]
