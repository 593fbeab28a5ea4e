"""Years of done tasks cost the screens nothing: open ones are found without them."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from control_center.subjects import OPEN_TASKS, TASK_AUDIENCE
from control_center.tasks import LIST_DONE, LIST_OPEN
from dispatch.tasks import CLAIM_OVERDUE
from tests.integration.dispatch.desk import Desk
from tests.integration.district import Connection

DONE: Final = 50_000
OPEN: Final = 20


@pytest.fixture
def busy(conn: Connection, now: datetime) -> dict[str, Any]:
    """A district with many done tasks and a few open ones, and what the questions ask about."""
    desk = Desk(conn, now)
    conn.execute(
        "INSERT INTO task (kind, org_code, elder_id, created_at, due_at, done_at, outcome, overdue_at)"
        " SELECT 'breach_review', '500109001', %(elder)s, at, at, CASE WHEN n <= %(done)s THEN at END,"
        " CASE WHEN n <= %(done)s THEN 'mistake' END, CASE WHEN n <= %(done)s THEN at END"
        " FROM (SELECT n, %(now)s::timestamptz - (%(all)s - n) * interval '1 minute' AS at"
        " FROM generate_series(1, %(all)s) AS n) AS made",
        {"elder": desk.person.elder_id, "done": DONE, "all": DONE + OPEN, "now": now},
    )
    conn.execute("ANALYZE task")
    later = now + timedelta(seconds=1)
    asked = {"account_id": desk.operator, "ids": [DONE // 2], "limit": 50, "before": None}
    return {"now": later, **asked}


@pytest.mark.parametrize(
    ("query", "found"),
    [(OPEN_TASKS, OPEN), (TASK_AUDIENCE, 1), (LIST_OPEN, OPEN), (LIST_DONE, 50), (CLAIM_OVERDUE, OPEN)],
    ids=["board", "audience", "open page", "done page", "overdue"],
)
def test_what_is_done_is_not_gone_through(conn: Connection, busy: dict[str, Any], query: Any, found: int) -> None:
    plan = conn.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query.as_string(conn), busy).fetchone()
    assert plan is not None
    [explained] = plan[0]
    assert explained["Plan"]["Actual Rows"] == found
    assert explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"] < 40 * found + 200
