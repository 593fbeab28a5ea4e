"""Waiting for a condition, never for a time."""

import threading
import time
from collections.abc import Callable

_pause = threading.Event()


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Return as soon as the condition holds; fails when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        _pause.wait(0.01)
