"""`python -m control_center devices import FILE`: what somebody at the machine does with the register of devices."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TextIO

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from control_center.device_file import Fault, RefusedLine, Unreadable, read_lines
from control_center.device_import import Imported, Importer, Label
from schemas.database import connect
from schemas.host_user import host_user
from schemas.settings import load_settings

FAULTS: Final[Mapping[Fault, str]] = {
    "bad_line": "the line is not CSV in UTF-8, is too long or has more fields than the header",
    "bad_device": "device must be 1 to 40 letters, digits, - or _",
    "bad_kind": "there is no such kind of device",
    "bad_secret": "secret_sha256 must be 64 hexadecimal digits",
    "two_secrets": "give secret or secret_sha256, not both",
    "weak_secret": "a secret has at least 32 characters",
    "bad_claim_code": "the claim code is mistyped",
    "bad_elder": "elder_id must be a number",
    "bad_household": "household_id must be a number",
    "two_holders": "give elder_id or household_id, not both",
    "twice_in_file": "an earlier line has this device or claim code",
    "already_registered": "registered already, with another kind, secret or claim code, or revoked",
    "claim_code_taken": "another device has this claim code",
    "no_such_elder": "there is no such elder",
    "no_such_household": "there is no such household",
    "held_by_another": "registered already, and somebody else has it: pass it on in the control centre",
    "no_labels": "has no secret: with --labels FILE one is made",
}
SHOWN: Final = 10

devices = typer.Typer(no_args_is_help=True, help="Look after the register of devices.")


@devices.callback()
def _devices() -> None:
    """Look after the register of devices."""


@devices.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a header: device, kind, …", metavar="FILE")],
    report: Annotated[Path | None, typer.Option(help="Where every refused line is written (CSV).")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="A new private file for the secrets and claim codes that are made (CSV).")
    ] = None,
) -> None:
    """Register the devices of a file: exit code 0 all are, 1 some lines were refused, 2 nothing could be done."""
    console = Console(stderr=True, highlight=False)
    try:
        size = file.stat().st_size
        with (
            connect(load_settings().database_url, "devices", patience_seconds=30) as conn,
            _label_printer(labels) as keep_labels,
            _progress(console, size) as advance,
        ):
            importer = Importer(conn, lambda: datetime.now(UTC), host_user(), keep_labels)
            outcome = importer.take(read_lines(file), advance)
        if report is not None:
            _write_report(report, outcome.refused)
    except Unreadable as error:
        _fail(f"{file} cannot be used: {error}")
    except OSError as error:
        _fail(f"{error.filename or file}: {error.strerror or error}")
    except psycopg.Error as error:
        _fail(f"the database refused: {str(error).strip().splitlines()[0]}; what was registered so far stays")
    _say(console, outcome, report)
    raise typer.Exit(1 if outcome.refused else 0)


def _fail(why: str) -> None:
    typer.echo(f"anban: {why}", err=True)
    raise typer.Exit(2)


@contextmanager
def _progress(console: Console, size: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("Registering devices"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("devices", total=size)

        def advance(done: int) -> None:
            progress.advance(task, done)

        yield advance


@contextmanager
def _label_printer(path: Path | None) -> Iterator[Callable[[Sequence[Label]], None] | None]:
    """Writes labels so that they are on the disk before the devices are registered; OSError when the file exists."""
    if path is None:
        yield None
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("device", "kind", "secret", "claim_code"))

        def keep(made: Sequence[Label]) -> None:
            writer.writerows((one.device_id, one.kind, one.secret or "", one.claim_code or "") for one in made)
            _to_disk(file)

        _to_disk(file)
        yield keep


def _to_disk(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _write_report(path: Path, refused: Sequence[RefusedLine]) -> None:
    """Every refused line by its number; no secret is repeated in it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "device", "reason", "what_is_wrong"))
        for one in sorted(refused, key=lambda one: one.line):
            writer.writerow((one.line, one.device_id, one.fault, FAULTS[one.fault]))


def _say(console: Console, outcome: Imported, report: Path | None) -> None:
    console.print(
        f"{outcome.registered} registered, {outcome.unchanged} were already, {len(outcome.refused)} lines refused"
    )
    for fault, times in Counter(one.fault for one in outcome.refused).most_common():
        console.print(f"  {times} × {FAULTS[fault]}")
    if report is not None:
        console.print(f"each of them: {report}")
        return
    for one in outcome.refused[:SHOWN]:
        console.print(f"  line {one.line} {one.device_id}: {FAULTS[one.fault]}")
    if len(outcome.refused) > SHOWN:
        console.print("  … (--report FILE tells all)")
