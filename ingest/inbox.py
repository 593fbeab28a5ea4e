"""What has arrived and is not committed yet: a queue that knows its weight."""

import queue
import threading
from typing import Final

from ingest.received import Received

LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Above this ingest hangs up: a broker delivers again what is not acknowledged, again and again."""
_OVERHEAD: Final = 400
"""Bytes that a message costs here besides its payload."""


class Inbox:
    """First in, first out; filled by the sessions' threads, emptied by the worker."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def is_overfull(self) -> bool:
        """Whether more waits here than memory should hold."""
        return self._bytes > LIMIT_BYTES

    def _weigh(self, message: Received, sign: int) -> None:
        with self._lock:
            self._bytes += sign * (len(message.payload) + _OVERHEAD)

    def put(self, message: Received) -> None:
        """Add one message."""
        self._weigh(message, 1)
        self._queue.put(message)

    def get(self, seconds: float) -> Received | None:
        """The oldest message, or None when none comes within `seconds`."""
        try:
            message = self._queue.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        self._weigh(message, -1)
        return message

    def forget(self) -> None:
        """Drop everything: it was never acknowledged, so the broker delivers it again."""
        while self.get(0.0) is not None:
            pass
