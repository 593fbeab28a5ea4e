"""A device's firmware: numbering, repeating until recorded, keeping what it could not send, answering commands."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from device_sim import device as device_module
from device_sim.device import KEPT_SAMPLES, Device, DeviceKind, utc_millis
from device_sim.fleet import until
from schemas.messages import decode
from schemas.settings import MqttAddress
from schemas.topics import parse_topic


class FakeConnection:
    """Stands for the broker: keeps what was published, acknowledges when told."""

    def __init__(self, _address: MqttAddress, _id: str, _secret: str, listener: Device, **_options: object) -> None:
        self.listener = listener
        self.is_connected = False
        self.is_busy = False
        self.sent: list[tuple[str, bytes]] = []
        self.stopped = False
        self.hurried = 0

    def hurry(self) -> None:
        self.hurried += 1

    def publish(self, topic: str, payload: bytes, _retain: bool = False) -> int | None:
        if not self.is_connected:
            return None
        self.sent.append((parse_topic(topic).lane, payload))
        return len(self.sent)

    def stop(self) -> None:
        self.stopped = True

    def connect(self) -> None:
        self.is_connected = True
        self.listener.connected()

    def lose(self) -> None:
        self.is_connected = False
        self.listener.disconnected(True)

    def on(self, lane: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for sent_lane, payload in self.sent if sent_lane == lane]

    def command(self, **command: Any) -> None:
        self.listener.commanded(json.dumps(command).encode())


def quick_delays() -> Iterator[float]:
    while True:
        yield 0.01


@pytest.fixture(autouse=True)
def fake_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "Connection", FakeConnection)


def play(scene: Callable[[Device, FakeConnection], Awaitable[None]]) -> None:
    async def act() -> None:
        device = Device(MqttAddress("mqtt://127.0.0.1:1"), "W-00001", "secret")
        connection = device.connection
        assert isinstance(connection, FakeConnection)
        await scene(device, connection)
        device.switch_off()

    asyncio.run(act())


def test_everything_a_device_says_can_be_decoded() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        device.report({"hr": 70, "spo2": 97})
        broker.lose()
        device.report({"hr": 71})
        device.report({"hr": 72})
        device.happen("fall")
        broker.connect()
        broker.command(id="c1", kind="seen")
        lanes = {lane for lane, payload in broker.sent if decode(lane, payload)}
        assert lanes == {"telemetry", "event", "status", "cmd/ack"}

    play(scene)


def test_telemetry_is_numbered_from_zero_without_gaps() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        for hr in (70, 71, 72):
            device.report({"hr": hr})
        assert [message["seq"] for message in broker.on("telemetry")] == [0, 1, 2]
        assert {message["boot"] for message in broker.on("telemetry")} == {device.boot}

    play(scene)


def test_samples_measured_offline_are_sent_together_in_order_afterwards() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        for hr in range(60, 65):
            device.report({"hr": hr})
        assert device.kept_samples == 5
        broker.connect()
        (message,) = broker.on("telemetry")
        assert [sample["hr"] for sample in message["samples"]] == [60, 61, 62, 63, 64]
        device.acknowledged(len(broker.sent))
        assert device.ledger.readings == 5
        assert device.kept_samples == 0

    play(scene)


def test_the_memory_for_unsent_samples_is_bounded_and_keeps_the_newest() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        for number in range(KEPT_SAMPLES + 10):
            device.report({"steps": number})
        assert device.kept_samples == KEPT_SAMPLES
        assert device.dropped_samples == 10
        broker.connect()
        sent = [sample["steps"] for message in broker.on("telemetry") for sample in message["samples"]]
        assert sent == list(range(10, KEPT_SAMPLES + 10))

    play(scene)


def test_only_what_the_broker_acknowledged_is_in_the_ledger() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        device.report({"hr": 70})
        first = len(broker.sent)
        device.report({"hr": 71})
        device.acknowledged(first)
        ledger = device.close_ledger()
        assert list(ledger.telemetry) == [0]
        assert list(ledger.unacknowledged) == [1]

    play(scene)


def test_an_event_is_repeated_under_the_same_identity_until_it_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "repeat_delays", quick_delays)

    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        seq = device.happen("sos")
        assert await until(lambda: len(broker.on("event")) >= 4, 5)
        assert len({json.dumps(message) for message in broker.on("event")}) == 1
        broker.command(id="r1", kind="recorded", boot=device.boot, seq=seq)
        repeated = len(broker.on("event"))
        assert device.unrecorded_events == 0
        assert not await until(lambda: len(broker.on("event")) > repeated, 0.1)
        assert seq in device.ledger.recorded

    play(scene)


def test_recorded_for_another_boot_or_event_changes_nothing() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        seq = device.happen("sos")
        broker.command(id="r1", kind="recorded", boot="other", seq=seq)
        broker.command(id="r2", kind="recorded", boot=device.boot, seq=seq + 1)
        broker.command(id="r3", kind="recorded")
        assert device.unrecorded_events == 1

    play(scene)


def test_an_event_that_happened_offline_is_sent_on_connecting_before_anything_else() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        device.report({"hr": 70})
        device.happen("sos")
        assert broker.hurried == 1
        broker.connect()
        assert [lane for lane, _ in broker.sent] == ["event", "status", "telemetry"]

    play(scene)


def test_commands_are_answered_by_their_id() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        device.position = (29.83, 106.44)
        broker.connect()
        for command in ({"id": "1", "kind": "seen"}, {"id": "2", "kind": "ring"}, {"id": "3", "kind": "locate"}):
            broker.command(**command)
        answers = {answer["id"]: answer["result"] for answer in broker.on("cmd/ack")}
        assert answers == {"1": "shown", "2": "ringing", "3": "29.830000,106.440000"}

    play(scene)


def test_a_repeated_command_is_answered_again_and_acted_on_once() -> None:
    acted: list[str] = []

    async def scene(device: Device, broker: FakeConnection) -> None:
        device._on_command = lambda _device, command: acted.append(command["id"])
        device.position = (29.83, 106.44)
        broker.connect()
        broker.command(id="1", kind="locate")
        device.report({"lat": 29.9, "lon": 106.5})
        broker.command(id="1", kind="locate")
        broker.command(id="2", kind="locate")
        results = [answer["result"] for answer in broker.on("cmd/ack")]
        assert results == ["29.830000,106.440000", "29.830000,106.440000", "29.900000,106.500000"]
        assert acted == ["1", "2"]

    play(scene)


def test_a_command_that_comes_after_its_time_is_not_acted_on() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        broker.command(id="1", kind="ring", expires=utc_millis() - 1)
        broker.command(id="2", kind="ring", expires=utc_millis() + 60_000)
        assert [answer["result"] for answer in broker.on("cmd/ack")] == ["expired", "ringing"]

    play(scene)


@pytest.mark.parametrize(("kind", "result"), [("button", "talking"), ("hub", "talking"), ("wearable", "unsupported")])
def test_only_what_has_a_loudspeaker_opens_the_voice_channel(kind: DeviceKind, result: str) -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        device.kind = kind
        broker.connect()
        broker.command(id="1", kind="talk")
        assert [answer["result"] for answer in broker.on("cmd/ack")] == [result]

    play(scene)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"{}", b'{"id":1}', b"null"])
def test_an_unreadable_command_harms_nothing(payload: bytes) -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        device.commanded(payload)
        assert broker.on("cmd/ack") == []

    play(scene)


def test_switching_off_says_so() -> None:
    async def scene(device: Device, broker: FakeConnection) -> None:
        broker.connect()
        device.switch_off()
        assert broker.on("status")[-1] == {"online": False}
        assert broker.stopped

    play(scene)
