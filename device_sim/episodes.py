"""Deteriorations that an early-warning score should notice; hours compressed to minutes so that a viewer sees them."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final


@dataclass(frozen=True)
class Shift:
    """What a deterioration adds to the ordinary values."""

    hr: float = 0
    spo2: float = 0
    rr: float = 0
    temp: float = 0
    sbp: float = 0

    def scaled(self, factor: float) -> "Shift":
        """The same deterioration at `factor` (0 to 1) of its strength."""
        return Shift(self.hr * factor, self.spo2 * factor, self.rr * factor, self.temp * factor, self.sbp * factor)


KINDS: Final = {
    "infection": Shift(hr=42, spo2=-5, rr=9, temp=2.3, sbp=-22),
    "breathlessness": Shift(hr=24, spo2=-9, rr=12, temp=0.3, sbp=8),
    "tachycardia": Shift(hr=74, spo2=-2, rr=4, sbp=-16),
    "bradycardia": Shift(hr=-36, spo2=-3, rr=1, sbp=-20),
}


@dataclass(frozen=True)
class Episode:
    """One deterioration: it comes on over `onset`, stays for `holds`, and passes over `onset` again."""

    full: Shift
    starts: datetime
    onset: timedelta = timedelta(seconds=60)
    holds: timedelta = timedelta(minutes=6)

    def shift(self, now: datetime) -> Shift:
        """The deterioration at a time."""
        since, until = now - self.starts, self.starts + 2 * self.onset + self.holds - now
        return self.full.scaled(max(0.0, min(1.0, since / self.onset, until / self.onset)))

    def is_over(self, now: datetime) -> bool:
        """Whether it has passed."""
        return now > self.starts + 2 * self.onset + self.holds


def some_episode(rng: random.Random, starts: datetime) -> Episode:
    """Draw a deterioration of any kind, a little stronger or weaker than the usual one."""
    kind = rng.choices(tuple(KINDS), (0.35, 0.35, 0.2, 0.1))[0]
    return Episode(KINDS[kind].scaled(rng.uniform(0.95, 1.25)), starts)
