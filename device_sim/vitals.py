"""One wearer's vital signs over time: rest, sleep, bouts of activity, noise with memory, sensors that lose the skin.

Time is the simulated time, given with each measurement, so that a day can pass in a second.
"""

import math
import random
from datetime import date, datetime, timedelta
from typing import Final

from device_sim.baseline import Baseline, Limits, baseline_of
from device_sim.episodes import Episode, Shift
from device_sim.places import offset
from device_sim.population import Elder
from device_sim.rhythm import activity_at, hour_of, share_walked_by
from schemas.district_time import today

Sample = dict[str, float]

_HUMAN: Final = {
    "hr": Limits(28, 185),
    "spo2": Limits(68, 100),
    "rr": Limits(5, 42),
    "temp": Limits(33.5, 41.5),
    "sbp": Limits(62, 235),
    "dbp": Limits(35, 130),
}
_BOUTS_AN_HOUR: Final = 3.0
_BOUT_SECONDS: Final = 260.0
_DROPOUT_EVERY: Final = 1500.0
_DROPOUT_SECONDS: Final = 30.0
_TAKEN_OFF_EVERY: Final = 11 * 3600.0
_TAKEN_OFF_SECONDS: Final = 2100.0
_TEMP_EVERY: Final = 1500.0
_PRESSURE_EVERY: Final = 5 * 3600.0
_POSITION_EVERY: Final = 300.0
_AWAY_POSITION_EVERY: Final = 60.0
_AWAY_SECONDS: Final = (2400.0, 5400.0)
_WALKS_M_A_SECOND: Final = 1.2
_FARTHEST_M: Final = 3000.0


class _Wander:
    """Noise with memory (Ornstein-Uhlenbeck): standard deviation `sd`, forgetting over `seconds`."""

    def __init__(self, rng: random.Random, sd: float, seconds: float) -> None:
        self._rng, self._sd, self._seconds = rng, sd, seconds
        self.value = rng.gauss(0, sd)

    def step(self, dt: float) -> float:
        kept = math.exp(-dt / self._seconds)
        self.value = self.value * kept + self._rng.gauss(0, self._sd) * math.sqrt(1 - kept * kept)
        return self.value


