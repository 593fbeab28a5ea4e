"""Devices on a real broker: they connect, come back after its death, lose nothing, and yield to a replay."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from device_sim.device import Device
from device_sim.device_keys import DeviceKeys, load_or_make_keys
from device_sim.fleet import Fleet, until
from tests.integration.device_sim.plain_broker import PlainBroker, Service

Scene = Callable[[Fleet, list[Device]], Awaitable[None]]


def play(broker: PlainBroker, keys: DeviceKeys, count: int, scene: Scene) -> None:
    async def act() -> None:
        fleet = Fleet(broker.address, keys, yields_to_others=True)
        devices = [fleet.add(f"W-{number:05d}", "wearable") for number in range(1, count + 1)]
        fleet.start(random.Random(1))
        assert await until(lambda: fleet.connected == count, 20)
        await scene(fleet, devices)
        await fleet.switch_off()

    asyncio.run(act())


def test_an_event_is_recorded_and_a_command_answered(
    plain_broker: PlainBroker, service: Service, tmp_path: Path
) -> None:
    async def scene(_fleet: Fleet, devices: list[Device]) -> None:
        device = devices[0]
        seq = device.happen("sos")
        assert await until(lambda: device.unrecorded_events == 0, 10)
        assert seq in device.ledger.recorded
        service.tell(device.id, id="c1", kind="seen")
        assert await until(lambda: {"id": "c1", "result": "shown"} in service.heard["cmd/ack"], 10)
        assert service.heard["status"][0]["online"] is True

    play(plain_broker, load_or_make_keys(tmp_path), 3, scene)
    assert service.heard["status"][-1] == {"online": False}


def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(
    plain_broker: PlainBroker, service: Service, tmp_path: Path
) -> None:
    async def scene(fleet: Fleet, devices: list[Device]) -> None:
        service.willing = False
        for _ in range(5):
            for device in devices:
                device.report({"hr": 70})
        devices[0].happen("sos")
        assert await until(lambda: bool(service.heard["event"]), 10)
        await asyncio.to_thread(plain_broker.kill)
        assert await until(lambda: fleet.connected == 0, 10)
        for device in devices:
            device.report({"hr": 71})
            device.report({"hr": 72})
        service.willing = True
        await asyncio.to_thread(plain_broker.start)
        assert await until(lambda: fleet.connected == len(devices), 60)
        assert await until(lambda: devices[0].unrecorded_events == 0, 60)
        assert await fleet.drain(20)
        assert sum(device.ledger.readings for device in devices) == 7 * len(devices)

    play(plain_broker, load_or_make_keys(tmp_path), 20, scene)
    heard = Counter(
        (device_id, body["boot"], body["seq"])
        for device_id, messages in service.by_device.items()
        for lane, body in messages
        if lane == "telemetry"
    )
    backfilled = [body for body in service.heard["telemetry"] if "samples" in body]
    assert {identity[0] for identity in heard} == {f"W-{number:05d}" for number in range(1, 21)}
    assert len({identity[0] for identity in heard if identity[2] == 5}) == 20
    assert {len(body["samples"]) for body in backfilled} == {2}
    assert len({(body["boot"], body["seq"]) for body in service.heard["event"]}) == 1


def test_a_device_that_another_client_takes_over_is_given_up(plain_broker: PlainBroker, tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path)

    async def scene(_fleet: Fleet, devices: list[Device]) -> None:
        other = Fleet(plain_broker.address, keys)
        taken = other.add(devices[1].id, "wearable")
        other.start(random.Random(2))
        assert await until(lambda: devices[1].connection.gave_up, 30)
        assert await until(lambda: taken.connection.is_connected, 30)
        assert not devices[0].connection.gave_up
        await other.switch_off()

    play(plain_broker, keys, 4, scene)


def test_losing_coverage_for_a_moment_loses_no_measurement(
    plain_broker: PlainBroker, service: Service, tmp_path: Path
) -> None:
    async def scene(fleet: Fleet, devices: list[Device]) -> None:
        device = devices[0]
        device.connection.drop()
        assert await until(lambda: not device.connection.is_connected, 10)
        device.report({"hr": 66})
        assert await until(lambda: device.connection.is_connected, 30)
        assert await fleet.drain(10)
        assert await until(lambda: any(body.get("hr") == 66 for body in service.heard["telemetry"]), 10)
        assert not device.connection.gave_up

    play(plain_broker, load_or_make_keys(tmp_path), 2, scene)
