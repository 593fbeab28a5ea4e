"""One engine sweeps alarms, searches and orders, alarms first, and counts what it could not act on."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

import dispatch.engine
from dispatch.duties import FIRST, THEN, Duty
from dispatch.engine import Engine
from dispatch.orders import request_order
from dispatch.placing import Wish
from dispatch.publisher import CommandPublisher
from launcher.broker import EmbeddedBroker
from schemas.database import Transaction, connect, transaction
from schemas.settings import MqttAddress
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.engine_run import running
from tests.integration.dispatch.workforce import HOUR, MINUTE
from tests.integration.district import Connection
from tests.integration.waiting import eventually

GAUGES = ("anban_alarms_overdue", "anban_searches_overdue", "anban_orders_overdue")


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Nobody is on shift yet."""
    return Callout(conn, now)


def _engine(database_url: str, at: datetime, then: tuple[Duty, ...] = THEN, first: tuple[Duty, ...] = FIRST) -> Engine:
    """One that looks at a stopped clock and sends no commands."""
    return Engine(database_url, CommandPublisher(MqttAddress("mqtt://127.0.0.1:1")), lambda: at, first=first, then=then)


def _order(callout: Callout, at: datetime) -> int:
    with transaction(callout.conn) as tx:
        return request_order(tx, at, callout.operator, Wish(callout.elder, "meal", at, at + HOUR, (), None))


def _swept_and_counted(engine: Engine, conn: Connection) -> None:
    engine.sweep(conn)
    engine.count_overdue(conn)


def _counted(*names: str) -> list[float | None]:
    return [REGISTRY.get_sample_value(name) for name in names]


def test_one_sweep_acts_on_alarms_searches_and_orders(
    database_url: str, conn: Connection, callout: Callout, now: datetime
) -> None:
    callout.add_worker("王", 100)
    searched = callout.searched(now)
    ringing = callout.raise_(now, "smoke")
    order = _order(callout, now)
    counters = ("anban_alarm_steps_total", "anban_search_steps_total", "anban_order_steps_total")
    before = [count or 0 for count in _counted(*counters)]
    _swept_and_counted(_engine(database_url, now + 30 * SECOND), conn)
    assert callout.alarm("response_state", searched) == ("nobody",)
    assert callout.alarm("escalation_level > 0", ringing) == (True,)
    assert callout.order("state, due_reason", order) == ("offered", "offer")
    assert all((after or 0) > earlier for earlier, after in zip(before, _counted(*counters), strict=True))
    assert _counted(*GAUGES) == [0, 0, 0]


def test_what_nobody_acts_on_is_counted_as_overdue(
    database_url: str, conn: Connection, callout: Callout, now: datetime
) -> None:
    callout.add_worker("王", 100)
    callout.searched(now)
    callout.raise_(now, "smoke")
    _order(callout, now)
    late = now + MINUTE
    with connect(database_url, "holder") as holder, holder.transaction():
        holder.execute("SELECT FROM alarm FOR UPDATE")
        holder.execute("SELECT FROM service_order FOR UPDATE")
        _swept_and_counted(_engine(database_url, late), conn)
        assert _counted(*GAUGES) == [1, 1, 1]
    _swept_and_counted(_engine(database_url, late), conn)
    assert _counted(*GAUGES) == [0, 0, 0]


def test_no_alarm_waits_for_many_orders(database_url: str, conn: Connection, callout: Callout, now: datetime) -> None:
    levels: list[object] = []

    def batches(tx: Transaction, at: datetime, limit: int) -> int:
        if not levels:
            levels.append(callout.signal(tx, at - 20 * SECOND, "sos", "emergency"))
            return limit
        levels.append(tx.conn.execute("SELECT escalation_level > 0 FROM alarm").fetchall())
        return 0

    orders = next(one for one in THEN if one.name == "order")
    _engine(database_url, now, then=(replace(orders, act=batches),)).sweep(conn)
    assert levels[1:] == [[(True,)]]


def test_alarms_that_never_end_keep_nothing_else_from_its_turn(
    database_url: str, conn: Connection, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch.engine, "LONGEST_FIRST", 0.05)
    monkeypatch.setattr(dispatch.engine, "LONGEST_SWEEP", 0.2)
    turns: list[str] = []

    def endless(tx: Transaction, at: datetime, limit: int) -> int:
        return limit

    def seen(tx: Transaction, at: datetime, limit: int) -> int:
        turns.append("turn")
        return 0

    first = tuple(replace(FIRST[0], act=act) for act in (endless, seen))
    engine = _engine(database_url, now, first=first, then=(replace(THEN[0], act=seen),))
    engine.sweep(conn)
    assert len(turns) >= 2


def test_a_search_and_an_order_that_stood_still_while_the_engine_was_down_go_on_at_its_start(
    database_url: str, callout: Callout, broker: EmbeddedBroker
) -> None:
    asked, spare = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    callout.conn.execute("UPDATE sla_policy SET offers_at_once = 1")
    then = datetime.now(UTC) - MINUTE
    alarm_id, order = callout.searched(then), _order(callout, then)
    assert callout.offers(alarm=alarm_id) == [(asked.id, "open")]
    with running(database_url, broker.mqtt_url):
        eventually(lambda: callout.offers(alarm=alarm_id)[1:] == [(spare.id, "open")], what="the next one asked")
        eventually(lambda: callout.order("state", order) == ("offered",), what="the order offered")
        offer = callout.open_offer(spare, alarm=alarm_id)
        assert callout.accept(datetime.now(UTC), spare, offer) is None
    assert callout.offers(alarm=alarm_id) == [(asked.id, "expired"), (spare.id, "accepted")]
