"""The end: the simulator stops, everything drains, and what was acknowledged is compared with what is stored."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.ledger import Ledger, read_ledger
from load_tests.reconciliation import Account, Identity, boots_of, count_stored, read_stored, reconcile
from load_tests.story.stage import Story
from schemas.database import row
from schemas.statements import statement

_ALARMS = statement("SELECT count(*) AS raised FROM alarm WHERE raised_at >= %(since)s")
_STORAGE = statement("SELECT count(*) AS found FROM pg_extension WHERE extname = 'timescaledb'")
_LEDGER_SECONDS: Final = 14.0
_SETTLE_SECONDS: Final = 15.0
_STILL_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.4


async def accounting(story: Story, began: datetime) -> None:
    """Stop the devices, compare, and note the figures."""
    drained = await story.fleet.drain(10.0)
    story.report.check("the broker acknowledged everything the story sent", drained)
    unrecorded = sum(device.unrecorded_events for device in story.fleet.devices.values())
    story.report.check("every event was recorded", unrecorded == 0, f"{unrecorded} are not")
    ledgers = [story.fleet.ledger()]
    sim = await _stop_simulator(story)
    if sim is not None:
        ledgers.append(sim)
    await story.fleet.switch_off()
    await _settle(story, ledgers)
    account = await story.query(lambda conn: _compare(conn, ledgers))
    _judge(story, account)
    alarms = await story.query(lambda conn: row(conn, _ALARMS, {"since": began}))
    storage = await story.query(lambda conn: row(conn, _STORAGE))
    story.report.figures |= {
        "readings_published": account.published,
        "readings_stored": account.stored,
        "readings_lost": account.readings_lost,
        "readings_doubled": account.readings_doubled,
        "events_published": account.events_published,
        "alarms_raised": alarms["raised"] if alarms else 0,
        "storage": "timescaledb" if storage and storage["found"] else "postgresql",
    }


async def _stop_simulator(story: Story) -> Ledger | None:
    pid, path = story.settings.sim_pid, story.settings.sim_ledger
    if pid is None or path is None:
        story.report.check(
            "the simulator accounts for what it sent", False, "ANBAN_SIM_PID or ANBAN_SIM_LEDGER is not set"
        )
        return None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LEDGER_SECONDS
    while loop.time() < deadline:
        if path.exists():
            ledger = await story.in_thread(read_ledger, path)
            story.report.check("the simulator accounts for what it sent", True, f"{len(ledger)} devices")
            return ledger
        await asyncio.sleep(_POLL_SECONDS)
    story.report.check("the simulator accounts for what it sent", False, f"no ledger after {_LEDGER_SECONDS:.0f} s")
    return None


async def _settle(story: Story, ledgers: list[Ledger]) -> None:
    boots = boots_of(ledgers)
    expected = sum(run.readings for ledger in ledgers for runs in ledger.values() for run in runs.values())
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLE_SECONDS
    stored, changed = -1, loop.time()
    while loop.time() < deadline and stored != expected and loop.time() - changed < _STILL_SECONDS:
        await asyncio.sleep(_POLL_SECONDS if stored >= 0 else 0)
        found = await story.query(lambda conn: count_stored(conn, boots))
        if found != stored:
            stored, changed = found, loop.time()


def _compare(conn: psycopg.Connection[TupleRow], ledgers: list[Ledger]) -> Account:
    boots = boots_of(ledgers)
    account = reconcile(ledgers, read_stored(conn, boots, []))
    if account.lost:
        suspects = sorted({device_id for device_id, _, _ in account.lost})
        account = reconcile(ledgers, read_stored(conn, boots, suspects))
    return account


def _judge(story: Story, account: Account) -> None:
    report = story.report
    report.check(
        "no acknowledged reading is lost",
        account.readings_lost == 0 and account.published > 0,
        _say(account.readings_lost, account.published, account.lost),
    )
    report.check(
        "no reading is stored twice",
        account.readings_doubled == 0 and not account.never_sent,
        _say(account.readings_doubled, account.stored, account.doubled or account.never_sent),
    )
    report.check(
        "every acknowledged event is stored exactly once",
        not account.events_lost and not account.events_doubled and account.events_published > 0,
        _say(len(account.events_lost) + len(account.events_doubled), account.events_published, account.events_lost),
    )


def _say(faults: int, total: int, which: list[Identity]) -> str:
    examples = f", such as {which[:3]}" if which else ""
    return f"{faults} of {total}{examples}"
