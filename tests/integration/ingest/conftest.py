"""Ingest workers in threads, and a client that publishes as devices do."""

import itertools
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.lane_worker import LaneWorker
from launcher import ports
from launcher.broker import EmbeddedBroker
from schemas.process import StopSignal
from schemas.settings import Settings
from schemas.topics import LaneGroup
from tests.integration.device_side import DeviceSide
from tests.integration.waiting import eventually

_number = itertools.count(1)


@contextmanager
def working(
    database_url: str, broker: EmbeddedBroker | str, group: LaneGroup, *, ready: bool = True
) -> Iterator[LaneWorker]:
    """A lane worker in a thread, ready, and stopped at the end; of a broker's URL it knows only MQTT."""
    urls = (broker, None) if isinstance(broker, str) else (broker.mqtt_url, broker.jetstream_url)
    worker = LaneWorker(Settings(database_url=database_url, mqtt_url=urls[0], jetstream_url=urls[1]), group)
    stop = StopSignal()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        if ready:
            eventually(lambda: worker.health().ready, what="worker ready")
        yield worker
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def nats(state_dir: Path) -> Iterator[EmbeddedBroker]:
    """A broker that remembers nothing of other tests."""
    with EmbeddedBroker(state_dir / f"nats-{next(_number)}") as server:
        yield server


@pytest.fixture
def mosquitto_url(state_dir: Path) -> Iterator[str]:
    """Debian's Mosquitto on a free port: another broker behind the same plain MQTT 3.1.1."""
    binary = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if binary is None:
        pytest.skip("no Mosquitto: apt-get install mosquitto")
    port = ports.choose(None)
    config = state_dir / f"mosquitto-{port}.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
    )
    with subprocess.Popen([binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: ports.accepts(port), what="mosquitto")
        yield f"mqtt://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def device_side() -> Iterator[Callable[[str], DeviceSide]]:
    """Makes clients that are closed at the end."""
    made: list[DeviceSide] = []

    def make(url: str) -> DeviceSide:
        made.append(DeviceSide(url))
        return made[-1]

    yield make
    for client in made:
        client.close()
