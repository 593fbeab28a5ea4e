"""When to try again: full jitter for connections, doubling for events, as firmware would do it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

REPEAT_FIRST: Final = 3.0
REPEAT_LAST: Final = 30.0
URGENT_CEILING: Final = 2.0


def repeat_delays() -> Iterator[float]:
    """Seconds before each repetition of an event that nobody has recorded yet: 3, 6, 12, 24, 30, 30, …"""
    delay = REPEAT_FIRST
    while True:
        yield delay
        delay = min(REPEAT_LAST, delay * 2)


@dataclass
class FullJitter:
    """Waits between 0 and a ceiling that doubles with every failure, so that a herd comes back spread out."""

    rng: random.Random
    first: float = 1.0
    ceiling: float = 30.0
    failures: int = 0

    def next_delay(self) -> float:
        """Seconds to wait before the next attempt; counts it as following a failure."""
        highest = min(self.ceiling, self.first * 2 ** min(self.failures, 16))
        self.failures += 1
        return self.rng.uniform(0, highest)

    def urgent_delay(self) -> float:
        """Seconds to wait when somebody has pressed the button: few press at once, so no herd needs spreading."""
        return self.rng.uniform(0, URGENT_CEILING)

    def reset(self) -> None:
        """A connection was made: begin again."""
        self.failures = 0
