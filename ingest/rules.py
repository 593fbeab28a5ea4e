"""When measurements call for an alarm: NEWS2, thresholds and baselines, each confirmed; pure.

Times are UTC seconds since 1970. One noisy measurement is never an alarm, however long its value goes on counting: a
value that a message does not bring anew counts towards its verdict only as far as the measurement before bears it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any, Final, NamedTuple

from ingest.thresholds import (
    BASELINE_BITS,
    NEWS2_EMERGENCY,
    NEWS2_URGENT,
    POINTS,
    SIGNS,
    THRESHOLD_BITS,
    WearerRules,
)
from schemas import news2
from schemas.states import Severity, worse

MAX_AGE: Final = news2.MAX_AGE.total_seconds()
LONGEST_MEMORY: Final = 8
"""How many verdicts are remembered: no policy looks at more."""
_SIGNS: Final = tuple(enumerate(SIGNS))
_LIMITS: Final = ~POINTS


@dataclass(frozen=True, slots=True)
class Policy:
    """`needed` of the last `out_of` samples within `within` seconds confirm; after `max_age` seconds it is history."""

    needed: int
    out_of: int
    within: float
    max_age: float


@dataclass(frozen=True, slots=True)
class Policies:
    """What confirms each rule's findings; these are what the database starts with."""

    news2_emergency: Policy = Policy(2, 3, 900, 1800)
    news2_urgent: Policy = Policy(2, 3, 900, 1800)
    threshold: Policy = Policy(2, 3, 900, 1800)
    baseline: Policy = Policy(3, 5, 1800, 1800)

    def of(self, bit: int) -> Policy:
        """The policy of one bit of a verdict."""
        if bit == NEWS2_EMERGENCY:
            return self.news2_emergency
        if bit == NEWS2_URGENT:
            return self.news2_urgent
        return self.baseline if bit & BASELINE_BITS else self.threshold

    @property
    def memory(self) -> float:
        """Seconds after which a sample changes no finding that is young enough to raise an alarm."""
        return max(policy.max_age + policy.within for policy in self._all()) + 2 * MAX_AGE

    @property
    def samples(self) -> int:
        """How many of the last samples any policy looks at."""
        return max(policy.out_of for policy in self._all())

    def _all(self) -> tuple[Policy, ...]:
        return self.news2_emergency, self.news2_urgent, self.threshold, self.baseline


@dataclass(frozen=True, slots=True)
class Finding:
    """A confirmed finding: how bad, when, the NEWS2 score then, and the limits that were crossed."""

    severity: Severity
    at: datetime
    news2: dict[str, Any] | None
    limits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def details(self) -> dict[str, Any]:
        """What an alarm keeps of it."""
        return {"news2": self.news2} | ({"limits": self.limits} if self.limits else {})


class VitalsWindow(NamedTuple):
    """What the rules remember of one wearer of a device; a new one comes of each reading.

    For each of SIGNS the newest value, its time, and what it may go on counting for; the last verdicts as time, bits,
    time, bits… from the first that found anything; and what was last raised, with the time from which it is again.
    """

    at: float = -inf
    values: tuple[float | None, ...] = (None,) * len(SIGNS)
    ats: tuple[float, ...] = (-inf,) * len(SIGNS)
    borne_out: tuple[int, ...] = (0,) * len(SIGNS)
    verdicts: tuple[float, ...] = ()
    told: Severity | None = None
    told_until: float = -inf

    def advanced(self, at: float, measured: Mapping[str, float | None], rules: WearerRules) -> "VitalsWindow":
        """The window after a reading; one that is older than the last fills gaps but finds nothing."""
        values, ats, borne_out = list(self.values), list(self.ats), list(self.borne_out)
        total = single_three = bits = 0
        since, judge, anything = at - MAX_AGE, rules.judge, False
        for sign, name in _SIGNS:
            value = measured.get(name)
            before = ats[sign]
            if value is not None and before <= at:
                anything = True
                counts = judge(sign, value)
                borne_out[sign] = (
                    _borne_out(counts, judge(sign, values[sign] or 0)) if counts and before >= since else 0
                )
                values[sign], ats[sign] = value, at
            else:
                counts = borne_out[sign] if before >= since else 0
            if counts:
                points = counts & POINTS
                total += points
                single_three |= points == POINTS
                bits |= counts & _LIMITS
        if not anything:
            return self
        window = VitalsWindow(
            max(at, self.at), tuple(values), tuple(ats), tuple(borne_out), self.verdicts, self.told, self.told_until
        )
        if at < self.at:
            return window
        if total >= news2.URGENT or single_three:
            bits |= NEWS2_URGENT | (NEWS2_EMERGENCY if total >= news2.EMERGENCY else 0)
        return window._replace(verdicts=_remembered(self.verdicts, at, bits)) if bits or self.verdicts else window

    def confirmed(self, policies: Policies, now: float) -> int:
        """The bits of the newest verdict that earlier ones confirm and that are young enough to raise an alarm."""
        newest = int(self.verdicts[-1]) if self.verdicts else 0
        if not newest:
            return 0
        found = 0
        for bit in _bits(newest):
            policy = policies.of(bit)
            since = self.at - policy.within
            last = self.verdicts[-2 * policy.out_of :]
            agreeing = sum(1 for at, bits in zip(last[::2], last[1::2], strict=True) if at >= since and int(bits) & bit)
            if agreeing >= policy.needed and now - self.at <= policy.max_age:
                found |= bit
        return found

    def finding(self, confirmed: int, rules: WearerRules) -> Finding:
        """What the confirmed bits of the newest verdict mean."""
        at = datetime.fromtimestamp(self.at, UTC)
        fresh = {
            name: (value, datetime.fromtimestamp(self.ats[sign], UTC))
            for sign, name in _SIGNS
            if (value := self.values[sign]) is not None and self.ats[sign] >= self.at - MAX_AGE
        }
        limits = [
            limit.shown(fresh[name][0])
            for sign, name in _SIGNS
            if name in fresh
            for limit in rules.limits(sign)
            if limit.bit & confirmed and limit.crossed_by(fresh[name][0])
        ]
        return Finding(severity_of(confirmed), at, news2.score(fresh, rules.scale, at), limits)

    def is_told(self, severity: Severity, now: float) -> bool:
        """Whether a finding of this severity or a worse one was raised a moment ago."""
        return self.told is not None and now < self.told_until and not worse(severity, self.told)


def severity_of(confirmed: int) -> Severity:
    """The worst severity among the bits of a verdict."""
    if confirmed & (NEWS2_EMERGENCY | THRESHOLD_BITS[2]):
        return "emergency"
    return "urgent" if confirmed & (NEWS2_URGENT | THRESHOLD_BITS[1]) else "advisory"


def _borne_out(counts: int, before: int) -> int:
    """What a value counts for that the measurement before it found as well."""
    return min(counts & POINTS, before & POINTS) | (counts & before & _LIMITS)


def _remembered(verdicts: tuple[float, ...], at: float, bits: int) -> tuple[float, ...]:
    """The last verdicts with one more; those that found nothing before the first that did are left out."""
    last = (*verdicts, at, bits)[-2 * LONGEST_MEMORY :]
    start = next((place for place in range(0, len(last), 2) if last[place + 1]), None)
    return () if start is None else last[start:]


def _bits(verdict: int) -> list[int]:
    return [1 << place for place in range(verdict.bit_length()) if verdict >> place & 1]
