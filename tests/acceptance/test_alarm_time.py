"""An alarm is followed to its end by the real processes while time is moved and engines are killed."""

import asyncio
import os
import random
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import TupleRow

from device_sim.accounts import DEMO_PASSWORD
from device_sim.device_keys import load_keys
from device_sim.fleet import Fleet, until
from device_sim.people.api import Address, Api
from device_sim.people.screen import Screen
from launcher.district import District
from launcher.service import Status
from load_tests.story.cast import read_cast
from schemas.clock import MovedClock
from schemas.database import connect
from schemas.settings import MqttAddress
from tests.integration.waiting import eventually
from tests.running_district import running_district

ENGINES = ("dispatch", "dispatch-2")
SEATS = ("operator1", "operator2", "supervisor1", "operator3")
"""Who has a screen open: two seats, their supervisor, and the street centre."""
STRIDE = timedelta(seconds=4)
"""A screen that was not heard of for six seconds counts as closed: time must not pass faster than screens say so."""
TOLERATED = timedelta(seconds=2)
"""A step may be so late: a second by the service's own promise, and one for a machine with other things to do."""


class World:
    """A district whose time is moved, four people with a button, and their staff at their screens."""

    def __init__(self, district: District, clock_file: Path) -> None:
        self.district = district
        self._clock_file = clock_file
        self._ahead = timedelta()
        self._address = Address.of(district.base_url)
        self._people: list[Api] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        environment = district.environment
        with connect(environment["ANBAN_DATABASE_URL"], "test") as conn:
            self.buttons = [role.device_id for role in read_cast(conn, 4).buttons]
        self._in_loop(self._open(environment))

    def _in_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _open(self, environment: dict[str, str]) -> None:
        self._fleet = Fleet(MqttAddress(environment["ANBAN_MQTT_URL"]), load_keys(self.district.state_dir))
        for button in self.buttons:
            self._fleet.add(button, "button")
        self._fleet.start(random.Random(1))
        assert await until(lambda: self._fleet.connected == len(self.buttons), 20)
        self._screens = [Screen(self.signed_in(name)) for name in SEATS]
        for screen in self._screens:
            screen.open()
            await asyncio.wait_for(screen.has_snapshot.wait(), 20)

    async def _close(self) -> None:
        for screen in self._screens:
            await screen.close()
        await self._fleet.switch_off()

    def close(self) -> None:
        """Everybody leaves."""
        self._in_loop(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for api in self._people:
            api.close()

    def signed_in(self, username: str) -> Api:
        """A person with a session."""
        api = Api(self._address)
        self._people.append(api)
        api.sign_in(username, DEMO_PASSWORD)
        return api

    def move(self, by: timedelta) -> None:
        """Time passes for every process."""
        self._ahead += by
        self._clock_file.write_text(str(self._ahead.total_seconds()))

    def pass_(self, until: datetime) -> None:
        """Time passes until a moment, with every screen open all the while."""
        while self.now() < until:
            self.move(min(STRIDE, until - self.now()))
            self.screens_are_open()

    def screens_are_open(self) -> None:
        """Wait until the engines know that everybody has a screen open."""
        query = "SELECT count(DISTINCT account_id) FROM open_screen(%s)"
        eventually(lambda: self.look(query, self.now()) == [(len(SEATS),)], what="every screen open")

    def now(self) -> datetime:
        """What time the processes have."""
        return MovedClock(self._clock_file)()

    def look(self, query: str, *params: object) -> list[TupleRow]:
        """Rows of the database."""
        with connect(self.district.environment["ANBAN_DATABASE_URL"], "test") as conn:
            return conn.execute(query.encode(), params).fetchall()

    def press(self, number: int) -> int:
        """Somebody presses her button; returns the alarm when it has called its first seat."""
        button = self.buttons[number]
        self.screens_are_open()
        self._loop.call_soon_threadsafe(self._fleet.devices[button].happen, "sos")
        query = "SELECT alarm.id FROM alarm JOIN device ON key = device_key WHERE device.id = %s AND alarm.kind = 'sos'"
        [(alarm_id,)] = eventually(lambda: self.look(query, button), what="the alarm")
        eventually(lambda: self.steps(alarm_id), what="its first step")
        return int(alarm_id)

    def steps(self, alarm_id: int) -> list[tuple[int, timedelta]]:
        """Which steps of its policy were taken, and how long after their time."""
        found = self.look(
            "SELECT (detail->>'position')::integer, at - (detail->>'due_at')::timestamptz FROM alarm_event "
            "WHERE alarm_id = %s AND kind IN ('summoned', 'escalated') ORDER BY id",
            alarm_id,
        )
        return [(position, late) for position, late in found]

    def state(self, alarm_id: int) -> str:
        """The alarm's state."""
        [(state,)] = self.look("SELECT state FROM alarm WHERE id = %s", alarm_id)
        return str(state)

    def becomes(self, alarm_id: int, state: str) -> None:
        """Wait for a state."""
        eventually(lambda: self.state(alarm_id) == state, what=f"{state} (is {self.state(alarm_id)})")

    def kill(self, *engines: str) -> None:
        """SIGKILL; the supervisor starts them again."""
        supervisor = self.district.supervisor
        pids = {engine: supervisor.pid(engine) for engine in engines}
        for pid in pids.values():
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        for engine, pid in pids.items():
            eventually(lambda engine=engine, pid=pid: supervisor.pid(engine) not in (None, pid), what=f"{engine} again")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Forty simulated elders whose time is moved."""
    with tempfile.TemporaryDirectory(prefix="anban-clock-") as folder:
        clock_file = Path(folder) / "clock"
        with running_district("time", 40, {"ANBAN_CLOCK_FILE": str(clock_file)}) as district:
            found = World(district, clock_file)
            yield found
            found.close()


def _taken(world: World, alarm_id: int, position: int) -> Callable[[], bool]:
    return lambda: position in [step for step, _ in world.steps(alarm_id)]


def test_an_unanswered_call_calls_the_next_of_its_policy_to_the_second_whichever_engine_is_killed(world: World) -> None:
    alarm_id = world.press(0)
    for position, engine in ((2, "dispatch"), (3, "dispatch-2"), (4, "dispatch")):
        eventually(lambda: set(world.district.supervisor.states().values()) == {Status.READY}, what="both engines")
        world.kill(engine)
        [(due_at,)] = world.look("SELECT due_at FROM alarm WHERE id = %s", alarm_id)
        world.pass_(due_at)
        eventually(_taken(world, alarm_id, position), what=f"step {position}")
    steps = world.steps(alarm_id)
    assert [position for position, _ in steps] == [1, 2, 3, 4]
    assert all(timedelta() <= late < TOLERATED for _, late in steps), steps
    words = world.look("SELECT escalation_roles FROM alarm WHERE id = %s", alarm_id)[0][0]
    assert {"second_seat", "supervisor", "street_centre"} <= set(words)


def test_a_deadline_that_passed_while_no_engine_lived_is_acted_on_by_the_first_that_comes_back(world: World) -> None:
    alarm_id = world.press(1)
    world.kill(*ENGINES)
    world.move(timedelta(seconds=25))
    eventually(_taken(world, alarm_id, 2), what="the second seat, late and called all the same")


def test_an_acknowledged_alarm_that_is_left_alone_rings_again(world: World) -> None:
    alarm_id = world.press(2)
    world.signed_in("operator1").post(f"/api/alarms/{alarm_id}/acknowledge", {})
    assert world.state(alarm_id) == "acknowledged"
    world.move(timedelta(minutes=5, seconds=1))
    world.becomes(alarm_id, "raised")
    kinds = [row[0] for row in world.look("SELECT kind FROM alarm_event WHERE alarm_id = %s ORDER BY id", alarm_id)]
    assert kinds.count("realarmed") == 1


def test_an_alarm_is_closed_a_day_after_it_was_resolved_and_not_before_somebody_called_back(world: World) -> None:
    alarm_id = world.press(3)
    operator = world.signed_in("operator1")
    operator.post(f"/api/alarms/{alarm_id}/acknowledge", {})
    operator.post(f"/api/alarms/{alarm_id}/resolve", {"outcome": "helped_by_phone", "note": None})
    world.move(timedelta(hours=25))
    world.kill("dispatch")
    [(task_id,)] = world.look("SELECT id FROM task WHERE alarm_id = %s AND kind = 'call_back'", alarm_id)
    eventually(
        lambda: world.look("SELECT FROM engine_audit WHERE checked_at > %s - interval '1 min'", world.now()),
        what="an audit after a day",
    )
    assert world.state(alarm_id) == "resolved", "nobody has called back yet"
    world.signed_in("operator2").post(f"/api/tasks/{task_id}/complete", {"outcome": "well", "note": None})
    world.becomes(alarm_id, "closed")
