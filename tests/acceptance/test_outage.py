"""The real processes without their database: a press reaches the operators, is taken, and becomes one answered alarm.

The database server is the test's own, so that nobody starts it again before its time.
"""

import asyncio
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from device_sim.accounts import DEMO_PASSWORD
from device_sim.device import Device, Message
from device_sim.device_keys import load_keys
from device_sim.fleet import Fleet, until
from device_sim.people.api import Address, Api, ApiRefused
from launcher.district import District
from launcher.postgres import EmbeddedPostgres
from launcher.service import Status
from load_tests.story.cast import read_cast
from schemas.database import connect
from schemas.settings import MqttAddress
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.waiting import eventually
from tests.running_district import running_district

PATIENCE = 60.0
CONTROL_CENTRE = "control-center"


@dataclass
class Place:
    """A district and its database server."""

    district: District
    server: EmbeddedPostgres
    commands: dict[str, list[str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The database's."""
        return str(self.district.environment["ANBAN_DATABASE_URL"])

    def query(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with connect(self.url, "test") as conn:
            return conn.execute(text.encode(), values).fetchall()

    def seat(self, username: str) -> tuple[Api, RemoteScreen]:
        """Somebody signed in, in front of a screen with its board."""
        api = Api(Address.of(self.district.base_url))
        api.sign_in(username, DEMO_PASSWORD)
        screen = RemoteScreen(self.district.addresses.http, {"Cookie": api.cookie})
        screen.until(lambda frame: frame["type"] == "snapshot")
        return api, screen


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Twenty simulated elders whose buttons are left to the test."""
    folder = Path(tempfile.mkdtemp(prefix="anban-outage-", dir="/tmp"))
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch, EmbeddedPostgres(folder / "pg") as server:
        patch.setenv("ANBAN_DATABASE_URL", server.url)
        with running_district("outage", 20) as running:
            yield Place(running, server)
            if server.process is None:
                server.start()
    shutil.rmtree(folder, ignore_errors=True)


def _shown(screen: RemoteScreen, device_id: str) -> list[dict[str, Any]]:
    return [card for card in screen.unrecorded if card["device"]["id"] == device_id]


def _until(screen: RemoteScreen, condition: Callable[[], bool]) -> None:
    screen.until(lambda _: condition())


async def _press_and_take(place: Place, fleet: Fleet, device_id: str) -> None:
    """Press without the database; two screens show it, one of them takes it, the other sees who."""
    first, screen = await asyncio.to_thread(place.seat, "operator1")
    second, other = await asyncio.to_thread(place.seat, "operator2")
    seated_at = time.monotonic()

    def is_known() -> bool:
        age = first.get("/api/unrecorded")["lane"]["copy_age_seconds"]
        return age is not None and age < time.monotonic() - seated_at

    assert await until(is_known, PATIENCE), "the copy has the sessions"
    place.server.kill()
    fleet.devices[device_id].happen("sos")
    await asyncio.to_thread(_until, screen, lambda: bool(_shown(screen, device_id)))
    await asyncio.to_thread(_until, other, lambda: bool(_shown(other, device_id)))
    (card,) = _shown(screen, device_id)
    assert (card["kind"], card["why"]) == ("sos", "database_away")
    answer = await asyncio.to_thread(first.post, f"/api/unrecorded/{card['key']}/acknowledge", {})
    name = answer["card"]["acknowledged_by"]["name"]
    await asyncio.to_thread(_until, other, lambda: bool(_shown(other, device_id)[0]["acknowledged_by"]))
    assert _shown(other, device_id)[0]["acknowledged_by"]["name"] == name
    with pytest.raises(ApiRefused) as refused:
        await asyncio.to_thread(second.post, f"/api/unrecorded/{card['key']}/acknowledge", {})
    assert refused.value.status == 409
    assert await until(lambda: "seen" in place.commands[device_id], PATIENCE), "the light answers without the database"
    for api, shown in ((first, screen), (second, other)):
        shown.close()
        api.close()


def _kill_control_centre(place: Place) -> None:
    pid = place.district.supervisor.pid(CONTROL_CENTRE)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: place.district.supervisor.pid(CONTROL_CENTRE) not in (None, pid))


async def _play(place: Place, device_id: str, *, killed: bool) -> None:
    environment = place.district.environment
    fleet = Fleet(MqttAddress(environment["ANBAN_MQTT_URL"]), load_keys(place.district.state_dir))
    place.commands[device_id] = heard = []

    def take(_device: Device, command: Message) -> None:
        heard.append(command["kind"])

    fleet.add(device_id, "button", on_command=take)
    fleet.start(random.Random(1))
    assert await until(lambda: fleet.connected == 1, PATIENCE)
    await _press_and_take(place, fleet, device_id)
    if killed:
        await asyncio.to_thread(_kill_control_centre, place)
    await asyncio.to_thread(place.server.start)
    device = fleet.devices[device_id]
    assert await until(lambda: device.unrecorded_events == 0, PATIENCE), "the event was recorded"
    await fleet.switch_off()


@pytest.mark.parametrize("killed", [False, True], ids=["it comes back", "the control centre dies meanwhile"])
def test_a_press_without_the_database_is_answered_and_becomes_one_answered_alarm(place: Place, killed: bool) -> None:
    with connect(place.url, "test") as conn:
        device_id = read_cast(conn, 2).buttons[int(killed)].device_id
    asyncio.run(_play(place, device_id, killed=killed))
    alarm = (
        "SELECT alarm.state, alarm.signal_count, account.username, alarm.acknowledged_at < alarm.raised_at FROM alarm"
        " JOIN device ON device.key = alarm.device_key LEFT JOIN account ON account.id = alarm.acknowledged_by"
        " WHERE device.id = %s AND alarm.kind = 'sos'"
    )
    eventually(lambda: any(found[0] == "acknowledged" for found in place.query(alarm, device_id)), PATIENCE)
    assert place.query(alarm, device_id) == [("acknowledged", 1, "operator1", True)]
    told = (
        "SELECT account.username FROM alarm_event JOIN alarm ON alarm.id = alarm_event.alarm_id"
        " JOIN device ON device.key = alarm.device_key JOIN account ON account.id = alarm_event.actor_id"
        " WHERE device.id = %s AND alarm_event.kind LIKE 'acknowledged%%'"
    )
    assert place.query(told, device_id) == [("operator1",)]
    ready = eventually(lambda: set(place.district.supervisor.states().values()) == {Status.READY}, PATIENCE)
    assert ready
    journal = place.district.state_dir / "unrecorded"
    eventually(lambda: not list(journal.glob("*.jsonl")), what="an empty journal")
