"""A telephone rings, a key is pressed, the provider calls back over HTTP, and every screen shows who has the alarm."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from fastapi import FastAPI

from dispatch.notifications import Person, summon
from dispatch.sending import Outbox
from dispatch.transports.provider import Provider as Adapter
from dispatch.transports.provider import ProviderTransport
from dispatch.transports.signatures import sign
from schemas.database import transaction
from schemas.process import StopSignal
from schemas.settings import Settings
from tests.integration.control_center.applications import application
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.dispatch.called import add_reach
from tests.integration.dispatch.provider import Provider, Request, standing_in
from tests.integration.district import Connection
from tests.integration.waiting import eventually


@pytest.fixture
def now() -> datetime:
    """The real time: both sides sign with it."""
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def signed_in(conn: Connection, now: datetime) -> None:
    """The cast signed in at noon, which may have been more than a session ago."""
    conn.execute("UPDATE session SET expires_at = %s", (now + timedelta(hours=1),))


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A telephone company."""
    with standing_in() as standing:
        yield standing


@pytest.fixture
def app(database_url: str, clock: MovableClock, provider: Provider) -> FastAPI:
    """A control centre that knows its voice provider."""
    return application(Settings(database_url=database_url, voice_secret=provider.secret), clock)


@pytest.fixture
def outbox(database_url: str, clock: MovableClock, provider: Provider) -> Iterator[Outbox]:
    """What sends, beside the control centre."""
    stop = StopSignal()
    voice = ProviderTransport("voice", Adapter(provider.url, provider.secret))
    running = Outbox(database_url, {"voice": voice}, clock)
    running.start(stop)
    yield running
    stop.set()
    assert running.join(20)


def _call_back(served: Served, provider: Provider, request: Request, **word: Any) -> int:
    body = json.dumps({"id": request.said["id"], **word}).encode()
    message_id = f"{request.said['id']}-{word}"
    headers = {"Content-Type": "application/json", **sign(provider.secret, message_id, served.clock.now, body)}
    url = f"http://127.0.0.1:{served.port}/api/callbacks/voice"
    return requests.post(url, data=body, headers=headers, timeout=20).status_code


@pytest.mark.parametrize("presses", [1, 8])
def test_a_pressed_one_takes_the_alarm_on_every_screen(
    served: Served, provider: Provider, outbox: Outbox, conn: Connection, now: datetime, presses: int
) -> None:
    """The provider may be faster than we record that it has the call, and says everything several times at once."""
    operator, alarm_id = served.cast.accounts["operator"], served.cast.alarms["sos_of_gui"]
    statuses: list[int] = []

    def press(request: Request) -> None:
        if request.path == "/calls":
            pressing = [
                threading.Thread(
                    target=lambda: statuses.append(_call_back(served, provider, request, event="key", key="1"))
                )
                for _ in range(presses)
            ]
            for thread in pressing:
                thread.start()
            for thread in pressing:
                thread.join(30)

    provider.then = press
    add_reach(conn, now, operator, "voice", "+8613900000001", 1)
    eventually(lambda: conn.execute("SELECT ready FROM transport WHERE name = 'voice'").fetchone() == (True,))
    with RemoteScreen(served.port, served.cast.cookie("supervisor")) as screen:
        screen.take()
        with transaction(conn) as tx:
            assert summon(tx, served.clock.now, alarm_id, 1, [Person(account_id=operator)]) == 1
        outbox.wake()
        screen.until(lambda frame: frame["type"] == "card" and frame["event"] == "acknowledged")
    assert screen.board[alarm_id]["acknowledged_by"]["id"] == operator
    eventually(lambda: len(statuses) == presses)
    assert set(statuses) == {204}
    eventually(lambda: outbox.idle)
    found = conn.execute("SELECT state, answer, reference FROM notification").fetchall()
    assert found == [("answered", "acknowledged", "ref-1")]
    kinds = [row[0] for row in conn.execute("SELECT kind FROM alarm_event WHERE alarm_id = %s", (alarm_id,))]
    assert kinds.count("acknowledged") == kinds.count("replied") == 1
