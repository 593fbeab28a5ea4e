"""`python -m load_tests bench ingest`: what the launcher runs for `./anban bench ingest`."""

import asyncio
import json as json_format
import random
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from device_sim.device_keys import load_keys
from device_sim.fleet import allow_many_descriptors
from load_tests.fleet.bodies import people
from load_tests.fleet.plan import EVENT_SHARE, Plan
from load_tests.ingest_bench import bare_copy, bare_subscriber, watermark_cost
from load_tests.ingest_bench.cast import read_cast
from load_tests.ingest_bench.result import Json, figures, holds, print_report
from load_tests.ingest_bench.stored import check_commit_times
from load_tests.ingest_bench.trial import Measured, play
from load_tests.progress import Progress
from schemas.database import connect
from schemas.settings import MqttAddress, Settings, load_settings

_YARDSTICK_MESSAGES = 30_000


def ingest(
    rate: Annotated[float, typer.Option(min=1, max=100_000, help="Messages a second.")] = 6000.0,
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long, after the warm-up.")] = 60.0,
    devices: Annotated[int, typer.Option(min=2, max=20_000, help="Connections: wearables and buttons.")] = 4000,
    warmup: Annotated[float, typer.Option(min=0, max=600, help="Seconds at the same rate beforehand.")] = 5.0,
    event_share: Annotated[float, typer.Option(min=0, max=1, help="The share of alarm events.")] = EVENT_SHARE,
    tls: Annotated[bool, typer.Option("--tls", help="Devices speak TLS.")] = False,
    seed: Annotated[int, typer.Option(help="Who sends when.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Where the figures are written.")] = None,
) -> None:
    """Let devices send by the clock, and report what became of it; exit 0 if valid, none lost and none doubled."""
    console = Console(highlight=False, soft_wrap=True)
    settings = load_settings()
    report = measure(settings, Plan(rate, seconds, event_share, seed=seed), devices, warmup, console, tls=tls)
    if json is not None:
        json.write_text(json_format.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_report(console, report)
    raise typer.Exit(0 if holds(report) else 1)


def measure(
    settings: Settings, plan: Plan, devices: int, warmup: float, console: Console, *, tls: bool = False
) -> Json:
    """Run the fleet and then the yardsticks on the same service; returns the figures.

    Raises TooFewDevices, NoCommitTimes, YardstickFailed, psycopg.Error, OSError.
    """
    allow_many_descriptors()
    services = settings.mqtt_address
    address = MqttAddress(f"mqtts://{services.host}:{services.port}", settings.mqtt_ca) if tls else services
    with connect(settings.database_url, "bench") as conn, Progress(console, plan.seconds) as progress:
        check_commit_times(conn)
        cast = read_cast(conn, load_keys(settings.state_dir), devices)
        measured: Measured = asyncio.run(play(settings, address, conn, cast, plan, warmup, progress.tell))
        progress.tell(1.0, "Measuring the yardsticks")
        bare = bare_subscriber.measure(services, _some_payload(), _YARDSTICK_MESSAGES)
        copied = bare_copy.measure(conn, measured.fleet.ledger.boot)
        watermark = watermark_cost.measure(conn, measured.fleet.ledger.boot)
    return figures(measured, plan, bare, copied) | {"watermark_us_per_message": watermark and round(watermark, 2)}


def _some_payload() -> bytes:
    said = '{"v":1,"boot":"0badcafe","seq":100000,"at":1790000000000,'
    return said.encode() + people(random.Random(1))[0][1]
