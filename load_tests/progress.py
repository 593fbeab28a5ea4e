"""How far a benchmark is: a bar on a terminal, a line every ten seconds elsewhere."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

_LINE_SECONDS: Final = 10.0


class Progress:
    """A context manager around a benchmark; `tell` is called as often as one likes."""

    def __init__(self, console: Console, seconds: float) -> None:
        """`seconds`: how long the benchmark's main part takes, for the first line."""
        self._console = console
        self._bar = Bar(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} % {task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(f"{seconds:.0f} s", total=1.0)
        self._said_at = 0.0
        self._said = ""

    def tell(self, done: float, what: str) -> None:
        """Show what is being done, and how much of the main part is done (0 to 1)."""
        self._bar.update(self._task, completed=min(1.0, done), description=what, refresh=True)
        now = time.monotonic()
        is_new = what.split(",")[0].strip("0123456789 ") != self._said
        if not self._console.is_terminal and (is_new or now - self._said_at >= _LINE_SECONDS):
            self._said, self._said_at = what.split(",")[0].strip("0123456789 "), now
            self._console.print(f"{100 * min(1.0, done):3.0f} % {what}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