class Wearer:
    """The body under one wearable. `measure` must be called with times that do not go back."""

    def __init__(self, elder: Elder, home: tuple[float, float], start: datetime, rng: random.Random) -> None:
        self.elder = elder
        self.baseline: Baseline = baseline_of(elder)
        self._rng = rng
        self._home = home
        self._then = start
        self._exertion = 0.0
        self._bout_effort = 0.0
        self._hr = _Wander(rng, 2.2, 150)
        self._spo2 = _Wander(rng, 0.45, 240)
        self._rr = _Wander(rng, 0.7, 90)
        self._pressure = _Wander(rng, 5.0, 7200)
        self._episode: Episode | None = None
        self._off_until = start
        self._dropout_until = start
        self._dropped: tuple[str, ...] = ()
        self._away: tuple[datetime, datetime, float] | None = None
        self._day: date = today(start)
        self._steps = self.baseline.steps_a_day * share_walked_by(hour_of(start))
        self._battery = rng.uniform(35, 100)
        self._due = {
            "temp": start + timedelta(seconds=rng.uniform(0, _TEMP_EVERY)),
            "pressure": start + timedelta(seconds=rng.uniform(0, _PRESSURE_EVERY)),
            "position": start + timedelta(seconds=rng.uniform(0, _POSITION_EVERY)),
        }

    @property
    def battery(self) -> float:
        """Charge left, %."""
        return round(self._battery, 1)

    def is_worn(self, now: datetime) -> bool:
        """Whether the wearable is on the wrist."""
        return now >= self._off_until

    def is_unwell(self, now: datetime) -> bool:
        """Whether a deterioration is under way."""
        return self._episode is not None and not self._episode.is_over(now)

    def fall_ill(self, episode: Episode) -> None:
        """Begin a deterioration; the wearable is on, or nobody would ever know."""
        self._episode = episode
        self._off_until = self._dropout_until = episode.starts

    def walk_away(self, now: datetime) -> None:
        """Leave the house in some direction and not find back for a while; the wearable is on and tells where."""
        until = now + timedelta(seconds=self._rng.uniform(*_AWAY_SECONDS))
        self._away = (now, until, self._rng.uniform(0, 2 * math.pi))
        self._off_until = self._due["position"] = now

    def is_away(self, now: datetime) -> bool:
        """Whether the wearer has walked away and not yet come back."""
        return self._away is not None and now < self._away[1]

    def is_at_home(self, now: datetime) -> bool:
        """Whether sensors in the home could see the wearer."""
        return self.elder.state in ("home", "test") and not self.is_away(now)

    def is_asleep(self, now: datetime) -> bool:
        """Whether it is this person's night."""
        hour = hour_of(now)
        return hour < self.baseline.wakes or hour >= self.baseline.sleeps

    def measure(self, now: datetime) -> Sample:
        """What the wearable reports now; 0 where a sensor sees no skin, absent where nothing was measured."""
        dt = max(0.001, (now - self._then).total_seconds())
        self._then = now
        self._live(now, dt)
        shift = self._episode.shift(now) if self._episode is not None else Shift()
        sample = self._continuous(now, dt, shift)
        self._lose_contact(now, dt, sample, calm=shift == Shift())
        sample["steps"] = int(self._steps)
        sample["bat"] = self.battery
        self._measure_rarely(now, sample, shift)
        return sample

    def _live(self, now: datetime, dt: float) -> None:
        worn, asleep = self.is_worn(now), self.is_asleep(now)
        self._battery = min(100.0, max(3.0, self._battery + dt / 3600 * (-1.1 if worn else 60)))
        day = today(now)
        if day != self._day:
            self._day, self._steps = day, 0.0
        activity = activity_at(hour_of(now)) * (0.15 if asleep else 1.0)
        if self._bout_effort > 0:
            if self._rng.random() < 1 - math.exp(-dt / _BOUT_SECONDS):
                self._bout_effort = 0.0
        elif self._rng.random() < 1 - math.exp(-dt / 3600 * _BOUTS_AN_HOUR * activity):
            self._bout_effort = self._rng.uniform(0.25, 1.0)
        self._exertion += (self._bout_effort - self._exertion) * (1 - math.exp(-dt / 60))
        if worn and self._bout_effort > 0:
            self._steps += dt / 3600 * self.baseline.steps_a_day * 0.33 * self._bout_effort / 0.62

    def _continuous(self, now: datetime, dt: float, shift: Shift) -> Sample:
        base, asleep, effort = self.baseline, self.is_asleep(now), self._exertion
        hr = base.hr - (7 if asleep else 0) + base.hr_reserve * effort + self._hr.step(dt)
        hr += self._rng.gauss(0, base.hr_jitter)
        rr = base.rr - (1.2 if asleep else 0) + 3.2 * effort + self._rr.step(dt)
        spo2 = base.spo2 - (0.5 if asleep else 0) - 0.5 * effort + self._spo2.step(dt)
        return {
            "hr": round(_HUMAN["hr"].hold(base.hr_limits.hold(hr) + shift.hr)),
            "spo2": round(_HUMAN["spo2"].hold(base.spo2_limits.hold(spo2) + shift.spo2)),
            "rr": round(_HUMAN["rr"].hold(base.rr_limits.hold(rr) + shift.rr)),
        }

    def _lose_contact(self, now: datetime, dt: float, sample: Sample, calm: bool) -> None:
        if calm and now >= self._dropout_until:
            self._dropped = ()
            if self._rng.random() < 1 - math.exp(-dt / _DROPOUT_EVERY * (1 + 2 * self._exertion)):
                self._dropout_until = now + timedelta(seconds=self._rng.expovariate(1 / _DROPOUT_SECONDS))
                self._dropped = ("spo2",) if self._rng.random() < 0.5 else ("hr", "spo2", "rr")
        if calm and self.is_worn(now) and self._rng.random() < 1 - math.exp(-dt / _TAKEN_OFF_EVERY):
            self._off_until = now + timedelta(seconds=self._rng.expovariate(1 / _TAKEN_OFF_SECONDS))
        lost = ("hr", "spo2", "rr") if not self.is_worn(now) else self._dropped if now < self._dropout_until else ()
        sample.update(dict.fromkeys(lost, 0))

    def _measure_rarely(self, now: datetime, sample: Sample, shift: Shift) -> None:
        if self._is_due("temp", now, _TEMP_EVERY / (1 if shift == Shift() else 5)) and self.is_worn(now):
            warmth = 0.25 * math.sin((hour_of(now) - 11) / 24 * 2 * math.pi) + self._rng.gauss(0, 0.06)
            ordinary = Limits(36.1, 37.4).hold(self.baseline.temp + warmth)
            sample["temp"] = round(_HUMAN["temp"].hold(ordinary + shift.temp), 1)
        if self._is_due("pressure", now, _PRESSURE_EVERY) and self.is_worn(now) and not self.is_asleep(now):
            systolic = self.baseline.sbp + 9 * self._exertion + self._pressure.step(_PRESSURE_EVERY)
            sample["sbp"] = round(_HUMAN["sbp"].hold(self.baseline.sbp_limits.hold(systolic) + shift.sbp))
            sample["dbp"] = round(min(_HUMAN["dbp"].hold(self.baseline.dbp + shift.sbp / 2), sample["sbp"] - 15))
        if self._is_due("position", now, _AWAY_POSITION_EVERY if self.is_away(now) else _POSITION_EVERY):
            sample["lat"], sample["lon"] = self._position(now)

    def _position(self, now: datetime) -> tuple[float, float]:
        if self._away is not None and now < self._away[1]:
            left_at, _, direction = self._away
            walked = min(_FARTHEST_M, (now - left_at).total_seconds() * _WALKS_M_A_SECOND)
            north, east, reach = walked * math.cos(direction), walked * math.sin(direction), 12.0
        else:
            north, east, reach = 0.0, 0.0, 250.0 if self._exertion > 0.4 else 12.0
        return offset(*self._home, north + self._rng.gauss(0, reach), east + self._rng.gauss(0, reach))

    def _is_due(self, what: str, now: datetime, every: float) -> bool:
        if now < self._due[what]:
            return False
        self._due[what] = now + timedelta(seconds=every * self._rng.uniform(0.7, 1.3))
        return True
