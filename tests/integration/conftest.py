"""A fresh broker without passwords for each test of simulated devices, and a service on it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.device_sim.plain_broker import PlainBroker, Service


@pytest.fixture
def plain_broker() -> Iterator[PlainBroker]:
    """A fresh broker that admits everybody."""
    folder = Path(tempfile.mkdtemp(prefix="anban-sim-test-"))
    server = PlainBroker(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def service(plain_broker: PlainBroker) -> Iterator[Service]:
    """Whoever hears the devices, and records their events."""
    heard = Service(plain_broker)
    yield heard
    heard.close()
