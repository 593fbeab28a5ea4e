"""What every request passes: size, content type and origin are checked, security headers set, time measured."""

import re
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_center.errors import ErrorCode, error_response
from control_center.language import preferred
from control_center.metrics import REQUEST_SECONDS, REQUESTS

MAX_BODY: Final = 64 * 1024
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Refuse(Exception):
    """The request goes no further."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code = code


def same_origin(origin: str | None, host: str | None, scheme: str) -> bool:
    """Whether an Origin header names the site itself; its absence means that no other site's page is asking."""
    if origin is None:
        return True
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"{scheme}://{host}")
        their_port = theirs.port or _DEFAULT_PORTS.get(theirs.scheme)
        our_port = ours.port or _DEFAULT_PORTS.get(theirs.scheme)
    except ValueError:
        return False
    # A proxy that ends TLS may hide the scheme, so only host and port are compared.
    return bool(theirs.hostname) and (theirs.hostname, their_port) == (ours.hostname, our_port)


@dataclass(frozen=True)
class Accepted:
    """What a path takes in: at most so many bytes, of one of these content types."""

    most: int
    kinds: frozenset[str]


COMMAND: Final = Accepted(MAX_BODY, frozenset({"application/json"}))
_PICTURE: Final = Accepted(2 * 1024 * 1024, frozenset({"image/jpeg", "image/png", "image/webp"}))
_TABLE: Final = Accepted(
    1024 * 1024, frozenset({"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})
)
UPLOADS: Final = (
    (re.compile(r"/api/orders/[0-9]{1,19}/photos"), _PICTURE),
    (re.compile(r"/api/providers/[0-9]{1,19}/workers/import"), _TABLE),
)
"""Where files come in."""


def accepted_at(path: str) -> Accepted:
    """What may come in at a path: a file at a few, a command everywhere else."""
    return next((upload for pattern, upload in UPLOADS if pattern.fullmatch(path)), COMMAND)


def check_headers(method: str, headers: Headers, scheme: str, accepted: Accepted = COMMAND) -> None:
    """Raises Refuse for a state-changing request of another site, of another content type or announced too large."""
    if method not in METHODS:
        raise Refuse("method_not_allowed")
    if method in _SAFE:
        return
    if not same_origin(headers.get("origin"), headers.get("host"), scheme):
        raise Refuse("foreign_origin")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise Refuse("malformed_request")
    if len(length) > 9 or int(length) > accepted.most:
        raise Refuse("too_large")
    has_body = int(length) > 0 or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (method != "DELETE" or has_body) and kind not in accepted.kinds:
        raise Refuse("wrong_content_type")


async def _read_body(receive: Receive, most: int) -> bytes:
    """The whole body. Raises Refuse when it is larger than allowed."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > most:
            raise Refuse("too_large")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once and then waits for the client to leave."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it in the user's language."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._secure(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._pass(scope, receive, send_secured)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, route, str(status)).inc()
            REQUEST_SECONDS.labels(route).observe(time.perf_counter() - started)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            accepted = accepted_at(scope["path"])
            check_headers(scope["method"], headers, scope["scheme"], accepted)
            if scope["method"] not in _SAFE:
                receive = _replay(await _read_body(receive, accepted.most), receive)
        except Refuse as refused:
            response = error_response(preferred(headers.get("accept-language")), refused.code)
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)

    @staticmethod
    def _secure(scope: Scope, headers: MutableHeaders) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        if scope["path"].startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")
