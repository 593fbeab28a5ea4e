"""`./anban demo`: the whole service with a simulated district, until Ctrl-C."""

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from launcher import statedir, web
from launcher.district import District, Plan
from launcher.failure import LaunchError
from launcher.live import LiveFigures, line_text
from launcher.postgres import EmbeddedPostgres
from launcher.steps import Steps
from launcher.supervisor import stop_leftovers

DEMO_PASSWORD = "anban-demo"  # noqa: S105 - the published password of the demo's invented accounts
ACCOUNTS = (
    ("operator1, operator2", "operators of the district control centre"),
    ("supervisor1", "supervisor of the district control centre"),
    ("operator3", "operator of the street 天生街道 only"),
    ("worker1", "service worker (phone page: /worker)"),
    ("family1", "relative of one elder (phone page: /family)"),
    ("admin1", "administrator (accounts, dead letters)"),
)
_TERMINAL_PAUSE = 1.0
_PLAIN_PAUSE = 30.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the work like Ctrl-C does.

    The KeyboardInterrupt carries the signal's number.
    """
    for number in _SIGNALS:
        # `nohup` asks to outlive the terminal.
        if number is signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    yield


def ignore_interrupts() -> None:
    """Let the stopping of processes run to its end (each is bounded in time)."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def reset(state_dir: Path) -> None:
    """Delete a demo's data; LaunchError when a demo runs on it or it is no state folder of ours."""
    statedir.check_existing(state_dir)
    if not state_dir.exists():
        return
    if not statedir.is_ours(state_dir):
        raise LaunchError(f"{state_dir} is not a state folder of Anban: nothing was deleted")
    lock = statedir.StateLock(state_dir)
    lock.acquire()
    try:
        stop_leftovers(state_dir)
        if (state_dir / "postgres/data").is_dir():
            EmbeddedPostgres(state_dir).stop_leftover()
        for entry in state_dir.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name not in statedir.KEPT_BY_RESET:
                entry.unlink()
    finally:
        lock.release()


def print_addresses(console: Console, district: District) -> None:
    """Print where to look and whom to sign in as."""
    console.print()
    console.print(f"[bold]Anban is running:[/] {district.base_url}", highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2))
    for names, what in ACCOUNTS:
        table.add_row(names, f"[dim]{what}[/]")
    console.print(table)
    console.print(f"  password of every demo account: [bold]{DEMO_PASSWORD}[/]", highlight=False)
    if district.plan.people:
        console.print(
            "  Simulated operators and workers answer too; --hands-off leaves it all to you.", highlight=False
        )
    console.print(f"  data and logs: {district.state_dir}", highlight=False, soft_wrap=True)
    console.print("  Ctrl-C stops everything.\n", highlight=False)


def watch(console: Console, district: District) -> None:
    """Show the live line until interrupted."""
    metrics_port = district.addresses.metrics["ingest-telemetry"]
    figures = LiveFigures(district.settings["ANBAN_DATABASE_URL"], metrics_port)
    if not console.is_terminal:
        figures.read()
        time.sleep(_TERMINAL_PAUSE)
        while True:
            console.print(line_text(figures.read(), district.supervisor.states()), highlight=False, soft_wrap=True)
            time.sleep(_PLAIN_PAUSE)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(line_text(figures.read(), district.supervisor.states()), refresh=True)
            time.sleep(_TERMINAL_PAUSE)


def run(console: Console, state_dir: Path, plan: Plan) -> None:
    """Run the demo until Ctrl-C, SIGTERM or a closed terminal; everything is stopped then."""

    def report(line: str) -> None:
        console.print(f"[yellow]![/] {line}", highlight=False, soft_wrap=True)

    with interruptible(), contextlib.suppress(KeyboardInterrupt):
        district = District(state_dir, plan, report)
        try:
            with Steps(console, web.steps_to_build() + district.steps_to_start) as steps:
                if district.left_over:
                    steps.say(f"Stopped what an earlier demo left running: {', '.join(district.left_over)}")
                web.build(steps)
                district.start(steps)
            print_addresses(console, district)
            watch(console, district)
        finally:
            ignore_interrupts()
            console.print("Stopping …", highlight=False)
            district.stop()
            console.print("Everything is stopped.", highlight=False)
