"""What the board asks costs as much as what is open, not as much as what ever was, nor as the register."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from schemas.database import connect
from tests.conftest import Storage
from tests.integration.dispatch.crowded import OPEN_ORDERS, Crowded, fill
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
        " last_signal_at, ended_at, outcome) SELECT 'sos', 'emergency', 'closed', %(elder)s, %(household)s, %(device)s,"
        " false, at, at, at, at, 'helped_by_phone'"
        " FROM (SELECT %(now)s::timestamptz - n * interval '1 hour' AS at FROM generate_series(1, 5000) AS n) AS ended",
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


GROWING: Final = frozenset({"service_order", "alarm", "elder", "household", "account", "membership"})
"""Tables that grow with the district and its history."""


@dataclass(frozen=True)
class Asked:
    """A question and how many blocks of 8 kB it may look at."""

    query: str
    blocks: int


OF_ONE: Final = {
    "who sees an order": Asked("SELECT account_id FROM order_audience(%(now)s) WHERE order_id = ANY(%(orders)s)", 150),
    "who sees an alarm": Asked("SELECT account_id FROM alarm_audience(%(now)s) WHERE alarm_id = ANY(%(alarms)s)", 150),
    "who sees a worker": Asked("SELECT account_id FROM worker_audience(%(now)s) WHERE worker_id = %(worker)s", 150),
}
OF_ACCOUNT: Final = {
    "may see this order": Asked(
        "SELECT FROM order_audience(%(now)s) WHERE order_id = %(order)s AND account_id = %(account)s", 100
    ),
    "may see this alarm": Asked(
        "SELECT FROM alarm_audience(%(now)s) WHERE alarm_id = %(alarm)s AND account_id = %(account)s", 100
    ),
    "open orders": Asked(
        "SELECT FROM open_order_audience(%(now)s) WHERE account_id = %(account)s", 100 + 10 * OPEN_ORDERS
    ),
    "open alarms": Asked("SELECT FROM open_alarm_audience(%(now)s) WHERE account_id = %(account)s", 1000),
    "orders of a day": Asked(
        "SELECT FROM timed_order_audience(%(now)s) WHERE account_id = %(account)s"
        " AND requested_at >= %(now)s::timestamptz - interval '1 day'",
        4000,
    ),
    "open orders, one by one": Asked(
        "SELECT FROM service_order CROSS JOIN LATERAL (SELECT FROM order_audience(%(now)s) AS audience"
        " WHERE audience.order_id = service_order.id AND audience.account_id = %(account)s LIMIT 1) AS visible"
        " WHERE service_order.ended_at IS NULL",
        100 + 40 * OPEN_ORDERS,
    ),
    "people": Asked("SELECT FROM worker_audience(%(now)s) WHERE account_id = %(account)s", 500),
}


@pytest.fixture(scope="module")
def crowded(postgresql: Storage) -> Iterator[Crowded]:
    """A full district, for questions only."""
    url = postgresql.new_database()
    with connect(url, "test") as conn:
        yield fill(conn, datetime.now(UTC))
    postgresql.drop(url)


def _plan(crowded: Crowded, query: str, account: int = 0) -> Any:
    about = {
        "now": crowded.now,
        "orders": [crowded.order_id],
        "alarms": [crowded.alarm_id],
        "order": crowded.order_id,
        "alarm": crowded.alarm_id,
        "worker": crowded.worker_id,
        "account": account,
    }
    explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"
    found = crowded.conn.execute(explained.encode(), about).fetchone()
    assert found is not None
    return found[0][0]["Plan"]


def _scanned(plan: Any) -> set[str]:
    """The tables that are read from end to end, if only by a step that was never reached."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(_scanned(part) for part in plan.get("Plans", ())))


def _check(plan: Any, asked: Asked) -> None:
    looked_at = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert _scanned(plan) & GROWING == set(), json.dumps(plan)
    assert looked_at <= asked.blocks, json.dumps(plan)


@pytest.mark.parametrize("question", OF_ONE)
def test_who_sees_one_thing_is_found_without_looking_through_the_district(question: str, crowded: Crowded) -> None:
    plan = _plan(crowded, OF_ONE[question].query)
    _check(plan, OF_ONE[question])
    assert plan["Actual Rows"] >= 3


@pytest.mark.parametrize("question", OF_ACCOUNT)
def test_what_one_account_sees_costs_as_much_as_what_is_open(question: str, crowded: Crowded) -> None:
    for account in crowded.accounts.values():
        _check(_plan(crowded, OF_ACCOUNT[question].query, account), OF_ACCOUNT[question])


def test_each_account_of_the_crowded_district_sees_something_of_its_own(crowded: Crowded) -> None:
    board = OF_ACCOUNT["open orders"].query
    seen = {who: _plan(crowded, board, account)["Actual Rows"] for who, account in crowded.accounts.items()}
    assert seen["district"] == OPEN_ORDERS
    assert 0 < seen["street"] < OPEN_ORDERS / 10
    assert (seen["family"], 0 < seen["worker"] <= 20) == (1, True)
