"""Calling somebody on an open screen: the control centre says when the alarm's card was sent to it."""

from collections.abc import Collection
from datetime import datetime

from dispatch import outbox
from dispatch.outcomes import failed, handed_over, lock_alarms
from dispatch.transports.message import HandedOver, NotSent
from schemas.database import Transaction
from schemas.statements import statement

# Where no screen is open the alarm may have to move on, which wants its stronger lock.
NO_SCREEN = statement("""
    SELECT notification.id
    FROM notification JOIN alarm ON alarm.id = notification.alarm_id
    WHERE notification.transport = 'screen' AND notification.due_reason = 'send'
      AND notification.due_at <= %(now)s::timestamptz AND alarm.state = 'raised'
      AND NOT EXISTS (
          SELECT FROM open_screen(%(now)s::timestamptz) AS open WHERE open.account_id = notification.account_id)
    ORDER BY notification.due_at, notification.id LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF alarm SKIP LOCKED
    FOR UPDATE OF notification SKIP LOCKED
""")
SHOWN = statement("""
    SELECT notification.id, notification.alarm_id
    FROM notification
    JOIN unnest(%(accounts)s::integer[], %(alarms)s::bigint[]) AS shown (account_id, alarm_id)
      ON notification.alarm_id = shown.alarm_id AND notification.account_id = shown.account_id
    WHERE notification.transport = 'screen' AND notification.state IN ('queued', 'sending', 'sent')
    ORDER BY notification.id
""")


def call_screens(tx: Transaction, now: datetime, limit: int) -> int:
    """Call those who sit at a screen now, and wait for the control centre's word. Returns how many."""
    claimed = outbox.claim(tx, now, "screen", limit)
    handed_over(tx, now, {one["id"]: HandedOver() for one in claimed})
    return len(claimed)


def miss_screens(tx: Transaction, now: datetime, limit: int) -> int:
    """Fail at once what is for screens that are not open. Returns how many."""
    missed = tx.rows(NO_SCREEN, {"now": now, "limit": limit})
    for one in missed:
        failed(tx, now, one["id"], NotSent("no_screen", lasting=True))
    return len(missed)


def shown(tx: Transaction, now: datetime, cards: Collection[tuple[int, int]]) -> int:
    """Cards of alarms were sent to screens, given as (account id, alarm id); returns how many summonses that was."""
    pairs = sorted(set(cards))
    about = {"accounts": [account for account, _ in pairs], "alarms": [alarm for _, alarm in pairs]}
    waiting = tx.rows(SHOWN, about)
    lock_alarms(tx, (), [one["alarm_id"] for one in waiting])
    handed_over(tx, now, {one["id"]: HandedOver(delivered=True) for one in waiting})
    return len(waiting)
