"""From the alarm to the telephone and back, with a whole engine: nobody is at a screen, so a supervisor is rung up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import pytest

from dispatch.engine import Engine
from dispatch.provider_words import hear
from dispatch.publisher import CommandPublisher
from dispatch.sending import Outbox
from dispatch.transports.provider import Provider as Adapter
from dispatch.transports.provider import ProviderTransport
from schemas.clock import utc_now
from schemas.database import transaction
from schemas.process import StopSignal
from schemas.settings import MqttAddress
from tests.integration.dispatch.called import add_reach
from tests.integration.dispatch.desk import Desk
from tests.integration.dispatch.provider import Provider, standing_in
from tests.integration.district import Connection, add_operator
from tests.integration.waiting import eventually

MOBILE = "+8613900000001"


@contextmanager
def engine_with(database_url: str, provider: Provider) -> Iterator[None]:
    """An engine with its outbox and no broker, until the block ends."""
    voice = ProviderTransport("voice", Adapter(provider.url, provider.secret))
    outbox = Outbox(database_url, {"voice": voice}, utc_now)
    engine = Engine(database_url, CommandPublisher(MqttAddress("mqtt://127.0.0.1:1")), utc_now, helpers=(outbox,))
    outbox.nudge = engine.wake
    stop = StopSignal()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert outbox.join(20)
        assert not thread.is_alive()


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """A supervisor with a telephone, and an operator who is nowhere."""
    desk = Desk(conn, now)
    supervisor = add_operator(conn, "supervisor1", now)
    conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (supervisor,))
    add_reach(conn, now, supervisor, "voice", MOBILE, 1)
    return desk


def test_an_sos_rings_the_supervisor_who_takes_it_by_keypad(desk: Desk, database_url: str) -> None:
    with standing_in() as provider, engine_with(database_url, provider):
        eventually(lambda: desk.conn.execute("SELECT ready FROM transport WHERE name = 'voice'").fetchone() == (True,))
        alarm_id = desk.raised(utc_now())
        [request] = eventually(lambda: provider.to(MOBILE), what="the supervisor's telephone rings")
        eventually(lambda: _state(desk.conn) == ("sent",))
        with transaction(desk.conn) as tx:
            hear(tx, utc_now(), "voice", UUID(request.said["id"]), "key", "1")
    assert desk.alarm("state", alarm_id) == ("acknowledged",)
    timeline = desk.timeline(alarm_id)
    assert timeline[0] == "raised"
    assert timeline[-2:] == ["acknowledged", "replied"]
    assert len(provider.requests) == 1


def _state(conn: Connection) -> tuple[object, ...] | None:
    return conn.execute("SELECT state FROM notification WHERE transport = 'voice'").fetchone()
