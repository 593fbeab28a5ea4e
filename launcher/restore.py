"""`./anban restore DIR`: a backup put back, and nothing that was there before it lost."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from launcher import archive, broker_snapshot, dump, migrations, safefiles, sources, statedir
from launcher.broker import EmbeddedBroker
from launcher.demo import interruptible
from launcher.failure import LaunchError
from launcher.postgres import EmbeddedPostgres
from launcher.steps import Steps
from schemas.topics import STORE

# What a folder that nobody used yet may hold.
_HARMLESS = {*statedir.KEPT_BY_RESET, "logs"}


def run(console: Console, source: Path, state_dir: Path, *, force: bool) -> None:
    """Put a backup back, into the state folder's own servers or those of the settings.

    What is in the way is refused, or moved aside with `force`. Raises LaunchError when it cannot be done.
    """
    with interruptible(), Steps(console, 4) as steps:
        with steps.step("Checking the backup"):
            manifest = archive.verified(source)
            _check_schema(manifest)
            _check_broker(manifest, force=force)
        stamp = f"before_restore_{datetime.now(UTC):%Y%m%d_%H%M%S}"
        if sources.external_database() is not None and sources.has_external_broker():
            _into_servers(steps, source, manifest, state_dir, stamp, force=force)
        else:
            _into_state_folder(steps, source, manifest, state_dir, stamp, force=force)
    rows = sum(manifest.rows.values())
    console.print(f"Restored: {rows} rows of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC", highlight=False)


def _check_schema(manifest: archive.Manifest) -> None:
    known = {path.name.split("_")[0] for path in migrations.FOLDER.glob("*.sql")}
    unknown = sorted(set(manifest.schema) - known)
    if unknown:
        raise LaunchError(
            f"the backup was made by a newer Anban ({manifest.anban}): migration {unknown[0]} is not here"
        )


def _check_broker(manifest: archive.Manifest, *, force: bool) -> None:
    """Refuse to leave messages behind that nobody stored yet."""
    waiting = (manifest.broker or {}).get(STORE, 0)
    if waiting and sources.has_external_broker() and sources.external_nats() is None and not force:
        raise LaunchError(
            f"the backup holds {waiting} messages that only NATS can take: "
            "set ANBAN_NATS_URL, or leave them out with --force"
        )


def _into_state_folder(
    steps: Steps, source: Path, manifest: archive.Manifest, state_dir: Path, stamp: str, *, force: bool
) -> None:
    """Fill a new folder beside the old one; only when all of it is there does it take the old one's place."""
    with contextlib.ExitStack() as stack:
        in_the_way = _taken(state_dir, stack, force=force)
        external = sources.external_database()
        if external is not None:
            _make_room(steps, external, manifest, stamp, force=force)
        fresh = stack.enter_context(_staging(state_dir))
        with steps.step("Restoring the database"):
            if external is None:
                with EmbeddedPostgres(fresh) as server:
                    _fill_database(server.url, source, manifest)
            else:
                _fill_database(external, source, manifest)
        with steps.step("Restoring what the broker held"):
            if not sources.has_external_broker() and manifest.broker is not None:
                with EmbeddedBroker(fresh) as broker:
                    _fill_broker(broker.nats_url, source, manifest)
            elif (nats := sources.external_nats()) is not None and manifest.broker is not None:
                _replace_streams(steps, nats, source, manifest, fresh / stamp, force=force)
        with steps.step("Putting the keys in their place"):
            for name in manifest.state:
                # The broker that was just filled has made an authority of its own.
                (fresh / name).unlink(missing_ok=True)
                safefiles.copy_owned(source / archive.STATE / name, fresh / name, os.geteuid())
            _swap(steps, fresh, state_dir, stamp if in_the_way else None)


def _swap(steps: Steps, fresh: Path, state_dir: Path, stamp: str | None) -> None:
    """Put the new folder in the old one's place; with a stamp the old one stays beside it."""
    if stamp is None:
        if state_dir.exists():
            shutil.rmtree(state_dir)
        fresh.rename(state_dir)
        return
    aside = state_dir.with_name(f"{state_dir.name}.{stamp}")
    state_dir.rename(aside)
    try:
        fresh.rename(state_dir)
    except OSError:
        aside.rename(state_dir)
        raise
    steps.say(f"  what was there before: {aside}")


