"""The processes of a load test beside locust's: who comes is written down first, and the devices run by themselves."""

import asyncio
import sys
import threading
from datetime import UTC, datetime

import typer

from load_tests.journeys.devices import play_devices
from load_tests.journeys.seats import seat_everybody
from load_tests.journeys.settings import load_load_settings
from schemas.database import connect
from schemas.settings import load_settings


def seats() -> None:
    """Add the accounts of a load test, and call all workers in."""
    load, settings = load_load_settings(), load_settings()
    with connect(settings.database_url, "load-seats") as conn:
        seat_everybody(conn, load.operators, load.relatives, datetime.now(UTC))


def devices() -> None:
    """Let the fleet send until standard input ends; one JSON line a second tells what became of it."""
    load, settings = load_load_settings(), load_settings()
    over = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    asyncio.run(play_devices(load, settings, over.is_set))


def add_to(app: typer.Typer) -> None:
    """Make these commands of `python -m load_tests`."""
    app.command()(seats)
    app.command()(devices)
