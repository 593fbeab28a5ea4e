"""`python -m load_tests bench alarms`: what the launcher runs for `./anban bench alarms`."""

import json as json_format
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import psycopg
import typer
from psycopg.rows import TupleRow
from rich.console import Console
from rich.table import Table

from load_tests.alarms_bench import account, closing, sweep_cost
from load_tests.alarms_bench.cast import Cast, prepare
from load_tests.alarms_bench.life import ENGINES, Life, Span, lived
from load_tests.alarms_bench.people import People, Story
from load_tests.alarms_bench.plan import plan
from load_tests.ingest_bench.processes import ProcessTable, used
from load_tests.ingest_bench.result import spread
from load_tests.percentiles import percentile
from load_tests.progress import Progress
from schemas.clock import Clock, clock_of
from schemas.database import connect
from schemas.settings import Settings, load_settings

NOTIFY_LIMIT_MS: Final = 200.0
RATE_LIMIT: Final = 50.0
LATE_LIMIT_MS: Final = 250.0
"""Players that are later than this in one case of a hundred say that the machine had other things to do."""
SIZES: Final = (10, 1_000, 100_000)
GROWTH: Final = 3.0
"""A sweep of the same number of due deadlines may take so many times as long among many as among few."""
_READY_SECONDS: Final = 60.0
Json = dict[str, Any]


class NotMeasurable(Exception):
    """The service that is measured lacks what a replay needs."""


@dataclass(frozen=True)
class Replay:
    """What was asked for; at a pace below 1 incidents and policies take less time, and as many begin in a second."""

    incidents: int
    per_second: float
    kill_every: float
    most_open: int
    pace: float
    seed: int


@dataclass
class Run:
    """What a replay yields before it is judged."""

    cast: Cast
    people: People
    life: Life
    spans: list[Span]
    seconds: float
    closing_seconds: float
    call_backs: int
    left: int
    cpu: dict[str, float]
    log: Path


def alarms(
    incidents: Annotated[int, typer.Option(min=10, max=18_000, help="How many incidents are replayed.")] = 10_000,
    per_second: Annotated[float, typer.Option(min=1, max=1000, help="How many begin in a second.")] = 55.0,
    kill_every: Annotated[float, typer.Option(min=0, max=600, help="Seconds between kills; 0 kills nobody.")] = 12.0,
    most_open: Annotated[int, typer.Option(min=10, max=1_000_000, help="Open deadlines to sweep among.")] = 100_000,
    pace: Annotated[
        float, typer.Option(min=0.1, max=1, help="In which share of their time incidents and policies take place.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Of what happens when.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Where the figures are written.")] = None,
) -> None:
    """Replay incidents while both engines are killed again and again; exit 0 if every promise was kept."""
    console = Console(highlight=False, soft_wrap=True)
    settings = load_settings()
    replay = Replay(incidents, per_second, kill_every, most_open, pace, seed)
    report = measure(settings, replay, console)
    if json is not None:
        json.write_text(json_format.dumps(report, indent=2) + "\n", encoding="utf-8")
    table = Table("figure", "value", box=None, padding=(0, 2))
    for name, value in report.items():
        table.add_row(name, json_format.dumps(value) if isinstance(value, dict | list) else str(value))
    console.print(table)
    raise typer.Exit(0 if report["holds"] else 1)


def measure(settings: Settings, replay: Replay, console: Console) -> Json:
    """Play a replay on a running service of two engines; returns the figures. Raises NotMeasurable, TooFewElders."""
    if settings.clock_file is None or settings.voice_url is None or settings.sms_url is None:
        raise NotMeasurable("a clock file and a provider's address are needed: ./anban bench alarms gives them")
    clock, table = clock_of(settings), ProcessTable(settings.state_dir)
    with (
        tempfile.TemporaryDirectory(prefix="anban-bench-") as folder,
        Progress(console, replay.incidents / replay.per_second) as progress,
        connect(settings.database_url, "bench") as conn,
        _provider(urlsplit(settings.voice_url).port or 80, Path(folder) / "provider.jsonl") as log,
    ):
        cast = prepare(conn, replay.incidents, clock(), replay.pace)
        life = Life(settings.database_url, clock, table, replay.kill_every, replay.seed)
        planned = plan(replay.incidents, replay.per_second, replay.seed, replay.pace)
        people = People(settings.database_url, clock, cast, planned, replay.pace)
        run = _play(settings, clock, table, cast, people, life, log, progress.tell)
        found = figures(conn, run, replay.pace)
        sizes = [size for size in SIZES if size < replay.most_open] + [replay.most_open]
        with sweep_cost.engines_standing_still(table):
            progress.tell(0.9, "Measuring sweeps")
            found["sweep"] = sweep_cost.measure(settings, clock(), sizes, lambda said: progress.tell(0.95, said))
    found["sweep_growth"] = _growth(found["sweep"])
    found["holds"] = found["holds"] and found["sweep_growth"] <= GROWTH
    return {"holds": found.pop("holds"), **found}


