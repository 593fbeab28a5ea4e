"""A service of one's own for a measurement or a check: started for it, and gone afterwards."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from launcher import statedir, web
from launcher.demo import ignore_interrupts
from launcher.district import District, Plan
from launcher.grants import TRANSPORTS
from launcher.small_disk import small_disk
from launcher.steps import Steps

# Whoever measures or checks rings nobody's telephone, and says to nobody outside that all is well.
NOBODY_CALLED = dict.fromkeys(TRANSPORTS, "")


def temporary_state(purpose: str) -> Path:
    """Make a state folder that is gone when its work is done."""
    # Servers of a root launcher run unprivileged: root's own TMPDIR may be closed to them.
    parent = "/tmp" if os.geteuid() == 0 else None  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=f"anban-{purpose}-", dir=parent))


def keep_logs(state_dir: Path, purpose: str) -> Path:
    """Copy the logs to where they outlive their state folder; returns where."""
    kept = Path(tempfile.mkdtemp(prefix=f"anban-{purpose}-logs-"))
    shutil.copytree(state_dir / "logs", kept, dirs_exist_ok=True)
    return kept


@contextlib.contextmanager
def own_service(
    console: Console,
    purpose: str,
    elders: int,
    *,
    kept: Path | None = None,
    disk_megabytes: int = 0,
    with_screens: bool = False,
    only: frozenset[str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> Iterator[District]:
    """Run a service without simulated devices: on the folder `kept`, or on temporary data.

    On temporary data the database may have a disk of `disk_megabytes`. `with_screens`: the pages are built before.
    `only` these of our processes run, all by default; `extra` settings are told to each.
    """

    def report(line: str) -> None:
        console.print(f"[yellow]![/] {line}", highlight=False, soft_wrap=True)

    state_dir = kept or temporary_state(purpose)
    with contextlib.ExitStack() as stack:
        if kept is None:
            stack.callback(shutil.rmtree, state_dir, ignore_errors=True)
            if disk_megabytes:
                statedir.prepare(state_dir)
                stack.enter_context(small_disk(state_dir / "postgres", disk_megabytes))
        plan = Plan(elders, simulator=False, only=only, extra=NOBODY_CALLED | dict(extra or {}))
        district = District(state_dir, plan, report, remove_after=kept is None)
        try:
            with Steps(console, (web.steps_to_build() if with_screens else 0) + district.steps_to_start) as steps:
                if with_screens:
                    web.build(steps)
                district.start(steps)
            yield district
        finally:
            ignore_interrupts()
            district.stop()
