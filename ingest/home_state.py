"""What is known of a home's movement, and how one more observation changes it; pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from schemas.district_time import DISTRICT_TIME

LEARNT_FROM: Final = timedelta(minutes=20)
"""A shorter stillness is usual everywhere and teaches nothing."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What sensors of a home said at one moment."""

    at: datetime
    watches: bool = False
    """It would have come without any movement: until now the home was watched."""
    moved: bool = False
    bed: bool | None = None
    """The bed's state where it changed or is told for the first time."""
    door_opened: bool = False


@dataclass(frozen=True, slots=True)
class Stillness:
    """A time without movement that has ended."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class HomeState:
    """One row of `home_watch`, without its deadline."""

    heard_at: datetime | None = None
    watched_since: datetime | None = None
    moved_at: datetime | None = None
    in_bed: bool | None = None
    bed_changed_at: datetime | None = None
    door_opened_at: datetime | None = None
    signalled_at: datetime | None = None
    alarm_id: int | None = None

    @property
    def still_since(self) -> datetime | None:
        """The last movement, or the beginning of an unbroken watch that has seen none since; None: not watched."""
        if self.watched_since is None or self.moved_at is None:
            return self.watched_since
        return max(self.watched_since, self.moved_at)

    @property
    def rings(self) -> bool:
        """Whether the present stillness has raised an alarm."""
        since = self.still_since
        return self.signalled_at is not None and since is not None and self.signalled_at >= since

    @property
    def may_be_empty(self) -> bool:
        """Whether the entrance door was the last thing that moved."""
        return self.door_opened_at is not None and (self.moved_at is None or self.door_opened_at >= self.moved_at)

    def after(self, seen: Observation, silence: timedelta) -> tuple["HomeState", Stillness | None]:
        """The state after an observation, and the stillness that it ends, if the home can learn from it.

        Sensors that were silent for longer than `silence` may have missed anything: the watch begins anew. Nobody
        learns from a stillness that rang, or in which the home may have been empty. What comes late never turns time
        back.
        """
        state = self._heard(seen, silence)
        since = state.still_since
        ended = None
        if seen.moved and (state.moved_at is None or seen.at > state.moved_at):
            is_lesson = since is not None and seen.at - since >= LEARNT_FROM and not state.rings
            is_lesson = is_lesson and not state.may_be_empty
            ended = Stillness(since, seen.at) if is_lesson and since is not None else None
            state = replace(state, moved_at=seen.at)
        if seen.bed is not None and (state.bed_changed_at is None or seen.at > state.bed_changed_at):
            state = replace(state, in_bed=seen.bed, bed_changed_at=seen.at)
        if seen.door_opened and (state.door_opened_at is None or seen.at > state.door_opened_at):
            state = replace(state, door_opened_at=seen.at)
        return state, ended

    def _heard(self, seen: Observation, silence: timedelta) -> "HomeState":
        if not seen.watches:
            # Sensors that speak only when they see something watch from the first time they do.
            return replace(self, watched_since=seen.at) if seen.moved and self.watched_since is None else self
        if self.heard_at is not None and seen.at <= self.heard_at:
            return self
        is_new_watch = self.watched_since is None or (self.heard_at is not None and seen.at - self.heard_at > silence)
        return replace(self, heard_at=seen.at, watched_since=seen.at if is_new_watch else self.watched_since)


def reached_by_hour(stillness: Stillness) -> dict[date, list[int]]:
    """The minutes of stillness that were reached in each hour of the district's clock, by day; at most a day's."""
    reached: dict[date, list[int]] = {}
    at, last = stillness.since.astimezone(DISTRICT_TIME), stillness.until.astimezone(DISTRICT_TIME)
    while at < last:
        end = min(at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1), last)
        minutes = int((end - stillness.since).total_seconds() // 60)
        reached.setdefault(at.date(), [0] * 24)[at.hour] = min(minutes, 24 * 60)
        at = end
    return reached
