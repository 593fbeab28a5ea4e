"""What the board asks costs as much as what is open, not as much as what ever was."""

from datetime import datetime

import pytest

from tests.integration.dispatch.desk import Desk

BOARD = "SELECT alarm_id FROM open_alarm_audience(%s) WHERE account_id = %s"
TODAY = "SELECT alarm_id FROM timed_alarm_audience(%s) WHERE account_id = %s AND raised_at >= now() - interval '1 day'"
ONE = "SELECT account_id FROM alarm_audience(%s) WHERE account_id = %s AND alarm_id = 17"
EACH = """
    SELECT alarm.id FROM alarm CROSS JOIN LATERAL (
        SELECT FROM alarm_audience(%s) AS audience
        WHERE audience.alarm_id = alarm.id AND audience.account_id = %s LIMIT 1) AS visible
    WHERE alarm.ended_at IS NULL
"""


def _add_history(desk: Desk, now: datetime) -> None:
    desk.raised(now)
    desk.conn.execute(
        "INSERT INTO alarm (kind, severity, state, elder_id, household_id, device_key, is_test, occurred_at, raised_at,"
        " last_signal_at, ended_at) SELECT 'sos', 'emergency', 'closed', %(elder)s, %(household)s, %(device)s, false,"
        " at, at, at, at FROM (SELECT %(now)s::timestamptz - n * interval '1 hour' AS at FROM generate_series(1, 5000)"
        " AS n) AS ended",
        {
            "elder": desk.person.elder_id,
            "household": desk.person.household_id,
            "device": desk.person.wearable_key,
            "now": now,
        },
    )
    desk.conn.execute("ANALYZE alarm")


@pytest.mark.parametrize(("query", "visible"), [(BOARD, 1), (TODAY, 24), (ONE, 1), (EACH, 1)])
def test_the_audience_of_some_alarms_is_found_by_index(desk: Desk, now: datetime, query: str, visible: int) -> None:
    _add_history(desk, now)
    params = (now, desk.operator)
    plan = "\n".join(row[0] for row in desk.conn.execute(f"EXPLAIN {query}".encode(), params))
    assert "Seq Scan on alarm" not in plan
    assert visible <= len(desk.conn.execute(query.encode(), params).fetchall()) <= visible + 1
