"""The engines' audit: every open alarm has a deadline ahead or is in somebody's hands, every outbox moves.

What is found must be found twice, some seconds apart: after a pause of the machine, or a clock that was set, everything
is late for the moment that the engines need to catch up.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
import structlog
from prometheus_client import Gauge
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from dispatch.alarms import Signal, raise_alarm
from dispatch.beats import LIVING
from dispatch.recovery import end_by_itself
from dispatch.sweeping import RETRY_AFTER
from dispatch.turns import turn
from schemas.clock import Clock
from schemas.database import Transaction, row, transaction
from schemas.locks import AdvisoryLock
from schemas.statements import statement
from schemas.states import KIND_SEVERITY

AUDIT_EVERY: Final = timedelta(minutes=1)
LOOK_SECONDS: Final = 5.0
"""How often an engine looks whether an audit is due, and the time between an audit's two looks."""
LATE: Final = timedelta(seconds=10)
"""The engines act within a second; what is so long past its time was forgotten."""
HELD_AT_MOST: Final = timedelta(minutes=1)
"""No transaction of ours takes longer: a row that is late and locked for longer is in nobody's hands."""
FARTHEST: Final = timedelta(days=31)
"""A deadline of an open alarm farther ahead than this was set by a clock that was wrong."""
SWEEP_WITHIN: Final = timedelta(seconds=30)
FAILS: Final = 3
"""A step that failed so often in a row will not succeed by itself."""
SHOWN: Final = 100
REMIND_AFTER: Final = timedelta(minutes=10)
"""Somebody ended the alarm, and it is still true after this time: it is raised again."""

VIOLATIONS = Gauge("anban_audit_violations", "What the last audit of the engines found; -1 before the first one")
VIOLATIONS.set(-1)
log = structlog.get_logger()


@dataclass(frozen=True)
class Violation:
    """Something that does not move: what kind of row, why it is one, its id and the deadline that it has."""

    what: str
    why: str
    id: str
    due_at: datetime | None


@dataclass(frozen=True)
class Watched:
    """The rows of one table that have a deadline. Both queries take now, late, far, and return why, id, due_at."""

    what: str
    found: psycopg.sql.SQL
    free: psycopg.sql.SQL
    """The same without those that somebody has locked, and is therefore at."""


def _watched(what: str, query: LiteralString) -> Watched:
    return Watched(what, statement(query + " LIMIT 100"), statement(query + " LIMIT 100 FOR UPDATE SKIP LOCKED"))


