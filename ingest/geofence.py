"""When an elder who wanders has left the place where she may be; pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import cos, hypot, radians
from typing import Final, Literal

METRES_A_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of the Earth's mean radius."""

Turn = Literal["left", "returned"]


@dataclass(frozen=True, slots=True)
class FencePolicy:
    """The table `geofence_policy`; distances in metres, hours of the district's clock."""

    fixes: int
    within: timedelta
    margin_m: float
    return_m: float
    repeat: timedelta
    door_from: int
    door_until: int


@dataclass(frozen=True, slots=True)
class Fence:
    """A circle in which an elder may be, WGS-84 degrees and metres."""

    id: int
    elder_id: int
    household_id: int
    lat: float
    lon: float
    radius_m: float

    def distance_m(self, lat: float, lon: float) -> float:
        """Metres from the middle, on a plane: within 0.2 % for the largest fence."""
        east = (lon - self.lon + 180) % 360 - 180
        return METRES_A_DEGREE * hypot(lat - self.lat, east * cos(radians((lat + self.lat) / 2)))


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a wearer was."""

    at: datetime
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class FenceState:
    """How an elder stands to her fence: the newest position, and positions outside in a row."""

    at: datetime | None = None
    outside: int = 0
    outside_since: datetime | None = None
    signalled_at: datetime | None = None
    alarm_id: int | None = None

    def after(self, fix: Fix, fence: Fence, policy: FencePolicy) -> tuple["FenceState", Turn | None]:
        """The state after a position, and what it means: one wild position means nothing, one on the line changes
        nothing, and whoever stays away is called about again after the policy's time. Older positions are history."""
        if self.at is not None and fix.at <= self.at:
            return self, None
        distance = fence.distance_m(fix.lat, fix.lon)
        if distance > fence.radius_m + policy.margin_m:
            return self._outside(fix.at, policy)
        if distance < fence.radius_m - policy.return_m:
            turn: Turn | None = "returned" if self._has_rung() else None
            return replace(self, at=fix.at, outside=0, outside_since=None), turn
        return replace(self, at=fix.at), None

    def _outside(self, at: datetime, policy: FencePolicy) -> tuple["FenceState", Turn | None]:
        goes_on = self.at is not None and self.outside > 0 and (self._has_rung() or at - self.at <= policy.within)
        count = min(self.outside + 1, policy.fixes) if goes_on else 1
        since = self.outside_since if goes_on else at
        state = replace(self, at=at, outside=count, outside_since=since)
        if count < policy.fixes:
            return state, None
        if state._has_rung() and self.signalled_at is not None and at - self.signalled_at < policy.repeat:
            return state, None
        return replace(state, signalled_at=at), "left"

    def _has_rung(self) -> bool:
        """Whether the present outing has raised an alarm."""
        return (
            self.signalled_at is not None and self.outside_since is not None and self.signalled_at >= self.outside_since
        )
