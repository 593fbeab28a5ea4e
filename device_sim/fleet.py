"""Many devices in one event loop: connecting spread out, pings, waiting for answers, leaving."""

import asyncio
import random
import resource
from collections.abc import Callable, Iterable
from typing import Final

from device_sim import metrics
from device_sim.backoff import FullJitter
from device_sim.device import Device, DeviceKind, Message
from device_sim.device_keys import DeviceKeys
from device_sim.ledger import Ledger
from schemas.settings import MqttAddress

CONNECTS_PER_SECOND: Final = 250
_HOUSEKEEPING_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05


def allow_many_descriptors() -> None:
    """Raise this process's limit of open files to what the system permits."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def until(holds: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, at most `seconds`; returns whether it does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds():
        left = deadline - loop.time()
        if left <= 0:
            return False
        await asyncio.sleep(min(_POLL_SECONDS, left))
    return True


class Fleet:
    """The devices of one process, each with its own connection and credentials."""

    def __init__(self, address: MqttAddress, keys: DeviceKeys, *, yields_to_others: bool = False) -> None:
        """`yields_to_others`: a device that another client takes over is given up for good."""
        self.devices: dict[str, Device] = {}
        self._address = address
        self._keys = keys
        self._yields_to_others = yields_to_others
        self._housekeeping: asyncio.Task[None] | None = None

    def add(
        self,
        device_id: str,
        kind: DeviceKind,
        *,
        on_command: Callable[[Device, Message], None] = lambda _device, _command: None,
        jitter: FullJitter | None = None,
    ) -> Device:
        """Make a device; it connects when the fleet starts."""
        device = Device(
            self._address,
            device_id,
            self._keys.secret(device_id),
            kind=kind,
            jitter=jitter,
            yields=self._others_are_well if self._yields_to_others else lambda: False,
            on_command=on_command,
        )
        self.devices[device_id] = device
        return device

    def start(self, rng: random.Random) -> None:
        """Begin to connect, at random moments so that the broker can authenticate everybody."""
        spread = len(self.devices) / CONNECTS_PER_SECOND
        for device in self.devices.values():
            device.connection.start(rng.uniform(0, spread))
        self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house())

    @property
    def connected(self) -> int:
        """How many devices are connected now."""
        return sum(device.connection.is_connected for device in self.devices.values())

    @property
    def ever_connected(self) -> int:
        """How many devices have been connected at least once."""
        return sum(device.was_connected.is_set() for device in self.devices.values())

    def ledger(self) -> Ledger:
        """What was acknowledged and what may or may not have arrived."""
        return {device.id: {device.boot: device.close_ledger()} for device in self.devices.values()}

    async def drain(self, seconds: float) -> bool:
        """Wait until the broker has answered everything; false when it has not within `seconds`."""
        return await until(lambda: not any(self._owes(device) for device in self.devices.values()), seconds)

    async def switch_off(self, seconds: float = 2.0) -> None:
        """Disconnect everybody cleanly and wait a little until they are gone."""
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        for device in self.devices.values():
            device.switch_off()
        await until(lambda: not any(device.connection.is_open for device in self.devices.values()), seconds)

    @staticmethod
    def _owes(device: Device) -> bool:
        return device.connection.is_connected and (device.outstanding > 0 or device.kept_samples > 0)

    def _others_are_well(self) -> bool:
        return self.connected * 2 >= len(self.devices)

    async def _keep_house(self) -> None:
        while True:
            for part in _slices(list(self.devices.values()), 200):
                for device in part:
                    device.connection.housekeep()
                await asyncio.sleep(0)
            metrics.WANTED.set(len(self.devices))
            metrics.KEPT.set(sum(device.kept_samples for device in self.devices.values()))
            metrics.GAVE_UP.set(sum(device.connection.gave_up for device in self.devices.values()))
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)


def _slices(devices: list[Device], size: int) -> Iterable[list[Device]]:
    return (devices[start : start + size] for start in range(0, len(devices), size))
