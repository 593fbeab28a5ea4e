"""One person's HTTP: every request is timed under the name of its route."""

import re
import time
from collections.abc import Callable
from typing import Final

from device_sim.accounts import DEMO_PASSWORD
from device_sim.people.api import Address, Api, ApiRefused, Json
from load_tests.journeys.record import Record

_NUMBER: Final = re.compile(r"/\d+")
_RACE_LOST: Final = 409
"""Somebody else was faster, or it is too early: an answer that a person gets in ordinary work."""
_TOO_MANY: Final = 429


def route_of(path: str) -> str:
    """The path with its numbers and query left out, so that alike requests are counted together."""
    return _NUMBER.sub("/{id}", path.partition("?")[0])


class Site:
    """A signed-in person's requests; raises ApiRefused and OSError as Api does, after recording."""

    def __init__(self, address: Address, record: Record) -> None:
        self.api = Api(address)
        self._record = record

    def sign_in(self, username: str, patience: float) -> Json:
        """Open a session; waits when told to, at most `patience` seconds. Raises ApiRefused."""
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._timed("POST", "/api/session", lambda: self.api.sign_in(username, DEMO_PASSWORD))
            except ApiRefused as refusal:
                wait = max(refusal.retry_after, 0.5)
                if refusal.status != _TOO_MANY or time.monotonic() + wait > deadline:
                    raise
            time.sleep(wait)

    def get(self, path: str) -> Json:
        """Read something."""
        return self._timed("GET", path, lambda: self.api.get(path))

    def post(self, path: str, body: Json) -> Json:
        """Do something."""
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Json) -> Json:
        """Do or set something."""
        return self._timed(method, path, lambda: self.api.call(method, path, body))

    def send_picture(self, path: str, jpeg: bytes) -> Json:
        """Send a photograph."""
        return self._timed("POST", path, lambda: self.api.send_picture(path, jpeg))

    def sign_out(self) -> None:
        """End the session and the connections."""
        try:
            self._timed("DELETE", "/api/session", lambda: self.api.call("DELETE", "/api/session"))
        finally:
            self.close()

    def close(self) -> None:
        """End the connections."""
        self.api.close()

    def _timed(self, method: str, path: str, call: Callable[[], Json]) -> Json:
        name, began = f"{method} {route_of(path)}", time.perf_counter()
        try:
            answer = call()
        except ApiRefused as refusal:
            said = refusal.code or str(refusal.status)
            told = refusal.status in (_RACE_LOST, _TOO_MANY)
            name = f"{name} ({said})" if told else name
            self._record("HTTP", name, time.perf_counter() - began, fault="" if told else f"{refusal.status} {said}")
            raise
        except OSError as error:
            self._record("HTTP", name, time.perf_counter() - began, fault=f"{type(error).__name__}: {error}")
            raise
        self._record("HTTP", name, time.perf_counter() - began)
        return answer
