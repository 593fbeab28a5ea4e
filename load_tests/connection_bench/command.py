"""`python -m load_tests bench connections`: what the launcher runs for `./anban bench connections`."""

import asyncio
import json as json_format
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg.rows import TupleRow
from rich.console import Console
from rich.table import Table

from device_sim.device_keys import load_keys
from device_sim.fleet import allow_many_descriptors
from load_tests.account import Account, take_account, until_stored
from load_tests.connection_bench.trial import BROKER, Measured, Trial
from load_tests.fleet.fleet import ANSWER_SECONDS
from load_tests.ingest_bench.cast import Cast, read_cast
from load_tests.ingest_bench.processes import ProcessTable
from load_tests.ingest_bench.result import spread
from load_tests.progress import Progress
from schemas.database import connect
from schemas.settings import MqttAddress, Settings, load_settings

DISTRICT: Final = 200_000
"""Devices of a whole district, one of an elder over 60."""
LIMIT_BYTES: Final = 50 * 1024
LIMIT_SECONDS: Final = 120.0
_REFUSED: Final = "refused with code"
_GIBIBYTE: Final = 2**30
Json = dict[str, Any]


@dataclass(frozen=True)
class Pace:
    """How many connect a second at first; seconds to settle at most, to come back in, and to wait for the broker."""

    per_second: float
    settle: float
    back_within: float
    patience: float


def connections(
    devices: Annotated[int, typer.Option(min=2, max=20_000, help="How many connect.")] = 15_000,
    tls: Annotated[bool, typer.Option("--tls/--plain", help="Over TLS, as devices do.")] = True,
    per_second: Annotated[float, typer.Option(min=1, max=10_000, help="How many connect a second at first.")] = 400.0,
    settle: Annotated[float, typer.Option(min=1, max=3600, help="Wait at most so long for steady memory.")] = 150.0,
    back_within: Annotated[
        float,
        typer.Option(min=1, max=600, help="Seconds in which a device comes back, at random: it keeps its readings."),
    ] = 30.0,
    patience: Annotated[
        float, typer.Option(min=1, max=600, help="Seconds for which a device waits for the broker.")
    ] = ANSWER_SECONDS,
    json: Annotated[Path | None, typer.Option(help="Where the figures are written.")] = None,
) -> None:
    """Connect, measure the broker's memory, kill it, and measure how everybody comes back; exit 0 if nobody failed."""
    console = Console(highlight=False, soft_wrap=True)
    report = measure(load_settings(), devices, Pace(per_second, settle, back_within, patience), console, tls=tls)
    if json is not None:
        json.write_text(json_format.dumps(report, indent=2) + "\n", encoding="utf-8")
    table = Table("figure", "value", box=None, padding=(0, 2))
    for name, value in report.items():
        table.add_row(name, json_format.dumps(value) if isinstance(value, dict) else str(value))
    console.print(table)
    raise typer.Exit(0 if report["holds"] else 1)


def measure(settings: Settings, devices: int, pace: Pace, console: Console, *, tls: bool) -> Json:
    """Play the trial on a running service; returns the figures. Raises TooFewDevices, NoBroker, psycopg.Error."""
    allow_many_descriptors()
    services = settings.mqtt_address
    scheme = "mqtts" if tls else "mqtt"
    address = MqttAddress(f"{scheme}://{services.host}:{services.port}", settings.mqtt_ca)
    with connect(settings.database_url, "bench") as conn, Progress(console, pace.settle) as progress:
        cast = read_cast(conn, load_keys(settings.state_dir), devices)
        measured, account = asyncio.run(_play(address, cast, ProcessTable(settings.state_dir), progress, conn, pace))
    return figures(measured, account, tls=tls)


async def _play(
    address: MqttAddress,
    cast: Cast,
    table: ProcessTable,
    progress: Progress,
    conn: psycopg.Connection[TupleRow],
    pace: Pace,
) -> tuple[Measured, Account]:
    trial = Trial(address, cast, table, progress.tell, pace.back_within, pace.patience)
    measured = await trial.play(pace.per_second, pace.settle)
    progress.tell(1.0, "Comparing what was sent with what is stored")
    await until_stored(conn, measured.fleet.ledger)
    account = await asyncio.to_thread(take_account, conn, measured.fleet.ledger, cast.keys)
    await measured.fleet.close()
    return measured, account


def refused(refusals: Counter[str]) -> int:
    """How often the broker said no to a correct credential."""
    return sum(times for reason, times in refusals.items() if reason.startswith(_REFUSED))


def figures(measured: Measured, account: Account, *, tls: bool) -> Json:
    """Everything that was measured, and what it would mean for a district; bytes, seconds, milliseconds."""
    size, ledger = measured.fleet.size, measured.fleet.ledger
    bytes_each = (measured.memory_after - measured.memory_before) / max(1, measured.connected)
    waits = measured.readmission_seconds
    last = max(waits, default=0.0)
    admission_cpu = sum(measured.returning_cpu.get(name, 0.0) for name in (BROKER, "device-auth"))
    no = refused(measured.refusals_connecting) + refused(measured.refusals_returning)
    return {
        "holds": (
            measured.connected == measured.readmitted == size
            and no == 0
            and bytes_each <= LIMIT_BYTES
            and last <= LIMIT_SECONDS
            and not account.lost
            and not account.duplicated
        ),
        "devices": size,
        "tls": tls,
        "connected": measured.connected,
        "connects_per_second": round(measured.connected / measured.connect_seconds, 1),
        "broker_bytes_before": measured.memory_before,
        "broker_bytes_after": measured.memory_after,
        "broker_bytes_after_readmission": measured.memory_readmitted,
        "bytes_per_connection": round(bytes_each),
        "idle_broker_cpu_percent": round(100 * measured.idle_cpu.get(BROKER, 0.0) / measured.idle_seconds, 1),
        "readmitted": measured.readmitted,
        "readmitted_within_seconds": round(last, 1),
        "readmission_ms": spread(waits),
        "correct_credentials_refused": no,
        "lost_while_connecting": dict(measured.refusals_connecting),
        "lost_while_returning": dict(measured.refusals_returning),
        "admission_cpu_ms_each": round(1000 * admission_cpu / max(1, len(waits)), 3),
        "sent": ledger.transmitted,
        "acknowledged": ledger.acknowledged,
        "lost": len(account.lost),
        "duplicated": account.duplicated,
        "district_on_paper": {
            "devices": DISTRICT,
            "broker_memory_gib": round((measured.memory_before + DISTRICT * bytes_each) / _GIBIBYTE, 1),
            "readmission_seconds_on_this_machine": round(DISTRICT * last / size),
            "admission_cpu_seconds": round(DISTRICT * admission_cpu / max(1, len(waits))),
        },
    }
