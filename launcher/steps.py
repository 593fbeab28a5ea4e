"""Progress of long work: a moving bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Steps:
    """A sequence of named steps; a context manager around all of them."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show what is being done; say how long it took when it succeeded."""
        began = time.monotonic()
        self._progress.update(self._task, description=text)
        yield
        self._progress.advance(self._task)
        self.say(f"[green]✓[/] {text} [dim]{time.monotonic() - began:.1f} s[/]")

    def detail(self, text: str) -> None:
        """Show what the running step is at (on a terminal only)."""
        self._progress.update(self._task, description=text[:60])

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
