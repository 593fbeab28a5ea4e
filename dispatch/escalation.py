"""Deadlines that came: falls confirmed, unanswered alarms escalated, stale ones raised again, old ones closed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.alarms import record
from schemas.database import Row, Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement
from schemas.states import AlarmState

TEST_PAUSE: Final = timedelta(hours=1)
"""A test alarm bothers nobody else; it is only looked at again after this time."""


@dataclass(frozen=True)
class Level:
    """One step of the escalation chain, in seconds after the alarm was raised."""

    level: int
    after_seconds: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """What a deadline that came does to an alarm; `event` None changes only the deadline."""

    state: AlarmState
    due_at: datetime | None
    due_reason: str | None
    level: int
    roles: tuple[str, ...]
    event: EventKind | None
    restarts: bool = False


def next_step(alarm: Row, chain: tuple[Level, ...], stale: timedelta, now: datetime) -> Step:
    """Decide what happens to an alarm whose deadline has come; pure.

    `alarm` has state, due_at, due_reason, escalation_level, escalation_roles, is_test; `chain` is its severity's.
    """
    level, roles = int(alarm["escalation_level"]), tuple(alarm["escalation_roles"])
    first = timedelta(seconds=chain[0].after_seconds)
    match alarm["due_reason"]:
        case "close":
            return Step("closed", None, None, level, roles, "alarm.closed")
        case "confirm":
            return Step("raised", alarm["due_at"] + first, "escalate", 0, (), "alarm.confirmed")
        case "escalate" if alarm["is_test"]:
            return Step("raised", now + TEST_PAUSE, "escalate", level, roles, None)
        case "escalate":
            return _escalated(alarm["due_at"], level, chain, stale, now)
        case _ if alarm["state"] == "raised":
            return Step("raised", now + stale, "realarm", level, roles, "alarm.realarmed")
        case _:
            return Step("raised", now + first, "escalate", 0, (), "alarm.realarmed", restarts=True)


def _escalated(due_at: datetime, level: int, chain: tuple[Level, ...], stale: timedelta, now: datetime) -> Step:
    reached = next(step for step in chain if step.level == level + 1)
    following = next((step for step in chain if step.level == level + 2), None)
    if following is None:
        return Step("raised", now + stale, "realarm", reached.level, reached.roles, "alarm.escalated")
    due = due_at + timedelta(seconds=following.after_seconds - reached.after_seconds)
    return Step("raised", due, "escalate", reached.level, reached.roles, "alarm.escalated")


CHAINS = statement("""
    SELECT severity, array_agg(level ORDER BY level) AS levels, array_agg(after_seconds ORDER BY level) AS afters,
           jsonb_agg(to_jsonb(roles) ORDER BY level) AS roles, sla_policy.stale_seconds
    FROM escalation_policy JOIN sla_policy USING (severity)
    GROUP BY severity, sla_policy.stale_seconds
""")
CLAIM_DUE = statement("""
    SELECT id, state, severity, elder_id, due_at, due_reason, escalation_level, escalation_roles, is_test
    FROM alarm WHERE due_at <= %(now)s::timestamptz
    ORDER BY due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
TAKE_STEP = statement("""
    UPDATE alarm
    SET state = %(state)s::text, due_at = %(due_at)s::timestamptz, due_reason = %(due_reason)s::text,
        escalation_level = %(level)s::smallint, escalation_roles = %(roles)s::text[],
        raised_at = CASE WHEN %(confirmed)s::boolean THEN %(now)s::timestamptz ELSE raised_at END,
        acknowledged_at = CASE WHEN %(restarts)s::boolean THEN NULL ELSE acknowledged_at END,
        acknowledged_by = CASE WHEN %(restarts)s::boolean THEN NULL ELSE acknowledged_by END
    WHERE id = %(id)s::bigint
""")
OVERDUE = statement("SELECT count(*) AS overdue FROM alarm WHERE due_at < %(before)s::timestamptz")


def _chains(tx: Transaction) -> dict[str, tuple[tuple[Level, ...], timedelta]]:
    return {
        row["severity"]: (
            tuple(Level(*step) for step in zip(row["levels"], row["afters"], map(tuple, row["roles"]), strict=True)),
            timedelta(seconds=row["stale_seconds"]),
        )
        for row in tx.rows(CHAINS)
    }


def sweep_deadlines(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Take the next step of every alarm whose deadline has come; returns how many."""
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    chains = _chains(tx) if due else {}
    for alarm in due:
        chain, stale = chains[alarm["severity"]]
        _take(tx, now, alarm, next_step(alarm, chain, stale, now))
    return len(due)


def _take(tx: Transaction, now: datetime, alarm: Row, step: Step) -> None:
    tx.execute(
        TAKE_STEP,
        {
            "id": alarm["id"],
            "state": step.state,
            "due_at": step.due_at,
            "due_reason": step.due_reason,
            "level": step.level,
            "roles": list(step.roles),
            "confirmed": step.event == "alarm.confirmed",
            "restarts": step.restarts,
            "now": now,
        },
    )
    if step.event is None:
        return
    detail: dict[str, Any] = {"level": step.level, "roles": list(step.roles)} if step.event == "alarm.escalated" else {}
    record(tx, now, alarm["id"], step.event.removeprefix("alarm."), detail=detail)
    tx.emit(Event(step.event, now, alarm_id=alarm["id"], elder_id=alarm["elder_id"]))


def overdue(tx: Transaction, now: datetime, grace: timedelta) -> int:
    """How many deadlines passed more than `grace` ago without anybody acting on them: the engine's own audit."""
    found = tx.row(OVERDUE, {"before": now - grace})
    return int(found["overdue"]) if found else 0
