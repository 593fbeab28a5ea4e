"""`python -m load_tests bench plan`: plans beside the best known ones."""

import os
from json import dumps
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from load_tests.plan_bench.outcome import NoInstances, lines, measure, standard_cases
from load_tests.progress import Progress

INSTANCES: Final = Path(os.environ.get("ANBAN_DATA") or "../shared/data") / "routing"


def plan(
    json: Annotated[Path | None, typer.Option(help="Where the outcome is written.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder of instances (default: routing in $ANBAN_DATA or ../shared/data).")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="For each instance at most.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the solver.")] = 0,
    days: Annotated[int, typer.Option(min=1, max=20, help="How many generated district days.")] = 2,
    orders: Annotated[int, typer.Option(min=20, max=5000, help="Orders of a generated day.")] = 1000,
    staff: Annotated[int, typer.Option(min=2, max=400, help="Workers of a generated day.")] = 80,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many at a time.")] = 2,
    only: Annotated[str, typer.Option(help="Only what has this in its name.")] = "",
) -> None:
    """Solve public instances and generated days; exit 0 only when each comes as near as it should, in its time."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        cases = [case for case in standard_cases(data or INSTANCES, seconds, days, orders, staff) if only in case.name]
    except NoInstances as fault:
        console.print(f"no instances: {fault}", markup=False)
        raise typer.Exit(2) from None
    if not cases:
        console.print(f"no instance has {only!r} in its name", markup=False)
        raise typer.Exit(2)
    total, done = sum(case.seconds for case in cases), 0.0
    results = []
    with Progress(console, total) as progress:
        for case in cases:
            progress.tell(done / total, case.name)
            results.append(measure(case, seed, processes))
            done += case.seconds
    outcome = {"held": all(result["held"] for result in results), "seed": seed, "processes": processes}
    for line in lines(results):
        console.print(line, markup=False)
    if json is not None:
        whole = outcome | {"instances": results}
        json.write_text(dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    raise typer.Exit(0 if outcome["held"] else 1)
