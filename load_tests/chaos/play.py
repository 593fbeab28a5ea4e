"""Runs the faults beside the fleet, waits until everything has come through, and gives the account."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg

from device_sim.device_keys import load_keys
from load_tests.account import count_stored, take_account
from load_tests.chaos.letters import count_letters
from load_tests.chaos.machine import Machine
from load_tests.chaos.plan import CUTS, REFUSALS, Fault, draw
from load_tests.chaos.recovery import Recovery, RecoveryWatch
from load_tests.chaos.report import Course, report_of
from load_tests.fleet.fleet import ANSWER_SECONDS, Fleet
from load_tests.fleet.plan import EVENT_SHARE, Plan
from schemas.database import connect, rows
from schemas.settings import Settings
from schemas.statements import statement

CONNECTS_PER_SECOND: Final = 500
DRAIN_SECONDS: Final = 120.0
TAIL_SECONDS: Final = 2.0
QUIET_SECONDS: Final = 25.0
"""When no row has come for so long, none will: longer than any back-off, and than the broker waits to deliver again."""
SETTLE_SECONDS: Final = 6.0
"""The broker delivers again after 5 s what is not acknowledged: what would be stored twice is, by then."""
ABSENT_SECONDS: Final = 20.0
"""How long a fault waits for what it is to befall."""
HALF: Final = 0.5
SAMPLED_DEVICES: Final = 40
"""Devices of each shard whose readings say that the shard is served."""
WATCHED: Final = ("ingest-telemetry", "ingest-event", "nats")
_LOOK_SECONDS: Final = 0.5

DEVICES = statement("""
    SELECT id, key, kind FROM device
    WHERE revoked_at IS NULL AND kind IN ('wearable', 'button') AND id ~ '^[WB]-[0-9]{5,}$'
    ORDER BY key LIMIT %(most)s::integer
""")
BEHIND = statement("""
    SELECT count(*) AS raised, count(ended_at) AS ended FROM alarm
    WHERE kind = 'ingest_behind' AND raised_at >= to_timestamp(%(since)s::float8)
