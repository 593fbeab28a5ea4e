"""The highest NEWS2 score of a recording, and which of its parameters were there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from load_tests.news2.patients import Moment, Patient
from schemas import news2
from schemas.vitals import SCORED

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Reading:
    """How a recording is read: for how long a value counts, and whether what nurses wrote down counts too."""

    max_age: timedelta
    with_nurses: bool


@dataclass
class Scored:
    """What came of scoring recordings: the highest score of each patient, and how often a parameter was missing."""

    highest: dict[str, int] = field(default_factory=dict)
    moments: int = 0
    missing: Counter[str] = field(default_factory=Counter)

    def shares_missing(self) -> dict[str, float]:
        """In what share of the scores each parameter was missing."""
        return {name: self.missing[name] / max(1, self.moments) for name in news2.PARAMETERS}


def score_patients(patients: Iterable[Patient], how: Reading) -> Scored:
    """Score every moment at which something was measured."""
    scored = Scored()
    for patient in patients:
        best: int | None = None
        for result in _results(patient.moments, how):
            scored.moments += 1
            scored.missing.update(result["missing"])
            best = max(best or 0, result["score"])
        if best is not None:
            scored.highest[patient.name] = best
    return scored


def _results(moments: Iterable[Moment], how: Reading) -> Iterable[dict[str, Any]]:
    latest: dict[str, tuple[float, datetime]] = {}
    oxygen: tuple[bool, datetime] | None = None
    level: tuple[news2.Consciousness, datetime] | None = None
    for moment in moments:
        now = EPOCH + timedelta(seconds=moment.at)
        latest |= {name: (value, now) for name, value in moment.values.items() if name in SCORED}
        if how.with_nurses and moment.on_oxygen is not None:
            oxygen = (moment.on_oxygen, now)
        if how.with_nurses and moment.consciousness is not None:
            level = (moment.consciousness, now)
        result = news2.score(
            latest,
            1,
            now,
            on_oxygen=oxygen[0] if oxygen and now - oxygen[1] <= how.max_age else None,
            consciousness=level[0] if level and now - level[1] <= how.max_age else None,
            max_age=how.max_age,
        )
        if result is not None:
            yield result
