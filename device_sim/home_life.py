"""What the sensors of one home see: movement, the bed, the entrance door and the water meter, as a hub tells it.

Half of the hubs pass on what their motion sensor says in Zigbee2MQTT's words beside their own samples, repeated states
and battery reports included. Time is the simulated time, as for the wearers.
"""

import random
from datetime import datetime
from typing import Any, Final

from device_sim.population import Household
from device_sim.rhythm import activity_at, hour_of
from device_sim.vitals import Wearer

Sample = dict[str, Any]

_MOVES_A_MINUTE: Final = 0.45
"""Chance that a minute awake has a movement in front of the sensor, at the day's average of activity."""
_TURNS_A_MINUTE: Final = 0.05
"""Asleep, somebody turns over or goes to the bathroom."""
_QUIET: Final = 0.5
"""Whoever is awake moves about at least half as much as on average."""
_DOOR_A_MINUTE: Final = 0.006
_TAP_A_MINUTE: Final = 0.05
_TAP_M3: Final = (0.001, 0.006)
"""A glass and a pan, up to a wash; with the rest about 0.2 m³ a day."""
_FLUSH_A_MINUTE: Final = 0.005
_FLUSH_M3: Final = 0.006
"""At night."""
_BATTERY_REPORT_A_MINUTE: Final = 0.02


class HomeSensors:
    """The sensors of one home; `speak` must be called with times that do not go back, about once a minute."""

    def __init__(self, household: Household, wearers: list[Wearer], rng: random.Random) -> None:
        self._wearers = wearers
        self._rng = rng
        self._passes_on = household.number % 2 == 0
        self._sensor = f"0x00158d{household.number:010x}"
        self._water = round(100 + household.number % 900 + rng.random(), 3)
        self._occupied = False
        self._battery = round(rng.uniform(40, 100))

    def speak(self, now: datetime) -> list[Sample]:
        """What the hub sends for the past minute: its own sample, and what its motion sensor said."""
        somebody = [wearer for wearer in self._wearers if wearer.is_at_home(now)]
        awake = [wearer for wearer in somebody if not wearer.is_asleep(now)]
        activity = max(_QUIET, activity_at(hour_of(now)))
        moves = sum(self._happens(_MOVES_A_MINUTE * activity) for _ in awake)
        moves += sum(self._happens(_TURNS_A_MINUTE) for _ in range(len(somebody) - len(awake)))
        if awake and self._happens(_TAP_A_MINUTE * activity):
            self._water = round(self._water + self._rng.uniform(*_TAP_M3), 3)
        if somebody and not awake and self._happens(_FLUSH_A_MINUTE):
            self._water = round(self._water + _FLUSH_M3, 3)
        own: Sample = {
            "motion": moves,
            "bed": bool(somebody) and not awake,
            "door": bool(awake) and self._happens(_DOOR_A_MINUTE * activity),
            "water": self._water,
        }
        return [own, *self._passed_on(moves > 0)] if self._passes_on else [own]

    def _happens(self, chance: float) -> bool:
        return self._rng.random() < chance

    def _passed_on(self, moved: bool) -> list[Sample]:
        """The motion sensor speaks when its state changes, and repeats it with its battery reports."""
        reports = self._happens(_BATTERY_REPORT_A_MINUTE)
        if moved == self._occupied and not reports:
            return []
        self._occupied = moved
        said = {"battery": self._battery, "occupancy": moved, "linkquality": self._rng.randint(20, 160)}
        return [{"sensor": self._sensor, "said": said}]
