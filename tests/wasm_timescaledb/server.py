"""TimescaleDB with its own licence's features, in WebAssembly: there is no such package for Debian.

It takes one connection and knows no COPY: good for migrations, continuous aggregates and policies, nothing else.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from launcher import ports
from launcher.migrations import FOLDER as MIGRATIONS
from launcher.web import install_node, install_packages
from schemas.database import connect

FOLDER = Path(__file__).parent


def _node() -> Path:
    """Node.js with the packages of the lock file installed."""
    with (Path(sys.prefix) / "anban-wasm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = install_node()
        install_packages(node, FOLDER)
    return Path(shutil.which("node", path=str(node.path) if node.path else os.environ.get("PATH")) or "node")


@contextmanager
def wasm_timescaledb() -> Iterator[str]:
    """A fresh database in memory; gives its URL."""
    port = ports.choose(None)
    command = [str(_node()), str(FOLDER / "serve.mjs"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            assert said == "listening\n", f"the WebAssembly server said {said!r}"
            yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        finally:
            process.terminate()


@contextmanager
def migrated(url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """The database's one connection, after all migrations; dbmate wants two connections, so they are run here."""
    with connect(url, "test") as conn:
        for file in sorted(MIGRATIONS.glob("*.sql")):
            up, _, _ = file.read_text().partition("-- migrate:down")
            with conn.transaction():
                conn.execute(up.encode())
        yield conn
