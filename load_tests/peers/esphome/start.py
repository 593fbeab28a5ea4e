"""Starts the ESPHome ingestor in its own environment: as published, or `--unlimited`.

As published its writer takes at most a hundred rows, commits them, and sleeps for a second. Unlimited it takes all that
waits, twenty times a second, and is otherwise as published.
"""

import builtins
import importlib
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Final

_PAUSE_SECONDS: Final = 0.05
_MOST_ROWS: Final = 5000


def lift_limit(module: ModuleType) -> None:
    """Replace the two names that the writer looks up: its pause, and what limits its batches."""

    def sleep(seconds: float) -> None:
        time.sleep(_PAUSE_SECONDS if seconds == 1.0 else seconds)

    def least(waiting: int, _limit: int) -> int:
        return builtins.min(waiting, _MOST_ROWS)

    vars(module).update(time=SimpleNamespace(strftime=time.strftime, sleep=sleep), min=least)


def main(words: list[str]) -> None:
    """Run until SIGTERM; the configuration is where the ingestor looks for it, below HOME."""
    module = importlib.import_module("esphome_mqtt_timescaledb_ingestor.ingestor")
    if words == ["--unlimited"]:
        lift_limit(module)
    module.start()


if __name__ == "__main__":
    main(sys.argv[1:])
