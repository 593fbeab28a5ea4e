"""What came of a replay, by the database's timelines, the provider's log and the witness of every claim."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from load_tests.alarms_bench.life import Span, lived
from load_tests.alarms_bench.people import Story
from load_tests.alarms_bench.plan import FALL_SECONDS, step_seconds
from schemas.database import rows
from schemas.statements import statement

TOLERATED_SECONDS: Final = 1.0
"""A step that is later than its policy says by more than this, counted while an engine lived, is late."""
LONGEST_SECONDS: Final = 75.0
"""How long the longest incidents of a plan take: from then on as many end as begin."""
STEADY_SECONDS: Final = 30.0
UNDISTURBED_SECONDS: Final = 2.0

_STATES = statement("SELECT state, count(*)::integer AS number FROM alarm GROUP BY state")
_UNCLOSED = statement("""
    SELECT id FROM alarm WHERE id = ANY(%(ids)s::bigint[]) AND state NOT IN ('closed', 'cancelled') ORDER BY id
""")
_TIMELINES = statement("""
    SELECT alarm_id, at, kind, detail FROM alarm_event WHERE alarm_id = ANY(%(ids)s::bigint[]) ORDER BY alarm_id, id
""")
_KEYS = statement("""
    SELECT key::text AS key, alarm_id FROM notification WHERE alarm_id = ANY(%(ids)s::bigint[])
""")
_SENT = statement("SELECT state, count(*)::integer AS number FROM notification GROUP BY state")
_CLAIMED_AFTER: Final = psycopg.sql.SQL("""
    SELECT notification_id, alarm_id, alarm_state FROM bench_claim WHERE purpose = 'summon' AND alarm_state <> 'raised'
""")


@dataclass(frozen=True)
class Entry:
    """One row of a timeline; `at` and `planned` in seconds since 1970."""

    at: float
    kind: str
    position: int = 0
    planned: float | None = None


@dataclass
class Steps:
    """How the steps of escalation were taken; `late` has the seconds by which, while an engine lived."""

    taken: int = 0
    early: int = 0
    late: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    missing: int = 0


def judge(
    timeline: Sequence[Entry], spans: Sequence[Span], steps: Steps, *, is_fall: bool = False, pace: float = 1.0
) -> None:
    """Add to `steps` how what was done about one alarm compares with what its policy says; pure otherwise.

    A step may be taken early: when nobody of the one before could be reached. Nobody is called to an unconfirmed fall.
    """
    policy = dict(enumerate((0, *step_seconds(pace)), 1))
    start: float | None = None
    seen: set[int] = set()
    for entry in timeline:
        if entry.planned is not None:
            _judge_step(entry.at, entry.planned, spans, steps)
            seen.add(entry.position)
        if entry.kind == "raised":
            start = None if is_fall else entry.at
        elif entry.kind == "confirmed":
            start = timeline[0].at + pace * FALL_SECONDS
            _judge_step(entry.at, start, spans, steps)
        elif entry.kind == "realarmed":
            start, seen = entry.at, set()
        elif entry.kind in ("acknowledged", "cancelled", "resolved") and start is not None:
            due = {position for position, after in policy.items() if _was_due(start + after, entry.at, spans)}
            steps.missing += len(due - seen)
            start = None


def _was_due(at: float, until: float, spans: Sequence[Span]) -> bool:
    return lived(spans, at, until) > TOLERATED_SECONDS


def _judge_step(at: float, planned: float, spans: Sequence[Span], steps: Steps) -> None:
    steps.taken += 1
    delay = lived(spans, planned, at)
    if at < planned:
        steps.early += 1
    steps.delays.append(delay)
    if delay > TOLERATED_SECONDS:
        steps.late.append(delay)


def read_timelines(conn: psycopg.Connection[TupleRow], alarm_ids: Sequence[int]) -> dict[int, list[Entry]]:
    """Each alarm's timeline."""
    found: dict[int, list[Entry]] = defaultdict(list)
    for row in rows(conn, _TIMELINES, {"ids": list(alarm_ids)}):
        found[row["alarm_id"]].append(_entry(row["at"], row["kind"], row["detail"]))
    return found


def _entry(at: datetime, kind: str, detail: dict[str, Any]) -> Entry:
    if kind not in ("summoned", "escalated") or detail.get("round", 0) != 0 or not detail.get("due_at"):
        return Entry(at.timestamp(), kind)
    return Entry(at.timestamp(), kind, detail["position"], datetime.fromisoformat(detail["due_at"]).timestamp())


def unclosed(conn: psycopg.Connection[TupleRow], alarm_ids: Sequence[int]) -> list[int]:
    """The alarms that have come to no end."""
    return [row["id"] for row in rows(conn, _UNCLOSED, {"ids": list(alarm_ids)})]


def states(conn: psycopg.Connection[TupleRow]) -> dict[str, int]:
    """How many alarms are in each state."""
    return {row["state"]: row["number"] for row in rows(conn, _STATES)}


def sent(conn: psycopg.Connection[TupleRow]) -> dict[str, int]:
    """How many notifications are in each state."""
    return {row["state"]: row["number"] for row in rows(conn, _SENT)}


def claimed_after_acknowledgement(conn: psycopg.Connection[TupleRow]) -> int:
    """How many summonses were claimed for sending by a transaction that saw that the alarm rings no more."""
    return len(rows(conn, _CLAIMED_AFTER))


def first_heard(conn: psycopg.Connection[TupleRow], alarm_ids: Sequence[int], log: Path) -> dict[int, float]:
    """When the provider received its first message about each alarm."""
    about = {row["key"]: row["alarm_id"] for row in rows(conn, _KEYS, {"ids": list(alarm_ids)})}
    heard: dict[int, float] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        alarm_id = about.get(said["id"])
        if alarm_id is not None:
            heard[alarm_id] = min(said["at"], heard.get(alarm_id, said["at"]))
    return heard


def waits_to_notify(
    stories: Sequence[Story], heard: dict[int, float], spans: Sequence[Span], kills: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Seconds from the commit of a raise to the provider: of all that called at once, and of those about whom no engine
    was killed meanwhile."""
    everybody, undisturbed = [], []
    for story in stories:
        if story.raised is None or story.alarm_id not in heard or story.planned.kind == "fall":
            continue
        wait = max(0.0, heard[story.alarm_id] - story.raised)
        everybody.append(wait)
        begin, end = story.raised - UNDISTURBED_SECONDS, story.raised + UNDISTURBED_SECONDS
        if lived(spans, begin, end) >= 2 * UNDISTURBED_SECONDS - 0.01 and not any(begin <= at <= end for at in kills):
            undisturbed.append(wait)
    return everybody, undisturbed


def rate(stories: Sequence[Story]) -> float:
    """Incidents that came to their resolution in a second while others began, once as many had begun as are open at a
    time; of a run too short for that, in a second of the whole."""
    began = sorted(story.raised for story in stories if story.raised is not None)
    ended = sorted(story.ended for story in stories if story.ended is not None)
    if not began or not ended:
        return 0.0
    full, last = began[0] + LONGEST_SECONDS, began[-1]
    if last - full < STEADY_SECONDS:
        return len(ended) / (ended[-1] - began[0]) if ended[-1] > began[0] else 0.0
    return sum(full <= moment <= last for moment in ended) / (last - full)
