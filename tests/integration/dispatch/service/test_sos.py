"""A worker's own call for help: about her, where she is, once, and none of a family's business."""

from datetime import datetime

import pytest

from dispatch.escalation import sweep_deadlines
from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.service.sos import call_for_help
from schemas.database import transaction
from tests.integration.dispatch.progress import order_in
from tests.integration.dispatch.workforce import HOME, Worker, Workforce
from tests.integration.district import Connection, one


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def call(street: Workforce, worker: Worker, spot: Spot | None) -> int:
    with transaction(street.conn) as tx:
        return call_for_help(tx, street.now, worker.account, spot)


def alarm(street: Workforce, alarm_id: int) -> tuple[object, ...]:
    row = street.conn.execute(
        "SELECT kind, severity, state, org_code, subject, signal_count FROM alarm WHERE id = %s", (alarm_id,)
    ).fetchone()
    assert row is not None
    return row


def details_of(street: Workforce, alarm_id: int) -> dict[str, object]:
    row = street.conn.execute("SELECT details FROM alarm WHERE id = %s", (alarm_id,)).fetchone()
    assert row is not None
    return dict(row[0])


def audience(street: Workforce, alarm_id: int, now: datetime) -> set[int]:
    rows = street.conn.execute("SELECT account_id FROM alarm_audience(%s) WHERE alarm_id = %s", (now, alarm_id))
    return {row[0] for row in rows}


def test_it_tells_staff_who_and_where_and_no_relative(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = order_in(street, worker, "in_service")
    alarm_id = call(street, worker, Spot(*HOME, 12))
    assert alarm(street, alarm_id) == (
        "worker_sos", "emergency", "raised", "500109001", f"worker:{worker.id}", 1,
    )  # fmt: skip
    assert details_of(street, alarm_id) == {
        "worker": "one",
        "worker_phone": "13800000000",
        "worker_provider": "缙云家政",
        "visit_order": order,
        "visit_address": "天生路1号",
        "lat": HOME[0],
        "lon": HOME[1],
        "accuracy_m": 12,
    }
    assert audience(street, alarm_id, now) >= {street.operator, street.supervisor}
    assert street.relative not in audience(street, alarm_id, now)
    with transaction(street.conn) as tx:
        assert sweep_deadlines(tx, now) == 1
    assert one(street.conn, "SELECT escalation_level FROM alarm WHERE id = %s", alarm_id) is not None


def test_another_press_joins_and_another_worker_does_not(street: Workforce) -> None:
    one_of_them, other = street.add_worker("one"), street.add_worker("two")
    first = call(street, one_of_them, None)
    assert call(street, one_of_them, None) == first
    second = call(street, other, None)
    assert second != first
    assert (alarm(street, first)[-1], alarm(street, second)[-1]) == (2, 1)
    assert one(street.conn, "SELECT count(DISTINCT incident_id) FROM alarm") == 2


def test_without_a_fix_the_last_position_of_the_hour_is_told(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    street.locate(worker.id, 700, now)
    details = details_of(street, call(street, worker, None))
    assert details["lat"] == pytest.approx(HOME[0] + 700 / 111_195)
    assert "visit_order" in details
    assert details["visit_address"] is None


def test_only_a_worker_calls_so(street: Workforce, now: datetime) -> None:
    for account in (street.operator, street.relative):
        with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
            call_for_help(tx, now, account, None)
