"""Whether an elder is fit for a service that asks for vital signs just before: fit, unfit, or not measured; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from schemas.vitals import Vital

Fitness = Literal["fit", "unfit", "missing"]
AHEAD: Final = timedelta(minutes=2)
"""How far a measurement's clock may be ahead of ours; one from farther ahead says nothing about now."""


@dataclass(frozen=True)
class Check:
    """A vital sign that must have been measured within so many minutes, and the range that allows the service."""

    sign: Vital
    least: float | None
    most: float | None
    minutes: int

    def allows(self, value: float) -> bool:
        """Whether a value is in its range, both ends included."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True)
class Measured:
    """One value of a vital sign, by the worker's hand or a wearable, in the sign's unit."""

    sign: Vital
    value: float
    at: datetime


@dataclass(frozen=True)
class Held:
    """What one check came to; without a value nothing was measured in time."""

    check: Check
    measured: Measured | None

    @property
    def fitness(self) -> Fitness:
        """Fit, unfit or missing, for this sign alone."""
        if self.measured is None:
            return "missing"
        return "fit" if self.check.allows(self.measured.value) else "unfit"


@dataclass(frozen=True)
class Verdict:
    """What all checks came to together."""

    held: tuple[Held, ...]

    @property
    def fitness(self) -> Fitness:
        """Unfit when any sign is out of its range, else missing when any was not measured, else fit."""
        found = {one.fitness for one in self.held}
        return "unfit" if "unfit" in found else "missing" if "missing" in found else "fit"

    def of(self, fitness: Fitness) -> list[Vital]:
        """The signs of which this is true."""
        return [one.check.sign for one in self.held if one.fitness == fitness]

    def told(self) -> dict[str, object]:
        """As a timeline keeps it: the verdict, and each sign's value and time."""
        signs = [
            {
                "sign": one.check.sign,
                "fitness": one.fitness,
                "value": one.measured.value if one.measured else None,
                "at": one.measured.at.isoformat() if one.measured else None,
            }
            for one in self.held
        ]
        return {"fitness": self.fitness, "signs": signs}


def checks_of(written: Iterable[Mapping[str, Any]]) -> tuple[Check, ...]:
    """The checks as a catalogue item has them written down."""
    return tuple(Check(one["sign"], one.get("least"), one.get("most"), one["minutes"]) for one in written)


def hold(checks: Sequence[Check], measured: Iterable[Measured], now: datetime) -> Verdict:
    """Hold what was measured against what an item asks for: of each sign the newest value that is not too old counts,
    so that somebody who rested and was measured again can be served. Of two at one moment the later given counts.
    """
    known = sorted(measured, key=lambda one: one.at)
    return Verdict(tuple(Held(check, _newest(check, known, now)) for check in checks))


def _newest(check: Check, known: Sequence[Measured], now: datetime) -> Measured | None:
    since = now - timedelta(minutes=check.minutes)
    fresh = [one for one in known if one.sign == check.sign and since <= one.at <= now + AHEAD]
    return fresh[-1] if fresh else None
