"""The simulated time: the elders' days may pass faster than ours."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Runs at `speed` times the real time, beginning now."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._real = time.monotonic()
        self._start = datetime.now(UTC)

    def now(self) -> datetime:
        """The simulated time, UTC."""
        return self._start + timedelta(seconds=(time.monotonic() - self._real) * self.speed)
