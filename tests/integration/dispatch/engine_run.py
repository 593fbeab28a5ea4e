"""A whole engine beside a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dispatch.deadman import DeadMan
from dispatch.engine import Engine
from dispatch.publisher import CommandPublisher
from schemas.process import StopSignal
from schemas.settings import MqttAddress
from tests.integration.waiting import eventually


class Pings(DeadMan):
    """Counts what the outside would hear."""

    def __init__(self) -> None:
        super().__init__(None)
        self.heard = 0

    def ping(self) -> bool:
        self.heard += 1
        return True


def _wake_each_second(engine: Engine, stop: StopSignal) -> None:
    """What the scheduler of `python -m dispatch` does."""
    while not stop.is_set():
        stop.wait(1.0)
        engine.wake()


@contextmanager
def running(
    database_url: str,
    mqtt_url: str,
    publishes: type[CommandPublisher] = CommandPublisher,
    deadman: DeadMan | None = None,
) -> Iterator[Engine]:
    """An engine that is ready, until the block ends."""
    publisher = publishes(MqttAddress(mqtt_url))
    publisher.start()
    engine = Engine(database_url, publisher, deadman=deadman)
    stop = StopSignal()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    waking = threading.Thread(target=_wake_each_second, args=(engine, stop))
    waking.start()
    try:
        eventually(lambda: engine.health().ready, what="engine ready")
        yield engine
    finally:
        stop.set()
        thread.join(20)
        waking.join()
        publisher.stop()
        assert not thread.is_alive()
