"""Plays recordings on wearables: each row is published when its turn comes, as if measured now."""

import asyncio
import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from device_sim.backoff import FullJitter
from device_sim.device_keys import DeviceKeys
from device_sim.fleet import Fleet, until
from device_sim.recordings import Recording, Row, as_sample
from schemas.settings import MqttAddress

_CONNECT_SECONDS: Final = 15.0
_DRAIN_SECONDS: Final = 30.0
_RECONNECT_FIRST: Final = 0.2
"""A replay comes back sooner than the demo's own device, which then leaves the identity to it."""


@dataclass(frozen=True)
class Played:
    """What a replay did."""

    recordings: int
    rows: int
    published: int
    acknowledged: int
    stopped: bool
    refusal: str = ""

    def summary(self) -> str:
        """One line for the terminal."""
        end = " (stopped early)" if self.stopped else ""
        why = f"; the broker says: {self.refusal}" if self.refusal else ""
        return (
            f"played {self.rows} rows of {self.recordings} recordings: {self.published} published,"
            f" {self.acknowledged} acknowledged by the broker{end}{why}"
        )


async def play(
    parts: list[tuple[str, Recording]],
    speed: float,
    address: MqttAddress,
    keys: DeviceKeys,
    stopped: Callable[[], bool],
    advance: Callable[[], None],
) -> Played:
    """Publish every row of every recording on its wearable, `speed` times as fast as recorded."""
    rng = random.Random()
    fleet = Fleet(address, keys)
    for device_id, _ in parts:
        fleet.add(device_id, "wearable", jitter=FullJitter(rng, first=_RECONNECT_FIRST))
    fleet.start(rng)
    await until(lambda: fleet.ever_connected == len(parts) or stopped(), _CONNECT_SECONDS)
    loop = asyncio.get_running_loop()
    start, rows = loop.time(), 0
    for device_id, row in _in_turn(parts):
        due = start + row.seconds / speed
        await until(stopped, due - loop.time())
        if stopped():
            break
        fleet.devices[device_id].report(dict(as_sample(row)))
        rows += 1
        advance()
        if rows % 50 == 0:
            await asyncio.sleep(0)
    return await _finish(fleet, rows, len(parts), stopped())


async def _finish(fleet: Fleet, rows: int, recordings: int, stopped: bool) -> Played:
    await until(
        lambda: all(not (one.outstanding or one.kept_samples) for one in fleet.devices.values()), _DRAIN_SECONDS
    )
    runs = [device.close_ledger() for device in fleet.devices.values()]
    refusals = {one.connection.last_refusal for one in fleet.devices.values() if not one.was_connected.is_set()}
    await fleet.switch_off()
    acknowledged = sum(run.readings for run in runs)
    return Played(recordings, rows, rows, acknowledged, stopped, ", ".join(sorted(refusals)))


def _in_turn(parts: list[tuple[str, Recording]]) -> Iterator[tuple[str, Row]]:
    streams = (((row.seconds, device_id, row) for row in recording.rows) for device_id, recording in parts)
    for _, device_id, row in heapq.merge(*streams, key=lambda turn: turn[0]):
        yield device_id, row
