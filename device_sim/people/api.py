"""A person's HTTP client: one session, kept-alive connections, JSON in and out."""

import http.client
import json
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 15.0
Json = dict[str, Any]
_GONE: Final = (
    http.client.RemoteDisconnected,
    http.client.CannotSendRequest,
    BrokenPipeError,
    ConnectionResetError,
)


class ApiRefused(Exception):
    """The service answered with an error; `code` is its own name for it, `retry_after` in seconds if it said so."""

    def __init__(self, method: str, path: str, status: int, body: bytes, retry_after: float = 0.0) -> None:
        super().__init__(f"{method} {path} gave {status}: {body[:200].decode(errors='replace')}")
        self.status = status
        self.code = _code_of(body)
        self.retry_after = retry_after


def _code_of(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["error"]["code"])
    return ""


@dataclass(frozen=True)
class Address:
    """Where the control centre listens."""

    host: str
    port: int

    @classmethod
    def of(cls, base_url: str) -> "Address":
        """Read `http://host:port`."""
        parts = urlsplit(base_url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)

    @property
    def origin(self) -> str:
        """The Origin a browser would send."""
        return f"http://{self.host}:{self.port}"

    @property
    def feed(self) -> str:
        """The WebSocket of the board."""
        return f"ws://{self.host}:{self.port}/ws/feed"


class Api:
    """Signed in as one account; safe to use from several threads, each call on a connection of its own."""

    def __init__(self, address: Address, timeout: float = TIMEOUT_SECONDS) -> None:
        self.address = address
        self.cookie = ""
        self._timeout = timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        self._aborted = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def abort(self) -> None:
        """Break off the calls under way in other threads, and refuse any further: they raise OSError."""
        with self._lock:
            self._aborted = True
            busy = list(self._busy)
        for connection in busy:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def sign_in(self, username: str, password: str) -> Json:
        """Open a session; raises ApiRefused."""
        return self.call("POST", "/api/session", {"username": username, "password": password})

    def get(self, path: str) -> Json:
        """Read something."""
        return self.call("GET", path)

    def post(self, path: str, body: Json) -> Json:
        """Do something."""
        return self.call("POST", path, body)

    def put(self, path: str, body: Json) -> Json:
        """Set something."""
        return self.call("PUT", path, body)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One request; raises ApiRefused on 4xx and 5xx, OSError when the service is away."""
        try:
            return self._call(method, path, body)
        except http.client.HTTPException as error:
            if isinstance(error, OSError):
                raise
            raise ConnectionError(f"{method} {path}: {type(error).__name__}") from error

    def send_picture(self, path: str, jpeg: bytes) -> Json:
        """Send a photograph; raises as `call` does."""
        try:
            return self._call("POST", path, jpeg)
        except http.client.HTTPException as error:
            if isinstance(error, OSError):
                raise
            raise ConnectionError(f"POST {path}: {type(error).__name__}") from error

    def _call(self, method: str, path: str, body: Json | bytes | None) -> Json:
        connection, used_before = self._take()
        try:
            return self._attempt(connection, method, path, body)
        except _GONE:
            # The service may close an idle connection just as it is used again.
            if not used_before:
                raise
            self.close()
            return self._attempt(self._take()[0], method, path, body)

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._aborted:
                raise ConnectionAbortedError("no more calls")
            if self._idle:
                return self._idle.pop(), True
        return http.client.HTTPConnection(self.address.host, self.address.port, timeout=self._timeout), False

    def _attempt(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Json | bytes | None
    ) -> Json:
        with self._lock:
            self._busy.add(connection)
        try:
            content = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, content, self._headers(body))
            response = connection.getresponse()
            answered = response.read()
        except BaseException:
            connection.close()
            raise
        finally:
            with self._lock:
                self._busy.discard(connection)
        with self._lock:
            self._idle.append(connection)
        if response.status >= 400:
            wait = response.getheader("Retry-After") or "0"
            raise ApiRefused(method, path, response.status, answered, float(wait) if wait.isdigit() else 0.0)
        given = response.getheader("Set-Cookie")
        if given:
            self.cookie = given.partition(";")[0]
        return json.loads(answered) if answered else {}

    def _headers(self, body: Json | bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Language": "en", "Origin": self.address.origin}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers["Content-Type"] = "image/jpeg" if isinstance(body, bytes) else "application/json"
        return headers
