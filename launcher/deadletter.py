"""`./anban deadletter …`: runs ingest's command beside whatever runs, or on the servers of a demo that is stopped."""

import os
import subprocess
import sys
from pathlib import Path

from launcher import sources, statedir
from launcher.broker import EmbeddedBroker
from launcher.grants import DATABASE_URL, MQTT_URL, Grant, granted


def run(state_dir: Path, words: list[str]) -> int:
    """Run `python -m ingest deadletter` with these words; returns its exit code.

    Raises LaunchError when neither the environment nor the state folder names a database.
    """
    if not words or {"--help", "-h"} & set(words):
        return _ingest(words, dict(os.environ))
    with sources.opened(state_dir) as found:
        told = dict(os.environ) | {DATABASE_URL: found.database}
        if not sources.has_external_broker():
            recorded = EmbeddedBroker.recorded_mqtt_url(state_dir)
            told |= {MQTT_URL: recorded} if recorded else {}
        return _ingest(words, granted(told, (Grant.DATABASE, Grant.MESSAGES)))


def _ingest(words: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "ingest", "deadletter", *words]
    return subprocess.run(command, cwd=statedir.CHECKOUT, env=environment, check=False).returncode
