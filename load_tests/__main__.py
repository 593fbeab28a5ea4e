"""`python -m load_tests story`, `bench NAME`, and what a load test runs beside locust."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from load_tests.bench import app as bench_app
from load_tests.journeys.commands import add_to as add_journeys
from load_tests.story.play import play_story
from load_tests.story.settings import load_story_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def load_tests() -> None:
    """Drive a running Anban from outside."""


@app.command()
def story(json: Annotated[Path, typer.Option(help="Where the outcome is written.")]) -> None:
    """Play the scripted story; exit 0 only if everything held."""
    passed = asyncio.run(play_story(load_story_settings(), json))
    raise typer.Exit(0 if passed else 1)


add_journeys(app)
app.add_typer(bench_app, name="bench")

if __name__ == "__main__":
    app()
