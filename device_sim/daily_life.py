"""What happens to the elders: they press for help, fall, get ill; at a rate made for a viewer, in mixes from real life.

Real telecare hears of an emergency about 0.56 times a user-year (8.8 calls in, 6.4 % of them emergencies: Val de San
Vicente 2020), which for 300 elders is one every two days. The demo is faster by its interval; the mix of
kinds and the hours of falls are real: falls and feeling unwell come in equal numbers (Personal Alarm Victoria
2014-2017: 42,180 clients), and part of "unwell" shows in the vital signs instead of by a press.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from device_sim import metrics
from device_sim.clock import Clock
from device_sim.device import Device
from device_sim.episodes import some_episode
from device_sim.rhythm import fall_factor, hour_of
from device_sim.vitals import Wearer

Happening = Literal["sos", "fall", "deterioration", "wandering", "service"]

_SOS_WEIGHT: Final = 0.38
_FALL_WEIGHT: Final = 0.45
_DETERIORATION_WEIGHT: Final = 0.17
_WANDERING_SHARE: Final = 0.06
"""Of all happenings, while anybody may wander at all."""
_SERVICE_SHARE: Final = 0.15
"""Of all happenings by day: somebody presses the green button for a service, which is no alarm."""
_SERVICE_HOURS: Final = (8, 19)
_BUTTON_SHARE: Final = 0.6
_CANCELLED_SHARE: Final = 0.3
_PRESSED_AGAIN_SHARE: Final = 0.15
_CANCEL_SECONDS: Final = (5.0, 24.0)
_AGAIN_SECONDS: Final = (4.0, 15.0)


@dataclass(frozen=True)
class Inhabitant:
    """A wearer, the wearable and the button of the home."""

    wearer: Wearer
    wearable: Device
    button: Device


def draw_happening(rng: random.Random, hour: float) -> Happening:
    """What happens next, at a local hour."""
    weights = (_SOS_WEIGHT, _FALL_WEIGHT * fall_factor(hour), _DETERIORATION_WEIGHT)
    kinds: tuple[Happening, ...] = ("sos", "fall", "deterioration")
    return rng.choices(kinds, weights)[0]


class DailyLife:
    """Lets things happen to the inhabitants, one after another."""

    def __init__(self, inhabitants: Sequence[Inhabitant], clock: Clock, interval: float, rng: random.Random) -> None:
        """`interval`: mean seconds of real time between two happenings in the whole district."""
        self._inhabitants = inhabitants
        self._wanderers = [who for who in inhabitants if who.wearer.elder.wanders and who.wearer.elder.state == "home"]
        self._clock = clock
        self._interval = interval
        self._rng = rng

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / self._interval))
            now = self._clock.now()
            if self._wanderers and self._rng.random() < _WANDERING_SHARE:
                self._let_happen("wandering", self._rng.choice(self._wanderers), now)
                continue
            who = self._somebody(now)
            if who is not None:
                self._let_happen(self._draw(who, hour_of(now)), who, now)

    def _draw(self, who: Inhabitant, hour: float) -> Happening:
        begins, ends = _SERVICE_HOURS
        at_home = who.wearer.elder.state == "home" and who.button.connection.is_connected
        if at_home and begins <= hour < ends and self._rng.random() < _SERVICE_SHARE:
            return "service"
        return draw_happening(self._rng, hour)

    def _somebody(self, now: datetime) -> Inhabitant | None:
        for _ in range(50):
            who = self._rng.choice(self._inhabitants)
            here = who.wearable.connection.is_connected and who.wearer.elder.state in ("home", "travelling")
            if here and who.wearer.is_worn(now) and not who.wearer.is_unwell(now):
                return who
        return None

    def _let_happen(self, what: Happening, who: Inhabitant, now: datetime) -> None:
        metrics.HAPPENED.labels(what).inc()
        match what:
            case "sos":
                self._press(who)
            case "fall":
                self._fall(who)
            case "deterioration":
                who.wearer.fall_ill(some_episode(self._rng, now))
            case "wandering":
                who.wearer.walk_away(now)
            case "service":
                who.button.happen("service")

    def _press(self, who: Inhabitant) -> None:
        at_home = who.wearer.elder.state == "home" and who.button.connection.is_connected
        device = who.button if at_home and self._rng.random() < _BUTTON_SHARE else who.wearable
        device.happen("sos")
        if self._rng.random() < _PRESSED_AGAIN_SHARE:
            self._later(_AGAIN_SECONDS, lambda: device.happen("sos"))

    def _fall(self, who: Inhabitant) -> None:
        who.wearable.happen("fall")
        if self._rng.random() < _CANCELLED_SHARE:
            metrics.HAPPENED.labels("fall_cancelled").inc()
            self._later(_CANCEL_SECONDS, lambda: who.wearable.happen("fall_cancelled"))

    def _later(self, between: tuple[float, float], act: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(self._rng.uniform(*between), act)
