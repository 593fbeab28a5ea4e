"""What every chapter works with: the devices, the operator's screen and hands, the registry, the report."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import TupleRow

from device_sim.device import Device, Message
from device_sim.fleet import Fleet
from device_sim.people.api import Api, Json
from device_sim.people.screen import Frame, Screen
from load_tests.story.cast import Cast, Role
from load_tests.story.phones import Phone, Phones
from load_tests.story.report import Report
from load_tests.story.settings import StorySettings
from schemas.database import connect, row
from schemas.statements import statement

_USERNAME = statement("""
    SELECT account.username FROM worker JOIN account ON account.id = worker.account_id
    WHERE worker.id = %(worker_id)s::integer
""")
HTTP_THREADS: Final = 4
APPEAR_SECONDS: Final = 8.0
CALLS: Final = frozenset({"raised", "signalled", "worsened"})
"""Events by which a device's own word reaches a card."""
ANSWER_SECONDS: Final = 10.0
T = TypeVar("T")


class Commands:
    """The commands that reached the story's devices."""

    def __init__(self) -> None:
        self._received: dict[str, list[Message]] = defaultdict(list)
        self._arrived = asyncio.Event()

    def take(self, device: Device, command: Message) -> None:
        """Called by a device for each command."""
        self._received[device.id].append(command)
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def wait(self, device_id: str, wanted: Callable[[Message], bool], seconds: float) -> Message | None:
        """The first command to a device that is wanted, past or to come; None after `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            for command in self._received[device_id]:
                if wanted(command):
                    return command
            try:
                await asyncio.wait_for(self._arrived.wait(), deadline - loop.time())
            except TimeoutError:
                return None


@dataclass
class Story:
    """The stage; chapters are functions of it."""

    settings: StorySettings
    report: Report
    api: Api
    admin: Api
    board: Screen
    fleet: Fleet
    cast: Cast
    commands: Commands
    phones: Phones
    tally: Counter[str] = field(default_factory=Counter)
    """What the story did: orders created, accepted, completed, and races lost."""
    searched: list[str] = field(default_factory=list)
    """The paths of the orders and alarms for which somebody was looked for."""
    sos_seconds: list[float] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(HTTP_THREADS))

    def device(self, role: Role) -> Device:
        """The connected device of a role."""
        return self.fleet.devices[role.device_id]

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do blocking work aside, so that the clock of the measurement goes on."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    async def query(self, work: Callable[[psycopg.Connection[TupleRow]], T]) -> T:
        """Ask the database."""

        def ask() -> T:
            with connect(self.settings.database_url, "story") as conn:
                return work(conn)

        return await self.in_thread(ask)

    async def phone_of_worker(self, worker_id: int) -> Phone:
        """The phone of a worker whom the operator sees as asked."""
        found = await self.query(lambda conn: row(conn, _USERNAME, {"worker_id": worker_id}))
        return await self.phones.of(found["username"] if found else "")

    async def sos(self, role: Role, seconds: float = APPEAR_SECONDS) -> tuple[int, Frame | None]:
        """Press, wait until the operator sees it, note how long that took; returns the event's seq and the frame."""
        before = time.perf_counter()
        seq = self.device(role).happen("sos")
        frame = await self.board.wait(
            role.device_id,
            lambda one: one.received >= before and one.event in CALLS and one.card["kind"] == "sos",
            seconds,
        )
        if frame is not None:
            self.sos_seconds.append(frame.received - before)
        return seq, frame

    async def acknowledge(self, alarm_id: int) -> Json:
        """The operator takes an alarm."""
        return await self.in_thread(self.api.post, f"/api/alarms/{alarm_id}/acknowledge", {})

    async def note(self, alarm_id: int, text: str) -> Json:
        """The operator writes something down."""
        return await self.in_thread(self.api.post, f"/api/alarms/{alarm_id}/notes", {"text": text})

    async def resolve(self, alarm_id: int, outcome: str) -> Json:
        """The operator ends an alarm."""
        body = {"outcome": outcome, "cause": "unknown" if outcome == "false_alarm" else None, "note": None}
        return await self.in_thread(self.api.post, f"/api/alarms/{alarm_id}/resolve", body)

    async def read_alarm(self, alarm_id: int) -> Json:
        """The alarm's card and timeline."""
        return await self.in_thread(self.api.get, f"/api/alarms/{alarm_id}")

    async def finish(self, alarm_id: int, outcome: str = "helped_by_phone") -> None:
        """Acknowledge where needed and resolve, so that the board is left empty."""
        if self.board.alarms.get(alarm_id, {}).get("state") == "raised":
            await self.acknowledge(alarm_id)
        await self.resolve(alarm_id, outcome)

    async def recorded(self, role: Role, seq: int) -> bool:
        """Whether the device was told that the event is stored."""
        boot = self.device(role).boot
        return (
            await self.commands.wait(
                role.device_id,
                lambda one: one["kind"] == "recorded" and one.get("boot") == boot and one.get("seq") == seq,
                ANSWER_SECONDS,
            )
            is not None
        )

    async def nothing_new(self, role: Role, since: float, seconds: float) -> bool:
        """Whether the operator hears of no call of a device for a while; who is called meanwhile is nothing new."""
        return (
            await self.board.wait(role.device_id, lambda one: one.received >= since and one.event in CALLS, seconds)
            is None
        )
