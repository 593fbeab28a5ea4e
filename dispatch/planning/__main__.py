"""`python -m dispatch.planning IN.json OUT.json [--seconds S] [--seed N]`: plan a file."""

import os
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.exceptions import TyperException

from dispatch.planning.format import BadFormat, Figures, Plan, decode_problem, encode
from dispatch.planning.solve import solve
from dispatch.planning.travel_times import ways_of

OSRM_VARIABLE = "ANBAN_OSRM_URL"
_TICK_SECONDS = 0.2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class CannotUse(Exception):
    """A file that cannot be read or written; the text is one line."""


@app.command()
def plan(
    problem: Annotated[Path, typer.Argument(help="What is to be planned (docs/plan-format.md).", metavar="IN.json")],
    out: Annotated[Path, typer.Argument(help="Where the plan is written.", metavar="OUT.json")],
    seconds: Annotated[float, typer.Option(min=0.1, max=86_400, help="How long to search.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another plan.")] = 0,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="End each search after so many: then a run can be repeated exactly.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="How many at a time (default: one a processor).")
    ] = None,
) -> None:
    """Plan a day: routes for the workers, and jobs left out with the reason (ANBAN_OSRM_URL: where OSRM answers)."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not out.absolute().parent.is_dir():
        raise CannotUse(f"no folder {out.absolute().parent}")
    try:
        given = decode_problem(problem.read_bytes())
    except OSError as fault:
        raise CannotUse(f"{problem}: {fault.strerror}") from None
    except BadFormat as fault:
        raise CannotUse(f"{problem}: {fault}") from None
    with _Bar(console, seconds) as bar:
        bar.tell("travel times")
        ways = ways_of(
            given, os.environ.get(OSRM_VARIABLE), lambda what: console.print(f"warning: {what}", markup=False)
        )
        made = solve(given, seconds, seed, ways=ways, iterations=iterations, processes=processes, tell=bar.tell)
    _write(out, made)
    for line in summary(made.figures):
        console.print(line, markup=False)


def summary(told: Figures) -> list[str]:
    """The plan in two lines."""
    return [
        f"{told.served} of {told.jobs} jobs served by {told.workers_used} workers, {told.unserved} unserved",
        f"objective {told.objective:g}, travel {told.travel:g}, lateness {told.lateness:g}, {told.seconds:.1f} s",
    ]


def _write(out: Path, made: Plan) -> None:
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(encode(made))
        part.replace(out)
    except OSError as fault:
        part.unlink(missing_ok=True)
        raise CannotUse(f"{out}: {fault.strerror}") from None


class _Bar:
    """How much of the time is over, and what is being done."""

    def __init__(self, console: Console, seconds: float) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} % {task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._seconds = seconds
        self._task = self._bar.add_task("reading", total=seconds)
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def tell(self, what: str) -> None:
        self._bar.update(self._task, description=what)

    def _tick(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            elapsed = self._bar.tasks[0].elapsed or 0.0
            self._bar.update(self._task, completed=min(self._seconds, elapsed))

    def __enter__(self) -> "_Bar":
        self._bar.start()
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()
        self._bar.stop()


def main() -> None:
    """Run the command line: exit code 2 for what the user can put right, in one line."""
    try:
        code = app(prog_name="anban plan", standalone_mode=False)
    except (CannotUse, TyperException) as error:
        said = error.format_message() if isinstance(error, TyperException) else str(error)
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"anban plan: {said}", markup=False)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(code or 0)


if __name__ == "__main__":
    main()
