"""`python -m load_tests bench news2`."""

import os
from json import dumps
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from load_tests.news2.outcome import lines, measure
from load_tests.news2.patients import NoRecordings, read_minutes, read_patients

RECORDINGS: Final = Path(os.environ.get("ANBAN_DATA") or "../shared/data") / "vitals"


def news2(
    json: Annotated[Path | None, typer.Option(help="Where the outcome is written.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder of recordings (default: vitals in $ANBAN_DATA or ../shared/data).")
    ] = None,
) -> None:
    """Score patients whose outcome is known, and count the alarms that the rules would raise."""
    folder = data or RECORDINGS
    console = Console(soft_wrap=True, highlight=False)
    try:
        with console.status("reading"):
            patients, minutes = read_patients(folder), read_minutes(folder)
    except NoRecordings as fault:
        console.print(f"no recordings: {fault}", markup=False)
        raise typer.Exit(2) from None
    with console.status(f"scoring {len(patients)} patients"):
        outcome = measure(patients, minutes)
    for line in lines(outcome):
        console.print(line, markup=False)
    if json is not None:
        json.write_text(dumps(outcome, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
