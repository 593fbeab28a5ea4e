"""An operator's HTTP client: one session, one kept-alive connection a thread, JSON in and out."""

import http.client
import json
import threading
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 15.0
Json = dict[str, Any]


class ApiRefused(Exception):
    """The service answered with an error."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path} gave {status}: {body[:200].decode(errors='replace')}")
        self.status = status


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


class OperatorApi:
    """Signed in as one account; safe to use from several threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.cookie = ""
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close every thread's connection."""
        for connection in self._connections:
            connection.close()

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
            return self._attempt(method, path, body)
        except (http.client.RemoteDisconnected, http.client.CannotSendRequest, BrokenPipeError, ConnectionResetError):
            # The service may close an idle connection just as it is used again.
            self._local.connection = None
            return self._attempt(method, path, body)

    def _attempt(self, method: str, path: str, body: Json | None) -> Json:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=TIMEOUT_SECONDS)
            self._local.connection = connection
            self._connections.append(connection)
        headers = {"Accept": "application/json", "Accept-Language": "en", "Origin": self.address.origin}
        if self.cookie:
            headers["Cookie"] = self.cookie
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise ApiRefused(method, path, response.status, content)
        given = response.getheader("Set-Cookie")
        if given:
            self.cookie = given.partition(";")[0]
        return json.loads(content) if content else {}
