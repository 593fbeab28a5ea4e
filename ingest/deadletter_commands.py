"""`python -m ingest deadletter list|show|redrive|drop`: what somebody at the machine does with dead letters."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg.rows import TupleRow
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from ingest.kept_letters import Selection, drop_letters, find_letters, read_letter
from ingest.redrive import BrokerAway, Redriven, RedrivePublisher, came_back, redrive
from schemas.database import Row, connect, transaction
from schemas.host_user import host_user
from schemas.settings import load_settings

PAUSE_SECONDS: Final = 0.1
PREVIEW_BYTES: Final = 2000

deadletter = typer.Typer(no_args_is_help=True, help="Look after messages that could not be used.")
Ids = Annotated[list[int] | None, typer.Argument(help="Which letters (as `list` names them).", metavar="[ID]...")]
Reason = Annotated[str | None, typer.Option(help="Only letters with this reason, such as invalid_json.")]
Device = Annotated[str | None, typer.Option(help="Only letters of this device.")]
OlderThan = Annotated[float | None, typer.Option(min=0, help="Only letters not seen again for so many days.")]
Everything = Annotated[bool, typer.Option("--all", help="Every letter there is.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def _opened() -> Iterator[psycopg.Connection[TupleRow]]:
    try:
        with connect(load_settings().database_url, "deadletter", patience_seconds=30) as conn:
            yield conn
    except psycopg.Error as error:
        _fail(f"the database refused: {str(error).strip().splitlines()[0]}")


def _fail(why: str) -> None:
    typer.echo(f"anban: {why}", err=True)
    raise typer.Exit(1)


def _selection(
    ids: list[int] | None, reason: str | None, device: str | None, older_than: float | None, *, redriven: bool = False
) -> Selection:
    before = None if older_than is None else datetime.now(UTC) - timedelta(days=older_than)
    return Selection(tuple(ids or ()), reason, device, before, with_redriven=redriven)


def _chosen(conn: psycopg.Connection[TupleRow], selection: Selection, *, everything: bool) -> list[Row]:
    """The letters to act on, oldest first; ends the command when nothing says which, or an id is not there."""
    if selection.is_everything and not everything:
        _fail("say which letters: their ids, --reason, --device, --older-than or --all")
    with transaction(conn) as tx:
        found = find_letters(tx, selection)
    missing = sorted(set(selection.ids) - {letter["id"] for letter in found})
    if missing:
        _fail(f"no such dead letter: {', '.join(map(str, missing))}")
    return found[::-1]


@deadletter.command("list")
def list_letters(
    reason: Reason = None,
    device: Device = None,
    older_than: OlderThan = None,
    redriven: Annotated[bool, typer.Option("--redriven", help="Also those that were given back since.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List messages that could not be used, newest first, without their bytes."""
    with _opened() as conn, transaction(conn) as tx:
        found = find_letters(tx, _selection(None, reason, device, older_than, redriven=redriven), limit)
    if as_json:
        for letter in found:
            typer.echo(json.dumps(letter, default=_plain, ensure_ascii=False))
        return
    table = Table("id", "last received", "times", "device", "reason", "what was wrong", "bytes", "redriven", box=None)
    for letter in found:
        given_back = letter["redriven_at"]
        table.add_row(
            str(letter["id"]),
            f"{letter['last_received_at']:%Y-%m-%d %H:%M:%S}",
            str(letter["times"]),
            letter["device_id"] or "–",
            letter["reason"],
            escape(_visible(letter["detail"][:80])),
            str(letter["payload_size"]),
            f"{given_back:%Y-%m-%d %H:%M:%S}" if given_back else "",
        )
    console = _console()
    console.print(table)
    console.print(f"{len(found)} dead letters" + (f" (the newest {limit})" if len(found) == limit else ""))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _visible(text: str) -> str:
    """A stranger's words without what would speak to the terminal."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


@deadletter.command()
def show(
    letter_id: Annotated[int, typer.Argument(help="Which letter.", metavar="ID")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the bytes, and nothing else, to standard output.")] = False,
) -> None:
    """Show one letter with its bytes; that it was read is recorded."""
    with _opened() as conn, transaction(conn) as tx:
        letter = read_letter(tx, datetime.now(UTC), letter_id, host_user())
    if letter is None:
        _fail(f"no such dead letter: {letter_id}")
        return
    payload = bytes(letter.pop("payload"))
    if raw:
        sys.stdout.buffer.write(payload)
        return
    for name, value in letter.items():
        typer.echo(f"{name:17} {'–' if value is None else _visible(_plain(value))}")
    typer.echo(f"{'payload':17} {payload[:PREVIEW_BYTES]!r}")
    if len(payload) > PREVIEW_BYTES:
        typer.echo(f"{'':17} … and {len(payload) - PREVIEW_BYTES} bytes more: --raw writes them all")


@deadletter.command("redrive")
def redrive_letters(
    ids: Ids = None,
    reason: Reason = None,
    device: Device = None,
    older_than: OlderThan = None,
    everything: Everything = False,
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to look who comes back.")] = 3.0,
) -> None:
    """Give letters to the broker once more; exit code 1 when one was refused or came back."""
    who, console = host_user(), _console()
    with _opened() as conn:
        letters = _chosen(conn, _selection(ids, reason, device, older_than), everything=everything)
        outcomes: list[Redriven] = []
        try:
            with RedrivePublisher(load_settings().mqtt_address) as publisher:
                for letter in track(letters, "Redriving", console=console, disable=not console.is_terminal):
                    with transaction(conn) as tx:
                        outcomes.append(redrive(tx, datetime.now(UTC), publisher, letter["id"], who))
        except BrokerAway as error:
            _say_refused(console, outcomes)
            _fail(f"{error} ({len(outcomes)} of {len(letters)} letters done)")
        given = [outcome.id for outcome in outcomes if not outcome.refusal]
        returned = _returned(conn, given, wait)
    _say_refused(console, outcomes)
    for letter in returned:
        console.print(f"{letter['id']}: came back, {letter['reason']}: {escape(_visible(letter['detail']))}")
    console.print(f"{len(given)} redriven, {len(outcomes) - len(given)} refused, {len(returned)} came back")
    raise typer.Exit(1 if returned or len(given) < len(outcomes) else 0)


def _say_refused(console: Console, outcomes: list[Redriven]) -> None:
    for outcome in outcomes:
        if outcome.refusal:
            console.print(f"{outcome.id}: not redriven: {escape(_visible(outcome.refusal))}")


def _returned(conn: psycopg.Connection[TupleRow], given: list[int], seconds: float) -> list[Row]:
    """Who came back within the time; all of them having come back, there is nothing more to wait for."""
    until = time.monotonic() + seconds
    while True:
        with transaction(conn) as tx:
            returned = came_back(tx, given) if given else []
        if len(returned) == len(given) or time.monotonic() >= until:
            return returned
        time.sleep(PAUSE_SECONDS)


@deadletter.command("drop")
def drop(
    ids: Ids = None,
    reason: Reason = None,
    device: Device = None,
    older_than: OlderThan = None,
    everything: Everything = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete letters for good; who did it, and what they were, stays on record."""
    with _opened() as conn:
        selection = _selection(ids, reason, device, older_than, redriven=True)
        letters = _chosen(conn, selection, everything=everything)
        if letters and not yes and not typer.confirm(f"Delete {len(letters)} dead letters for good?"):
            _fail("nothing was dropped")
        with transaction(conn) as tx:
            dropped = drop_letters(tx, datetime.now(UTC), letters, host_user())
    _console().print(f"{dropped} dropped")
