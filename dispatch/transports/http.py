"""HTTP to others: bounded in time and size, never redirected, to addresses that others wrote down only outside."""

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from dispatch.transports.message import NotSent

LARGEST_ANSWER: Final = 16 * 1024
_TRY_AGAIN: Final = frozenset({408, 425, 429})


def new_session(connections: int) -> requests.Session:
    """A session for several threads that keeps so many connections and takes nothing from the environment."""
    session = requests.Session()
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(pool_connections=8, pool_maxsize=connections)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@contextlib.contextmanager
def _cut_off(connection: HTTPConnection) -> Iterator[None]:
    """Hang up when the time is over: the time-out of a socket begins anew with every byte."""

    def hang_up() -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    watch = threading.Timer(connection.timeout or 0.0, hang_up)
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


class _Impatient(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The head of the answer, however slowly it comes only until the time-out."""
        with _cut_off(self):
            return super().getresponse()


class _ImpatientTls(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The head of the answer, however slowly it comes only until the time-out."""
        with _cut_off(self):
            return super().getresponse()


class _Outside(_ImpatientTls):
    def _new_conn(self) -> socket.socket:
        """Look at who was really reached: a name may lead elsewhere than when it was asked about."""
        connected = super()._new_conn()
        if not _is_outside(connected.getpeername()[0]):
            connected.close()
            raise NotSent("private_address", lasting=True)
        return connected


class _ImpatientPool(HTTPConnectionPool):
    ConnectionCls = _Impatient


class _ImpatientTlsPool(HTTPSConnectionPool):
    ConnectionCls = _ImpatientTls


class _OutsidePool(HTTPSConnectionPool):
    ConnectionCls = _Outside


def new_session_to_strangers(connections: int, *, private_targets: bool) -> requests.Session:
    """A session to addresses that others wrote down: it leaves who answers without end and, unless told otherwise,
    speaks to nobody in our own network (NotSent private_address)."""
    session = new_session(connections)
    pools = {"http": _ImpatientPool, "https": _ImpatientTlsPool if private_targets else _OutsidePool}
    for adapter in session.adapters.values():
        if isinstance(adapter, requests.adapters.HTTPAdapter):
            adapter.poolmanager.pool_classes_by_scheme = pools
    return session


def post(session: requests.Session, url: str, body: bytes, headers: dict[str, str], timeout_seconds: float) -> bytes:
    """The answer's body, at most 16 KiB of it. Raises NotSent: `lasting` for a refusal that repeating will not change,
    `gone` for 404 and 410."""
    deadline = time.monotonic() + timeout_seconds
    try:
        with session.post(
            url, data=body, headers=headers, timeout=timeout_seconds, allow_redirects=False, stream=True
        ) as answer:
            check_status(answer.status_code)
            return read(answer, deadline)
    except requests.Timeout as error:
        raise NotSent("timed_out") from error
    except requests.RequestException as error:
        raise NotSent("unreachable") from error


def check_status(status: int) -> None:
    """Raises NotSent unless the status says that all is well."""
    if 200 <= status < 300:
        return
    if status in (404, 410):
        raise NotSent(f"http_{status}", gone=True)
    raise NotSent(f"http_{status}", lasting=status < 500 and status not in _TRY_AGAIN)


def read(answer: requests.Response, deadline: float) -> bytes:
    """The body of a streamed answer, at most 16 KiB of it, by a moment of the monotonic clock. Raises NotSent."""
    body = bytearray()
    try:
        while len(body) < LARGEST_ANSWER and (some := answer.raw.read1(4096, decode_content=True)):
            body += some
            if time.monotonic() > deadline:
                raise NotSent("timed_out")
    except HTTPError as error:
        raise NotSent("unreachable") from error
    return bytes(body[:LARGEST_ANSWER])


def _is_outside(address: str) -> bool:
    return ipaddress.ip_address(address).is_global


def refuse_inside(url: str) -> None:
    """Raises NotSent for an address that somebody else wrote down and that leads into our own network, or is not HTTPS.

    Without this whoever may enter an address could have the service speak to machines that only it can reach.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise NotSent("not_https", lasting=True)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent("unknown_host") from error
    if not all(_is_outside(str(address[4][0])) for address in found):
        raise NotSent("private_address", lasting=True)
