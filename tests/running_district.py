"""A whole Anban, started as `./anban demo --check` starts it, on a state folder of its own."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from launcher import ports
from launcher.district import District, Plan
from launcher.steps import Steps


@contextmanager
def running_district(name: str, elders: int, settings: Mapping[str, str] | None = None) -> Iterator[District]:
    """Simulated elders whose buttons are left to the tests; what the simulator sent is in `ledger.json`."""
    folder = Path(tempfile.mkdtemp(prefix=f"anban-{name}-", dir="/tmp"))
    extra = {"ANBAN_SIM_LEDGER": str(folder / "ledger.json"), **(settings or {})}
    plan = Plan(elders, ports.choose(None), story=True, extra=extra)
    with District(folder, plan, print) as running:
        with Steps(Console(quiet=True), running.steps_to_start) as steps:
            running.start(steps)
        yield running
    shutil.rmtree(folder, ignore_errors=True)
