"""What has arrived and is not committed yet: a queue that knows its weight."""

import threading
from typing import Final

from ingest.received import Received
from schemas.clock import Clock, utc_now

LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Above this ingest hangs up: a broker delivers again what is not acknowledged, again and again."""
_OVERHEAD: Final = 400
"""Bytes that a message costs here besides its payload."""


class Inbox:
    """First in, first out; filled by the sessions' threads, emptied by the worker in batches.

    `clock` says when a message was received.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self.clock = clock
        self._arrived = threading.Condition()
        self._waiting: list[Received] = []
        self._bytes = 0
        self._is_awaited = False

    @property
    def is_overfull(self) -> bool:
        """Whether more waits here than memory should hold."""
        return self._bytes > LIMIT_BYTES

    @property
    def is_filling(self) -> bool:
        """Whether half of that waits: time to take nothing more, for whoever can."""
        return self._bytes > LIMIT_BYTES // 2

    def put(self, message: Received) -> None:
        """Add one message."""
        with self._arrived:
            self._waiting.append(message)
            self._bytes += len(message.payload) + _OVERHEAD
            if self._is_awaited:
                self._is_awaited = False
                self._arrived.notify()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for a message; whether there is one."""
        with self._arrived:
            if not self._waiting and seconds > 0:
                self._is_awaited = True
                self._arrived.wait(seconds)
                self._is_awaited = False
            return bool(self._waiting)

    def take(self, most: int, most_bytes: int) -> list[Received]:
        """The oldest messages, at most so many and not many more bytes."""
        with self._arrived:
            size = number = 0
            for message in self._waiting[:most]:
                if size >= most_bytes:
                    break
                size += len(message.payload)
                number += 1
            batch, self._waiting = self._waiting[:number], self._waiting[number:]
            self._bytes -= size + _OVERHEAD * number
            return batch

    def forget(self) -> None:
        """Drop everything: it was never acknowledged, so the broker delivers it again."""
        with self._arrived:
            self._waiting, self._bytes = [], 0
