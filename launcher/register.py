"""`./anban devices …`: runs the register's command beside whatever runs, or on a stopped demo's database."""

import os
import subprocess
import sys
from pathlib import Path

from launcher import sources, statedir
from launcher.grants import DATABASE_URL, Grant, granted


def run(state_dir: Path, words: list[str]) -> int:
    """Run `python -m control_center devices` with these words; returns its exit code.

    Raises LaunchError when neither the environment nor the state folder names a database.
    """
    if not words or {"--help", "-h"} & set(words):
        return _control_center(words, dict(os.environ))
    with sources.opened(state_dir) as found:
        told = granted(dict(os.environ) | {DATABASE_URL: found.database}, (Grant.DATABASE,))
        return _control_center(words, told)


def _control_center(words: list[str], environment: dict[str, str]) -> int:
    # Its paths are the caller's, so it is run where the caller is; no code is taken from there.
    python = {"PYTHONPATH": str(statedir.CHECKOUT)}
    command = [sys.executable, "-P", "-m", "control_center", "devices", *words]
    return subprocess.run(command, env=environment | python, check=False).returncode
