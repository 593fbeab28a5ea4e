"""Free TCP ports on the loopback address, below the range the kernel hands out itself."""

import http.client
import os
import random
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

_LOWEST, _HIGHEST = 20_000, 32_000
RESERVED_SECONDS: Final = 60.0
"""How long a chosen port is kept for its server, which listens within seconds."""
_reserved: dict[int, tuple[int, float]] = {}


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def reserve(port: int, now: Callable[[], float] = time.monotonic) -> bool:
    """Tell whether a server could listen on this port now, and keep other launchers from choosing it for a minute.

    What is kept is a name of Linux's that goes with this process; whoever asks again in it gets the same answer.
    """
    _release(now() - RESERVED_SECONDS)
    if not is_free(port):
        return False
    if port in _reserved:
        return True
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0anban-port-{port}")
    except OSError:
        claim.close()
        return False
    _reserved[port] = (claim.detach(), now())
    return True


def _release(before: float) -> None:
    """Each reservation holds a file descriptor, and old select() calls end at the 1,024th."""
    for port, (descriptor, reserved_at) in list(_reserved.items()):
        if reserved_at < before:
            os.close(descriptor)
            del _reserved[port]


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections on this port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def choose(
    preferred: int | None,
    avoid: Collection[int] = (),
    free: Callable[[int], bool] = reserve,
) -> int:
    """Return the preferred port when it is free and not to be avoided, else a random free one."""
    if preferred is not None and preferred not in avoid and free(preferred):
        return preferred
    while True:
        port = random.randint(_LOWEST, _HIGHEST)
        if port not in avoid and free(port):
            return port


@dataclass(frozen=True)
class Answer:
    """What an HTTP server answered."""

    status: int
    body: bytes


def get(port: int, path: str, seconds: float = 2) -> bytes | None:
    """Return the body that a loopback HTTP server answers with 200; None for anything else."""
    answer = ask(port, path, seconds)
    return answer.body if answer is not None and answer.status == 200 else None


def ask(port: int, path: str, seconds: float = 2) -> Answer | None:
    """Return whatever a loopback HTTP server answers; None when it does not.

    No proxy of the environment is asked, which the standard openers would do.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
