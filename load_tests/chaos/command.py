"""`python -m load_tests bench chaos`: what the launcher runs for `./anban bench chaos`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from load_tests.chaos.play import Trial, play
from load_tests.fleet.fleet import ANSWER_SECONDS
from load_tests.fleet.plan import EVENT_SHARE
from schemas.settings import load_settings


def chaos(
    seconds: Annotated[float, typer.Option(min=10, help="How long the devices send.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Which faults happen when.")] = 1,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second.")] = 3000.0,
    kills: Annotated[int, typer.Option(min=1, help="How many processes are killed.")] = 24,
    connections: Annotated[int, typer.Option(min=10, help="How many devices send.")] = 2000,
    event_share: Annotated[float, typer.Option(min=0.0001, max=1, help="The share of alarm events.")] = EVENT_SHARE,
    patience: Annotated[
        float, typer.Option(min=1, max=600, help="Seconds for which a device waits for the broker.")
    ] = ANSWER_SECONDS,
    json: Annotated[Path | None, typer.Option(help="Where the report is written.")] = None,
) -> None:
    """Kill ingest, broker and database while devices send; exit 0 only if nothing was lost or doubled."""
    console = Console(highlight=False, soft_wrap=True)
    trial = Trial(rate, seconds, kills, seed, connections, event_share, patience)
    raise typer.Exit(0 if play(load_settings(), trial, console.print, json) else 1)
