"""What was promised by severity alone becomes policies, and alarms that ring keep their clocks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.reviews import sweep_promises
from launcher.migrations import migrate
from schemas.database import connect, transaction
from tests.conftest import Storage
from tests.integration.district import Connection, add_device, add_streets
from tests.schema_versions import take_down_to

BEFORE = 20
"""The last version without policies of promises."""


@pytest.fixture
def url(storage: Storage) -> Iterator[str]:
    """A fresh database on each storage, taken back to the version before."""
    made = storage.new_database()
    take_down_to(made, BEFORE)
    yield made
    storage.drop(made)


def _ring(conn: Connection, now: datetime, state: str, answered: datetime | None) -> int:
    key = add_device(conn, f"B-{state}", "button", now)
    ended = now if state == "resolved" else None
    row = conn.execute(
        "INSERT INTO alarm (kind, severity, state, device_key, is_test, occurred_at, raised_at, last_signal_at,"
        " answer_due_at, dispatch_due_at, on_scene_due_at, answered_at, dispatched_at, due_at, due_reason, ended_at,"
        " outcome) VALUES ('sos', 'emergency', %(state)s, %(key)s, false, %(now)s, %(now)s, %(now)s,"
        " %(now)s::timestamptz + interval '45 s', %(now)s::timestamptz + interval '180 s',"
        " %(now)s::timestamptz + interval '900 s', %(answered)s, %(answered)s, %(now)s,"
        " CASE WHEN %(ended)s::timestamptz IS NULL THEN 'escalate' ELSE 'close' END, %(ended)s, %(outcome)s)"
        " RETURNING id",
        {
            "state": state,
            "key": key,
            "now": now,
            "answered": answered,
            "ended": ended,
            "outcome": "helped_by_phone" if ended else None,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_policies_and_running_clocks_are_carried_over_and_back(url: str) -> None:
    now = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    with connect(url, "test") as conn:
        add_streets(conn)
        conn.execute("UPDATE sla_policy SET answer_seconds = 45 WHERE severity = 'emergency'")
        conn.execute(
            "UPDATE sla_policy SET answer_seconds = 4000, dispatch_seconds = 900, on_scene_seconds = 800"
            " WHERE severity = 'urgent'"
        )
        ringing = _ring(conn, now, "raised", None)
        over = _ring(conn, now, "resolved", now + timedelta(seconds=9))
        migrate(url)
        policies = conn.execute(
            "SELECT severity, answer_seconds, dispatch_seconds, accept_seconds, on_scene_seconds, resolve_seconds"
            " FROM promise_policy ORDER BY severity"
        ).fetchall()
        assert policies == [
            ("advisory", 1800, None, None, None, 86400),
            ("emergency", 45, 180, 300, 900, 7200),
            ("technical", 14400, None, None, None, 604800),
            ("urgent", 4000, 4000, 4000, 4000, 14400),
        ]
        known = "SELECT sla_due_at, accept_due_at, resolve_due_at, accepted_at FROM alarm WHERE id = %s"
        assert conn.execute(known, (ringing,)).fetchone() == (
            now + timedelta(seconds=45), now + timedelta(seconds=300), now + timedelta(seconds=7200), None,
        )  # fmt: skip
        accepted = conn.execute(known, (over,)).fetchone()
        assert accepted is not None and (accepted[0], accepted[3]) == (None, now + timedelta(seconds=9))
        with transaction(conn) as tx:
            assert sweep_promises(tx, now + timedelta(seconds=46)) == 1
        take_down_to(url, BEFORE)
        assert conn.execute(
            "SELECT answer_seconds, dispatch_seconds, on_scene_seconds FROM sla_policy ORDER BY severity"
        ).fetchall() == [(1800, None, None), (45, 180, 900), (14400, None, None), (4000, 4000, 4000)]
