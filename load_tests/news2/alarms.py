"""How many alarms the service's own rules would raise on a recording."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from dispatch.alarms import VITALS_QUIET
from ingest.rules import Policies, Policy, VitalsWindow, severity_of
from ingest.thresholds import PLAIN
from load_tests.news2.patients import Patient
from schemas.states import Severity, worse

CONFIRMED: Final = Policies()
"""As the service begins: two of three samples within 15 minutes."""
_AT_ONCE: Final = Policy(1, 1, 900, 1800)
UNCONFIRMED: Final = replace(CONFIRMED, news2_emergency=_AT_ONCE, news2_urgent=_AT_ONCE)
"""Every sample that is bad enough raises."""
_HOURLY: Final = Policy(2, 3, 3 * 3600, 1800)
CONFIRMED_HOURLY: Final = replace(CONFIRMED, news2_emergency=_HOURLY, news2_urgent=_HOURLY)
"""Two of three samples within three hours: the same confirmation at the pace of an hourly chart."""


@dataclass(frozen=True)
class Load:
    """Alarms by severity and the days in which they came."""

    alarms: Counter[str]
    days: float

    def per_day(self) -> dict[str, float]:
        """Alarms a patient-day, by severity and together."""
        days = max(self.days, 1e-9)
        rates = {severity: self.alarms[severity] / days for severity in ("emergency", "urgent")}
        return rates | {"all": self.alarms.total() / days}


def alarm_load(patients: Iterable[Patient], policies: Policies) -> Load:
    """Count the alarms that would be raised if each were answered and ended at once.

    After an end the service keeps quiet for half an hour unless it gets worse: this is the most a rule can raise.
    """
    alarms: Counter[str] = Counter()
    days = 0.0
    for patient in patients:
        days += patient.days
        alarms.update(_raised(patient, policies))
    return Load(alarms, days)


def _raised(patient: Patient, policies: Policies) -> Iterable[Severity]:
    window, quiet = VitalsWindow(), VITALS_QUIET.total_seconds()
    last: tuple[float, Severity] | None = None
    for moment in patient.moments:
        before, window = window, window.advanced(moment.at, moment.values, PLAIN[1])
        confirmed = window.confirmed(policies, moment.at) if window.verdicts is not before.verdicts else 0
        if not confirmed:
            continue
        severity = severity_of(confirmed)
        if last is None or moment.at - last[0] >= quiet or worse(severity, last[1]):
            last = (moment.at, severity)
            yield severity
