"""The newest report says where a worker is."""

from datetime import datetime, timedelta
from math import inf, nan

import pytest

from dispatch.positions import Spot, report
from dispatch.refusals import Refused
from dispatch.scheduled import housekeep
from schemas.database import transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Workforce
from tests.integration.district import Connection

HERE = Spot(29.81, 106.4, 12)
THERE = Spot(29.82, 106.41, 30)


@pytest.fixture
def workforce(conn: Connection, now: datetime) -> Workforce:
    """Nobody has reported yet."""
    return Workforce(conn, now)


def _report(workforce: Workforce, at: datetime, account: int, spot: Spot) -> None:
    with transaction(workforce.conn) as tx:
        report(tx, at, account, spot)


def _positions(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("SELECT worker_id, lat, lon, accuracy_m, at FROM worker_position").fetchall()


def test_the_newest_report_stands_whatever_order_they_come_in(workforce: Workforce, now: datetime) -> None:
    worker = workforce.add_worker("王")
    _report(workforce, now, worker.account, HERE)
    assert _positions(workforce.conn) == [(worker.id, 29.81, 106.4, 12.0, now)]
    for at in (now + MINUTE, now + MINUTE - timedelta(seconds=1)):
        _report(workforce, at, worker.account, THERE if at == now + MINUTE else HERE)
        assert _positions(workforce.conn) == [(worker.id, 29.82, 106.41, 30.0, now + MINUTE)]
    assert workforce.events() == []


def test_only_a_worker_who_may_sign_in_reports(workforce: Workforce, now: datetime) -> None:
    worker = workforce.add_worker("王")
    workforce.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (now, worker.account))
    for account in (worker.account, workforce.operator, 999):
        with pytest.raises(Refused, match="not_found"):
            _report(workforce, now, account, HERE)
    assert _positions(workforce.conn) == []


@pytest.mark.parametrize("spot", [Spot(nan, 106.4, 10), Spot(91, 106.4, 10), Spot(29.8, 106.4, inf)])
def test_what_is_no_position_is_refused(workforce: Workforce, now: datetime, spot: Spot) -> None:
    worker = workforce.add_worker("王")
    _report(workforce, now, worker.account, HERE)
    with pytest.raises(Refused, match="too_vague"):
        _report(workforce, now + MINUTE, worker.account, spot)
    assert _positions(workforce.conn)[0][-1] == now


def test_where_a_worker_was_is_forgotten_after_a_day(workforce: Workforce, now: datetime) -> None:
    gone, there = workforce.add_worker("王"), workforce.add_worker("陈")
    _report(workforce, now, gone.account, HERE)
    _report(workforce, now + HOUR, there.account, THERE)
    with transaction(workforce.conn) as tx:
        housekeep(tx, now + 24 * HOUR + MINUTE)
    assert [row[0] for row in _positions(workforce.conn)] == [there.id]
