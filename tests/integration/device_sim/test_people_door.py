"""Signing in and asking, against a service that refuses, drops connections or does not answer."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog

from device_sim.people.api import Address, Api, ApiRefused
from device_sim.people.door import Door, Rejected
from device_sim.people.person import Moment, Person, live_on
from device_sim.people.steps import Step
from tests.integration.waiting import eventually


class Service:
    """Answers as it was told to; a status of 0 drops the connection, -1 does not answer at all."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.asked: list[str] = []
        self.silenced = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.asked.append(self.path)
                status, body, headers = service.answers.pop(0) if service.answers else (200, {}, {})
                if status <= 0:
                    if status < 0:
                        service.silenced.wait(30)
                    self.close_connection = True
                    return
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(content))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = Address("127.0.0.1", int(self._server.server_address[1]))

    def close(self) -> None:
        self.silenced.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "no"}}


def sign_in(service: Service, *usernames: str) -> list[Any]:
    async def enter() -> list[Any]:
        door, api = Door(), Api(service.address, 5)
        found = []
        for username in usernames:
            try:
                found.append(await door.sign_in(api, username))
            except Rejected:
                found.append("rejected")
        door.close()
        api.close()
        return found

    return asyncio.run(enter())


def test_a_sign_in_waits_as_long_as_it_is_told_and_tries_again(service: Service) -> None:
    service.answers = [
        (429, refusal("too_many_attempts"), {"Retry-After": "2"}),
        (200, {"account": {"id": 1}}, {"Set-Cookie": "anban_session=x; Path=/"}),
    ]
    began = time.monotonic()
    assert sign_in(service, "sim-operator-1") == [{"account": {"id": 1}}]
    assert time.monotonic() - began >= 2


def test_many_rejected_accounts_shut_the_door_for_a_while(service: Service) -> None:
    service.answers = [(401, refusal("bad_credentials"), {})] * 20
    names = [f"sim-worker-{number}" for number in range(9)]
    assert sign_in(service, *names) == ["rejected"] * 9
    assert len(service.asked) == 5


class Early(Person):
    """Somebody who is there before the accounts are, and only signs in."""

    role = "operator"

    async def live(self) -> None:
        self.present = bool(await self.door.sign_in(self.api, self.username))

    def next_steps(self, moment: Moment) -> Iterator[Step]:  # noqa: ARG002
        yield from ()

    async def carry_on(self, moment: Moment) -> bool:  # noqa: ARG002
        return False


def test_whoever_is_rejected_tries_again_until_the_accounts_are_there(service: Service) -> None:
    service.answers = [(401, refusal("bad_credentials"), {})] * 7 + [(200, {"account": {"id": 1}}, {})] * 8

    async def all_live() -> list[Early]:
        door = Door(forget_seconds=0.3)
        people = [Early(f"sim-worker-{number}", service.address, door, 1) for number in range(8)]
        await asyncio.wait_for(asyncio.gather(*map(live_on, people)), 60)
        assert not door.is_shut
        door.close()
        for person in people:
            person.api.close()
        return people

    with structlog.testing.capture_logs() as told:
        people = asyncio.run(all_live())
    assert all(person.present for person in people) and len(service.asked) == 15
    assert {line["event"] for line in told} == {"rejected", "door_shut"}


def test_a_kept_connection_that_the_service_closed_is_replaced(service: Service) -> None:
    api = Api(service.address)
    service.answers = [(200, {"n": 1}, {}), (0, {}, {}), (200, {"n": 2}, {})]
    assert api.post("/a", {}) == {"n": 1}
    assert api.post("/b", {}) == {"n": 2}
    assert service.asked == ["/a", "/b", "/b"]
    api.close()


def test_a_refusal_carries_the_services_code_whatever_its_body_is(service: Service) -> None:
    api = Api(service.address)
    service.answers = [(409, refusal("taken_by_another"), {}), (500, {"oops": 1}, {})]
    with pytest.raises(ApiRefused) as refused:
        api.post("/a", {})
    assert (refused.value.status, refused.value.code) == (409, "taken_by_another")
    with pytest.raises(ApiRefused) as failed:
        api.post("/a", {})
    assert (failed.value.status, failed.value.code) == (500, "")
    api.close()


def test_a_call_that_is_broken_off_ends_at_once_and_is_not_tried_again(service: Service) -> None:
    api = Api(service.address, 25)
    service.answers = [(200, {}, {}), (-1, {}, {})]
    api.post("/first", {})
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            api.post("/slow", {})
        except OSError as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: service.asked == ["/first", "/slow"])
    api.abort()
    asking.join(5)
    assert not asking.is_alive() and len(failures) == 1
    with pytest.raises(OSError, match="no more calls"):
        api.post("/again", {})
