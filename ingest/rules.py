"""When measurements and device events call for an alarm; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ingest.readings import Reading
from schemas import news2
from schemas.states import Severity

CONFIRM_WITHIN: Final = timedelta(minutes=15)
"""Two of the last three samples within this time must agree before an alarm is raised."""
MEMORY: Final = news2.MAX_AGE + CONFIRM_WITHIN + news2.MAX_AGE
"""A sample older than this changes no finding that is fresh enough to raise an alarm."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A confirmed NEWS2 finding: how bad, when, and the score that shows it."""

    severity: Severity
    at: datetime
    news2: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VitalsWindow:
    """What the vitals rule remembers of one wearer of a device: the newest value of each vital sign and the last three
    verdicts."""

    latest: Mapping[str, tuple[float, datetime]] = field(default_factory=dict)
    verdicts: tuple[tuple[datetime, Severity | None], ...] = ()

    def advanced(self, reading: Reading, scale: int) -> tuple["VitalsWindow", Finding | None]:
        """The window after a reading, and the finding that the reading confirms, if any.

        A reading that is older than the last one scored fills gaps but raises nothing.
        """
        values = reading.scored()
        if not values:
            return self, None
        at = reading.at
        latest = dict(self.latest)
        for name, value in values.items():
            if name not in latest or latest[name][1] <= at:
                latest[name] = (value, at)
        if self.verdicts and at < self.verdicts[-1][0]:
            return VitalsWindow(latest, self.verdicts), None
        scored, verdict = news2.assess(latest, scale, at)
        if not scored:
            return VitalsWindow(latest, self.verdicts), None
        verdicts = (*self.verdicts[-2:], (at, verdict))
        severity = confirmed(verdicts, at)
        result = news2.score(latest, scale, at) if severity else None
        finding = Finding(severity, at, result) if severity and result else None
        return VitalsWindow(latest, verdicts), finding


def confirmed(verdicts: tuple[tuple[datetime, Severity | None], ...], now: datetime) -> Severity | None:
    """The worst severity that two of the last three verdicts within 15 minutes reach, the newest among them."""
    newest = verdicts[-1][1] if verdicts else None
    if newest is None:
        return None
    recent = [verdict for at, verdict in verdicts[-3:] if now - at <= CONFIRM_WITHIN]
    if newest == "emergency" and recent.count("emergency") >= 2:
        return "emergency"
    return "urgent" if sum(verdict is not None for verdict in recent) >= 2 else None


def still_matters(finding: Finding, now: datetime) -> bool:
    """Whether a finding is fresh enough to raise an alarm; backfilled samples of yesterday are history."""
    return now - finding.at <= news2.MAX_AGE
