"""Notifications of which nothing was heard in time: no result, no word, no answer, or nobody who could send them."""

from datetime import datetime
from typing import Final

from prometheus_client import Counter

from dispatch.outcomes import failed, try_next_way
from dispatch.sweeping import Sweep, act_on_each
from dispatch.transports.message import NotSent
from schemas.database import Row, Transaction
from schemas.statements import statement

CLAIM_OF_ALARMS = statement("""
    SELECT notification.id, notification.due_reason, notification.attempts, transport.attempts AS allowed
    FROM notification
    JOIN alarm ON alarm.id = notification.alarm_id
    JOIN transport ON transport.name = notification.transport
    WHERE notification.due_at <= %(now)s::timestamptz AND notification.due_reason NOT IN ('send', 'recall')
    ORDER BY notification.due_at LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF alarm SKIP LOCKED
    FOR UPDATE OF notification SKIP LOCKED
""")
CLAIM_OTHERS = statement("""
    SELECT notification.id, notification.due_reason, notification.attempts, transport.attempts AS allowed
    FROM notification
    JOIN transport ON transport.name = notification.transport
    WHERE notification.alarm_id IS NULL AND notification.due_at <= %(now)s::timestamptz
      AND notification.due_reason NOT IN ('send', 'recall')
    ORDER BY notification.due_at LIMIT %(limit)s::integer
    FOR UPDATE OF notification SKIP LOCKED
""")
CLAIM_UNREADY = statement("""
    SELECT notification.id, notification.due_reason
    FROM notification
    JOIN transport ON transport.name = notification.transport
    JOIN alarm ON alarm.id = notification.alarm_id
    WHERE NOT transport.ready AND notification.due_reason = 'send' AND notification.due_at <= %(now)s::timestamptz
    ORDER BY notification.due_at LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF alarm SKIP LOCKED
    FOR UPDATE OF notification SKIP LOCKED
""")
CLAIM_OTHERS_UNREADY = statement("""
    SELECT notification.id, notification.due_reason
    FROM notification JOIN transport ON transport.name = notification.transport
    WHERE NOT transport.ready AND notification.due_reason = 'send' AND notification.due_at <= %(now)s::timestamptz
      AND notification.alarm_id IS NULL
    ORDER BY notification.due_at LIMIT %(limit)s::integer
    FOR UPDATE OF notification SKIP LOCKED
""")
POSTPONE = statement("UPDATE notification SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
STUCK = statement("SELECT count(*) AS overdue FROM notification WHERE due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "notification",
    POSTPONE,
    STUCK,
    Counter("anban_notification_steps_failed_total", "Follow-ups of notifications put off by 30 s because they failed"),
)
SEND_AGAIN = statement("""
    UPDATE notification SET state = 'queued', due_at = %(now)s::timestamptz, due_reason = 'send'
    WHERE id = %(id)s::bigint
""")
FOLLOWED = statement("UPDATE notification SET due_at = NULL, due_reason = NULL WHERE id = %(id)s::bigint")


def follow_up(tx: Transaction, now: datetime, limit: int) -> int:
    """Act on what was waited for in vain; returns how many notifications. Alarms that somebody holds are left for the
    next time."""
    late = tx.rows(CLAIM_OF_ALARMS, {"now": now, "limit": limit})
    late += tx.rows(CLAIM_OTHERS, {"now": now, "limit": limit})
    return act_on_each(tx, now, late, lambda row: _act(tx, now, row), SWEEP)


def give_up_unready(tx: Transaction, now: datetime, limit: int) -> int:
    """Fail what waits for transports that no engine has; returns how many notifications."""
    waiting = tx.rows(CLAIM_UNREADY, {"now": now, "limit": limit})
    waiting += tx.rows(CLAIM_OTHERS_UNREADY, {"now": now, "limit": limit})
    return act_on_each(tx, now, waiting, lambda row: _act(tx, now, row), SWEEP)


def _act(tx: Transaction, now: datetime, late: Row) -> None:
    match late["due_reason"]:
        case "answer":
            tx.execute(FOLLOWED, {"id": late["id"]})
            try_next_way(tx, now, late["id"])
        case "lease" if late["attempts"] < max(late["allowed"], 2):
            # Whoever was sending it is gone. The other side knows the key if it has the message already.
            tx.execute(SEND_AGAIN, {"id": late["id"], "now": now})
        case "lease":
            failed(tx, now, late["id"], NotSent("no_result", lasting=True))
        case "limit":
            # The limit is the person's, whatever the way.
            failed(tx, now, late["id"], NotSent("too_many", lasting=True), by_any_way=True)
        case "word":
            failed(tx, now, late["id"], NotSent("no_word", lasting=True))
        case _:
            failed(tx, now, late["id"], NotSent("not_configured", lasting=True))
