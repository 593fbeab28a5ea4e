"""`./anban demo --check`: the demo without a terminal, driven through its story, with an outcome."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from launcher import roster, web
from launcher.demo import ignore_interrupts, interruptible
from launcher.district import DEVICE_SIM, District, Plan
from launcher.failure import LaunchError
from launcher.own_service import NOBODY_CALLED, keep_logs, temporary_state
from launcher.steps import Steps

# From the start of the servers to the end of the last process, in seconds.
LIMIT_SECONDS = 90.0
_STOP_SECONDS = 8.0


def run(console: Console, elders: int, outcome: Path, http_port: int | None) -> int:
    """Run the check and return its exit code: 0 only when the whole story held.

    `outcome` is the JSON file the story writes.
    """
    with interruptible():
        with Steps(console, web.steps_to_build()) as steps:
            web.build(steps)
        state_dir = temporary_state("check")
        code = 1
        try:
            code = _run_story(console, state_dir, elders, outcome.absolute(), http_port)
        finally:
            ignore_interrupts()
            if code != 0:
                console.print(f"logs of the check: {keep_logs(state_dir, 'check')}", highlight=False, soft_wrap=True)
            shutil.rmtree(state_dir, ignore_errors=True)
        return code


def _run_story(console: Console, state_dir: Path, elders: int, outcome: Path, http_port: int | None) -> int:
    def report(line: str) -> None:
        console.print(f"! {line}", highlight=False, soft_wrap=True)

    extra = NOBODY_CALLED | {"ANBAN_SIM_LEDGER": str(state_dir / "sim-ledger.jsonl")}
    plan = Plan(elders, http_port, story=True, extra=extra)
    began = time.monotonic()
    district = District(state_dir, plan, report, remove_after=True)
    try:
        with Steps(console, district.steps_to_start) as steps:
            district.start(steps)
        took = time.monotonic() - began
        left = LIMIT_SECONDS - _STOP_SECONDS - took
        district.environment |= {
            "ANBAN_CHECK_START_SECONDS": f"{took:.3f}",
            "ANBAN_CHECK_SECONDS_LEFT": f"{left:.0f}",
            "ANBAN_SIM_PID": str(district.supervisor.pid(DEVICE_SIM) or 0),
        }
        command = [sys.executable, "-m", "load_tests", "story", "--json", str(outcome)]
        code = district.run_guarded("story", command, roster.STORY_GRANTS, seconds=max(left, 1.0))
    except subprocess.TimeoutExpired:
        raise LaunchError(f"the story did not end within the {LIMIT_SECONDS:.0f} s of the check") from None
    finally:
        ignore_interrupts()
        district.stop()
    verdict = "[green]The story held.[/]" if code == 0 else f"[red]The story failed (exit code {code}).[/]"
    console.print(f"{verdict} {time.monotonic() - began:.0f} s in all; outcome: {outcome}", soft_wrap=True)
    return code
