"""A launcher of its own process: both servers and one stand-in, until a signal.

Usage: small_launcher.py STATE_DIR. Prints `ready PID` once everything serves.
"""

import functools
import os
import sys
import time
from pathlib import Path

from launcher import statedir
from launcher.broker import EmbeddedBroker
from launcher.demo import ignore_interrupts, interruptible
from launcher.postgres import EmbeddedPostgres
from launcher.service import Service, of_server
from launcher.supervisor import Supervisor, spawn_python, stop_leftovers


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Start, wait for a signal, stop."""
    state_dir = statedir.prepare(Path(sys.argv[1]))
    _say(f"left over: {','.join(stop_leftovers(state_dir))}")
    with interruptible():
        supervisor = Supervisor(state_dir, _say)
        try:
            supervisor.start(of_server(EmbeddedPostgres(state_dir)))
            supervisor.start(of_server(EmbeddedBroker(state_dir)))
            # An HTTP server knows nothing of the launcher: only the guardian can stop it.
            stand_in = ["http.server", "--directory", str(state_dir), "--bind", "127.0.0.1", "0"]
            spawn = functools.partial(
                spawn_python, stand_in, dict(os.environ), state_dir / "logs/stand-in.log", supervisor.parent_fd
            )
            supervisor.start(Service("stand-in", spawn, lambda: True))
            _say(f"ready {os.getpid()}")
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            pass
        finally:
            ignore_interrupts()
            supervisor.stop()
            _say("stopped")


if __name__ == "__main__":
    main()
