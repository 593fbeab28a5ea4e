"""Providers call back: only who has the secret is heard, each word once; a pressed 1 acknowledges as on the page."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from dispatch.transports.signatures import new_secret, sign
from schemas.settings import Settings
from tests.integration.cast import Cast
from tests.integration.control_center.applications import application
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.reach_cases import KEY, summoned
from tests.integration.district import Connection

SECRET: Final = new_secret()


@pytest.fixture
def app(database_url: str, clock: MovableClock) -> FastAPI:
    """A control centre that knows its voice provider."""
    return application(Settings(database_url=database_url, voice_secret=SECRET), clock)


@pytest.fixture
def told(client: TestClient, conn: Connection, cast: Cast, now: datetime) -> Iterator["Provider"]:
    """A provider that was to call the operator."""
    summoned(conn, cast, now)
    yield Provider(client, now)


class Provider:
    """Calls back, signed."""

    def __init__(self, client: TestClient, now: datetime) -> None:
        self.client, self.now = client, now

    def says(self, event: str, message_id: str = "m1", secret: str = SECRET, **more: Any) -> Response:
        """Say a word about the message."""
        body = json.dumps({"id": KEY, "event": event, **more}).encode()
        headers = sign(secret, message_id, self.now, body) | {"Content-Type": "application/json"}
        return self.client.post("/api/callbacks/voice", content=body, headers=headers)


def _state(conn: Connection) -> tuple[Any, ...]:
    found = conn.execute("SELECT state, answer, error FROM notification ORDER BY id LIMIT 1").fetchone()
    assert found is not None
    return found


def _alarm(conn: Connection, cast: Cast) -> tuple[Any, ...]:
    found = conn.execute(
        "SELECT state, acknowledged_by FROM alarm WHERE id = %s", (cast.alarms["sos_of_gui"],)
    ).fetchone()
    assert found is not None
    return found


def test_one_pressed_acknowledges_as_the_operator(told: Provider, conn: Connection, cast: Cast) -> None:
    assert told.says("answered").status_code == 204
    assert _state(conn) == ("delivered", None, None)
    assert told.says("key", "m2", key="1").status_code == 204
    assert _state(conn) == ("answered", "acknowledged", None)
    assert _alarm(conn, cast) == ("acknowledged", cast.accounts["operator"])


def test_a_repeated_word_is_heard_once(told: Provider, conn: Connection, cast: Cast) -> None:
    assert [told.says("key", key="2").status_code for _ in range(2)] == [204, 204]
    rows = conn.execute(
        "SELECT count(*) FROM alarm_event WHERE alarm_id = %s AND kind = 'replied'", (cast.alarms["sos_of_gui"],)
    ).fetchone()
    assert rows == (1,)


def test_a_call_that_failed_is_over(told: Provider, conn: Connection) -> None:
    told.says("no_answer")
    assert _state(conn)[0] in ("failed", "queued")
    assert _state(conn)[2] == "no_answer"


@pytest.mark.parametrize("secret", [new_secret(), "whsec_" + "A" * 44], ids=["of somebody else", "guessed"])
def test_another_secret_is_refused(told: Provider, conn: Connection, cast: Cast, secret: str) -> None:
    answer = told.says("key", secret=secret, key="1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_signature")
    assert _alarm(conn, cast)[0] == "raised"


def test_a_recording_of_yesterday_is_refused(told: Provider, conn: Connection, clock: MovableClock) -> None:
    clock.move(minutes=6)
    assert told.says("answered").status_code == 401
    told.now -= timedelta(days=1)
    assert told.says("answered").status_code == 401
    assert _state(conn) == ("sent", None, None)


def test_a_changed_body_is_refused(told: Provider, client: TestClient, now: datetime) -> None:
    signed = json.dumps({"id": KEY, "event": "answered"}).encode()
    headers = sign(SECRET, "m1", now, signed) | {"Content-Type": "application/json"}
    changed = json.dumps({"id": KEY, "event": "key", "key": "1"}).encode()
    assert client.post("/api/callbacks/voice", content=changed, headers=headers).status_code == 401


def test_without_any_signature_nothing_is_said_about_messages(client: TestClient, told: Provider) -> None:
    for body in ({"id": KEY, "event": "key", "key": "1"}, {"id": "x"}, {}):
        assert client.post("/api/callbacks/voice", json=body).status_code in (401, 422)


def test_a_provider_without_a_secret_has_no_address(client: TestClient, told: Provider) -> None:
    assert client.post("/api/callbacks/sms", json={"id": KEY, "event": "delivered"}).status_code == 404


def test_an_unknown_message_is_404(told: Provider, conn: Connection) -> None:
    conn.execute("DELETE FROM notification")
    assert told.says("answered").status_code == 404
