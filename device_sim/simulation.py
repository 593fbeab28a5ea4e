"""The district's devices from connecting to leaving: measuring on time, living, draining, the ledger."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from device_sim.clock import Clock
from device_sim.daily_life import DailyLife, Inhabitant
from device_sim.device import Device
from device_sim.device_keys import DeviceKeys
from device_sim.fleet import Fleet
from device_sim.home_life import HomeSensors
from device_sim.ledger import write_ledger
from device_sim.population import households
from device_sim.vitals import Wearer
from schemas.process import Health
from schemas.settings import MqttAddress

HEARTBEAT_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 10.0
_READY_SHARE: Final = 0.9

log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """How large, how often (seconds between two measurements), how fast, and whether life goes on by itself."""

    elders: int
    period: float
    speed: float = 1.0
    story: bool = False
    interval: float = 50.0


def wearables_left_for_story(elders: int) -> int:
    """How many of the last wearables a fleet started for the story leaves unconnected."""
    return min(20, elders // 3)


class Simulation:
    """One run of the district."""

    def __init__(self, plan: Plan, address: MqttAddress, keys: DeviceKeys) -> None:
        self._plan = plan
        self._rng = random.Random()
        self._clock = Clock(plan.speed)
        self.fleet = Fleet(address, keys, yields_to_others=True)
        self.inhabitants: list[Inhabitant] = []
        self._wearing: list[tuple[Device, Wearer]] = []
        self._buttons: list[Device] = []
        self._hubs: list[tuple[Device, HomeSensors]] = []
        self._life: asyncio.Task[None] | None = None
        self._stopping = False
        self._populate()

    def _populate(self) -> None:
        last = self._plan.elders - (wearables_left_for_story(self._plan.elders) if self._plan.story else 0)
        for household in households(self._plan.elders):
            button = None if self._plan.story else self.fleet.add(household.button_id, "button")
            if button is not None:
                self._buttons.append(button)
            home = (household.home.lat, household.home.lon)
            wearers: list[Wearer] = []
            for elder in household.elders:
                if elder.number > last:
                    continue
                device = self.fleet.add(elder.wearable_id, "wearable")
                wearer = Wearer(elder, home, self._clock.now(), random.Random(self._rng.random()))
                device.battery = lambda wearer=wearer: wearer.battery  # type: ignore[misc]
                device.position = home
                wearers.append(wearer)
                self._wearing.append((device, wearer))
                if button is not None:
                    self.inhabitants.append(Inhabitant(wearer, device, button))
            if button is not None and household.has_hub:
                hub = self.fleet.add(household.hub_id, "hub")
                self._hubs.append((hub, HomeSensors(household, wearers, random.Random(self._rng.random()))))

    def health(self) -> Health:
        """Ready when nearly everybody has been connected once."""
        total, seen = len(self.fleet.devices), self.fleet.ever_connected
        return Health(seen >= _READY_SHARE * total, f"{seen} of {total} devices have connected")

    def start(self) -> None:
        """Begin to connect, to measure and to live."""
        self.fleet.start(self._rng)
        self._schedule([self._measuring(*pair) for pair in self._wearing], self._plan.period)
        self._schedule([self._beating(button) for button in self._buttons], HEARTBEAT_SECONDS)
        self._schedule([self._telling(*pair) for pair in self._hubs], HEARTBEAT_SECONDS)
        if self.inhabitants:
            life = DailyLife(self.inhabitants, self._clock, self._plan.interval / self._plan.speed, self._rng)
            self._life = asyncio.get_running_loop().create_task(life.run())

    async def stop(self, ledger: Path | None) -> bool:
        """Stop measuring, wait for the broker's answers, account for them, leave; false when answers are missing."""
        self._stopping = True
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
        answered = await self.fleet.drain(DRAIN_SECONDS)
        if ledger is not None:
            write_ledger(ledger, self.fleet.ledger())
        await self.fleet.switch_off()
        log.info("stopped", all_answered=answered, devices=len(self.fleet.devices))
        return answered

    def _measuring(self, device: Device, wearer: Wearer) -> Callable[[], bool]:
        def measure() -> bool:
            if device.was_connected.is_set():
                device.report(wearer.measure(self._clock.now()))
            return not device.connection.gave_up

        return measure

    def _telling(self, hub: Device, sensors: HomeSensors) -> Callable[[], bool]:
        def tell() -> bool:
            if hub.was_connected.is_set():
                for sample in sensors.speak(self._clock.now()):
                    hub.report(sample)
            return not hub.connection.gave_up

        return tell

    def _beating(self, button: Device) -> Callable[[], bool]:
        def beat() -> bool:
            button.say_status()
            return not button.connection.gave_up

        return beat

    def _schedule(self, actions: list[Callable[[], bool]], period: float) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for index, action in enumerate(actions):
            self._repeat(loop, action, start + period * (index + 1) / len(actions), period)

    def _repeat(self, loop: asyncio.AbstractEventLoop, action: Callable[[], bool], first: float, period: float) -> None:
        def due(at: float) -> None:
            if self._stopping or not action():
                return
            following = at + period
            behind = loop.time() - following
            if behind > 0:
                following += period * (behind // period + 1)
            loop.call_at(following, due, following)

        loop.call_at(first, due, first)
