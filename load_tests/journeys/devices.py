"""The devices of a load test in a process of their own: one JSON line a second of what they sent and waited for.

What is told is end to end: a reading is stored when another connection to the database can see it, and a press when the
device itself was told so. A PUBACK is neither.
"""

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.device_keys import load_keys
from device_sim.fleet import allow_many_descriptors
from load_tests.fleet.fleet import Fleet
from load_tests.fleet.ledger import EVENT, TELEMETRY
from load_tests.fleet.plan import Plan
from load_tests.journeys.settings import LoadSettings
from load_tests.percentiles import percentile
from schemas.database import connect, rows
from schemas.settings import Settings
from schemas.statements import statement

CONNECTS_PER_SECOND: Final = 250.0
PATIENCE_SECONDS: Final = 30.0
_REPORT_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.02
_SAMPLES_PER_SECOND: Final = 200.0
"""How many readings are looked for: enough for percentiles, few enough to cost the database little. Which ones does not
depend on how many are still awaited, or a stall would hide itself."""
_AT_ONCE: Final = 500
_HOUR: Final = 3600.0

_DEVICES = statement("""
    SELECT device.id, device.key
    FROM device
    JOIN device_assignment ON device_assignment.device_key = device.key AND device_assignment.valid_to IS NULL
    WHERE device.kind = 'wearable' AND device.revoked_at IS NULL AND device.id ~ '^W-[0-9]{5,}$'
    ORDER BY length(device.id), device.id
    LIMIT %(count)s::integer
""")
_STORED = statement("""
    SELECT looked_for.number
    FROM unnest(%(numbers)s::integer[], %(keys)s::integer[], %(moments)s::timestamptz[]) AS looked_for (number, key, at)
    WHERE EXISTS (SELECT FROM reading WHERE reading.device_key = looked_for.key AND reading.at = looked_for.at)
""")


@dataclass
class Witness:
    """Looks for one in `one_in` readings in the database until it is there; a resolution of about 20 ms."""

    conn: psycopg.Connection[TupleRow]
    keys: list[int]
    one_in: int
    _awaited: dict[int, tuple[int, float]] = field(default_factory=dict)

    def await_reading(self, number: int, device: int, intended: float) -> None:
        """Look for a message from now on, if it is one of those to look for."""
        if number % self.one_in == 0:
            self._awaited[number] = device, intended

    def look(self) -> list[float]:
        """Seconds from intended sending to being there of those that are there now; the oldest are looked for."""
        if not self._awaited:
            return []
        numbers = list(itertools.islice(self._awaited, _AT_ONCE))
        asked = {
            "numbers": numbers,
            "keys": [self.keys[self._awaited[number][0]] for number in numbers],
            "moments": [_as_sent(self._awaited[number][1]) for number in numbers],
        }
        found = rows(self.conn, _STORED, asked)
        now = time.time()
        return [now - self._awaited.pop(row["number"])[1] for row in found]

    def given_up(self, now: float) -> int:
        """How many were not there after PATIENCE_SECONDS; they are looked for no longer."""
        late = [number for number, (_, intended) in self._awaited.items() if now - intended > PATIENCE_SECONDS]
        for number in late:
            del self._awaited[number]
        return len(late)


def _as_sent(moment: float) -> datetime:
    """A moment as the payload says it, in whole milliseconds."""
    return datetime.fromtimestamp(int(moment * 1000) / 1000, UTC)


class Reporter:
    """Follows the fleet's ledger and tells what became of the messages."""

    def __init__(self, fleet: Fleet, witness: Witness, tell: Callable[[dict[str, Any]], None]) -> None:
        self._fleet = fleet
        self._witness = witness
        self._tell = tell
        self._seen = 0
        self._presses: dict[int, float] = {}
        self._stored: list[float] = []
        self._lost = 0

    async def look(self) -> None:
        """Choose readings to look for, and look."""
        self._follow_ledger()
        self._stored += await asyncio.to_thread(self._witness.look)
        self._lost += self._witness.given_up(time.time())

    def _follow_ledger(self) -> None:
        ledger = self._fleet.ledger
        for number in range(self._seen, len(ledger)):
            if ledger.lane[number] == EVENT:
                self._presses[number] = ledger.intended[number]
            elif ledger.lane[number] == TELEMETRY:
                self._witness.await_reading(number, ledger.device[number], ledger.intended[number])
        self._seen = len(ledger)

    def report(self) -> None:
        """One line."""
        ledger, now = self._fleet.ledger, time.time()
        told = [number for number in self._presses if number in ledger.recorded]
        recorded = [ledger.recorded[number] - self._presses.pop(number) for number in told]
        late = [number for number, intended in self._presses.items() if now - intended > PATIENCE_SECONDS]
        for number in late:
            del self._presses[number]
        self._tell(
            {
                "connected": self._fleet.connected,
                "sent": len(ledger),
                "acknowledged": ledger.acknowledged,
                "late_ms_p99": round((percentile(ledger.late[-2000:], 0.99) or 0.0) * 1000, 1),
                "stored": self._stored,
                "unstored": self._lost,
                "recorded": recorded,
                "unrecorded": len(late),
            }
        )
        self._stored, self._lost = [], 0


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def play_devices(load: LoadSettings, settings: Settings, is_over: Callable[[], bool]) -> None:
    """Connect the first wearables of the district and let them send until it `is_over`."""
    allow_many_descriptors()
    keys = load_keys(settings.state_dir)
    with connect(settings.database_url, "load-devices") as conn:
        chosen = [(row["id"], row["key"]) for row in rows(conn, _DEVICES, {"count": load.devices})]
        address = settings.mqtt_address
        fleet = Fleet(address, [(device_id, keys.secret(device_id)) for device_id, _ in chosen], address.tls_context)
        one_in = max(1, round(load.rate / _SAMPLES_PER_SECOND))
        reporter = Reporter(fleet, Witness(conn, [key for _, key in chosen], one_in), _tell)
        # The bare pace of connecting is what a broker can admit; nobody waits for the last one.
        connecting = asyncio.create_task(fleet.connect(CONNECTS_PER_SECOND))
        sending = asyncio.create_task(_send(fleet, load, connecting))
        try:
            await _follow(reporter, is_over)
        finally:
            for task in (sending, connecting):
                task.cancel()
            await asyncio.gather(sending, connecting, return_exceptions=True)
            await fleet.close()


async def _send(fleet: Fleet, load: LoadSettings, connecting: asyncio.Task[int]) -> None:
    await connecting
    share = min(1.0, load.presses / 60 / load.rate) if load.rate else 0.0
    for seed in range(1_000_000):
        await fleet.run(Plan(load.rate, _HOUR, event_share=share, ill_share=0.0, seed=seed))


async def _follow(reporter: Reporter, is_over: Callable[[], bool]) -> None:
    due = time.monotonic() + _REPORT_SECONDS
    with contextlib.suppress(BrokenPipeError):
        while not is_over():
            await reporter.look()
            if time.monotonic() >= due:
                reporter.report()
                due += _REPORT_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
