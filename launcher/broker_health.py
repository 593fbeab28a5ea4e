"""Asks a NATS server for its health over its own protocol, so that it needs no monitoring port.

The monitoring port would tell everybody on the machine who is connected and to what.
"""

import json
import socket
from typing import Any

_INBOX = "_INBOX.anban-launcher"
_LIMIT = 1024 * 1024


class _Unhealthy(Exception):
    """The server does not answer as it should."""


def is_healthy(port: int, server_name: str, password: str, seconds: float = 2) -> bool:
    """Tell whether the server of that name has recovered JetStream (asked as user `sys`)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            answer = _ask(connection, server_name, password)
    except (OSError, ValueError, _Unhealthy):
        return False
    data = answer.get("data")
    return isinstance(data, dict) and data.get("status") == "ok"


def _ask(connection: socket.socket, server_name: str, password: str) -> dict[str, Any]:
    with connection.makefile("rb") as lines:
        info = json.loads(_after(b"INFO ", lines.readline(_LIMIT)))
        # Another server on this port is told no password.
        if info.get("server_name") != server_name:
            raise _Unhealthy
        options = {"user": "sys", "pass": password, "verbose": False, "pedantic": False, "lang": "python"}
        connection.sendall(
            f"CONNECT {json.dumps(options)}\r\nSUB {_INBOX} 1\r\n"
            f"PUB $SYS.REQ.SERVER.{info['server_id']}.HEALTHZ {_INBOX} 0\r\n\r\n".encode()
        )
        while line := lines.readline(_LIMIT):
            if line.startswith(b"MSG "):
                size = min(int(line.split()[-1]), _LIMIT)
                found = json.loads(lines.read(size))
                return found if isinstance(found, dict) else {}
            if line.startswith(b"-ERR"):
                break
    raise _Unhealthy


def _after(word: bytes, line: bytes) -> bytes:
    if not line.startswith(word):
        raise _Unhealthy
    return line.removeprefix(word)
