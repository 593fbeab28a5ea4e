"""A whole engine beside a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dispatch.engine import Engine
from dispatch.publisher import CommandPublisher
from schemas.process import StopSignal
from tests.integration.waiting import eventually


@contextmanager
def running(database_url: str, mqtt_url: str, publishes: type[CommandPublisher] = CommandPublisher) -> Iterator[Engine]:
    """An engine that is ready, until the block ends."""
    publisher = publishes(mqtt_url)
    publisher.start()
    engine = Engine(database_url, publisher)
    stop = StopSignal()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: engine.health().ready, what="engine ready")
        yield engine
    finally:
        stop.set()
        thread.join(20)
        publisher.stop()
        assert not thread.is_alive()