""")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trial:
    """What to try: messages a second for some seconds, this many kills, drawn from a seed."""

    rate: float
    seconds: float
    kills: int
    seed: int
    connections: int
    event_share: float = EVENT_SHARE
    patience: float = ANSWER_SECONDS
    """Seconds for which a device waits for the broker before it hangs up."""


class Chaos:
    """One trial against one running district."""

    def __init__(self, settings: Settings, trial: Trial, say: Say) -> None:
        self._settings = settings
        self._trial = trial
        self._say = say
        self._machine = Machine(settings.state_dir, settings.database_url)
        self._course = Course()

    async def run(self) -> dict[str, Any]:
        """The whole trial; returns the report."""
        trial, url = self._trial, self._settings.database_url
        with connect(url, "chaos") as conn:
            devices = rows(conn, DEVICES, {"most": trial.connections})
        wearables = [index for index, device in enumerate(devices) if device["kind"] == "wearable"]
        buttons = [index for index, device in enumerate(devices) if device["kind"] == "button"]
        ids = [str(device["id"]) for device in devices]
        keys, address = load_keys(self._settings.state_dir), self._settings.mqtt_address
        secrets = [(name, keys.secret(name)) for name in ids]
        fleet = Fleet(address, secrets, address.tls_context, answer_seconds=trial.patience, seed=trial.seed)
        admitted = await fleet.connect(CONNECTS_PER_SECOND, DRAIN_SECONDS)
        self._say(f"{admitted} of {fleet.size} devices connected")
        speak = partial(self._speak, fleet, wearables or None, buttons or None)
        begun = time.time()
        with RecoveryWatch(url, [ids[index] for index in wearables[: SAMPLED_DEVICES * 8]]) as watch:
            sampling = asyncio.create_task(self._sample())
            await asyncio.gather(speak(trial.seconds), *self._faults(fleet, watch, begun))
            # Only messages of after the last kill show that it is recovered from.
            while watch.waiting and time.time() < begun + trial.seconds + DRAIN_SECONDS:
                await speak(TAIL_SECONDS)
            drained = await fleet.drain(DRAIN_SECONDS)
            recorded = await fleet.recorded(DRAIN_SECONDS)
            sampling.cancel()
        await self._all_stored(fleet)
        await asyncio.sleep(SETTLE_SECONDS)
        report = await asyncio.to_thread(self._account, fleet, [int(device["key"]) for device in devices], begun)
        await fleet.close()
        return report | {"connections": admitted, "all_acknowledged": drained, "all_events_recorded": recorded}

    async def _speak(self, fleet: Fleet, telemetry: list[int] | None, events: list[int] | None, seconds: float) -> None:
        trial = self._trial
        plan = Plan(
            trial.rate,
            seconds,
            event_share=trial.event_share,
            telemetry_devices=telemetry,
            event_devices=events,
            ill_share=0,
            seed=trial.seed,
        )
        await fleet.run(plan)

    def _faults(self, fleet: Fleet, watch: RecoveryWatch, begun: float) -> list[Awaitable[None]]:
        possible = self._machine.possible()
        for target in (*CUTS, *REFUSALS):
            if target not in possible:
                self._say(f"left out, because this machine does not allow it: {target}")
        drawn = draw(self._trial.seed, self._trial.seconds, self._trial.kills, possible)
        return [self._at(fault, begun, fleet, watch) for fault in drawn]

    async def _at(self, fault: Fault, begun: float, fleet: Fleet, watch: RecoveryWatch) -> None:
        await asyncio.sleep(max(0.0, begun + fault.at - time.time()))
        recovery = await self._kill(fault, watch) if fault.kind == "kill" else None
        if fault.kind == "kill":
            took_place = recovery is not None
        elif fault.kind == "cut":
            took_place = await self._cut(fault, fleet)
        else:
            took_place = await asyncio.to_thread(self._hold, fault)
        at = time.time() - begun
        self._say(f"{at:6.1f} s  {fault.kind} {fault.target}{'' if took_place else ': was not there'}")
        if took_place:
            self._course.done.append((fault, recovery))
        else:
            self._course.missed[f"{fault.kind} {fault.target}"] += 1

    async def _kill(self, fault: Fault, watch: RecoveryWatch) -> Recovery | None:
        """Kill the victim, if need be as soon as it is back from an earlier kill."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            if await asyncio.to_thread(self._machine.kill, fault.target):
                return watch.killed(fault.target)
            await asyncio.sleep(0.05)
        return None

    async def _cut(self, fault: Fault, fleet: Fleet) -> bool:
        """Cut connections, as soon as there are any."""
        deadline = time.monotonic() + ABSENT_SECONDS
        cut = self._machine.cut_sessions if fault.target == "sessions" else self._machine.cut_database
        while time.monotonic() < deadline:
            if fleet.cut(HALF) if fault.target == "devices" else await asyncio.to_thread(cut):
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    def _hold(self, fault: Fault) -> bool:
        """Let a fault last, if need be as soon as its target is back from an earlier one; in a thread of its own."""
        machine = self._machine
        deadline = time.monotonic() + ABSENT_SECONDS
        while time.monotonic() < deadline:
            holding = machine.stalled(fault.target) if fault.kind == "stall" else machine.refusing(fault.target)
            with holding as took_place:
                if took_place:
                    time.sleep(fault.seconds)
                    return True
            time.sleep(_LOOK_SECONDS)
        return False

    async def _sample(self) -> None:
        while True:
            for name in WATCHED:
                self._course.memory[name] = max(self._course.memory.get(name, 0), self._machine.memory(name) or 0)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _all_stored(self, fleet: Fleet) -> None:
        """Wait until there is a row for every acknowledged message, or until no more rows come."""
        most, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            stored = await asyncio.to_thread(self._count, fleet)
            if stored >= fleet.ledger.acknowledged:
                return
            if stored > most:
                most, since = stored, time.monotonic()
            await asyncio.sleep(_LOOK_SECONDS)

    def _count(self, fleet: Fleet) -> int:
        try:
            with connect(self._settings.database_url, "chaos") as conn:
                return count_stored(conn, fleet.ledger)
        except psycopg.Error:
            return -1

    def _account(self, fleet: Fleet, keys: list[int], begun: float) -> dict[str, Any]:
        with connect(self._settings.database_url, "chaos") as conn:
            account = take_account(conn, fleet.ledger, keys)
            letters = count_letters(conn, begun)
            behind = rows(conn, BEHIND, {"since": begun})[0]
        report = asdict(self._trial) | report_of(self._course, fleet.ledger, account, letters)
        return report | {"ingest_behind_alarms": {"raised": behind["raised"], "ended": behind["ended"]}}


def play(settings: Settings, trial: Trial, say: Say, outcome: Path | None) -> bool:
    """Run a trial, write its report where wanted, and say what came of it; whether nothing was lost or doubled."""
    report = asyncio.run(Chaos(settings, trial, say).run())
    if outcome is not None:
        outcome.write_text(json.dumps(report, indent=1) + "\n")
    took = report["recovery_ms"]
    say(
        f"{report['kills']} kills, {report['acknowledged']} acknowledged, {report['stored']} stored, "
        f"{report['lost']} lost, {report['duplicated']} duplicated; "
        f"recovered within {took['p50'] or 0:.0f} ms (p50), {took['max'] or 0:.0f} ms (max)"
    )
    return bool(report["holds"])
