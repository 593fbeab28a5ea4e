"""What time it is, as a parameter: the wall clock, or one that a test of real processes moves ahead."""

import contextlib
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from schemas.settings import Settings

Clock = Callable[[], datetime]
"""Tells the time: aware, UTC."""
LOOK_SECONDS: Final = 0.05
"""How often at most the file is read that says by how much a clock is ahead."""
FARTHEST_AHEAD: Final = 10 * 366 * 86400.0
log = structlog.get_logger()


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class MovedClock:
    """The wall clock plus the seconds that a file says; without the file, or with anything else in it, plus what it
    last said. It never goes back: what it was ahead it stays ahead."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ahead = timedelta()
        self._look_at = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """The moved time."""
        return datetime.now(UTC) + self.ahead()

    def ahead(self) -> timedelta:
        """By how much it is moved now."""
        with self._lock:
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_SECONDS
                self._ahead = max(self._ahead, self._read())
            return self._ahead

    def _read(self) -> timedelta:
        with contextlib.suppress(OSError, ValueError):
            seconds = float(self._path.read_text())
            if math.isfinite(seconds) and 0 <= seconds <= FARTHEST_AHEAD:
                return timedelta(seconds=seconds)
        return timedelta()


def moved(clock: Clock, at: datetime) -> datetime:
    """A moment that somebody else's clock told, the broker's or the database's, on ours."""
    return at + clock.ahead() if isinstance(clock, MovedClock) else at


def clock_of(settings: Settings) -> Clock:
    """The clock of a process: the wall clock, unless ANBAN_CLOCK_FILE names a file that moves it for a test."""
    if settings.clock_file is None:
        return utc_now
    log.warning("the clock is moved by a file: this is a test", file=str(settings.clock_file))
    return MovedClock(settings.clock_file)
