"""Asks what screens ask about an elder, with the very functions of the routes, warm and cold."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from control_center.registry import LATEST
from control_center.trends import COURSE, DAYS, HOURS, POINTS, course, trend
from load_tests.percentiles import percentile
from load_tests.query.forgetting import Forgetful
from schemas.database import row, rows
from schemas.district_time import day_start
from schemas.statements import statement

Ask = Callable[[psycopg.Connection[TupleRow], datetime, int], int]
KEY = statement("SELECT device_key FROM device_assignment WHERE elder_id = %(elder_id)s::integer LIMIT 1")
_EXPLAIN: Final = sql.SQL("EXPLAIN (ANALYZE, BUFFERS) ")


@dataclass(frozen=True)
class Question:
    """One question: how it is asked (the number of points is its answer), its statement, and what it is promised."""

    ask: Ask
    query: sql.SQL
    span: timedelta
    warm_limit_ms: float | None = None


def _latest(conn: psycopg.Connection[TupleRow], now: datetime, elder_id: int) -> int:
    return len(rows(conn, LATEST, {"elder_id": elder_id, "since": now - timedelta(days=1), "until": now}))


QUESTIONS: Final[dict[str, Question]] = {
    "day": Question(lambda conn, now, elder: len(course(conn, now, elder, 24)), COURSE, timedelta(hours=24), 20.0),
    "month": Question(lambda conn, now, elder: len(trend(conn, now, elder, 30).at), HOURS, timedelta(days=30), 50.0),
    "year": Question(lambda conn, now, elder: len(trend(conn, now, elder, 366).at), DAYS, timedelta(days=366)),
    "latest": Question(_latest, LATEST, timedelta(days=1)),
}


def milliseconds(values: list[float]) -> dict[str, float | int | None]:
    """Median, 99 %, longest and how many."""

    def shown(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    return {
        "p50": shown(percentile(values, 0.5)),
        "p99": shown(percentile(values, 0.99)),
        "max": shown(max(values, default=None)),
        "n": len(values),
    }


def ask_warm(
    conn: psycopg.Connection[TupleRow], now: datetime, question: Question, elder_ids: list[int], times: int = 3
) -> list[float]:
    """Milliseconds of each answer, of elders who were asked about once before."""
    took: list[float] = []
    for elder_id in elder_ids:
        question.ask(conn, now, elder_id)
        took += [_timed(conn, now, question, elder_id) for _ in range(times)]
    return took


def ask_cold(
    conn: psycopg.Connection[TupleRow], now: datetime, question: Question, elder_ids: list[int], forgetful: Forgetful
) -> list[float]:
    """Milliseconds of each answer when neither the server nor the machine remembers a page."""
    took: list[float] = []
    for elder_id in elder_ids:
        forgetful.forget()
        took.append(_timed(conn, now, question, elder_id))
    return took


def _timed(conn: psycopg.Connection[TupleRow], now: datetime, question: Question, elder_id: int) -> float:
    begun = time.perf_counter()
    question.ask(conn, now, elder_id)
    return (time.perf_counter() - begun) * 1000


def plan_of(conn: psycopg.Connection[TupleRow], now: datetime, question: Question, elder_id: int) -> list[str]:
    """How the server answered the question's main statement, with the pages it looked at."""
    key = row(conn, KEY, {"elder_id": elder_id})
    since = now - question.span
    about: dict[str, Any] = {
        "elder_id": elder_id,
        "key": key["device_key"] if key else 0,
        "since": since if question.query is COURSE else day_start(since),
        "until": now,
        "now": now,
        "width": timedelta(hours=1) if question.query is HOURS else question.span.total_seconds() / POINTS,
    }
    lines = [line for (line,) in conn.execute(_EXPLAIN + question.query, about).fetchall()]
    return _executed(lines)


def _executed(lines: list[str]) -> list[str]:
    """A plan without the partitions that were not looked at."""
    kept: list[str] = []
    skipped_depth: int | None = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if skipped_depth is not None and depth > skipped_depth:
            continue
        skipped_depth = depth if "(never executed)" in line else None
        if skipped_depth is None:
            kept.append(line)
    return kept


def choose(elder_ids: list[int], count: int, seed: int) -> list[int]:
    """Some of the elders, the same for the same seed."""
    return random.Random(seed).sample(elder_ids, min(count, len(elder_ids)))
