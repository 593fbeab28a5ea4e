"""`./anban status`: how everything is, what is wrong, and an exit code to act on."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from launcher import figures, ports, sources, statedir
from launcher.backup import LAST_BACKUP
from launcher.failure import LaunchError
from launcher.service import Status
from launcher.supervisor import PROCESSES

# A message that waited this long (seconds) is no longer on its way.
OLDEST_LIMIT = 60.0
# Less free space than this stops the broker and the database soon.
FREE_BYTES_LIMIT = 1024**3
# The mean since the control centre's start; screens call themselves stale after 6 s.
FEED_DELAY_LIMIT = 1.0
RESTARTS_LIMIT = 5
# One of the engines audits once a minute.
AUDIT_LIMIT = timedelta(minutes=3)
_OURS = ("ingest-telemetry", "ingest-event", "dispatch", "control-center", "device-auth")


@dataclass(frozen=True)
class Process:
    """One process: `state` as the supervisor calls it, `why` when it says that it cannot work."""

    name: str
    pid: int | None
    state: str
    healthy: bool | None
    restarts: int
    why: str = ""


@dataclass
class Report:
    """Everything that the command shows; `wrong` is what somebody should look at."""

    at: str
    state_dir: str
    running: bool
    processes: list[Process] = field(default_factory=list)
    feed_delay_seconds: float | None = None
    broker: figures.BrokerFigures | None = None
    database: figures.DatabaseFigures | None = None
    disk: dict[str, int] = field(default_factory=dict)
    last_backup: dict[str, Any] | None = None
    wrong: list[str] = field(default_factory=list)


def run(console: Console, state_dir: Path, *, as_json: bool) -> int:
    """Print the report; returns 0 when all is well and 1 when something is wrong.

    Raises LaunchError when nothing runs.
    """
    statedir.check_existing(state_dir)
    running = sources.is_running(state_dir)
    if not running and sources.external_database() is None:
        raise LaunchError(f"nothing runs on {state_dir}")
    report = gather(state_dir, datetime.now(UTC), running=running)
    if as_json:
        print(json.dumps(asdict(report), ensure_ascii=False, indent=1, default=str))
    else:
        _print(console, report)
    return 1 if report.wrong else 0


def gather(state_dir: Path, now: datetime, *, running: bool) -> Report:
    """Ask everybody; whoever does not answer is a thing that is wrong."""
    report = Report(now.isoformat(), str(state_dir), running)
    found = sources.recorded_sources(state_dir)
    if running:
        _look_at_processes(report, state_dir)
    try:
        report.database = figures.ask_database(found.database, now)
    except LaunchError as error:
        report.wrong.append(str(error))
    if found.nats is not None:
        try:
            report.broker = figures.ask_broker(found.nats, now)
        except LaunchError as error:
            report.wrong.append(str(error))
    _look_at_disk(report, state_dir)
    report.last_backup = statedir.read_record(state_dir / LAST_BACKUP) or None
    _judge(report)
    return report


def _look_at_processes(report: Report, state_dir: Path) -> None:
    for name, said in statedir.read_record(state_dir / PROCESSES).items():
        report.processes.append(_process(name, said))
        if name == "control-center" and isinstance(said.get("metrics_port"), int):
            report.feed_delay_seconds = _feed_delay(said["metrics_port"])


def _process(name: str, said: dict[str, Any]) -> Process:
    state, port = str(said.get("status")), said.get("health_port")
    healthy, why = None, str(said.get("last_exit") or "")
    if state == Status.READY:
        healthy, why = (True, "") if not isinstance(port, int) else _health(port)
    return Process(name, said.get("pid"), state, healthy, int(said.get("restarts") or 0), why)


def _health(port: int) -> tuple[bool, str]:
    answer = ports.ask(port, "/health")
    if answer is None:
        return False, "does not answer"
    try:
        why = str(json.loads(answer.body).get("why", ""))
    except (ValueError, AttributeError):
        why = ""
    return answer.status == 200, why


def _feed_delay(port: int) -> float | None:
    """Return the mean seconds from an event to its frames; None before the first event."""
    metrics = (ports.get(port, "/metrics") or b"").decode(errors="replace")
    sums = {line.split(" ")[0]: float(line.split(" ")[1]) for line in metrics.splitlines() if _is_delay(line)}
    count = sums.get("anban_feed_delay_seconds_count", 0.0)
    return sums.get("anban_feed_delay_seconds_sum", 0.0) / count if count else None


def _is_delay(line: str) -> bool:
    return line.startswith(("anban_feed_delay_seconds_sum ", "anban_feed_delay_seconds_count "))


def _look_at_disk(report: Report, state_dir: Path) -> None:
    if state_dir.is_dir():
        used = 0
        for path in state_dir.rglob("*"):
            try:
                used += path.lstat().st_blocks * 512
            except OSError:
                continue
        report.disk = {"used_bytes": used, "free_bytes": shutil.disk_usage(state_dir).free}


def _judge(report: Report) -> None:
    """Add what somebody should look at."""
    wrong = report.wrong
    for process in report.processes:
        if process.state not in (Status.READY, Status.FINISHED):
            wrong.append(f"{process.name} is {process.state}{f': {process.why}' if process.why else ''}")
        elif process.healthy is False:
            wrong.append(f"{process.name} is not ready: {process.why or 'no reason given'}")
        elif process.restarts >= RESTARTS_LIMIT:
            wrong.append(f"{process.name} was restarted {process.restarts} times")
    if report.running and not report.processes:
        wrong.append("the launcher does not say which processes it runs")
    if report.feed_delay_seconds is not None and report.feed_delay_seconds > FEED_DELAY_LIMIT:
        wrong.append(f"screens hear of events after {report.feed_delay_seconds:.1f} s")
    if report.broker is not None and (report.broker.oldest_seconds or 0.0) > OLDEST_LIMIT:
        wrong.append(f"the oldest message waits in the broker since {report.broker.oldest_seconds:.0f} s")
    if report.disk and report.disk["free_bytes"] < FREE_BYTES_LIMIT:
        wrong.append(f"only {report.disk['free_bytes'] / 1e6:.0f} MB of disk are free")
    if report.database is not None:
        _judge_database(report.database, wrong, datetime.fromisoformat(report.at), alone=not report.running)


def _judge_database(database: figures.DatabaseFigures, wrong: list[str], now: datetime, *, alone: bool) -> None:
    late = {name: number for name, number in database.overdue.items() if number}
    if late:
        wrong.append(f"deadlines nobody acted on: {_counts(late)}")
    audit = database.audit
    if audit is not None and audit.violations:
        wrong.append(f"the engines' audit found {audit.violations} things that do not move")
    if audit is not None and now - audit.checked_at > AUDIT_LIMIT:
        wrong.append(f"nobody has audited the engines since {audit.checked_at:%Y-%m-%d %H:%M:%S} UTC")
    # Without a supervisor of ours the database knows best who is there.
    absent = [name for name in _OURS if alone and not any(said.startswith(name) for said in database.sessions)]
    if absent:
        wrong.append(f"no database session of {', '.join(absent)}")


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items()) or "none"


def _print(console: Console, report: Report) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for process in report.processes:
        mark = "[green]✓[/]" if process.healthy in (True, None) and process.state != Status.WAITING else "[red]✗[/]"
        pid = "" if process.pid is None else f"pid {process.pid}"
        table.add_row(mark, process.name, process.state, pid, f"restarts {process.restarts}", process.why[:80])
    console.print(table)
    for name, text in _lines(report):
        console.print(f"  {name}: {text}", highlight=False, soft_wrap=True)
    for text in report.wrong:
        console.print(f"[red]![/] {text}", highlight=False, soft_wrap=True)
    if not report.wrong:
        console.print("[green]All is well.[/]")


def _engines(database: figures.DatabaseFigures) -> str:
    audit = database.audit
    said = (
        "not audited yet" if audit is None else f"audited at {audit.checked_at:%H:%M:%S} UTC, {audit.violations} found"
    )
    return f"{database.engines} living, {said}"


def _lines(report: Report) -> list[tuple[str, str]]:
    lines = []
    if report.database is not None:
        database = report.database
        lines += [
            ("storage", f"{database.storage.described}, {database.size / 1e6:.1f} MB"),
            ("open alarms", _counts(database.alarms)),
            ("open orders", f"{_counts(database.orders)}; open offers {database.offers}"),
            ("orders that ask for a person", _counts(database.attention)),
            ("overdue deadlines", _counts(database.overdue)),
            ("engines", _engines(database)),
        ]
    if report.broker is not None:
        oldest = report.broker.oldest_seconds
        since = "" if oldest is None else f", the oldest since {oldest:.1f} s"
        lines.append(("waiting in the broker", _counts(report.broker.waiting) + since))
    if report.feed_delay_seconds is not None:
        lines.append(("feed delay", f"{report.feed_delay_seconds * 1000:.0f} ms on average"))
    if report.disk:
        used, free = report.disk["used_bytes"] / 1e6, report.disk["free_bytes"] / 1e9
        lines.append(("disk", f"{used:.0f} MB used in {report.state_dir}, {free:.1f} GB free"))
    last = report.last_backup
    lines.append(("last backup", "none" if last is None else f"{last.get('at')} in {last.get('folder')}"))
    return lines
