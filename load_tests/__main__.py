"""`python -m load_tests story`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

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


if __name__ == "__main__":
    app()
