"""`python -m load_tests bench peer`: the fleet against one peer, and what it stored at which cost."""

import asyncio
import json as json_format
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg import sql
from psycopg.rows import TupleRow
from rich.console import Console

from device_sim.fleet import allow_many_descriptors
from load_tests.fleet import frames
from load_tests.fleet.fleet import Fleet
from load_tests.fleet.plan import Plan
from load_tests.ingest_bench.processes import ProcessTable, used
from load_tests.peers.subjects import SUBJECTS, Subject
from load_tests.percentiles import percentile
from load_tests.progress import Progress
from schemas.database import connect
from schemas.settings import MqttAddress, Settings, load_settings

CONNECTS_PER_SECOND: Final = 500.0
SETTLE_SECONDS: Final = 20.0
STILL_SECONDS: Final = 3.0
BACKLOG_MS: Final = 2000.0
"""Who takes longer than this for one message in a hundred has a queue that grows."""
LATE_LIMIT_MS: Final = 50.0
"""A generator that is later than this in one case of a hundred measures itself."""
_WARM_UP_SECONDS: Final = 4.0
_LOOK_SECONDS: Final = 0.25
Json = dict[str, Any]


class PeerFleet(Fleet):
    """The fleet, publishing where a peer listens."""

    def __init__(self, address: MqttAddress, devices: Sequence[tuple[str, str]], subject: Subject) -> None:
        super().__init__(address, devices)
        for link in self._links:
            link.telemetry_topic = frames.text(subject.topic_of(link.device_id))


@dataclass(frozen=True)
class Run:
    """One rate for some seconds, and how long the peer took to store what it stored."""

    sent: int
    acknowledged: int
    stored: int
    late_ms: float
    seconds: float
    cpu: dict[str, float]
    waits_ms: tuple[float | None, float | None]
    bytes_per_message: float


def peer(
    subject: Annotated[str, typer.Argument(help=f"Which: {', '.join(SUBJECTS)}.")],
    rate: Annotated[float, typer.Option(min=1, max=100_000, help="Messages a second.")] = 3000.0,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long.")] = 20.0,
    devices: Annotated[int, typer.Option(min=1, max=20_000, help="Connections.")] = 1000,
    json: Annotated[Path | None, typer.Option(help="Where the figures are written.")] = None,
) -> None:
    """Let devices send to a peer that runs already (the launcher starts it), and count what it stored."""
    if subject not in SUBJECTS:
        raise typer.BadParameter(f"no peer {subject!r}: there are {', '.join(SUBJECTS)}")
    settings = load_settings()
    allow_many_descriptors()
    with connect(settings.database_url, "bench-peer") as conn, Progress(Console(), seconds) as progress:
        run = asyncio.run(measure(settings, conn, SUBJECTS[subject], Plan(rate, seconds, event_share=0.0), devices))
        progress.tell(1.0, "Done")
    report = figures(SUBJECTS[subject], rate, run)
    text = json_format.dumps(report, indent=2) + "\n"
    if json is not None:
        json.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


async def measure(
    settings: Settings, conn: psycopg.Connection[TupleRow], subject: Subject, plan: Plan, devices: int
) -> Run:
    """Warm up, run the plan, wait until nothing more is stored."""
    table = ProcessTable(settings.state_dir)
    # The peers' broker takes anybody: there is nothing to sign in with.
    fleet = PeerFleet(settings.mqtt_address, [(f"peer-{number:05}", "-") for number in range(devices)], subject)
    try:
        await fleet.connect(CONNECTS_PER_SECOND)
        await fleet.run(Plan(plan.rate, _WARM_UP_SECONDS, event_share=0.0))
        before = await _settled(conn, subject, len(fleet.ledger))
        first, began, used_before = len(fleet.ledger), time.time(), table.look(with_memory=False)
        await fleet.run(plan)
        await fleet.drain(SETTLE_SECONDS)
        after = await _settled(conn, subject, before + len(fleet.ledger) - first)
        cpu, ended = used(used_before, table.look(with_memory=False)), time.time()
    finally:
        await fleet.close()
    answered = sum(fleet.ledger.is_acknowledged(number) for number in range(first, len(fleet.ledger)))
    late = percentile(fleet.ledger.late[first:], 0.99) or 0.0
    sent = len(fleet.ledger) - first
    waits = _waits(conn, subject, began)
    size = _number(conn, subject, subject.size()) / after if after else 0.0
    return Run(sent, answered, after - before, late * 1000, ended - began, cpu, waits, size)


async def _settled(conn: psycopg.Connection[TupleRow], subject: Subject, wanted: int) -> int:
    """How many rows there are when it is as many as wanted, or when there have been no more for a while."""
    stored, since = _number(conn, subject, subject.count()), time.monotonic()
    deadline = since + SETTLE_SECONDS
    while stored < wanted and time.monotonic() < min(deadline, since + STILL_SECONDS):
        await asyncio.sleep(_LOOK_SECONDS)
        found = _number(conn, subject, subject.count())
        if found != stored:
            stored, since = found, time.monotonic()
    return stored


def _number(conn: psycopg.Connection[TupleRow], subject: Subject, query: sql.Composed) -> int:
    """What a query says; 0 before the peer has made its table."""
    found = conn.execute(subject.exists()).fetchone()
    if found is None or not found[0]:
        return 0
    counted = conn.execute(query).fetchone()
    return int(counted[0]) if counted else 0


def _waits(conn: psycopg.Connection[TupleRow], subject: Subject, began: float) -> tuple[float | None, float | None]:
    if not _number(conn, subject, subject.count()):
        return None, None
    p50, p99 = conn.execute(subject.waits(), [began * 1000]).fetchone() or (None, None)
    return p50 and round(p50, 1), p99 and round(p99, 1)


def figures(subject: Subject, rate: float, run: Run) -> Json:
    """What a run says of a peer; the broker's CPU apart, for it is not the peer's choice of work."""
    whole = sum(run.cpu.values())
    own = sum(spent for name, spent in run.cpu.items() if name != "broker")
    return {
        "subject": subject.name,
        "rate": rate,
        "seconds": round(run.seconds, 1),
        "sent": run.sent,
        "acknowledged": run.acknowledged,
        "stored": run.stored,
        "lost": max(0, run.sent - run.stored),
        "doubled": max(0, run.stored - run.sent),
        "kept_up": run.stored == run.sent and (run.waits_ms[1] or 0.0) <= BACKLOG_MS,
        "publish_to_commit_ms": {"p50": run.waits_ms[0], "p99": run.waits_ms[1], "n": run.stored},
        "bytes_per_message": round(run.bytes_per_message),
        "void": run.late_ms > LATE_LIMIT_MS,
        "generator_late_ms": {"p99": round(run.late_ms, 1)},
        "cpu_seconds": {name: round(spent, 2) for name, spent in run.cpu.items()},
        "messages_per_cpu_second": round(run.stored / whole) if whole else 0,
        "messages_per_cpu_second_without_broker": round(run.stored / own) if own else 0,
    }
