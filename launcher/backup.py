"""`./anban backup DIR`: everything that was acknowledged before it began, while the service goes on."""

import contextlib
import os
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console

from launcher import archive, broker_snapshot, dump, safefiles, sources, statedir
from launcher.demo import interruptible
from launcher.failure import LaunchError
from launcher.steps import Steps

LAST_BACKUP = "last-backup.json"


def run(console: Console, target: Path, state_dir: Path) -> None:
    """Make one backup in a new folder. Raises LaunchError, and leaves nothing half-made, when it cannot."""
    made_at = datetime.now(UTC)
    with interruptible():
        with Steps(console, 3) as steps, archive.written(target) as folder:
            with sources.opened(state_dir) as found:
                manifest = _fill(folder, found, state_dir, made_at, steps)
            (folder / archive.MANIFEST).write_text(manifest.text())
        size = sum(path.stat().st_size for path in archive.files_in(target))
        _remember(state_dir, target, made_at, size)
    rows = sum(manifest.rows.values())
    waiting = "" if manifest.broker is None else f", {sum(manifest.broker.values())} messages of the broker"
    console.print(f"Backup: {target} ({size / 1e6:.1f} MB, {rows} rows{waiting})", highlight=False, soft_wrap=True)


def _fill(folder: Path, found: sources.Sources, state_dir: Path, made_at: datetime, steps: Steps) -> archive.Manifest:
    """Write all parts, the broker first: what it no longer holds then is in the database that is dumped after it."""
    broker = None
    if found.nats is None:
        steps.say("[yellow]![/] No NATS address is known: what the broker holds is not part of this backup")
    else:
        with steps.step("Saving what the broker holds"):
            (folder / archive.BROKER).mkdir(mode=0o700)
            broker = {
                stream.name: stream.messages for stream in broker_snapshot.save(found.nats, folder / archive.BROKER)
            }
    with steps.step("Dumping the database"):
        storage, rows = dump.dump(found.database, folder / archive.DATABASE)
    with steps.step("Copying the keys of the state folder"):
        state = _copy_state(state_dir, folder / archive.STATE)
    return archive.Manifest(_version(), made_at, storage, dump.schema_versions(found.database), rows, broker, state)


def _copy_state(state_dir: Path, target: Path) -> list[str]:
    names = [name for name in sources.STATE_FILES if os.path.lexists(state_dir / name)]
    if names:
        target.mkdir(mode=0o700)
    for name in names:
        try:
            safefiles.copy_owned(state_dir / name, target / name, os.geteuid())
        except OSError as error:
            raise LaunchError(f"cannot copy {state_dir / name}: {error.strerror}") from None
    return names


def _version() -> str:
    try:
        return version("anban")
    except PackageNotFoundError:
        return "unknown"


def _remember(state_dir: Path, target: Path, made_at: datetime, size: int) -> None:
    """Note the backup for `./anban status`; one without a folder of state goes unnoted."""
    if state_dir.is_dir():
        said = {"at": made_at.isoformat(), "folder": str(target.absolute()), "bytes": size}
        with contextlib.suppress(OSError):
            statedir.write_record(state_dir / LAST_BACKUP, said)
