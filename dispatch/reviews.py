"""Broken promises: told on the alarm's timeline and screens the moment they break, each with a task to review it."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch.alarm_events import record
from dispatch.pauses import end_pause
from dispatch.promises import CLOCKS, newly_broken, next_look, own_round
from dispatch.sweeping import Sweep, act_on_each
from dispatch.tasks import NewTask, create, settle
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

REVIEW_WITHIN: Final = timedelta(days=3)
"""A breach is looked into while those who were there still remember it."""
BATCH: Final = 50
"""Alarms in one transaction: whoever answers one of them waits for it."""
BREACHES = Counter("anban_promise_breaches_total", "Promises of the service level that were broken", ["promise"])

# A promise is broken once its time is over, not at that very moment.
CLAIM_DUE = statement("""
    SELECT id FROM alarm WHERE sla_due_at < %(now)s::timestamptz
    ORDER BY sla_due_at LIMIT %(limit)s::integer
    FOR NO KEY UPDATE SKIP LOCKED
""")
EARLIER = statement("""
    SELECT promise, due_at, met_at FROM earlier_promise WHERE alarm_id = %(id)s::bigint AND untold ORDER BY due_at
""")
TOLD_EARLIER = statement("""
    UPDATE earlier_promise SET untold = false WHERE alarm_id = %(id)s::bigint AND untold
""")
LOOKED = statement("""
    UPDATE alarm SET sla_due_at = %(next)s::timestamptz, breaches = breaches || %(broken)s::text[]
    WHERE id = %(id)s::bigint
""")
TAKE_BACK = statement("""
    UPDATE alarm SET breaches = array_remove(breaches, 'answer') WHERE id = %(id)s::bigint
""")
POSTPONE = statement("UPDATE alarm SET sla_due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM alarm WHERE sla_due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "promise",
    POSTPONE,
    OVERDUE,
    Counter("anban_promise_steps_failed_total", "Looks at an alarm's promises that failed and were put off by 30 s"),
)


def sweep_promises(tx: Transaction, now: datetime, limit: int = BATCH) -> int:
    """Tell of every promise that was broken, once, and end pauses that are over; returns how many were dealt with."""
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda row: _look(tx, now, row["id"]), SWEEP)


def answered_earlier(tx: Transaction, now: datetime, alarm_id: int) -> bool:
    """A locked alarm's answer became known late, but was given in time: a breach that was told of is taken back.

    Returns whether there was one.
    """
    [alarm] = tx.rows(CLOCKS, {"id": alarm_id})
    kept = [clock for clock in own_round(alarm, now) if clock.promise == "answer" and not clock.broken]
    if not kept or "answer" not in alarm["breaches"]:
        return False
    tx.execute(TAKE_BACK, {"id": alarm_id})
    settle(tx, now, "breach_review", _about(alarm_id, "answer", kept[0].due_at), "not_needed")
    return True


def _look(tx: Transaction, now: datetime, alarm_id: int) -> None:
    [alarm] = tx.rows(CLOCKS, {"id": alarm_id})
    if alarm["paused_at"] is not None and (alarm["ended_at"] is not None or alarm["paused_until"] < now):
        end_pause(tx, now, alarm)
        [alarm] = tx.rows(CLOCKS, {"id": alarm_id})
    broken = [] if alarm["is_test"] else newly_broken(alarm, now)
    earlier = tx.rows(EARLIER, {"id": alarm_id})
    tx.execute(LOOKED, {"id": alarm_id, "next": next_look(alarm, now), "broken": [clock.promise for clock in broken]})
    if earlier:
        tx.execute(TOLD_EARLIER, {"id": alarm_id})
    for one in earlier:
        _tell(tx, now, alarm, one["promise"], one["due_at"], one["met_at"])
    for clock in broken:
        _tell(tx, now, alarm, clock.promise, clock.due_at, clock.met_at)


def _tell(tx: Transaction, now: datetime, alarm: Row, promise: str, due_at: datetime, met_at: datetime | None) -> None:
    alarm_id, elder_id = int(alarm["id"]), alarm["elder_id"]
    BREACHES.labels(promise).inc()
    detail = {
        "promise": promise,
        "due_at": due_at.isoformat(),
        "late_seconds": round(((met_at or now) - due_at).total_seconds()),
        "met": met_at is not None,
    }
    record(tx, now, alarm_id, "breached", detail=detail)
    create(
        tx,
        now,
        NewTask(
            kind="breach_review",
            due_at=now + REVIEW_WITHIN,
            elder_id=elder_id,
            alarm_id=alarm_id,
            about=_about(alarm_id, promise, due_at),
            detail=detail,
        ),
    )
    tx.emit(Event("alarm.breached", now, alarm_id=alarm_id, elder_id=elder_id))


def _about(alarm_id: int, promise: str, due_at: datetime) -> str:
    """Names the one review of a breach, whatever time zone its deadline is read in."""
    return f"{alarm_id}:{promise}:{due_at.timestamp():.3f}"