def _taken(state_dir: Path, stack: contextlib.ExitStack, *, force: bool) -> bool:
    """Hold the target folder; tell whether it has something to be moved aside. Raises LaunchError when it may not."""
    if not os.path.lexists(state_dir):
        return False
    statedir.check_existing(state_dir)
    names = {entry.name for entry in state_dir.iterdir()}
    if not names:
        return False
    if not statedir.is_ours(state_dir):
        raise LaunchError(f"{state_dir} is not a state folder of Anban: choose another --state-dir")
    lock = statedir.StateLock(state_dir)
    lock.acquire()
    stack.callback(lock.release)
    if names <= _HARMLESS:
        return False
    if not force:
        raise LaunchError(f"{state_dir} holds data: --force moves it aside, or choose another --state-dir")
    return True


@contextlib.contextmanager
def _staging(state_dir: Path) -> Iterator[Path]:
    """Yield a new state folder beside the wished one, held; deleted unless it was renamed."""
    state_dir.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = statedir.prepare(state_dir.with_name(f".{secrets.token_hex(3)}.new"))
    lock = statedir.StateLock(fresh)
    lock.acquire()
    try:
        yield fresh
    except OSError as error:
        raise LaunchError(f"the restore broke off, nothing was changed: {error.strerror or error}") from None
    finally:
        lock.release()
        shutil.rmtree(fresh, ignore_errors=True)


def _into_servers(
    steps: Steps, source: Path, manifest: archive.Manifest, state_dir: Path, stamp: str, *, force: bool
) -> None:
    """Fill the servers that the settings name; the state folder takes the keys."""
    database, nats = str(sources.external_database()), sources.external_nats()
    statedir.prepare(state_dir)
    if nats is not None and manifest.broker is not None:
        _check_streams(nats, force=force)
    _make_room(steps, database, manifest, stamp, force=force)
    with steps.step("Restoring the database"):
        _fill_database(database, source, manifest)
    with steps.step("Restoring what the broker held"):
        if nats is not None and manifest.broker is not None:
            _replace_streams(steps, nats, source, manifest, state_dir / stamp, force=force)
    with steps.step("Putting the keys in their place"):
        for name in manifest.state:
            if os.path.lexists(state_dir / name):
                (state_dir / name).rename(state_dir / f"{name}.{stamp}")
            safefiles.copy_owned(source / archive.STATE / name, state_dir / name, os.geteuid())


def _make_room(steps: Steps, url: str, manifest: archive.Manifest, stamp: str, *, force: bool) -> None:
    if force and dump.holds_tables(url):
        steps.say(f"  the database that was there before: {dump.move_aside(url, stamp)}")
    dump.check_room(url, manifest.storage)


def _fill_database(url: str, source: Path, manifest: archive.Manifest) -> None:
    dump.restore(url, source / archive.DATABASE, manifest.storage, manifest.rows)


def _fill_broker(nats: str, source: Path, manifest: archive.Manifest) -> None:
    found = {stream.name: stream.messages for stream in broker_snapshot.restore(nats, source / archive.BROKER)}
    differing = sorted(name for name, count in (manifest.broker or {}).items() if found.get(name) != count)
    if differing:
        raise LaunchError(f"after the restore the broker's {', '.join(differing)} differ from the backup's")


def _check_streams(nats: str, *, force: bool) -> None:
    used = [stream.name for stream in broker_snapshot.streams(nats) if stream.messages or stream.consumers]
    if used and not force:
        raise LaunchError(f"the broker holds {', '.join(used)}: --force saves them aside first")


def _replace_streams(
    steps: Steps, nats: str, source: Path, manifest: archive.Manifest, aside: Path, *, force: bool
) -> None:
    """Put the streams into a broker of one's own; those that it has are saved aside first."""
    _check_streams(nats, force=force)
    present = broker_snapshot.streams(nats)
    if any(stream.messages or stream.consumers for stream in present):
        aside.mkdir(mode=0o700)
        broker_snapshot.save(nats, aside)
        steps.say("  what the broker held before is saved in the state folder")
    broker_snapshot.delete(nats, [stream.name for stream in present])
    _fill_broker(nats, source, manifest)
    if present:
        steps.say("  restart the broker now, before the services: it remembers the sessions it had")
