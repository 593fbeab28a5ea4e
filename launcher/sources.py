"""Where a state folder's data are: its embedded servers, running or not, or those that the settings name."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher import statedir, tls
from launcher.broker import EmbeddedBroker
from launcher.failure import LaunchError
from launcher.grants import DATABASE_URL, MQTT_URL, NATS_URL
from launcher.postgres import EmbeddedPostgres
from launcher.roster import recorded_environment

# What an installation needs beside its servers: the key of its simulated devices, the copy of the credentials, and the
# authority that devices trust.
STATE_FILES = ("sim.key", "device-credentials.json", tls.RECORD)


@dataclass(frozen=True)
class Sources:
    """Addresses with their passwords; `nats` is None where the broker is not NATS or its address was not told."""

    database: str
    nats: str | None
    is_running: bool


def external_database() -> str | None:
    """Return the database that the caller's environment names."""
    return os.environ.get(DATABASE_URL) or None


def external_nats() -> str | None:
    """Return the NATS address that the caller's environment names."""
    return os.environ.get(NATS_URL) or None


def has_external_broker() -> bool:
    """Tell whether the caller's environment names a broker of its own."""
    return bool(os.environ.get(MQTT_URL) or os.environ.get(NATS_URL))


def is_running(state_dir: Path) -> bool:
    """Tell whether a launcher holds the state folder."""
    return statedir.is_ours(state_dir) and statedir.StateLock(state_dir).is_held()


def recorded_sources(state_dir: Path) -> Sources:
    """Return the addresses of what runs, without starting anything.

    Raises LaunchError when neither the environment nor the state folder names a database.
    """
    running = is_running(state_dir)
    database = external_database() or recorded_environment(state_dir).get(DATABASE_URL)
    if database is None:
        raise LaunchError(f"nothing is known of a database: no demo ran on {state_dir} and {DATABASE_URL} is not set")
    nats = external_nats()
    if nats is None and not has_external_broker():
        nats = EmbeddedBroker.recorded_nats_url(state_dir)
    return Sources(database, nats, running)


@contextlib.contextmanager
def opened(state_dir: Path) -> Iterator[Sources]:
    """Yield the addresses of servers that serve: a stopped demo's are started for as long as the block takes.

    Raises LaunchError when there is nothing to open.
    """
    statedir.check_existing(state_dir)
    if is_running(state_dir) or (external_database() is not None and not statedir.is_ours(state_dir)):
        yield recorded_sources(state_dir)
        return
    if not statedir.is_ours(state_dir):
        raise LaunchError(f"{state_dir} is no state folder of Anban, and {DATABASE_URL} is not set")
    with contextlib.ExitStack() as stack:
        lock = statedir.StateLock(state_dir)
        lock.acquire()
        stack.callback(lock.release)
        yield _started(state_dir, stack)


def _started(state_dir: Path, stack: contextlib.ExitStack) -> Sources:
    database, nats = external_database(), external_nats()
    if database is None:
        if not (state_dir / "postgres/data").is_dir():
            raise LaunchError(f"{state_dir} has no data yet: start ./anban demo first, or set {DATABASE_URL}")
        database = stack.enter_context(EmbeddedPostgres(state_dir)).url
    if not has_external_broker() and (state_dir / "nats").is_dir():
        nats = stack.enter_context(EmbeddedBroker(state_dir)).nats_url
    return Sources(database, nats, is_running=False)