@contextmanager
def _provider(port: int, log: Path) -> Iterator[Path]:
    """A provider in a process of its own, which ends with this one."""
    command = [sys.executable, "-m", "load_tests.alarms_bench.provider", str(port), str(log)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield log
    finally:
        process.communicate(timeout=20)


def _play(
    settings: Settings,
    clock: Clock,
    table: ProcessTable,
    cast: Cast,
    people: People,
    life: Life,
    log: Path,
    tell: Callable[[float, str], None],
) -> Run:
    life.start()
    _until(lambda: life.living() >= len(ENGINES), "both engines to sweep")
    before, began = table.look(with_memory=False), time.time()
    total = len(people.stories)
    people.play(lambda done: tell(0.8 * done / total, f"{done} of {total} incidents are over"))
    seconds, cpu = time.time() - began, used(before, table.look(with_memory=False))
    closing_began = time.time()
    assert settings.clock_file is not None  # noqa: S101
    closing.move(settings.clock_file, closing.NEXT_DAY)
    tell(0.82, "Calling back on the next day")
    call_backs = closing.call_back(settings.database_url, clock, cast.supervisor)
    closing.move(settings.clock_file, closing.A_DAY_LATER)
    left = closing.wait_until_closed(settings.database_url, lambda number: tell(0.86, f"{number} are not closed yet"))
    life.stop()
    spans = life.spans(time.time())
    return Run(cast, people, life, spans, seconds, time.time() - closing_began, call_backs, left, cpu, log)


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise NotMeasurable(f"waited {_READY_SECONDS:.0f} s for {what}")
        time.sleep(0.05)


def figures(conn: psycopg.Connection[TupleRow], run: Run, pace: float) -> Json:
    """Everything that was measured but the sweep's cost; times in ms unless the name says otherwise."""
    stories = run.people.stories
    ids = [story.alarm_id for story in stories if story.alarm_id is not None]
    falls = {story.alarm_id for story in stories if story.planned.kind == "fall"}
    steps = account.Steps()
    for alarm_id, timeline in account.read_timelines(conn, ids).items():
        account.judge(timeline, run.spans, steps, is_fall=alarm_id in falls, pace=pace)
    heard = account.first_heard(conn, ids, run.log)
    everybody, undisturbed = account.waits_to_notify(stories, heard, run.spans, run.life.kills)
    by_kind = {
        kind: account.waits_to_notify(
            [story for story in stories if story.planned.kind == kind], heard, run.spans, run.life.kills
        )[1]
        for kind in sorted({story.planned.kind for story in stories} - {"fall"})
    }
    open_ones, after = account.unclosed(conn, ids), account.claimed_after_acknowledgement(conn)
    notify, rate = spread(undisturbed), account.rate(stories)
    players_late = 1000 * (percentile(run.people.lateness, 0.99) or 0.0)
    late = len(steps.late) + steps.missing
    kept = not (open_ones or late or after or run.people.won_twice or run.people.failures)
    return {
        "holds": kept and len(ids) == len(stories) and (notify["p99"] or 0.0) <= NOTIFY_LIMIT_MS and rate >= RATE_LIMIT,
        "incidents": len(stories),
        "unclosed": len(open_ones) + len(stories) - len(ids),
        "late_escalations": late,
        "steps_missing": steps.missing,
        "steps_taken": steps.taken,
        "steps_early": steps.early,
        "step_delay_ms": spread(steps.delays),
        "notified_after_acknowledgement": after,
        "raise_to_notify_ms": notify,
        "raise_to_notify_with_kills_ms": spread(everybody),
        "raise_to_notify_by_kind_ms": {kind: spread(waits) for kind, waits in by_kind.items()},
        "incidents_per_second": round(rate, 1),
        "incidents_per_second_in_all": round(len(stories) / run.seconds, 1),
        "seconds": round(run.seconds, 1),
        "closing_seconds": round(run.closing_seconds, 1),
        "engines_killed": len(run.life.kills),
        "seconds_without_engine": round(_dead(run.spans, stories), 1),
        "acknowledged_twice": run.people.won_twice,
        "operators_told_too_late": dict(run.people.told),
        "call_backs": run.call_backs,
        "left_open": run.left,
        "alarms_by_state": account.states(conn),
        "notifications_by_state": account.sent(conn),
        "generator_late_ms": {"p99": round(players_late, 1)},
        "void": players_late > LATE_LIMIT_MS,
        "failures": run.people.failures[:5],
        "cpu_seconds": {name: round(spent, 1) for name, spent in sorted(run.cpu.items())},
    }


def _dead(spans: list[Span], stories: list[Story]) -> float:
    begin = min((story.raised for story in stories if story.raised), default=0.0)
    end = max((story.ended for story in stories if story.ended), default=begin)
    return end - begin - lived(spans, begin, end)


def _growth(sweep: Json) -> float:
    """How many times as long a sweep with the same number of due deadlines takes among the most as among the fewest."""
    few, many = (sweep[size][f"{sweep_cost.DUE}_due_ms"] for size in (min(sweep, key=int), max(sweep, key=int)))
    return round(many / few, 2) if few else 0.0
