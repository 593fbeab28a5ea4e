"""A broker that takes the call and never answers must not keep a cry for help waiting."""

import asyncio
import random
from pathlib import Path

import pytest

from device_sim import connection
from device_sim.device_keys import load_or_make_keys
from device_sim.fleet import Fleet, until
from schemas.settings import MqttAddress


def test_a_press_hangs_up_on_a_silent_broker_and_calls_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_URGENT_SECONDS", 0.2)
    calls = 0

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.read()
        writer.close()

    async def act() -> None:
        server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        fleet = Fleet(MqttAddress(f"mqtt://127.0.0.1:{port}"), load_or_make_keys(tmp_path))
        device = fleet.add("B-00001", "button")
        fleet.start(random.Random(1))
        assert await until(lambda: calls == 1, 10)
        device.happen("sos")
        assert await until(lambda: calls >= 3, 20)
        assert device.connection.last_refusal == "no answer to CONNECT"
        await fleet.switch_off()
        server.close()
        await server.wait_closed()

    asyncio.run(act())
