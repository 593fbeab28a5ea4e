"""Kill any process, the broker or the database in the middle of the story: nothing is lost, nothing doubled.

The real district runs under its supervisor; the victims are SIGKILLed one after the other while people press their
buttons, and everything has to come back by itself.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from device_sim.accounts import DEMO_PASSWORD
from device_sim.device import Device, Message
from device_sim.device_keys import load_keys
from device_sim.fleet import Fleet, until
from device_sim.ledger import Ledger, read_ledger
from device_sim.people.api import Address, Api, ApiRefused
from device_sim.people.screen import Screen
from launcher.district import DEVICE_SIM, District
from launcher.service import Status
from load_tests.reconciliation import Account, boots_of, count_stored, read_stored, reconcile
from load_tests.story.cast import Role, read_cast
from schemas.database import connect
from schemas.settings import MqttAddress
from tests.integration.waiting import eventually
from tests.running_district import running_district

VICTIMS = ("ingest-telemetry", "ingest-event", "dispatch", "control-center", "device-auth", "nats", "postgres")
PRESSES_EACH = 3
PATIENCE = 45.0


@pytest.fixture(scope="module")
def district() -> Iterator[District]:
    """Sixty simulated elders on a state folder of their own."""
    with running_district("kills", 60) as running:
        yield running


class Scene:
    """Buttons with their people, and the operator who answers them."""

    def __init__(self, district: District) -> None:
        self.district = district
        environment = district.environment
        with connect(environment["ANBAN_DATABASE_URL"], "test") as conn:
            self.roles = read_cast(conn, PRESSES_EACH * len(VICTIMS)).buttons
        self.api = Api(Address.of(district.base_url))
        self.api.sign_in("operator1", DEMO_PASSWORD)
        self.board = Screen(self.api)
        self.commands: dict[str, list[str]] = {role.device_id: [] for role in self.roles}
        self.fleet = Fleet(MqttAddress(environment["ANBAN_MQTT_URL"]), load_keys(district.state_dir))
        for role in self.roles:
            self.fleet.add(role.device_id, "button", on_command=self._take)

    def _take(self, device: Device, command: Message) -> None:
        self.commands[device.id].append(command["kind"])

    async def open(self) -> None:
        """Connect the buttons and the screen."""
        self.board.open()
        self.fleet.start(random.Random(1))
        assert await until(lambda: self.fleet.connected == len(self.roles), 20)

    async def persist(self, work: Callable[[], Any]) -> None:
        """Do as an operator does while the service is away: try again. What was done already counts as done."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                await asyncio.to_thread(work)
                return
            except (OSError, ApiRefused) as error:
                if isinstance(error, ApiRefused) and error.status == 409:
                    return
                assert time.monotonic() < deadline, error
                await asyncio.sleep(0.2)

    def _on_board(self, role: Role) -> list[int]:
        cards = self.board.alarms.values()
        return [card["id"] for card in cards if card["device"]["id"] == role.device_id and card["kind"] == "sos"]

    async def answer(self, role: Role) -> None:
        """See one person's alarm, in a frame or in a new snapshot, take it, and end it."""
        assert await until(lambda: bool(self._on_board(role)), PATIENCE), f"{role.device_id} never reached the operator"
        (alarm_id,) = self._on_board(role)
        path = f"/api/alarms/{alarm_id}"
        await self.persist(lambda: self.api.post(f"{path}/acknowledge", {}))
        wanted = {"seen", "recorded"}
        assert await until(lambda: wanted <= set(self.commands[role.device_id]), PATIENCE), role.device_id
        await self.persist(lambda: self.api.post(f"{path}/resolve", {"outcome": "helped_by_phone", "note": None}))
        assert await until(lambda: not self._on_board(role), PATIENCE), f"{role.device_id} never left the board"

    async def kill(self, victim: str, roles: list[Role]) -> None:
        """Press, kill, press, and go on until everybody is answered and everything is back."""
        supervisor = self.district.supervisor
        pid = supervisor.pid(victim)
        assert pid is not None
        self.fleet.devices[roles[0].device_id].happen("sos")
        os.kill(pid, signal.SIGKILL)
        for role in roles[1:]:
            self.fleet.devices[role.device_id].happen("sos")
        await asyncio.gather(*(self.answer(role) for role in roles))
        back = await until(lambda: supervisor.pid(victim) not in (None, pid), PATIENCE)
        assert back, f"{victim} did not come back"
        assert await until(lambda: set(supervisor.states().values()) == {Status.READY}, PATIENCE), supervisor.states()


async def _play(district: District) -> tuple[Ledger, int]:
    scene = Scene(district)
    await scene.open()
    for index, victim in enumerate(VICTIMS):
        await scene.kill(victim, scene.roles[index * PRESSES_EACH : (index + 1) * PRESSES_EACH])
    assert await until(lambda: not any(device.unrecorded_events for device in scene.fleet.devices.values()), PATIENCE)
    assert await scene.fleet.drain(PATIENCE)
    ledger = scene.fleet.ledger()
    await scene.fleet.switch_off()
    await scene.board.close()
    scene.api.close()
    return ledger, len(scene.roles)


def _stop_simulator(district: District) -> Ledger:
    pid = district.supervisor.pid(DEVICE_SIM)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    path = district.state_dir / "ledger.json"
    eventually(path.exists, what="the simulator's ledger")
    return read_ledger(path)


def _account(district: District, ledgers: list[Ledger]) -> Account:
    boots = boots_of(ledgers)
    expected = sum(run.readings for ledger in ledgers for runs in ledger.values() for run in runs.values())
    with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
        eventually(lambda: count_stored(conn, boots) >= expected, 40, what="every acknowledged reading stored")
        return reconcile(ledgers, read_stored(conn, boots, []))


def test_nothing_is_lost_or_doubled_and_everything_comes_back_by_itself(district: District) -> None:
    ledger, presses = asyncio.run(_play(district))
    account = _account(district, [ledger, _stop_simulator(district)])
    assert account.published > 0
    assert (account.lost, account.doubled, account.never_sent) == ([], [], [])
    assert account.events_published == presses
    assert (account.events_lost, account.events_doubled) == ([], [])
    with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
        alarms = conn.execute("SELECT signal_count, state FROM alarm WHERE kind = 'sos'").fetchall()
    assert alarms == [(1, "resolved")] * presses