WATCHED: Final = (
    _watched(
        "alarm",
        """
        SELECT CASE WHEN due_at IS NULL THEN 'no_deadline' WHEN due_at > %(far)s::timestamptz THEN 'too_far'
                    ELSE 'overdue' END AS why, id::text AS id, due_at
        FROM alarm
        WHERE due_at < %(late)s::timestamptz OR (ended_at IS NULL AND due_at IS NULL)
           OR (due_at > %(far)s::timestamptz AND ended_at IS NULL)
        """,
    ),
    _watched(
        "search",
        """
        SELECT 'overdue' AS why, id::text AS id, response_due_at AS due_at FROM alarm
        WHERE response_due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "promise",
        """
        SELECT 'overdue' AS why, id::text AS id, sla_due_at AS due_at FROM alarm
        WHERE sla_due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "visit_promise",
        """
        SELECT 'overdue' AS why, id::text AS id, sla_due_at AS due_at FROM service_order
        WHERE sla_due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "day_plan",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM day_plan
        WHERE due_at < %(late)s::timestamptz - interval '10 minutes'
        """,
    ),
    _watched(
        "order",
        """
        SELECT CASE WHEN due_at IS NULL THEN 'no_deadline' ELSE 'overdue' END AS why, id::text AS id, due_at
        FROM service_order
        WHERE due_at < %(late)s::timestamptz
           OR (due_at IS NULL AND state NOT IN ('settled', 'cancelled', 'failed'))
        """,
    ),
    _watched(
        "schedule",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM order_schedule WHERE due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "care_plan",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM care_plan WHERE due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "service_request",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM service_request WHERE due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "alarm_order",
        """
        SELECT 'overdue' AS why, id::text AS id, order_due_at AS due_at FROM alarm
        WHERE order_due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "command",
        """
        SELECT 'overdue' AS why, id::text AS id, next_try_at AS due_at FROM command
        WHERE next_try_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "notification",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM notification WHERE due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "call",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM call WHERE due_at < %(late)s::timestamptz
        """,
    ),
    _watched(
        "task",
        """
        SELECT 'overdue' AS why, id::text AS id, due_at FROM task
        WHERE due_at < %(late)s::timestamptz AND done_at IS NULL AND overdue_at IS NULL
        """,
    ),
)
FAILING = statement("""
    SELECT subject || '.' || row_id AS id, last_at AS due_at FROM step_failure
    WHERE times >= %(fails)s::integer AND last_at >= %(since)s::timestamptz
    ORDER BY last_at LIMIT 100
""")
HANGING = statement("""
    SELECT host || '/' || pid AS id, COALESCE(swept_at, started_at) AS due_at FROM engine
    WHERE beat_at >= %(living)s::timestamptz AND COALESCE(swept_at, started_at) < %(swept)s::timestamptz
""")
LAST = statement("SELECT checked_at, violated_since FROM engine_audit")
REMEMBER = statement("""
    INSERT INTO engine_audit (checked_at, engine_id, violated_since, violations)
    VALUES (%(now)s::timestamptz, %(engine_id)s::uuid, CASE WHEN %(found)s::boolean THEN %(now)s::timestamptz END,
            %(violations)s::jsonb)
    ON CONFLICT (singleton) DO UPDATE
    SET checked_at = EXCLUDED.checked_at, engine_id = EXCLUDED.engine_id, violations = EXCLUDED.violations,
        violated_since = CASE WHEN %(found)s::boolean
                              THEN COALESCE(engine_audit.violated_since, EXCLUDED.violated_since) END
""")
TO_TELL = statement("""
    SELECT org_unit.code FROM org_unit
    WHERE org_unit.parent_code IS NULL AND NOT EXISTS (
        SELECT FROM alarm WHERE alarm.kind = 'engine_stuck' AND alarm.org_code = org_unit.code
          AND (alarm.ended_at IS NULL
               OR (alarm.resolved_by IS NOT NULL AND alarm.ended_at > %(lately)s::timestamptz)))
    ORDER BY org_unit.code
""")
OPEN = statement("SELECT id FROM alarm WHERE kind = 'engine_stuck' AND ended_at IS NULL ORDER BY id FOR UPDATE")


def unattended(found: Sequence[Violation], free: Sequence[Violation], now: datetime) -> list[Violation]:
    """Which of the late rows nobody is at: those that are not locked, and those locked for longer than any work takes;
    pure."""
    nobodys = {one.id for one in free}
    return [one for one in found if one.id in nobodys or (one.due_at is not None and one.due_at < now - HELD_AT_MOST)]


def confirmed(first: Sequence[Violation], second: Sequence[Violation]) -> tuple[Violation, ...]:
    """What was found at both looks with the very same deadline: nothing has happened to it in between; pure.

    A step that keeps failing and an engine that hangs have no deadline of their own: they are compared without it.
    """
    seen = {_same(one) for one in first}
    return tuple(one for one in second if _same(one) in seen)


def _same(violation: Violation) -> tuple[object, ...]:
    moves = violation.why in ("failing", "hangs")
    return violation.what, violation.why, violation.id, None if moves else violation.due_at


def look(tx: Transaction, now: datetime) -> list[Violation]:
    """Everything that does not move at this moment; at most a hundred rows of each kind."""
    times = {"now": now, "late": now - LATE, "far": now + FARTHEST}
    suspects: list[Violation] = []
    for watched in WATCHED:
        found = [Violation(watched.what, **one) for one in tx.rows(watched.found, times)]
        if found:
            free = [Violation(watched.what, **one) for one in tx.rows(watched.free, times)]
            suspects += unattended(found, free, now)
    failing = tx.rows(FAILING, {"fails": FAILS, "since": now - 2 * RETRY_AFTER})
    hanging = tx.rows(HANGING, {"living": now - LIVING, "swept": now - SWEEP_WITHIN})
    suspects += [Violation("step", "failing", **one) for one in failing]
    suspects += [Violation("engine", "hangs", **one) for one in hanging]
    return suspects


def audit(
    conn: psycopg.Connection[TupleRow], clock: Clock, engine_id: uuid.UUID, pause: Callable[[float], object]
) -> tuple[Violation, ...] | None:
    """Audit, unless it was done within the minute or another engine is at it: then None. What was found raises an
    alarm about every district; when nothing is found any more the alarm ends by itself."""
    with turn(conn, AdvisoryLock.AUDIT) as ours:
        last = row(conn, LAST) if ours else None
        if not ours or (last is not None and timedelta() <= clock() - last["checked_at"] < AUDIT_EVERY):
            return None
        violations = _found_twice(conn, clock, pause)
        with transaction(conn) as tx:
            conclude(tx, clock(), engine_id, violations)
    VIOLATIONS.set(len(violations))
    return violations


def _found_twice(
    conn: psycopg.Connection[TupleRow], clock: Clock, pause: Callable[[float], object]
) -> tuple[Violation, ...]:
    with transaction(conn) as tx:
        first = look(tx, clock())
    if not first:
        return ()
    pause(LOOK_SECONDS)
    with transaction(conn) as tx:
        return confirmed(first, look(tx, clock()))


def conclude(tx: Transaction, now: datetime, engine_id: uuid.UUID, violations: Sequence[Violation]) -> None:
    """Remember what was found, and raise the alarm or end it."""
    listed = [{**asdict(one), "due_at": one.due_at and one.due_at.isoformat()} for one in violations[:SHOWN]]
    tx.execute(REMEMBER, {"now": now, "engine_id": engine_id, "found": bool(violations), "violations": Jsonb(listed)})
    if not violations:
        for alarm in tx.rows(OPEN):
            end_by_itself(tx, now, alarm["id"], "recovered")
        return
    log.error("audit_violated", violations=listed[:10], count=len(violations))
    for district in tx.rows(TO_TELL, {"lately": now - REMIND_AFTER}):
        raise_alarm(tx, now, _signal(now, district["code"], violations))


def _signal(now: datetime, org_code: str, violations: Sequence[Violation]) -> Signal:
    counts: dict[str, int] = {}
    for one in violations:
        counts[f"{one.what}.{one.why}"] = counts.get(f"{one.what}.{one.why}", 0) + 1
    details: dict[str, Any] = {"violations": counts, "examples": [one.id for one in violations[:5]]}
    return Signal(
        kind="engine_stuck",
        severity=KIND_SEVERITY["engine_stuck"],
        device_key=None,
        org_code=org_code,
        occurred_at=min((one.due_at for one in violations if one.due_at is not None), default=now),
        details=details,
    )
