"""Calls about which nothing more is heard come to an end by themselves: the row never waits for a word for ever."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch import calls
from dispatch.callers import policy
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.statements import statement

# What is to be placed is left to who dials, until it is too late.
CLAIM_DUE = statement("""
    SELECT * FROM call
    WHERE due_at <= %(now)s::timestamptz
      AND (due_reason <> 'place' OR queued_at <= %(too_late)s::timestamptz)
    ORDER BY due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
PLACE_AGAIN = statement("UPDATE call SET due_reason = 'place' WHERE id = %(id)s::bigint")
POSTPONE = statement("UPDATE call SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM call WHERE due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "call",
    POSTPONE,
    OVERDUE,
    Counter("anban_call_steps_failed_total", "Calls that could not be brought to their end, put off by 30 s"),
)


def sweep_calls(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Act on calls whose time is up: rung or talked too long without a word, or not placed in time."""
    placing = timedelta(seconds=policy(tx)["place_seconds"])
    due = tx.rows(CLAIM_DUE, {"now": now, "too_late": now - placing, "limit": limit})
    return act_on_each(tx, now, due, lambda call: _end(tx, now, call, placing), SWEEP)


def _end(tx: Transaction, now: datetime, call: Row, placing: timedelta) -> None:
    if call["due_reason"] in ("place", "lease"):
        if call["due_reason"] == "lease" and now < call["queued_at"] + placing:
            # Whoever was placing it is gone; the provider knows by the key whether it has it already.
            tx.execute(PLACE_AGAIN, {"id": call["id"]})
            return
        calls.move(tx, now, call, calls.times_of(call).after("failed", now), cause="not_placed")
        return
    calls.move(tx, now, call, calls.times_of(call).after("ended", now), cause="no_word")
