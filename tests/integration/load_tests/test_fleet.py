"""The fleet against a real broker: by the clock, through cuts and the broker's death, under one identity a message."""

import asyncio
import time
from collections import Counter

from load_tests.fleet.fleet import Fleet
from load_tests.fleet.ledger import EVENT
from load_tests.fleet.plan import Plan
from schemas.settings import MqttAddress
from tests.integration.device_sim.plain_broker import PlainBroker, Service
from tests.integration.waiting import eventually

DEVICES = [(f"W-{number:05d}", "secret") for number in range(40)]


def _heard(service: Service) -> Counter[tuple[str, str, int]]:
    return Counter(
        (device, lane, body["seq"])
        for device, said in list(service.by_device.items())
        for lane, body in list(said)
        if lane in ("telemetry", "event")
    )


def _offered(fleet: Fleet) -> set[tuple[str, str, int]]:
    return {(one.device, "event" if one.lane == EVENT else "telemetry", one.seq) for one in fleet.ledger.entries()}


def test_everything_is_sent_by_the_clock_acknowledged_and_recorded(plain_broker: PlainBroker, service: Service) -> None:
    async def play() -> Fleet:
        fleet = Fleet(plain_broker.address, DEVICES)
        assert await fleet.connect(1000) == len(DEVICES)
        began = time.time()
        await fleet.run(Plan(rate=300, seconds=2, event_share=0.1))
        assert 2.0 <= time.time() - began < 3.0
        assert await fleet.drain(10)
        assert await fleet.recorded(20)
        await fleet.close()
        return fleet

    fleet = asyncio.run(play())
    assert len(fleet.ledger) == fleet.ledger.transmitted == 600
    assert fleet.connected == 0
    offered = _offered(fleet)
    eventually(lambda: _heard(service).keys() >= offered)
    assert _heard(service).keys() == offered
    sent = {
        (device, body["seq"]): body["at"]
        for device, said in service.by_device.items()
        for _, body in said
        if "hr" in body
    }
    for one in fleet.ledger.entries():
        assert one.acknowledged is not None
        if one.lane != EVENT:
            assert sent[one.device, one.seq] == int(one.intended * 1000)


def test_an_unrecorded_event_is_repeated_under_its_identity(plain_broker: PlainBroker, service: Service) -> None:
    async def play() -> None:
        fleet = Fleet(plain_broker.address, DEVICES[:1])
        await fleet.connect(1000)
        service.willing = False
        await fleet.run(Plan(rate=10, seconds=0.1, event_share=1.0))
        assert await fleet.until(lambda: len(service.heard["event"]) >= 1, 10)
        assert not await fleet.recorded(0)
        service.willing = True
        assert await fleet.recorded(20)
        await fleet.close()

    asyncio.run(play())
    assert len(service.heard["event"]) >= 2
    assert len({(body["boot"], body["seq"]) for body in service.heard["event"]}) == 1


def test_what_the_broker_acknowledged_survives_cuts_and_its_death(plain_broker: PlainBroker, service: Service) -> None:
    async def play() -> Fleet:
        fleet = Fleet(plain_broker.address, DEVICES)
        await fleet.connect(1000)
        sending = asyncio.create_task(fleet.run(Plan(rate=200, seconds=4, event_share=0)))
        await fleet.until(lambda: len(fleet.ledger) > 100, 10)
        assert fleet.cut() == len(DEVICES)
        assert await fleet.until(lambda: fleet.connected == len(DEVICES), 20)
        plain_broker.kill()
        assert await fleet.until(lambda: fleet.connected == 0, 10)
        await asyncio.to_thread(plain_broker.start)
        await sending
        assert await fleet.drain(60)
        await fleet.close()
        return fleet

    fleet = asyncio.run(play())
    assert fleet.refusals["cut"] == len(DEVICES)
    offered = _offered(fleet)
    assert len(offered) == 800
    eventually(lambda: _heard(service).keys() >= offered)
    assert _heard(service).keys() == offered


def test_a_device_whom_nobody_answers_keeps_its_messages_and_says_why() -> None:
    async def play() -> Fleet:
        fleet = Fleet(MqttAddress("mqtt://127.0.0.1:9"), DEVICES[:2])
        assert await fleet.connect(1000, 0.2) == 0
        await fleet.run(Plan(rate=20, seconds=0.5, event_share=0))
        assert not await fleet.drain(0)
        await fleet.close()
        return fleet

    fleet = asyncio.run(play())
    assert fleet.refusals["cannot connect: ECONNREFUSED"] >= 2
    assert len(fleet.ledger) == 10
    assert fleet.ledger.transmitted == 0
