"""How long a home may be still at each hour before somebody should ask: learnt from its own past days; pure.

A day is 24 figures: the longest stillness, in minutes, that was reached within each hour of the district's clock. What
is usual at an hour is what all but a few of the past days stayed below; whoever is still for longer than that by the
policy's stretch and patience is unusually still.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.district_time import is_between_hours, local_hour

HOURS: Final = 24
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
SEARCHED: Final = timedelta(days=2)
"""Within this time every stillness passes every limit: limits are at most a day."""


@dataclass(frozen=True, slots=True)
class MovementPolicy:
    """The figures of the no-movement rule, as the table `movement_policy` has them; durations in minutes."""

    stretch: float
    patience_minutes: int
    patience_hours: int
    least_minutes: int
    most_minutes: int
    days_kept: int
    days_needed: int
    days_set_aside: float
    left_bed_minutes: int
    night_from: int
    night_until: int
    away_minutes: int
    heard_minutes: int
    repeat_minutes: int


@dataclass(frozen=True, slots=True)
class Still:
    """What is known of a home that has not moved: since when, whether somebody left the bed then and did not return,
    and whether the entrance door was the last thing that moved, so that nobody may be at home."""

    since: datetime
    left_bed: bool = False
    may_be_empty: bool = False


def usual_minutes(days: Sequence[Sequence[int]], default: Sequence[int], policy: MovementPolicy) -> tuple[int, ...]:
    """The stillness that is usual at each hour: that of the past days, without the few that stand out, or the default
    as long as too few days are known."""
    if len(days) < policy.days_needed:
        return tuple(default)
    skipped = int(len(days) * policy.days_set_aside)
    return tuple(sorted((day[hour] for day in days), reverse=True)[skipped] for hour in range(HOURS))


def limits(usual: Sequence[int], policy: MovementPolicy, least_minutes: int | None = None) -> tuple[int, ...]:
    """The limit of each hour in minutes; `least_minutes` is the home's own, where staff set it.

    Somebody who usually rises at seven is as still at nine as never before: beside the stretch of what is usual at the
    hour itself, there is patience with a stillness that was usual some hours ago and has only gone on.
    """
    least = policy.least_minutes if least_minutes is None else least_minutes
    return tuple(
        min(
            max(
                least,
                round(usual[hour] * policy.stretch),
                *(
                    usual[hour - ago] + 60 * (ago - 1) + policy.patience_minutes
                    for ago in range(1, policy.patience_hours + 1)
                ),
            ),
            max(least, policy.most_minutes),
        )
        for hour in range(HOURS)
    )


def limit_at(at: datetime, still: Still, by_hour: Sequence[int], policy: MovementPolicy) -> timedelta:
    """How long the home may have been still by a moment."""
    hour = local_hour(at)
    limit = by_hour[hour]
    if still.may_be_empty:
        limit = max(limit, policy.away_minutes)
    elif still.left_bed and is_between_hours(still.since, policy.night_from, policy.night_until):
        limit = min(limit, policy.left_bed_minutes)
    return limit * MINUTE


def due_at(still: Still, by_hour: Sequence[int], policy: MovementPolicy) -> datetime:
    """The first moment at which the home is unusually still, if nothing moves before."""
    at = still.since
    while at < still.since + SEARCHED:
        passed = still.since + limit_at(at, still, by_hour, policy)
        following = at.replace(minute=0, second=0, microsecond=0) + HOUR
        if passed <= at:
            return at
        if passed < following:
            return passed
        at = following
    return at


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at a home comes to: whether it rings now, when to look again, and the limit in minutes that holds."""

    rings: bool
    look_at: datetime
    limit_minutes: int | None = None


def judge(
    still: Still | None,
    heard_at: datetime | None,
    rang_at: datetime | None,
    by_hour: Sequence[int],
    policy: MovementPolicy,
    now: datetime,
) -> Verdict:
    """Decide about a home; `heard_at` is when its sensors were last known to work, `rang_at` when this stillness rang.

    Sensors that are silent say nothing, and whoever looks after devices is told elsewhere. A stillness that goes on is
    called about again after the policy's time.
    """
    silence = policy.heard_minutes * MINUTE
    if still is None:
        return Verdict(False, now + timedelta(days=1))
    if heard_at is None or now - heard_at > silence:
        return Verdict(False, now + silence)
    due = due_at(still, by_hour, policy)
    if due > now:
        return Verdict(False, due)
    if rang_at is not None and now - rang_at < policy.repeat_minutes * MINUTE:
        return Verdict(False, rang_at + policy.repeat_minutes * MINUTE)
    limit = limit_at(due, still, by_hour, policy)
    return Verdict(True, now + policy.repeat_minutes * MINUTE, int(limit / MINUTE))
