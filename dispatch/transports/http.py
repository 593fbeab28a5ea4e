"""HTTP to others: bounded in time and size, never redirected, to addresses that others wrote down only outside."""

import ipaddress
import socket
import time
from typing import Final
from urllib.parse import urlsplit

import requests

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


def post(session: requests.Session, url: str, body: bytes, headers: dict[str, str], timeout_seconds: float) -> bytes:
    """The answer's body, at most 16 KiB of it. Raises NotSent: `lasting` for a refusal that repeating will not change,
    `gone` for 404 and 410."""
    deadline = time.monotonic() + timeout_seconds
    try:
        with session.post(
            url, data=body, headers=headers, timeout=timeout_seconds, allow_redirects=False, stream=True
        ) as answer:
            check_status(answer.status_code)
            return _read(answer, deadline)
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


def _read(answer: requests.Response, deadline: float) -> bytes:
    read = bytearray()
    for chunk in answer.iter_content(4096):
        read += chunk
        if time.monotonic() > deadline:
            raise NotSent("timed_out")
        if len(read) > LARGEST_ANSWER:
            break
    return bytes(read[:LARGEST_ANSWER])


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
    if not all(ipaddress.ip_address(address[4][0]).is_global for address in found):
        raise NotSent("private_address", lasting=True)
