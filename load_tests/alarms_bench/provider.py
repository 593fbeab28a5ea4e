"""A provider of telephone calls and messages to measure against: answers, fails or hangs, and writes down what came.

`python -m load_tests.alarms_bench.provider PORT FILE`: serves until its standard input ends. It stands in for the real
one as far as the engines can see: signed JSON in, an id out.
"""

import asyncio
import json
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Final, TextIO

FAILING: Final = 30
"""Of a thousand messages so many are refused as by an overloaded provider, and so many are not answered in time."""
HANGING: Final = 5
HANG_SECONDS: Final = 8.0


def fate(key: str) -> int:
    """0 to 999 by a message's id: the same message has the same luck, however often it is sent."""
    return zlib.crc32(key.encode()) % 1000


class Provider:
    """Serves HTTP/1.1 with connections that stay open; one line of JSON for each request in `log`."""

    def __init__(self, log: TextIO) -> None:
        self._log = log

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side closes it."""
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            # Closed by the other side, or at the end of it all while somebody was left hanging.
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        at = time.time()
        path = head.split(" ", 2)[1]
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n"))
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        key = str(json.loads(body or b"{}").get("id", ""))
        luck = fate(key)
        status = "503 Service Unavailable" if luck < FAILING else "202 Accepted"
        self._log.write(json.dumps({"at": at, "id": key, "path": path, "status": int(status[:3])}) + "\n")
        if FAILING <= luck < FAILING + HANGING:
            await asyncio.sleep(HANG_SECONDS)
        answer = json.dumps({"reference": f"ref-{key}"}).encode()
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
            + answer
        )
        await writer.drain()


async def _serve(port: int, log: TextIO) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    server = await asyncio.start_server(Provider(log).serve, "127.0.0.1", port, limit=256 * 1024)
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    await ended.wait()
    server.close()
    log.flush()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8", buffering=1) as opened:
        asyncio.run(_serve(int(sys.argv[1]), opened))
