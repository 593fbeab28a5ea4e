"""A stand-in for everybody messages are handed to: it answers, delays, fails, and records what it was sent."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dispatch.transports.signatures import check, new_secret


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The body as JSON."""
        said: dict[str, Any] = json.loads(self.body)
        return said


@dataclass
class Provider:
    """A server on a loopback port. By path or by the number it is to dial it can be told to fail or to hang."""

    url: str = ""
    secret: str = field(default_factory=new_secret)
    requests: list[Request] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)
    reference: str = ""
    """Its name for what it was given; else "ref-1" and so on."""
    body: bytes | None = None
    """What it answers instead of its reference."""
    then: Callable[[Request], None] | None = None
    """Called after each answered request: calls back, say."""

    def to(self, number: str) -> list[Request]:
        """What was to be dialled or written to a number, in order."""
        return [request for request in self.requests if request.said.get("to") == number]

    def verify(self, request: Request) -> str:
        """The message's id; raises BadSignature when its signature is wrong."""
        return check(self.secret, request.headers, request.body, datetime.now(UTC))

    def _keys(self, request: Request) -> set[str]:
        with_body = request.headers.get("content-type", "").startswith("application/json")
        return {request.path, str(request.said.get("to"))} if with_body else {request.path}

    def status_of(self, request: Request) -> int:
        """What the request is answered with; one that hangs waits until the test releases it."""
        keys = self._keys(request)
        if keys & self.hanging:
            self.released.wait(30)
        return next((self.statuses[key] for key in keys if key in self.statuses), 202)


@contextmanager
def standing_in() -> Iterator[Provider]:
    """A provider until the block ends."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            provider.requests.append(request)
            status = provider.status_of(request)
            reference = provider.reference or f"ref-{len(provider.requests)}"
            answer = json.dumps({"reference": reference}).encode() if provider.body is None else provider.body
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                return
            if provider.then is not None and status < 300:
                provider.then(request)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        provider.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
