"""Connect everybody, let them speak once a minute, kill the broker, and see everybody come back."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from load_tests.fleet.fleet import Fleet
from load_tests.fleet.plan import Plan
from load_tests.ingest_bench.cast import Cast
from load_tests.ingest_bench.processes import ProcessTable, Usage, used
from schemas.settings import MqttAddress

BROKER: Final = "nats"
CONNECT_PATIENCE: Final = 120.0
READMISSION_PATIENCE: Final = 300.0
MESSAGE_SECONDS: Final = 60.0
"""A wearable speaks once in so many seconds."""
_LOOK_SECONDS: Final = 5.0
_STEADY_SHARE: Final = 0.01
_STEADY_LOOKS: Final = 4
_DRAIN_SECONDS: Final = 60.0
Tell = Callable[[float, str], None]


class NoBroker(Exception):
    """The launcher's broker is not there to be killed."""


@dataclass
class Measured:
    """What a trial yields; bytes of the broker's memory, seconds, and CPU seconds by process."""

    fleet: Fleet
    connected: int
    connect_seconds: float
    memory_before: int
    memory_after: int
    memory_readmitted: int
    idle_cpu: dict[str, float]
    idle_seconds: float
    refusals_connecting: Counter[str]
    refusals_returning: Counter[str]
    readmitted: int
    readmission_seconds: list[float]
    """Of each device, from the kill to its new admission."""
    returning_cpu: dict[str, float]


class Trial:
    """One trial on a running service; `table` knows its processes."""

    def __init__(
        self, address: MqttAddress, cast: Cast, table: ProcessTable, tell: Tell, return_seconds: float, patience: float
    ) -> None:
        """`return_seconds`: in which who lost the broker is back at random; `patience`: seconds to wait for one."""
        tls = address.tls_context
        self._fleet = Fleet(address, cast.credentials, tls, first_delay=return_seconds, answer_seconds=patience)
        self._cast = cast
        self._table = table
        self._tell = tell

    async def play(self, per_second: float, settle_seconds: float) -> Measured:
        """Connect at this pace, settle at most so long, kill the broker and wait; raises NoBroker."""
        fleet, size = self._fleet, self._fleet.size
        memory_before = self._broker_memory()
        self._tell(0.0, f"Connecting {size} devices")
        began = time.monotonic()
        await fleet.connect(per_second, CONNECT_PATIENCE)
        connect_seconds, connected = time.monotonic() - began, fleet.connected
        connecting = Counter(fleet.refusals)
        speaking = asyncio.create_task(self._speak())
        before, idle_from = await asyncio.to_thread(self._table.look), time.monotonic()
        memory_after = await self._settle(settle_seconds)
        after, idle_seconds = await asyncio.to_thread(self._table.look), time.monotonic() - idle_from
        killed_at = self._kill_broker()
        self._tell(0.5, "Waiting until everybody is back")
        await fleet.until(lambda: fleet.connected < size // 2, 10)
        await self._until_back(killed_at)
        readmitted = fleet.connected
        returned = await asyncio.to_thread(self._table.look)
        waits = [moment - killed_at for moment, _ in fleet.admissions if moment > killed_at]
        speaking.cancel()
        await fleet.drain(_DRAIN_SECONDS)
        return Measured(
            fleet=fleet,
            connected=connected,
            connect_seconds=connect_seconds,
            memory_before=memory_before,
            memory_after=memory_after,
            memory_readmitted=returned[BROKER].memory_bytes if BROKER in returned else 0,
            idle_cpu=used(before, after),
            idle_seconds=idle_seconds,
            refusals_connecting=connecting,
            refusals_returning=fleet.refusals - connecting,
            readmitted=readmitted,
            readmission_seconds=waits,
            returning_cpu=used(after, returned),
        )

    async def _speak(self) -> None:
        """Everybody speaks as a district does, without end."""
        rate = max(1.0, len(self._cast.wearables) / MESSAGE_SECONDS)
        await self._fleet.run(
            Plan(
                rate,
                24 * 3600,
                telemetry_devices=self._cast.wearables,
                event_devices=self._cast.buttons,
                ill_share=0,
            )
        )

    async def _settle(self, seconds: float) -> int:
        """Wait until the broker's memory hardly changes any more, at most so long; returns the bytes."""
        until, looks, memory = time.monotonic() + seconds, 0, self._broker_memory()
        while looks < _STEADY_LOOKS and time.monotonic() < until:
            self._tell(0.3, f"Settling, the broker holds {memory / 2**20:.0f} MiB")
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.1, until - time.monotonic())))
            last, memory = memory, self._broker_memory()
            looks = looks + 1 if abs(memory - last) < _STEADY_SHARE * last else 0
        return memory

    async def _until_back(self, killed_at: float) -> None:
        fleet = self._fleet
        while fleet.connected < fleet.size and time.time() - killed_at < READMISSION_PATIENCE:
            back = fleet.connected
            self._tell(0.5 + 0.5 * back / fleet.size, f"{back} are back after {time.time() - killed_at:.0f} s")
            await fleet.until(lambda: fleet.connected == fleet.size, 1.0)

    def _broker(self) -> psutil.Process:
        pid = self._table.pids().get(BROKER)
        if pid is None:
            raise NoBroker("this benchmark kills the launcher's own broker, and none runs")
        return psutil.Process(pid)

    def _broker_memory(self) -> int:
        """Bytes of the broker; the same measure as Usage has."""
        usage: Usage | None = self._table.look().get(BROKER)
        if usage is None:
            raise NoBroker("the broker does not run")
        return usage.memory_bytes

    def _kill_broker(self) -> float:
        broker = self._broker()
        at = time.time()
        broker.kill()
        return at
