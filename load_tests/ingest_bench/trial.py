"""One measured run: a fleet by the clock, an operator's screen, CPU and memory, and the account at the end."""

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from load_tests.account import Account, take_account, until_stored
from load_tests.fleet.fleet import Fleet
from load_tests.fleet.plan import Plan
from load_tests.ingest_bench.cast import Cast
from load_tests.ingest_bench.operator_screen import OperatorScreen
from load_tests.ingest_bench.processes import ProcessTable, Usage, used
from load_tests.ingest_bench.stored import measure_points, reading_bytes
from schemas.settings import MqttAddress, Settings

CONNECTS_PER_SECOND: Final = 500.0
_SETTLE_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 60.0
_PRIORITY: Final = -10
_SESSION_NICENESS: Final = Path("/proc/self/autogroup")

Tell = Callable[[float, str], None]
"""Is told how much is done (0 to 1) and what is being done."""


@dataclass
class Measured:
    """Everything that a run yields; times are Unix seconds."""

    fleet: Fleet
    first: int
    """Number of the first message after the warm-up."""
    began: float
    ended: float
    """When CPU was looked at: at the start after the warm-up, and when the broker had acknowledged everything."""
    account: Account
    sos_shown: list[float]
    sos_not_shown: int
    feed_losses: int
    cpu: dict[str, float]
    memory: dict[str, Usage]
    rows: int
    points: int
    bytes_grown: int
    connected: int
    generator_cpu: float
    is_prior: bool
    recorded_all: bool
    notes: list[str] = field(default_factory=list)


async def play(
    settings: Settings,
    address: MqttAddress,
    conn: psycopg.Connection[TupleRow],
    cast: Cast,
    plan: Plan,
    warmup: float,
    tell: Tell,
) -> Measured:
    """Connect, warm up for `warmup` seconds, send by the plan, wait until all is stored, and account for it."""
    bytes_before = reading_bytes(conn)
    fleet = Fleet(address, cast.credentials, address.tls_context)
    screen = OperatorScreen(settings.base_url)
    tell(0.0, f"Connecting {fleet.size} devices")
    connected = await fleet.connect(CONNECTS_PER_SECOND, 60)
    await screen.open()
    is_prior = _take_priority()
    table = ProcessTable(settings.state_dir)
    with _without_collections():
        if warmup > 0:
            tell(0.0, "Warming up")
            await fleet.run(_of(plan, cast, warmup))
        first, generator = len(fleet.ledger), time.process_time()
        before, began = await asyncio.to_thread(table.look), time.time()
        watching = asyncio.create_task(_watch(fleet, table, first, plan, tell))
        await fleet.run(_of(plan, cast, plan.seconds))
        memory = await watching
        tell(1.0, "Waiting for the broker's last answers")
        drained = await fleet.drain(_DRAIN_SECONDS)
        # What is acknowledged is committed a moment later: it belongs to the CPU that is counted.
        await asyncio.sleep(_SETTLE_SECONDS)
        after, ended = await asyncio.to_thread(table.look, with_memory=False), time.time()
        generator = time.process_time() - generator
    tell(1.0, "Waiting until everything is stored")
    recorded_all = await fleet.recorded(_DRAIN_SECONDS)
    await until_stored(conn, fleet.ledger)
    tell(1.0, "Comparing what was sent with what is stored")
    account = await asyncio.to_thread(take_account, conn, fleet.ledger, cast.keys)
    shown, not_shown = screen.shown_after(fleet.ledger, first)
    rows, points = await asyncio.to_thread(measure_points, conn, fleet.ledger)
    grown = reading_bytes(conn) - bytes_before
    await screen.close()
    await fleet.close()
    notes = [] if drained else ["the broker did not acknowledge everything"]
    return Measured(
        fleet, first, began, ended, account, shown, not_shown, screen.losses, used(before, after), memory, rows, points,
        grown, connected, generator, is_prior, recorded_all, notes,
    )  # fmt: skip


def _of(plan: Plan, cast: Cast, seconds: float) -> Plan:
    return Plan(
        plan.rate,
        seconds,
        plan.event_share,
        telemetry_devices=cast.wearables,
        event_devices=cast.buttons,
        kinds=plan.kinds,
        ill_share=plan.ill_share,
        seed=plan.seed,
    )


def _take_priority() -> bool:
    """The generator stands for devices that bring their own processors, so it goes before the platform where it may.

    Where the kernel shares processors between sessions, only the session's own niceness counts against others.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
        if _SESSION_NICENESS.exists():
            _SESSION_NICENESS.write_text(str(_PRIORITY))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """No pause of the garbage collector while the clock runs; what a message leaves behind frees itself."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _watch(fleet: Fleet, table: ProcessTable, first: int, plan: Plan, tell: Tell) -> dict[str, Usage]:
    """Tell how it goes once a second; returns the memory near the end, under load."""
    begun, total = time.time(), plan.rate * plan.seconds
    memory: dict[str, Usage] | None = None
    while time.time() - begun < plan.seconds - 1:
        await asyncio.sleep(1)
        ledger = fleet.ledger
        behind = len(ledger) - ledger.acknowledged
        late = 1000 * (ledger.late[-1] if len(ledger) else 0.0)
        tell((len(ledger) - first) / total, f"{len(ledger) - first} sent, {behind} unanswered, late {late:.0f} ms")
        if memory is None and time.time() - begun > 0.8 * plan.seconds - 1:
            memory = await asyncio.to_thread(table.look)
    return await asyncio.to_thread(table.look) if memory is None else memory
